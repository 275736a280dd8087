package slate

import (
	"fmt"
	"time"
)

// CodeRestart is the code of the event that FFmpeg ended and is started again.
const CodeRestart = "slate_restart"

// Event is what the operator should know.
type Event struct {
	Level   string // "info", "warning" or "error"
	Code    string // CodeRestart; empty: none
	Message string
}

// Times between one FFmpeg and the next.
const (
	calm    = 5 * time.Second        // one that lived so long was well
	apart   = 500 * time.Millisecond // those that die sooner are started no faster than this
	backOff = 250 * time.Millisecond // after one that brought nothing, then twice as long, and again
	hopes   = 10                     // so many that brought nothing are followed within a second,
	resigns = 5 * time.Second        // further ones after this: what they cost is wasted
)

// fault is what goes wrong with FFmpeg.
type fault struct {
	ends   int // of those in a row that brought pictures, and were not well for long
	barren int // those in a row that brought none
}

// ended takes note of the end of an FFmpeg that was to go on, tells it, and decides how long the next one waits.
func (s *Slate) ended(lived time.Duration, made bool, err error) (wait time.Duration) {
	f := &s.fault
	if !made {
		f.barren++
		if f.barren == 1 { // it goes on like that
			s.restarts(fmt.Sprintf("the slate's encoder brought no picture, and is started again and again: %v", err))
		}
		if f.barren > hopes {
			return resigns
		}
		return min(backOff<<(f.barren-1), time.Second)
	}
	f.barren = 0
	if lived >= calm {
		f.ends = 0
	}
	f.ends++
	switch {
	case f.ends == 1:
		s.restarts(fmt.Sprintf("the slate's encoder ended and is started again: %v", err))
		return 0
	case f.ends&(f.ends-1) == 0: // 2, 4, 8 ...
		s.restarts(fmt.Sprintf("the slate's encoder ended soon, %d times in a row, and is started again: %v", f.ends, err))
	}
	return max(0, apart-lived)
}

// restarts makes an event of a restart. While viewers see the slate they may see that too.
func (s *Slate) restarts(message string) {
	level := "warning"
	if s.cfg.OnAir != nil && s.cfg.OnAir() {
		level = "error"
	}
	s.cfg.Event(Event{level, CodeRestart, message})
}
