package encode

import (
	"strconv"
	"strings"
	"testing"

	"onair/pkg/selector"
	"onair/pkg/tick"
)

// muted is a rig on air with an input whose sound has stopped while its tables go on listing it.
func muted(t *testing.T, letters ...byte) *rig {
	t.Helper()
	r := newRig(t, letters...)
	r.onAir("a")
	r.frames(50)
	r.sources[0].mute = true
	r.frames(50)
	r.until("silence in its place", func() bool { return r.e.Status().Started == 2 })
	r.onAir("a")
	return r
}

// wantEveryPicture checks that no segment of the picture is missing.
func (r *rig) wantEveryPicture() {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	segs := r.segs["v"]
	for i, s := range segs {
		if i > 0 && s.K != segs[i-1].K+1 {
			r.t.Errorf("segment %d after %d", s.K, segs[i-1].K)
		}
	}
}

func TestAHandOverDoesNotWaitForSoundThatNeverComes(t *testing.T) {
	for _, name := range []string{"rotation", "switch"} {
		t.Run(name, func(t *testing.T) {
			r := muted(t, 'a', 'b')
			if name == "switch" {
				if err := r.e.Choose("b"); err != nil {
					t.Fatal(err)
				}
			} else {
				r.e.cfg.Rotate = 4 * tick.Second
			}
			r.until("a hand-over under way", func() bool { return r.e.next != nil })
			id := r.e.next.id
			r.frames(25 * 6)
			if r.e.active.id < id {
				t.Fatalf("run %d still waits for run %d", id, r.e.active.id)
			}
			r.wantEveryPicture()
		})
	}
}

// What was silent stays a gap: FFmpeg is not made to fill it.
func TestSoundThatComesBackDoesNotBeginWhereItEnded(t *testing.T) {
	r := muted(t, 'a')
	r.frames(25 * 10)
	s := r.sources[0]
	r.until("a key frame in mid segment", func() bool { return s.n%50 == 20 })
	s.format, s.mute = 2, false // with other channels
	r.until("another run", func() bool { return r.e.Status().Started == 2 && r.e.active != nil })
	args := strings.Join(r.e.active.plan.Args, " ")
	m := fakeArgs.FindStringSubmatch(args)
	if m == nil {
		t.Fatal(args)
	}
	video, _ := strconv.ParseFloat(m[1], 64)
	samples, _ := strconv.ParseFloat(m[2], 64)
	if early := video - samples/48_000; early < 0 || early > 1.7 {
		t.Fatalf("sound is made from %.3f s before the picture on", early)
	}
	r.settled()
	r.wantEveryPicture()
}

func TestAPauseThatIsNoLossEndsNoRun(t *testing.T) {
	r := newRig(t, 'a')
	r.e.cfg.Failover.Loss = 10 * tick.Second
	r.e.sel = selector.New(r.e.cfg.Failover)
	r.onAir("a")
	r.frames(60)
	r.sources[0].off = true
	r.frames(25 * 6)
	r.sources[0].off = false
	r.frames(25)
	r.settled()
	r.wantEveryPicture()
	if st := r.e.Status(); st.Started != 1 || st.Restarts != 0 {
		t.Fatalf("%d runs, %d restarts", st.Started, st.Restarts)
	}
	r.sources[0].order = stallOnce // and what was idle may still stall
	r.until("a restart", func() bool { return r.e.Status().Restarts == 1 })
}
