package encode

import (
	"testing"

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
