package anchor_test

import (
	"testing"

	"onair/pkg/anchor"
	"onair/pkg/tick"
)

// sound pushes one stamp of the second stream, off 90 kHz units from where it should be, and tells where it came to lie.
func (f *feed) sound(off int64) (anchor.Place, anchor.State) {
	raw := uint64(f.pts-30000+off) & mod33
	p := f.clock.Push(anchor.Stamp{Stream: 1, PTS: raw, DTS: raw, Arrival: f.now})
	_, state := f.table.Map(p.Gen, p.PTS)
	return p, state
}

func TestDamagedHeadersOfSoundLoseNothingElse(t *testing.T) {
	f := newFeed(t, noon, 5000)
	f.frames(100)
	bad, _ := f.sound(1 << 30)
	if _, state := f.sound(0); state != anchor.Mapped {
		t.Fatalf("the packet after the damaged one is in state %d", state)
	}
	if _, state := f.table.Map(bad.Gen, bad.PTS); state != anchor.Dead {
		t.Fatalf("the damaged packet is in state %d: all streams wait for it", state)
	}
	for i := range 1500 {
		f.video()
		if p, state := f.sound(0); state != anchor.Mapped || p.Gen != 1 {
			t.Fatalf("packet %d after that is in state %d", i, state)
		}
		f.now, f.pts = f.now+frame, f.pts+frame90
	}
	if n := f.clock.Lost(); n != 1 {
		t.Errorf("%d packets counted as lost, want 1", n)
	}
	f.wantContinuous()
}

func TestSoundThatStepsAloneComesBack(t *testing.T) {
	for name, off := range map[string]int64{"forward": 135_000, "back": -60_000} {
		t.Run(name, func(t *testing.T) {
			f := newFeed(t, noon, 5000)
			f.frames(100)
			lost := 0
			for range 1500 {
				f.video()
				if _, state := f.sound(off); state != anchor.Mapped {
					lost++
				}
				f.now, f.pts = f.now+frame, f.pts+frame90
			}
			if limit := int(2*tick.Second/frame) + 1; lost > limit {
				t.Errorf("%d packets are not on the timeline, want %d at most", lost, limit)
			}
			if n := f.clock.Lost(); n != uint64(lost) {
				t.Errorf("%d packets counted as lost of %d", n, lost)
			}
			f.wantContinuous()
		})
	}
}
