package encode

import (
	"testing"

	"onair/pkg/tick"
)

// Pictures of the old run that do not come before a hand-over are encoded again, however the new one gets on meanwhile.
func TestTheOldRunFailsJustBeforeTheHandOver(t *testing.T) {
	for name, c := range map[string]struct {
		order byte
		again bool
		words string
	}{
		"it hangs":            {stallOnce, true, "it delivered nothing although it was fed"},
		"its pictures stop":   {blindOnce, true, "did not come, and it was killed"},
		"it crashes":          {crashOnce, true, "ordered to crash"},
		"its pictures linger": {slowOnce, false, "took over"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 'a', 'b')
			r.onAir("a")
			if err := r.e.Choose("b"); err != nil {
				t.Fatal(err)
			}
			r.until("the last frames before a hand-over", func() bool {
				return r.e.next != nil && tick.Tick(r.now.Load()) >= r.e.switchAt-10*slot
			})
			r.sources[0].order = c.order
			r.onAir("b")
			r.frames(20)
			segs := r.settled()
			if r.wantWhole(segs); t.Failed() {
				return
			}
			r.wantInput(segs, 'a', 'b')
			if again := r.e.Status().Restarts > 0; again != c.again || !r.told(c.words) {
				t.Errorf("encoded again: %v, want %v, and to be told %q", again, c.again, c.words)
			}
		})
	}
}

// An input whose timeline is later than another's is left as soon as the old run is there, not as much later as it is.
func TestTheLaterInputDecidesWhereTheHandOverIs(t *testing.T) {
	r := newRig(t, 'a', 'b')
	r.sources[0].behind = 45 // still within anchor.Fit
	r.onAir("b")
	if err := r.e.Choose("a"); err != nil {
		t.Fatal(err)
	}
	r.onAir("a")
	r.frames(60)
	if err := r.e.Choose("b"); err != nil {
		t.Fatal(err)
	}
	r.until("a hand-over", func() bool { return r.e.next != nil })
	begun := tick.Tick(r.now.Load())
	r.onAir("b")
	if took := tick.Tick(r.now.Load()) - begun; took > 2*tick.Second {
		t.Errorf("two runs for %v", took.Duration())
	}
	segs := r.settled()
	r.wantWhole(segs)
	if n := r.e.Status().Restarts; n != 0 {
		t.Errorf("%d restarts", n)
	}
}
