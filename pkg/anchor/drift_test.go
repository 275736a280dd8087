package anchor_test

import (
	"testing"

	"onair/pkg/tick"
)

// drifting pushes n minutes of a source whose frames come by late more than a frame apart.
func (f *feed) drifting(n int, late tick.Tick) {
	for range n * 25 * 61 {
		f.video()
		f.pts += frame90
		f.now += frame + late
	}
}

func (f *feed) wantDrift(low, high tick.Tick) {
	f.t.Helper()
	if _, drift, ok := f.clock.Offset(); !ok || drift < low || drift > high {
		f.t.Fatalf("drift %v (%t), want %v to %v", drift.Duration(), ok, low.Duration(), high.Duration())
	}
}

func TestDriftShowsWhatIsLeftOfIt(t *testing.T) {
	const most = frame / 4000 // 250 ppm
	for name, late := range map[string]tick.Tick{"slow": most, "fast": -most, "a good clock": frame / 100_000} {
		t.Run(name, func(t *testing.T) {
			f := newFeed(t, noon, 5000)
			f.drifting(6, 0)
			f.drifting(20, late)
			f.drifting(6, 0)
			is := -20 * 25 * 61 * late
			f.wantDrift(is-frame/10, is+frame/10)
			f.table.Shift(1, f.now, 2*frame)
			f.drifting(6, 0)
			f.wantDrift(is+2*frame-frame/10, is+2*frame+frame/10)
			f.drifting(20, late)
			f.drifting(6, 0)
			f.wantDrift(2*is+2*frame-frame/5, 2*is+2*frame+frame/5)
		})
	}
}

func TestAChangeOfPathIsNoDrift(t *testing.T) {
	const path = 60 * tick.Millisecond
	for name, steps := range map[string][]tick.Tick{
		"the shorter leg fails":                  {path},
		"the shorter leg fails and returns":      {path, -path},
		"the shorter leg comes late":             {-path},
		"the shorter leg comes late, then fails": {-path, path},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFeed(t, noon, 5000)
			f.drifting(7, 0)
			for _, step := range steps {
				f.now += step
				for range 7 {
					f.drifting(1, 0)
					if _, drift, _ := f.clock.Offset(); drift.Abs() > frame/10 {
						t.Fatalf("taken for a drift of %v", drift.Duration())
					}
				}
			}
			f.drifting(20, frame/4000) // and what follows is drift as before
			f.drifting(6, 0)
			const is = -20 * 25 * 61 * frame / 4000
			f.wantDrift(is-frame/10, is+frame/10)
		})
	}
}

// A path that gets slower little by little, and is suddenly what it was, is neither another path nor another clock.
func TestADelayThatGrowsAndEndsIsNoDrift(t *testing.T) {
	f := newFeed(t, noon, 5000)
	f.drifting(7, 0)
	for range 3 {
		f.drifting(8, frame/5000)
		f.now -= 8 * 25 * 61 * frame / 5000
		f.drifting(7, 0)
		f.wantDrift(-frame/10, frame/10)
	}
}

func TestDriftIsMeasuredOverAnAbsence(t *testing.T) {
	f := newFeed(t, noon, 5000)
	f.drifting(7, 0)
	f.pts += 1800 * 90_000
	f.now += 1800*tick.Second + 1800*tick.Second/10_000 // 100 ppm
	f.drifting(7, 0)
	f.wantDrift(-181*tick.Millisecond, -179*tick.Millisecond)
}
