package twin

import (
	"fmt"
	"maps"

	"onair/pkg/likeness"
	"onair/pkg/tick"
)

// Status is what is known of the twin. Counters never go down.
type Status struct {
	Store      string
	Known      int     // newest compared segments of which the ratio tells; 0: there is none
	Ratio      float64 // how many of these can stand in for each other: 0 to 1
	Compared   uint64
	Mismatched map[likeness.Aspect]uint64 // segments, by the first thing in which they differ
	Missing    uint64                     // that are media here, and not there in time
	Skipped    uint64                     // numbers that were not looked at, for want of time
	Errors     uint64                     // tries to read the other store that failed
	LastK      int64                      // newest number that was compared; 0: none
	LastError  string                     // empty: it can be read
	Last       string                     // the newest thing that was wrong with a segment; empty: nothing yet
}

// Status tells the state; false: there is no store to look at.
func (w *Watch) Status() (Status, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.status
	s.Mismatched = map[likeness.Aspect]uint64{}
	for _, a := range likeness.Aspects {
		s.Mismatched[a] = 0
	}
	maps.Copy(s.Mismatched, w.status.Mismatched)
	s.Known, s.Ratio = w.ring.n, w.ring.ratio()
	return s, w.target != nil
}

func (s *Status) differs(in likeness.Aspect) {
	if s.Mismatched == nil {
		s.Mismatched = map[likeness.Aspect]uint64{}
	}
	s.Mismatched[in]++
}

// ring is what came of the newest segments.
type ring struct {
	alike [keep]bool
	n, at int
}

func (r *ring) add(alike bool) {
	r.alike[r.at] = alike
	r.at, r.n = (r.at+1)%keep, min(r.n+1, keep)
}

func (r *ring) ratio() float64 {
	alike := 0
	for _, is := range r.alike[:r.n] {
		if is {
			alike++
		}
	}
	return float64(alike) / float64(max(1, r.n))
}

// Bounds of what is told.
const (
	tellEvery = 60 * tick.Second // one kind of trouble
	calm      = 10               // segments in a row that are alike before it is said that they are
)

// alarms are the kinds of trouble.
type alarms struct {
	away, missing, differs alarm
	inRow                  int // segments that were alike, since the last that was not
}

// alarm is one kind of trouble.
type alarm struct {
	told bool
	at   tick.Tick // when it was told last; 0: never
}

// raise notes trouble, and says whether it is to be told now.
func (a *alarm) raise(now tick.Tick) bool {
	if a.told || a.at != 0 && now-a.at < tellEvery {
		return false
	}
	a.told, a.at = true, now
	return true
}

// clear notes that it is over, and says whether that is to be told: where it had been.
func (a *alarm) clear() bool {
	was := a.told
	a.told = false
	return was
}

func (w *Watch) tell(code Code, warning bool, message string) {
	w.cfg.Event(Event{Code: code, Warning: warning, Message: fmt.Sprintf("twin %s: %s", w.other.store, message)})
}
