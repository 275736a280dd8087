package encode

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"onair/pkg/child"
	"onair/pkg/ladder"
	"onair/pkg/tick"
)

const minute = 60 * tick.Second

// rungs is a rig with two sizes of the picture.
func rungs(t *testing.T, letters ...byte) *rig {
	t.Helper()
	r := newRigOf(t, []ladder.Rendition{
		{Name: "v", Kind: ladder.Video, Width: 192, Height: 108, Bitrate: 100_000},
		{Name: "w", Kind: ladder.Video, Width: 96, Height: 54, Bitrate: 50_000},
		{Name: "a", Kind: ladder.Audio, Bitrate: 64_000, Channels: 2},
	}, letters...)
	r.e.cfg.Idle = func() (time.Duration, error) { return 0, errors.New("not known") }
	r.fault("")
	return r
}

// fault says what goes wrong in the runs that are started from now on, see fakeFault.
func (r *rig) fault(what string) { r.t.Setenv(fakeFault, what) }

// comes tells which renditions come.
func (r *rig) comes(names string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.expected, " ") == names
}

// missing are the segments that a rendition lacks, between its first and its last.
func (r *rig) missing(name string) (n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	segs := r.segs[name]
	for i := 1; i < len(segs); i++ {
		n += segs[i].K - segs[i-1].K - 1
	}
	return n
}

func TestARenditionThatFailsAloneIsLeftOut(t *testing.T) {
	for _, c := range []struct{ fault, left, why string }{
		{"open 100000", "w a", "Error while opening encoder"},
		{"open 50000", "v a", "Error while opening encoder"},
		{"garbage 100000", "w a", "rendition v"},
		{"hang 50000", "v a", "came to a stop while others went on"},
	} {
		t.Run(c.fault, func(t *testing.T) {
			r := rungs(t, 'a')
			r.onAir("a")
			r.frames(60)
			r.fault(c.fault)
			r.e.active.proc.Kill()
			r.until("a run without it", func() bool { return r.comes(c.left) })
			r.onAir("a")
			r.frames(80)
			for _, name := range strings.Fields(c.left) {
				if n := r.missing(name); n != 0 {
					t.Errorf("rendition %s lacks %d segments", name, n)
				}
			}
			st := r.e.Status()
			if len(st.Effort.Out) != 1 || strings.Contains(c.left, st.Effort.Out[0].Name) || st.Effort.Out[0].Again == 0 {
				t.Errorf("left out are %+v", st.Effort.Out)
			}
			if !r.told("fails alone and is left out for 1m0s") || !r.told(c.why) {
				t.Error("no event tells it")
			}
		})
	}
}

func TestARenditionThatWasLeftOutIsTriedAgain(t *testing.T) {
	r := rungs(t, 'a')
	r.fault("open 100000")
	r.until("a run without it", func() bool { return r.comes("w a") })
	r.onAir("a")
	r.frames(50)
	started := r.e.Status().Started
	r.until("a try that fails", func() bool { return r.told("left out for 5m0s") })
	if r.e.Status().Restarts > 2 || r.missing("w") != 0 {
		t.Fatalf("the others have paid for the try: %d restarts, %d segments missing", r.e.Status().Restarts, r.missing("w"))
	}
	if n := r.e.Status().Started - started; n != 1 {
		t.Errorf("%d tries", n)
	}
	r.fault("")
	r.now.Add(int64(5 * minute)) // in which nothing arrived: another life, for which the sources' clocks have to be moved
	r.until("all of it", func() bool { return r.comes("v w a") })
	r.frames(150)
	if n := r.missing("w"); n != 0 {
		t.Errorf("rendition w lacks %d segments", n)
	}
	if segs := r.segs["v"]; len(segs) < 2 || r.missing("v") != 0 {
		t.Errorf("%d segments of v, %d missing among them", len(segs), r.missing("v"))
	}
	if !r.told("is tried again") || !r.told("took over") {
		t.Error("no event tells it")
	}
}

func TestWhenAllRenditionsFailNoneIsLeftOut(t *testing.T) {
	r := rungs(t, 'a')
	r.refuse = errors.New("another initialization")
	r.until("the last one", func() bool { return r.told("fails as all the others do") })
	r.refuse = nil
	r.until("all of it", func() bool { return r.comes("v w a") && r.e.active != nil && r.e.active.frames.Load() > 0 })
	r.frames(100)
	if out := r.e.Status().Effort.Out; len(out) != 0 {
		t.Errorf("left out are %v", out)
	}
}

