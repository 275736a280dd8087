package anchor_test

import (
	"testing"

	"onair/pkg/anchor"
	"onair/pkg/tick"
)

const (
	frame   = tick.Second / 25
	frame90 = 3600
	audio90 = 1920
	mod33   = 1<<33 - 1
)

// feed pushes a 25 fps video and an audio stream in step, the way a multiplex brings them.
type feed struct {
	t      *testing.T
	clock  *anchor.Clock
	table  *anchor.Table
	now    tick.Tick
	pts    int64
	places []place
}

type place struct {
	anchor.Place
	arrival tick.Tick
}

func newFeed(t *testing.T, start tick.Tick, pts int64, known ...anchor.Anchor) *feed {
	t.Helper()
	f := &feed{t: t, table: anchor.NewTable(), now: start, pts: pts}
	f.clock = anchor.NewClock(f.table, known, nil)
	f.clock.SetGrid(frame)
	return f
}

func (f *feed) frames(n int) {
	for range n {
		f.video()
		f.audio()
		f.audio()
		f.now += frame
		f.pts += frame90
	}
}

func (f *feed) video() {
	raw := uint64(f.pts) & mod33
	p := f.clock.Push(anchor.Stamp{Stream: 0, Ref: true, PTS: raw, DTS: raw, Arrival: f.now})
	f.places = append(f.places, place{p, f.now})
}

func (f *feed) audio() {
	raw := uint64(f.pts-30000) & mod33
	f.clock.Push(anchor.Stamp{Stream: 1, PTS: raw, DTS: raw, Arrival: f.now})
}

// slots are the places of all video frames on the grid.
func (f *feed) slots() []int64 {
	f.t.Helper()
	out := make([]int64, len(f.places))
	for i, p := range f.places {
		at, state := f.table.Map(p.Gen, p.PTS)
		if state != anchor.Mapped {
			f.t.Fatalf("frame %d: generation %d is not mapped", i, p.Gen)
		}
		if at%frame != 0 {
			f.t.Fatalf("frame %d lies off the grid by %d ticks", i, at%frame)
		}
		out[i] = int64(at / frame)
	}
	return out
}

func (f *feed) wantContinuous() {
	f.t.Helper()
	s := f.slots()
	for i := 1; i < len(s); i++ {
		if s[i] != s[i-1]+1 {
			f.t.Fatalf("frame %d: slot %d after %d", i, s[i], s[i-1])
		}
	}
}

var noon = tick.Tick(1_785_000_000) * tick.Second

func TestClockSnapsFirstFrameToNearestSlotAtArrival(t *testing.T) {
	f := newFeed(t, noon+frame/3, 123456)
	f.frames(50)
	if got := f.slots()[0]; got != int64(noon/frame) {
		t.Fatalf("first slot %d, want %d", got, noon/frame)
	}
	f.wantContinuous()
}

func TestClockContinuity(t *testing.T) {
	for name, disturb := range map[string]func(*feed){
		"wrap of 33 bits":             func(*feed) {},
		"jump forward an hour":        func(f *feed) { f.pts += 3600 * 90000 },
		"jump back an hour":           func(f *feed) { f.pts -= 3600 * 90000 },
		"jump forward two seconds":    func(f *feed) { f.pts += 2 * 90000 },
		"restart at zero":             func(f *feed) { f.pts = 0 },
		"restart, half second absent": func(f *feed) { f.pts = 77; f.now += tick.Second / 2 },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFeed(t, noon, 1<<33-100*frame90)
			f.frames(200)
			disturb(f)
			f.frames(200)
			f.wantContinuous()
		})
	}
}

func TestClockGoesOnAtArrivalAfterALongAbsence(t *testing.T) {
	f := newFeed(t, noon, 5000)
	f.frames(100)
	f.now += 20 * tick.Second
	f.pts = 0
	f.frames(100)
	s := f.slots()
	if got, want := s[100]-s[99], int64(20*25+1); got != want {
		t.Fatalf("slots apart after the absence: %d, want %d", got, want)
	}
}

func TestClockKeepsItsGenerationOverAnOutageOfThePath(t *testing.T) {
	f := newFeed(t, noon, 5000)
	f.frames(100)
	f.now += 20 * tick.Second
	f.pts += 20 * 90000
	f.frames(100)
	if a, b := f.places[99].Gen, f.places[100].Gen; a != b {
		t.Fatalf("generation %d became %d although the source's clock went on", a, b)
	}
}

func TestClockFollowsAudioThatJumpsFirst(t *testing.T) {
	f := newFeed(t, noon, 5000)
	f.frames(100)
	f.pts += 90000 * 1000
	f.audio() // new clock, before the first video frame of it
	f.frames(100)
	f.wantContinuous()
	video := f.places[100].Gen
	p := f.clock.Push(anchor.Stamp{Stream: 1, PTS: uint64(f.pts - 30000), DTS: uint64(f.pts - 30000), Arrival: f.now})
	if p.Gen != video {
		t.Fatalf("audio is in generation %d, video in %d", p.Gen, video)
	}
}

