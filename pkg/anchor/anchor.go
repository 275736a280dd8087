// Package anchor maps one input's 33-bit source clock onto the channel's timeline.
//
// A source counts presentation time in 90 kHz units from anywhere, wraps every 26.5 hours and starts anew when its
// encoder does. An Anchor ties one source instant to one tick; a Clock follows the source and opens a new generation of
// anchor when the source's time jumps; a Table holds the generations for those who read packets later than they
// arrived.
package anchor

import (
	"onair/pkg/tick"
)

// Anchor says that source time PTS (90 kHz, unwrapped in its own generation) is Tick on the timeline.
type Anchor struct {
	Gen    int64     `json:"generation"`
	PTS    int64     `json:"pts"`
	Tick   tick.Tick `json:"tick"`
	Shifts []Shift   `json:"shifts,omitempty"` // in the order in which they were decided; not changed in place

	// Timecode tells that Tick is where a time label in the picture says, not where it arrived: clocks that have nothing
	// else in common are then placed alike.
	Timecode bool `json:"timecode,omitempty"`
}

// Shift moves what maps to From or later by Delta: how drift is taken out, one frame at a time.
type Shift struct {
	From  tick.Tick `json:"from"`
	Delta tick.Tick `json:"delta"`
}

// Map is the place of a source time on the timeline.
func (a Anchor) Map(pts int64) tick.Tick {
	at := a.plain(pts)
	for _, s := range a.Shifts {
		if at >= s.From {
			at += s.Delta
		}
	}
	return at
}

// MapAsOf is the place of a source time for a reader that begins at when: it meets no shift on its way, those that rule
// at when hold for all that it reads.
func (a Anchor) MapAsOf(pts int64, when tick.Tick) tick.Tick {
	at := a.plain(pts)
	for _, s := range a.Shifts {
		if s.From <= when {
			at += s.Delta
		}
	}
	return at
}

func (a Anchor) plain(pts int64) tick.Tick { return a.Tick + tick.Tick(pts-a.PTS)*tick.Per90k }

// maxShifts is how many shifts an anchor keeps apart: the older ones lie hours back.
const maxShifts = 16

// Shifted is the anchor with one more shift.
func (a Anchor) Shifted(s Shift) Anchor {
	all := append(append([]Shift(nil), a.Shifts...), s)
	for len(all) > maxShifts {
		a.Tick += all[0].Delta
		all = all[1:]
	}
	a.Shifts = all
	return a
}

// Fit is how far a stored anchor's mapping may lie from the arrival of a packet for the anchor to be used again.
const Fit = 2 * tick.Second

// Fits extends a raw 33-bit time to the wrap that brings it nearest to arrival, and tells if it then lies within Fit.
func (a Anchor) Fits(raw uint64, arrival tick.Tick) (pts int64, ok bool) {
	want := a.PTS + (arrival - a.Tick).Units(90_000)
	u := tick.Unwrapper{Bits: 33}
	pts = u.Near(raw, want)
	return pts, (a.Map(pts) - arrival).Abs() <= Fit
}

// fitTimecode is Fit for two anchors by timecode: less than half a frame, as both put a picture into the same slot.
const fitTimecode = 8 * tick.Millisecond

// Adopt is the anchor that puts a source time where other does, in the generation and the count of wraps of a: what a
// pipeline makes of another's anchor for its own feed. ok is false if other does not fit: it lies more than Fit from a,
// so it is that of another clock. One by timecode may be of another clock and lie near, so that fits a only if it
// puts pictures into the same slots.
func (a Anchor) Adopt(other Anchor) (adopted Anchor, ok bool) {
	pts, ok := other.Fits(uint64(a.PTS)&(1<<33-1), a.Tick)
	if !ok || a.Timecode && other.Timecode && !a.sameSlots(other, pts) {
		return a, false
	}
	adopted = Anchor{Gen: a.Gen, PTS: a.PTS, Tick: other.Map(pts), Timecode: other.Timecode}
	for _, s := range other.Shifts {
		if s.From > adopted.Tick {
			adopted.Shifts = append(adopted.Shifts, s)
		}
	}
	return adopted, true
}

// sameSlots tells whether two anchors by timecode put pictures into the same slots, but for a correction that one has
// and the other still lacks. pts is a.PTS in the count of wraps of other.
func (a Anchor) sameSlots(other Anchor, pts int64) bool {
	for _, without := range [...]struct{ a, other int }{{0, 0}, {0, 1}, {1, 0}} {
		if (a.corrected(a.PTS, without.a) - other.corrected(pts, without.other)).Abs() <= fitTimecode {
			return true
		}
	}
	return false
}

// corrected is the place of a source time after all corrections but the newest without.
func (a Anchor) corrected(pts int64, without int) tick.Tick {
	at := a.plain(pts)
	for _, s := range a.Shifts[:max(0, len(a.Shifts)-without)] {
		at += s.Delta
	}
	return at
}
