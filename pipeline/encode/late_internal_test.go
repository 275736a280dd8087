package encode

import (
	"testing"

	"onair/pkg/anchor"
	"onair/pkg/tick"
)

// Senders that were halted and go on where they were bring what belongs where the slate already is, until their clocks
// are placed anew.
func TestTheSlateStaysUntilAnInputThatIsBehindIsPlacedAnew(t *testing.T) {
	for name, halt := range map[string]int{"3 s": 75, "10 s": 250} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 'a', 'b')
			r.withSlate()
			r.onAir("a")
			r.frames(60)
			inputs := r.sources[:2]
			for _, s := range inputs {
				s.halted = true
			}
			r.frames(halt)
			for _, s := range inputs {
				s.halted = false
			}
			r.frames(125)
			if got := r.e.Status().Active; got != Slate {
				t.Errorf("%s is on air although it is behind", got)
			}
			for _, s := range inputs {
				s.anew(tick.Tick(r.now.Load()))
			}
			r.until("an input on air", func() bool {
				a := r.e.active
				return a != nil && r.e.next == nil && a.src.Input != Slate
			})
			r.frames(60)
			r.wantNoHole(r.settled())
			if n := r.e.Status().Restarts; n != 0 || r.told("left out") {
				t.Errorf("%d restarts", n)
			}
		})
	}
}

// A run does not begin before a hole that a source's clock has left: it would wait for what never comes.
func TestARunBeginsBehindTheHoleOfAClockThatWasPlacedAnew(t *testing.T) {
	s, now := newSource('a'), noon
	frames := func(n int) {
		for range n {
			s.come(now)
			now += slot
		}
	}
	frames(50)
	now += 10 * tick.Second // halted
	frames(50)
	s.anew(now - slot)
	first := s.spool.Stats().Next
	frames(5)
	src := s.src
	src.Format, src.bridge = s.format, 2*tick.Second
	src.rejoin()
	if src.after != first {
		t.Errorf("what is used begins at %d, want %d", src.after, first)
	}
	s.gen++ // a jump without a hole
	s.table.Set(anchor.Anchor{Gen: s.gen, PTS: int64(s.n) * 3600, Tick: now})
	frames(5)
	src.after = 0
	src.rejoin()
	if src.after != first {
		t.Errorf("behind a jump it begins at %d, want %d", src.after, first)
	}
}
