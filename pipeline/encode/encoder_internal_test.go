package encode

import (
	"errors"
	"strconv"
	"syscall"
	"testing"

	"onair/pkg/tick"
)

func TestARunStartsAtASegment(t *testing.T) {
	r := newRig(t, 'a')
	r.onAir("a")
	segs := r.settled()
	if first := segs[0]; first.Start%grid.T != 0 || first.Start > noon {
		t.Fatalf("the first segment begins %v after the first frame", (first.Start - noon).Duration())
	}
	r.wantWhole(segs)
	if st := r.e.Status(); st.Active != "a" || st.Started != 1 || st.Restarts != 0 || st.Runs[0].State != "active" {
		t.Fatalf("status %+v", st)
	}
}

// What a run dies of costs nothing while its input is in the spool.
func TestARunThatEndsBadlyIsRepeatedFromTheSpool(t *testing.T) {
	for name, c := range map[string]struct {
		order byte
		told  string
	}{
		"crash":               {crashOnce, "ordered to crash"},
		"stall":               {stallOnce, "delivered nothing although it was fed"},
		"end without a cause": {quitOnce, "ended by itself"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 'a')
			r.onAir("a")
			r.frames(30)
			r.sources[0].order = c.order
			r.until("a restart", func() bool { return r.e.Status().Restarts == 1 })
			r.onAir("a")
			r.frames(20)
			r.wantWhole(r.settled())
			if !r.told(c.told) {
				t.Fatalf("no event tells %q", c.told)
			}
		})
	}
}

