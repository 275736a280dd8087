package anchor_test

import (
	"testing"

	"onair/pkg/anchor"
	"onair/pkg/tick"
)

// twins are two clocks that get the same feed, the second one later, and agree by what the first one has proposed.
type twins struct {
	first, second *feed
	stored        map[int64]anchor.Anchor
	waits         []func() // what the second is still to be told
}

func newTwins(t *testing.T, start tick.Tick, pts int64) *twins {
	t.Helper()
	w := &twins{stored: map[int64]anchor.Anchor{}}
	w.first, w.second = newFeed(t, start, pts), newFeed(t, start+300*tick.Millisecond, pts)
	w.first.clock.Agree(func(a anchor.Anchor) {
		w.stored[a.Gen] = a
		w.first.table.Settle(a)
	})
	w.second.clock.Agree(func(a anchor.Anchor) {
		w.waits = append(w.waits, func() {
			adopted, ok := a.Adopt(w.stored[a.Gen])
			if !ok {
				t.Errorf("%+v does not fit %+v", w.stored[a.Gen], a)
			}
			w.second.table.Settle(adopted)
		})
	})
	return w
}

// answer tells the second clock what rules.
func (w *twins) answer() {
	for _, f := range w.waits {
		f()
	}
	w.waits = nil
}

// frames gives both n pictures; the answer comes in the middle.
func (w *twins) frames(n int) {
	w.first.frames(n)
	w.second.frames(n / 2)
	w.answer()
	w.second.frames(n - n/2)
}

// same fails unless both have put every picture at the same place.
func (w *twins) same(t *testing.T) {
	t.Helper()
	for i, p := range w.first.places {
		q := w.second.places[i]
		at, state := w.first.table.Map(p.Gen, p.PTS)
		other, otherState := w.second.table.Map(q.Gen, q.PTS)
		if state != anchor.Mapped || otherState != anchor.Mapped || at != other {
			t.Fatalf("picture %d lies at %v (%v) and %v (%v)", i, at, state, other, otherState)
		}
	}
}

// TestTwinsAgree: at their start, over a jump, over a wrap, and over a pause, each begins a generation that arrives later
// at the second one, and lies where the first has put it.
func TestTwinsAgree(t *testing.T) {
	t.Parallel()
	for name, pts := range map[string]int64{"": 900_000, "with a wrap inside": 1<<33 - 50*frame90} {
		t.Run("a jump "+name, func(t *testing.T) {
			t.Parallel()
			w := newTwins(t, 1_000_000*tick.Second, pts)
			w.frames(100)
			for _, f := range []*feed{w.first, w.second} {
				f.pts += 90_000 * 3600
			}
			w.frames(100)
			for _, f := range []*feed{w.first, w.second} {
				f.pts -= 90_000 * 7200
				f.now += 5 * tick.Second // the source was away
			}
			w.frames(100)
			w.same(t)
		})
	}
}

// TestWhatIsProposedDoesNotRuleYet: until it is settled a generation is pending, and one that was given up stays so.
func TestWhatIsProposedDoesNotRuleYet(t *testing.T) {
	t.Parallel()
	f := newFeed(t, 1000*tick.Second, 0)
	var proposed []anchor.Anchor
	f.clock.Agree(func(a anchor.Anchor) { proposed = append(proposed, a) })
	f.frames(10)
	if _, state := f.table.Map(1, 0); state != anchor.Pending || len(proposed) != 1 {
		t.Fatalf("state %v, %d proposed", state, len(proposed))
	}
	f.table.Kill(1)
	f.table.Settle(proposed[0])
	if _, state := f.table.Map(1, 0); state != anchor.Dead {
		t.Errorf("state %v after it was given up", state)
	}
}

// TestAdoptTakesOnlyItsOwnClock: an anchor of another encoder's clock is not adopted.
func TestAdoptTakesOnlyItsOwnClock(t *testing.T) {
	t.Parallel()
	own := anchor.Anchor{Gen: 3, PTS: 5<<33 + 90_000, Tick: 1000 * tick.Second}
	for _, c := range []struct {
		other anchor.Anchor
		want  tick.Tick // 0: not adopted
	}{
		{anchor.Anchor{Gen: 9, PTS: 90_000, Tick: 1000*tick.Second - frame}, 1000*tick.Second - frame},
		{anchor.Anchor{Gen: 9, PTS: 180_000, Tick: 1001*tick.Second + frame}, 1000*tick.Second + frame},
		{anchor.Anchor{Gen: 9, PTS: 90_000, Tick: 1003 * tick.Second}, 0},
		{anchor.Anchor{
			Gen: 9, PTS: 0, Tick: 999 * tick.Second,
			Shifts: []anchor.Shift{{From: 999 * tick.Second, Delta: frame}, {From: 2000 * tick.Second, Delta: -frame}},
		}, 1000*tick.Second + frame},
	} {
		a, ok := own.Adopt(c.other)
		if ok != (c.want != 0) || ok && (a.Map(own.PTS) != c.want || a.Gen != own.Gen) {
			t.Errorf("%+v: %+v, %v", c.other, a, ok)
		}
		if later := own.PTS + 90_000*2000; ok && len(c.other.Shifts) > 0 && a.Map(later) != 3000*tick.Second {
			t.Errorf("%+v: the later shift is lost: %+v", c.other, a)
		}
	}
}

// TestAnchorsByTimecode of two clocks are not taken for each other's, those of one are, also over a correction that one
// of them has not heard of.
func TestAnchorsByTimecode(t *testing.T) {
	t.Parallel()
	const second = tick.Second
	at := 1_000_000 * second
	frame := second / 25
	own := anchor.Anchor{Gen: 3, PTS: 90_000, Tick: at, Timecode: true}
	corrected := own.Shifted(anchor.Shift{From: at + 60*second, Delta: frame})
	later := anchor.Anchor{Gen: 9, PTS: 90_000 * 101, Tick: at + 100*second + frame, Timecode: true} // as of after it
	for name, c := range map[string]struct {
		own, other anchor.Anchor
		want       bool
	}{
		"the same":                      {own, own, true},
		"another wrap":                  {own, anchor.Anchor{PTS: 90_000 + 1<<33, Tick: at, Timecode: true}, true},
		"half a frame off":              {own, anchor.Anchor{PTS: 90_000 + 1800, Tick: at, Timecode: true}, false},
		"a second off":                  {own, anchor.Anchor{PTS: 0, Tick: at, Timecode: true}, false},
		"a second off, by arrival":      {own, anchor.Anchor{PTS: 0, Tick: at}, true},
		"corrected":                     {own, corrected, true},
		"not yet corrected":             {corrected, own, true},
		"corrected by both":             {corrected, corrected, true},
		"corrected, begun before after": {corrected, later, true},
	} {
		adopted, ok := c.own.Adopt(c.other)
		if ok != c.want || ok && adopted.Timecode != c.other.Timecode {
			t.Errorf("%s: %v, %+v", name, ok, adopted)
		}
	}
}