func TestClockIgnoresAStreamWithAClockOfItsOwn(t *testing.T) {
	f := newFeed(t, noon, 5000)
	for range 200 {
		f.frames(1)
		f.clock.Push(anchor.Stamp{Stream: 2, PTS: 999_999_999, DTS: 999_999_999, Arrival: f.now})
	}
	f.wantContinuous()
	if g := f.clock.Gen(); g != 1 {
		t.Fatalf("generation %d, want 1", g)
	}
	p := f.clock.Push(anchor.Stamp{Stream: 2, PTS: 999_999_999, DTS: 999_999_999, Arrival: f.now})
	if _, state := f.table.Map(p.Gen, p.PTS); state != anchor.Dead {
		t.Fatalf("the stray stream's generation has state %d, want dead", state)
	}
}

func TestClockAdoptsTheNewestStoredAnchorThatFits(t *testing.T) {
	a := newFeed(t, noon, 5000)
	a.frames(100)
	stored, _ := a.table.Anchor(1)
	other := anchor.Anchor{Gen: 2, PTS: 1, Tick: noon - 5000*tick.Second}
	b := newFeed(t, a.now+frame/2, a.pts, stored, other)
	b.frames(10)
	if got, want := b.slots()[0], a.slots()[99]+1; got != want {
		t.Fatalf("restarted feed begins at slot %d, want %d", got, want)
	}
	c := newFeed(t, a.now, a.pts+500*90000, stored, other)
	c.frames(1)
	if got := c.places[0].Gen; got != 3 {
		t.Fatalf("a feed that fits nothing stored opened generation %d, want 3", got)
	}
}

func TestClockGivesNoNumberTwice(t *testing.T) {
	f := newFeed(t, noon, 5000)
	f.clock.Follow(7)
	f.frames(1)
	if got := f.places[0].Gen; got != 8 {
		t.Fatalf("generation %d after 7 that could not be read, want 8", got)
	}
}

func TestClockAnchorsLateWhenTheGridComesLate(t *testing.T) {
	table := anchor.NewTable()
	var made []anchor.Anchor
	c := anchor.NewClock(table, nil, func(a anchor.Anchor) { made = append(made, a) })
	p := c.Push(anchor.Stamp{Ref: true, PTS: 90000, DTS: 90000, Arrival: noon})
	if _, state := table.Map(p.Gen, p.PTS); state != anchor.Pending {
		t.Fatalf("state %d before the grid is known, want pending", state)
	}
	c.Push(anchor.Stamp{Ref: true, PTS: 93600, DTS: 93600, Arrival: noon + frame})
	c.SetGrid(frame)
	if at, _ := table.Map(p.Gen, p.PTS); at != noon {
		t.Fatalf("first frame at %d, want %d", at, noon)
	}
	if len(made) != 1 {
		t.Fatalf("%d anchors made, want 1", len(made))
	}
}

func TestClockReanchorsAFeedThatFellBehindForGood(t *testing.T) {
	f := newFeed(t, noon, 5000)
	f.frames(100)
	f.now += 30 * tick.Second // halted, then goes on where it was
	f.frames(300)
	s := f.slots()
	last := f.places[len(f.places)-1]
	if lag := int64(last.arrival/frame) - s[len(s)-1]; lag > 2 {
		t.Fatalf("still %d frames behind", lag)
	}
	p := f.clock.Push(anchor.Stamp{Stream: 1, PTS: uint64(f.pts - 30000), DTS: uint64(f.pts - 30000), Arrival: f.now})
	if p.Gen != last.Gen {
		t.Fatalf("audio stayed in generation %d, video is in %d", p.Gen, last.Gen)
	}
}

func TestClockDropsWhatRunsAheadOfRealTime(t *testing.T) {
	f := newFeed(t, noon, 5000)
	for range 25 * 60 {
		f.video()
		f.pts += frame90
		f.now += frame / 10
	}
	if !f.places[len(f.places)-1].Drop {
		t.Fatal("a feed at ten times real time was not held back")
	}
}

func TestTableShift(t *testing.T) {
	table := anchor.NewTable()
	table.Set(anchor.Anchor{Gen: 1, PTS: 0, Tick: noon})
	table.Shift(1, noon+10*frame, frame)
	for n, want := range map[int64]int64{9: 9, 10: 11, 11: 12} {
		at, _ := table.Map(1, n*frame90)
		if got := int64((at - noon) / frame); got != want {
			t.Errorf("frame %d at slot %d, want %d", n, got, want)
		}
	}
}