func TestAnEncoderThatIsTooSlowDoesLess(t *testing.T) {
	r := rungs(t, 'a')
	r.fault("slow ultrafast")
	r.onAir("a")
	from := tick.Tick(r.now.Load())
	r.until("a faster preset", func() bool { return slices.Contains(r.e.Status().Effort.Presets, "superfast") })
	if after := tick.Tick(r.now.Load()) - from; after < 10*tick.Second || after > 15*tick.Second {
		t.Errorf("it took %v", after.Duration())
	}
	r.until("the fastest", func() bool { return slices.Contains(r.e.Status().Effort.Presets, "ultrafast") })
	r.until("what was late", func() bool {
		if r.e.active == nil {
			return false
		}
		lag, ok := r.e.active.lag()
		return ok && lag < tick.Second
	})
	r.frames(25)
	st := r.e.Status()
	if st.Effort.Step != 2 || st.Effort.Steps != 3 || st.Effort.Reason == "" || len(st.Effort.Out) != 0 || st.Restarts != 0 {
		t.Errorf("%+v, %d restarts", st.Effort, st.Restarts)
	}
	r.wantWhole(r.settled())
	r.fault("")
	r.until("more again", func() bool { return r.e.Status().Effort.Step == 1 && r.e.next == nil })
	r.frames(50)
	r.wantWhole(r.settled())
	if !r.told("slower than real time for 10s") || !r.told("there was room for 1m0s") || !r.comes("v w a") {
		t.Error("no event tells it")
	}
}

func TestTheLargestPictureGoesWhenFasterPresetsDoNotHelp(t *testing.T) {
	r := rungs(t, 'a')
	r.e.cfg.Channel.Preset = "ultrafast"
	r.e.care = newCare(r.e.cfg.Channel)
	r.fault("slow 99")
	r.onAir("a")
	r.until("the smaller one alone", func() bool { return r.comes("w a") })
	r.fault("")
	r.e.active.proc.Kill() // its successor is fast
	r.until("what was late", func() bool { a := r.e.active; return a != nil && a.frames.Load() > 50 })
	if out := r.e.Status().Effort.Out; len(out) != 1 || out[0].Name != "v" || out[0].Again != 0 {
		t.Errorf("left out are %+v", out)
	}
	r.until("both again", func() bool { return r.comes("v w a") })
	r.frames(120)
	if n := r.missing("w"); n != 0 {
		t.Errorf("rendition w lacks %d segments", n)
	}
}

func TestThatNothingHelpsIsTold(t *testing.T) {
	r := newRig(t, 'a')
	r.fault("slow 99")
	r.e.cfg.Channel.Preset = "ultrafast"
	r.e.care = newCare(r.e.cfg.Channel)
	r.onAir("a")
	r.until("the alarm", func() bool { return r.told("nothing left that could be left out") })
}

func TestARunThatTakesTooMuchMemoryIsKilled(t *testing.T) {
	r := rungs(t, 'a')
	r.e.cfg.Limits = child.Limits{Memory: 100 << 20}
	r.onAir("a")
	r.frames(60)
	r.fault("fat 100000")
	r.e.active.proc.Kill()
	r.until("one that takes too much", func() bool { return r.told("of memory, the limit is 100 MiB: it was killed") })
	r.fault("")
	restarts := r.e.Status().Restarts
	r.until("a restart", func() bool { return r.e.Status().Restarts >= restarts })
	r.onAir("a")
	r.frames(60)
	r.wantWhole(r.settled())
	if mem := r.e.Status().Runs[0].Memory; mem <= 0 || mem > 100<<20 {
		t.Errorf("the run takes %d bytes", mem)
	}
	if out := r.e.Status().Effort.Out; len(out) != 0 {
		t.Errorf("left out are %v", out)
	}
}

func TestTheEndOfARunTellsWhatFFmpegSaidAtLast(t *testing.T) {
	r := rungs(t, 'a')
	r.onAir("a")
	r.frames(30)
	r.sources[0].order = stallOnce
	r.until("a restart", func() bool { return r.told("delivered nothing although it was fed") })
	if !r.told("FFmpeg said before: ordered to stall") {
		t.Error("no event tells it")
	}
}

// Sound that goes on does not hide that no picture comes any more.
func TestARunThatGivesSoundAloneHasStalled(t *testing.T) {
	r := newRig(t, 'a')
	r.fault("hang 100000")
	r.onAir("a")
	r.fault("")
	r.until("a restart", func() bool { return r.told("delivered nothing although it was fed") })
	r.onAir("a")
	r.frames(60)
	r.wantWhole(r.settled())
}

// What FFmpeg reports of its speed is of no use after a while, and may stay away: the fake reports nothing.
func TestTheSpeedIsThatOfTheLastSeconds(t *testing.T) {
	r := rungs(t, 'a')
	r.onAir("a")
	r.frames(200)
	if s := r.e.Status().Runs[0].Speed; s < 0.95 || s > 1.05 {
		t.Errorf("the speed is %.2f", s)
	}
	r.fault("slow 99")
	r.e.active.proc.Kill()
	r.until("another run", func() bool { return r.e.Status().Restarts == 1 && r.e.active != nil })
	r.frames(200)
	if st := r.e.Status().Runs[0]; st.Speed < 0.4 || st.Speed > 0.7 || st.Behind < 2*tick.Second {
		t.Errorf("the speed is %.2f, it is %v behind", st.Speed, st.Behind.Duration())
	}
}
