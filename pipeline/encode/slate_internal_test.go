package encode

import (
	"slices"
	"strconv"
	"syscall"
	"testing"

	"onair/pipeline/packager"
	"onair/pkg/ffmpeg"
	"onair/pkg/selector"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

// wantNoHole checks that no segment is missing, and returns what the slots of the video show, from the first on.
func (r *rig) wantNoHole(segs []packager.Segment) (first int, slots []string) {
	r.t.Helper()
	r.mu.Lock()
	for _, name := range [2]string{"v", "a"} {
		for i, s := range r.segs[name] {
			if i > 0 && s.K != r.segs[name][i-1].K+1 {
				r.t.Errorf("rendition %s: segment %d after %d", name, s.K, r.segs[name][i-1].K)
			}
		}
	}
	r.mu.Unlock()
	all := shown(segs)
	first = int((segs[0].Start - noon) / slot)
	for at := first; at < int((segs[len(segs)-1].End-noon)/slot); at++ {
		if all[at] == "" {
			r.t.Fatalf("slot %d shows nothing", at)
		}
		slots = append(slots, all[at])
	}
	return first, slots
}

// parts says what follows what in slots: the source's letter, "held" for a repeated picture, and how many.
type part struct {
	what  string
	from  int // slot
	count int
}

func partsOf(first int, slots []string) []part {
	var out []part
	for i, s := range slots {
		what := s[:1]
		if i > 0 && s == slots[i-1] {
			what = "held"
		}
		if n := len(out); n > 0 && out[n-1].what == what {
			out[n-1].count++
			continue
		}
		out = append(out, part{what, first + i, 1})
	}
	return out
}

func (r *rig) wantParts(segs []packager.Segment, want ...string) []part {
	r.t.Helper()
	parts := partsOf(r.wantNoHole(segs))
	var got []string
	for _, p := range parts {
		got = append(got, p.what)
	}
	if !slices.Equal(got, want) {
		r.t.Fatalf("shown is %v, want %v", parts, want)
	}
	return parts
}

// wantClean checks that a source that is shown shows its own frame of each slot.
func (r *rig) wantClean(segs []packager.Segment) {
	r.t.Helper()
	first, slots := r.wantNoHole(segs)
	for i, s := range slots {
		if n, _ := strconv.Atoi(s[1:]); n != first+i && (i == 0 || s != slots[i-1]) {
			r.t.Errorf("slot %d shows %s", first+i, s)
		}
	}
}

func TestTheLastPictureIsHeldThenTheSlateComes(t *testing.T) {
	r := newRig(t, 'a', 'b')
	r.withSlate()
	r.onAir("a")
	r.frames(60)
	r.sources[0].off, r.sources[1].off = true, true
	lost := r.sources[0].n
	r.onAir(Slate)
	r.frames(30)
	r.sources[0].off = false
	back := r.sources[0].n
	r.onAir("a")
	r.frames(60)
	segs := r.settled()
	p := r.wantParts(segs, "a", "held", "s", "a")
	r.wantClean(segs)
	if p[1].from != lost || p[1].count != 25 {
		t.Errorf("the last picture is held for %d slots from %d on, want 25 from %d on", p[1].count, p[1].from, lost)
	}
	if p[3].from%50 != 0 {
		t.Errorf("the return is at slot %d, not at a segment's begin", p[3].from)
	}
	if late := p[3].from - back; late < 50 || late > 50+25+5+50 {
		t.Errorf("the return is %d slots after the input is back, want it settled and at the next boundary", late)
	}
	for _, seg := range segs {
		want := seg.End > noon+tick.Tick(lost)*slot && seg.Start < noon+tick.Tick(p[3].from)*slot
		if got := slices.ContainsFunc(seg.Runs, func(run int) bool { return r.slates[run] }); got != want {
			t.Errorf("segment %d is slate: %t, want %t", seg.K, got, want)
		}
	}
	st := r.e.Status()
	if st.Switches[selector.Loss] != 1 || st.Switches[selector.Back] != 1 || st.Restarts != 0 || st.SlateTime < 2*tick.Second {
		t.Errorf("status %+v", st)
	}
	if !r.told("a is lost") || !r.told("no other input") || !r.told("a is back") {
		t.Error("the events do not tell why")
	}
}

func TestAnAbsenceThatIsShortIsNoReasonForTheSlate(t *testing.T) {
	r := newRig(t, 'a')
	r.withSlate()
	r.onAir("a")
	r.frames(60)
	r.sources[0].off = true
	r.frames(20) // 0.8 s
	r.sources[0].off = false
	r.frames(100)
	r.wantParts(r.settled(), "a", "held", "a")
	if n := r.e.Status().Started; n != 1 {
		t.Fatalf("%d runs", n)
	}
}

func TestAnInputThatIsBackBeforeTheSlateGoesOn(t *testing.T) {
	for name, c := range map[string]struct {
		lost int // slot in its segment
		want []string
	}{
		"at once, if it can from the same segment":  {5, []string{"a", "held", "a", "held", "a"}}, // its first picture is held back
		"else the slate fills the rest of that one": {20, []string{"a", "held", "s", "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 'a')
			r.withSlate()
			r.onAir("a")
			s := r.sources[0]
			r.until("the place", func() bool { return s.n > 60 && s.n%50 == c.lost })
			s.off = true
			r.until("the picture is held", func() bool { return r.e.active != nil && r.e.active.still })
			s.off = false
			r.onAir("a")
			r.frames(100)
			r.onAir("a")
			r.wantParts(r.settled(), c.want...)
			if n := r.e.Status().Restarts; n != 0 {
				t.Fatalf("%d restarts", n)
			}
		})
	}
}

func TestAChannelWithoutInputStartsOnSlate(t *testing.T) {
	r := newRig(t, 'a')
	r.withSlate()
	r.sources[0].off = true
	r.frames(60)
	if r.e.active != nil {
		t.Fatal("no input was waited for")
	}
	r.onAir(Slate)
	if at := tick.Tick(r.now.Load()) - noon; at > awaited+tick.Second {
		t.Fatalf("on slate after %v", at.Duration())
	}
	r.frames(60)
	r.sources[0].off = false
	r.onAir("a")
	r.frames(30)
	segs := r.settled()
	if p := r.wantParts(segs, "s", "a"); p[1].from%50 != 0 {
		t.Fatalf("the input begins at slot %d", p[1].from)
	}
	r.wantClean(segs)
}

func TestAChannelThatWaitsHasNoSlateBeforeItsFirstInput(t *testing.T) {
	r := newRig(t, 'a')
	r.withSlate()
	r.e.cfg.Wait = true
	r.sources[0].off = true
	r.frames(25 * 20)
	if r.e.active != nil {
		t.Fatal("it was not waited")
	}
	r.sources[0].off = false
	r.onAir("a")
	r.frames(60)
	r.sources[0].off = true
	r.onAir(Slate)
}

func TestASlateThatDiesIsStartedAgain(t *testing.T) {
	r := newRig(t, 'a')
	r.withSlate()
	r.sources[0].off = true
	for n := range uint64(3) {
		r.onAir(Slate)
		r.frames(30)
		if err := syscall.Kill(r.e.active.proc.Pid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		r.until("another run", func() bool { return r.e.Status().Started > n+1 })
	}
	r.onAir(Slate)
	segs := r.settled()
	r.wantParts(segs, "s")
	r.wantClean(segs)
}

func TestWithoutASlateThatWorksTimeIsAGap(t *testing.T) {
	r := newRig(t, 'a')
	s := r.withSlate()
	r.onAir("a")
	r.frames(60)
	s.off = true
	r.frames(25 * 5)
	r.sources[0].off = true
	r.frames(25 * 10)
	if r.e.active != nil {
		t.Fatal("a run goes on without anything to read")
	}
	r.sources[0].off = false
	r.onAir("a")
}

func TestAPreferredInputIsReturnedToAtASegment(t *testing.T) {
	r := newRig(t, 'a', 'b')
	r.e.sel = selector.New(selector.Conditions{ReturnAfter: 4 * tick.Second})
	r.onAir("a")
	r.frames(60)
	r.sources[0].off = true
	r.onAir("b")
	r.frames(30)
	r.sources[0].off = false
	back := r.sources[0].n
	r.onAir("a")
	r.frames(40)
	segs := r.settled()
	p := r.wantParts(segs, "a", "b", "a")
	r.wantWhole(segs)
	if p[2].from%50 != 0 || p[2].from < back+100 {
		t.Fatalf("the return is at slot %d; the input is back since %d", p[2].from, back)
	}
	if st := r.e.Status(); st.Switches[selector.Loss] != 1 || st.Switches[selector.Return] != 1 || st.Restarts != 0 {
		t.Fatalf("status %+v", st)
	}
}

func TestABlackInputIsLeftInMidSegment(t *testing.T) {
	r := newRig(t, 'a', 'b')
	black := tick.Tick(0)
	r.e.sel = selector.New(selector.Conditions{ReturnAfter: 30 * tick.Second, Black: tick.Second})
	r.e.cfg.Observe = func(h *selector.Health) {
		if h.Name == "a" {
			h.Black = black
		}
	}
	r.onAir("a")
	r.until("mid segment", func() bool { return r.sources[0].n > 60 && r.sources[0].n%50 == 20 })
	black = tick.Second
	r.onAir("b")
	r.frames(50)
	segs := r.settled()
	if at := r.wantInput(segs, 'a', 'b'); at%50 == 0 {
		t.Fatalf("the switch is at slot %d, a segment's begin", at)
	}
	r.wantWhole(segs)
	if !r.told("a is black for 1s: switching to b") {
		t.Fatal("no event tells why")
	}
}

func TestPicturesThatStopAreALoss(t *testing.T) {
	r := newRig(t, 'a', 'b')
	r.onAir("a")
	r.frames(60)
	r.sources[0].blind = true
	r.onAir("b")
	r.frames(50)
	segs := r.settled()
	r.wantInput(segs, 'a', 'b')
	r.wantWhole(segs)
}

func TestSoundThatStopsIsSilence(t *testing.T) {
	r := newRig(t, 'a')
	r.onAir("a")
	r.frames(60)
	s := r.sources[0]
	for range 2 {
		s.mute = true
		started := r.e.Status().Started
		r.until("a run without the sound", func() bool { return r.e.Status().Started > started })
		r.onAir("a")
		r.frames(200)
		if n := r.e.Status().Started; n != started+1 {
			t.Fatalf("%d runs while the sound is away", n-started)
		}
		s.mute = false
		r.until("a run with the sound", func() bool { return r.e.Status().Started == started+2 && r.e.next == nil })
		r.frames(100)
	}
	r.wantWhole(r.settled())
	if st := r.e.Status(); st.Restarts != 0 {
		t.Fatalf("%d restarts", st.Restarts)
	}
	if !r.told("the sound on PID 257 has stopped") || !r.told("the sound on PID 257 is back") {
		t.Fatal("the events do not tell")
	}
}

// Silence begins with the pictures, which may be later than the sound that it goes on from: it is filled up from there.
func TestSilenceIsFilledUpFromWhereSoundIsWanted(t *testing.T) {
	for name, c := range map[string]struct {
		audio []ffmpeg.AudioTrack
		want  bool
	}{
		"sound that comes":   {[]ffmpeg.AudioTrack{{PID: audioPID}}, false},
		"sound that stopped": {[]ffmpeg.AudioTrack{{PID: audioPID, Absent: true}}, true},
		"no sound":           {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			b.anchor(1)
			b.frames(0, 100, 1, 1)
			b.src.Probe.Audio, b.src.sound = c.audio, noon+45*slot
			in, ok := b.src.enter(noon+69*slot, noon+100*slot)
			if !ok || in.late != c.want {
				t.Fatalf("entered: %t, filled up: %t", ok, in.late)
			}
		})
	}
}

// Sound that is wanted from before the pictures is read from there.
func TestSoundIsReadFromWhereItIsWanted(t *testing.T) {
	b := newBench()
	b.anchor(1)
	b.frames(0, 100, 1, 1)
	in, _ := b.src.enter(noon+79*slot, noon+100*slot)
	b.src.sound = noon + 45*slot
	earlier, ok := b.src.enter(noon+79*slot, noon+100*slot)
	if first, _ := b.src.Spool.First(func(e spool.Entry) bool { return e.Pos >= earlier.pos }); !ok || earlier.pos >= in.pos ||
		first.PTS > 33*3600 {
		t.Fatalf("read from %d (PTS %d), without that from %d", earlier.pos, first.PTS, in.pos)
	}
}