func TestRunsThatAreKilledFromOutsideLoseNothingHoweverOften(t *testing.T) {
	r := newRig(t, 'a')
	for range 5 {
		r.onAir("a")
		started := r.e.Status().Started
		if err := syscall.Kill(r.e.active.proc.Pid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		r.until("the next run", func() bool { return r.e.Status().Started > started })
	}
	r.onAir("a")
	r.wantWhole(r.settled())
	if r.told("left out") {
		t.Fatal("the source was blamed for what was done to the process")
	}
}

func TestDataThatEndsEveryRunIsLeftOut(t *testing.T) {
	r := newRig(t, 'a')
	r.onAir("a")
	r.frames(30)
	poison := r.sources[0].n
	r.sources[0].order = crashAlways
	r.until("a run after the poison", func() bool {
		a := r.e.active
		return r.told("left out") && a != nil && a.lastPTS.Load() > int64(noon+tick.Tick(poison+50)*slot)
	})
	segs := r.settled()
	slots := shown(segs)
	last := int((segs[len(segs)-1].End - noon) / slot)
	for i := last - 10; i < last; i++ {
		if slots[i] != shown(segs)[i] || slots[i] == "" {
			t.Fatalf("slot %d shows %q", i, slots[i])
		}
	}
	if n := r.e.Status().Restarts; n != poisoned {
		t.Fatalf("%d restarts, want %d", n, poisoned)
	}
}

func TestAbsenceOfTheOnlyInputIsAGap(t *testing.T) {
	r := newRig(t, 'a')
	r.onAir("a")
	r.frames(60)
	s := r.sources[0]
	r.until("a whole second of the segment", func() bool { return s.n%50 == 25 })
	s.off = true
	r.frames(150)
	if r.e.active != nil {
		t.Fatal("a run goes on without input")
	}
	s.off = false
	r.onAir("a")
	segs := r.settled()
	held := 0
	slots := shown(segs)
	for at, what := range slots {
		if at > 0 && slots[at-1] == what {
			held++
		}
	}
	if held > 40 {
		t.Fatalf("%d slots repeat a picture", held)
	}
	told := 0
	r.mu.Lock()
	for _, h := range r.held {
		told += int((h[1] - h[0]) / r.e.cfg.Channel.Grid.Rate.Frame())
	}
	r.mu.Unlock()
	if told != held {
		t.Errorf("%d slots repeat a picture, and %d are told", held, told)
	}
	missing := int64(0)
	for i := 1; i < len(segs); i++ {
		missing += segs[i].K - segs[i-1].K - 1
	}
	if missing < 2 || missing > 4 {
		t.Fatalf("%d segments are missing for 6 s without input", missing)
	}
	if n := r.e.Status().Restarts; n != 0 {
		t.Fatalf("%d restarts, an absence is none", n)
	}
}

func TestAnotherInputGoesOnInMidSegmentWhenOneIsLost(t *testing.T) {
	r := newRig(t, 'a', 'b')
	r.onAir("a")
	r.frames(60)
	r.sources[0].off = true
	r.onAir("b")
	r.frames(50)
	segs := r.settled()
	if at := r.wantInput(segs, 'a', 'b'); at%50 == 0 {
		t.Fatalf("the switch is at slot %d, a segment's begin", at)
	}
	r.wantWhole(segs)
}

func TestAFormatBeginsInMidSegment(t *testing.T) {
	r := newRig(t, 'a')
	r.onAir("a")
	s := r.sources[0]
	r.until("a key frame in mid segment", func() bool { return s.n%50 == 20 })
	s.format = 2
	r.until("another run", func() bool { return r.e.Status().Started == 2 })
	r.onAir("a")
	r.frames(30)
	r.wantWhole(r.settled())
	if n := r.e.Status().Restarts; n != 0 {
		t.Fatalf("%d restarts, another format is none", n)
	}
}

func TestARunIsReplacedAfterAWhile(t *testing.T) {
	r := newRig(t, 'a')
	r.e.cfg.Rotate = 4 * tick.Second
	r.onAir("a")
	r.until("two rotations", func() bool { return r.e.Status().Started >= 3 && r.e.next == nil })
	r.wantWhole(r.settled())
	if n := r.e.Status().Restarts; n != 0 || !r.told("took over") {
		t.Fatalf("%d restarts", n)
	}
}

func TestTheInputThatIsAskedForTakesOverAtASegment(t *testing.T) {
	r := newRig(t, 'a', 'b')
	r.onAir("a")
	r.frames(10)
	if err := r.e.Choose("c"); err == nil {
		t.Fatal("an input that does not exist was chosen")
	}
	if err := r.e.Choose("b"); err != nil {
		t.Fatal(err)
	}
	r.onAir("b")
	r.frames(20)
	segs := r.settled()
	if at := r.wantInput(segs, 'a', 'b'); at%50 != 0 {
		t.Fatalf("the switch is at slot %d, not at a segment's begin", at)
	}
	r.wantWhole(segs)
	if err := r.e.Choose("auto"); err != nil {
		t.Fatal(err)
	}
	r.frames(60)
	if r.e.active.src.Input != "b" || r.e.next != nil {
		t.Fatal("what is on air was left although it works")
	}
}

// Other audio tracks are read by a run that takes over at a segment's begin, once.
func TestOtherTracksTakeOverAtASegment(t *testing.T) {
	r := newRig(t, 'a')
	r.onAir("a")
	r.sources[0].src.Select = []string{"0x101"}
	r.until("another run", func() bool { return r.told("other audio tracks in the channel's file") && r.e.next == nil })
	r.frames(120)
	r.wantWhole(r.settled())
	if st := r.e.Status(); st.Started != 2 || st.Restarts != 0 || r.e.active.src.Select[0] != "0x101" {
		t.Errorf("%d runs, %d restarts; on air with tracks %q", st.Started, st.Restarts, r.e.active.src.Select)
	}
}

func TestAHandOverThatFailsCostsNothing(t *testing.T) {
	r := newRig(t, 'a', 'b')
	r.sources[1].orders = crashAlways
	r.onAir("a")
	if err := r.e.Choose("b"); err != nil {
		t.Fatal(err)
	}
	r.until("a failure", func() bool { return r.told("which was to take over") })
	if err := r.e.Choose("auto"); err != nil {
		t.Fatal(err)
	}
	r.frames(60)
	segs := r.settled()
	r.wantWhole(segs)
	for at, what := range shown(segs) {
		if what[0] != 'a' {
			t.Fatalf("slot %d shows %s", at, what)
		}
	}
	if r.e.active.src.Input != "a" || r.e.last != "a" {
		t.Fatalf("on air is %s, last %s", r.e.active.src.Input, r.e.last)
	}
}

func TestAnInputLostBeforeTheHandOver(t *testing.T) {
	r := newRig(t, 'a', 'b')
	r.onAir("a")
	if err := r.e.Choose("b"); err != nil {
		t.Fatal(err)
	}
	r.until("a hand-over under way", func() bool { return r.e.next != nil })
	r.sources[0].off = true
	r.onAir("b")
	r.frames(50)
	segs := r.settled()
	r.wantInput(segs, 'a', 'b')
	r.wantWhole(segs)
}

func TestACrashRightAfterTheHandOver(t *testing.T) {
	r := newRig(t, 'a', 'b')
	r.onAir("a")
	if err := r.e.Choose("b"); err != nil {
		t.Fatal(err)
	}
	r.until("the hand-over", func() bool { return r.e.active != nil && r.e.active.src.Input == "b" })
	if err := syscall.Kill(r.e.active.proc.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.until("a restart", func() bool { return r.e.Status().Restarts == 1 })
	r.onAir("b")
	r.wantWhole(r.settled())
}

func TestBothRunsOfAHandOverCrash(t *testing.T) {
	r := newRig(t, 'a', 'b')
	r.onAir("a")
	if err := r.e.Choose("b"); err != nil {
		t.Fatal(err)
	}
	r.until("a hand-over under way", func() bool { return r.e.next != nil })
	for _, x := range []*run{r.e.next, r.e.active} {
		if err := syscall.Kill(x.proc.Pid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	r.onAir("b")
	r.frames(20)
	r.wantWhole(r.settled())
}

func TestACorrectionOfTheSourcesClockRepeatsOneFrame(t *testing.T) {
	r := newRig(t, 'a')
	r.onAir("a")
	s := r.sources[0]
	from := grid.Start(grid.NextK(tick.Tick(r.now.Load()) + 2*tick.Second))
	s.table.Shift(1, from, slot)
	r.until("the correction", func() bool { return tick.Tick(r.now.Load()) > from+2*tick.Second && r.e.next == nil })
	segs := r.settled()
	at := int((from - noon) / slot)
	for i, what := range shown(segs) {
		want := i
		if i >= at {
			want--
		}
		if i > 0 && what != "a"+strconv.Itoa(want) {
			t.Fatalf("slot %d shows %s; the correction is at %d", i, what, at)
		}
	}
	if n := r.e.Status().Started; n != 2 {
		t.Fatalf("%d runs, want 2", n)
	}
}

func TestARunWhoseFramesAreRefusedSaysWhy(t *testing.T) {
	r := newRig(t, 'a')
	r.refuse = errors.New("another initialization")
	r.until("two failures", func() bool { return r.e.Status().Restarts >= 2 })
	if !r.told("another initialization") {
		t.Fatal("no event tells why")
	}
	before := r.e.Status().Started
	r.frames(25 * 10)
	if n := r.e.Status().Started - before; n > 6 {
		t.Fatalf("%d runs in 10 s although every one fails", n)
	}
}

func TestShutdownDeliversWhatHasArrived(t *testing.T) {
	r := newRig(t, 'a')
	r.onAir("a")
	r.frames(60)
	r.e.shutdown()
	if next, want := r.cutter["v"].Next(), noon+tick.Tick(r.sources[0].n)*slot; next != want {
		t.Fatalf("%v of the pictures is missing", (want - next).Duration())
	}
}

func TestShutdownWithAHaltedFFmpeg(t *testing.T) {
	r := newRig(t, 'a')
	r.onAir("a")
	if err := syscall.Kill(r.e.active.proc.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	r.e.shutdown()
	if !r.e.active.over() {
		t.Fatal("the run is still there")
	}
}
