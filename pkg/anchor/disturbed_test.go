package anchor_test

import (
	"testing"

	"onair/pkg/anchor"
	"onair/pkg/tick"
)

func TestClockIgnoresADamagedPTS(t *testing.T) {
	f := newFeed(t, noon, 5000)
	f.frames(100)
	p := f.clock.Push(anchor.Stamp{Ref: true, PTS: uint64(f.pts) + 1<<31, DTS: uint64(f.pts), Arrival: f.now})
	if !p.Drop {
		t.Fatalf("taken: %+v", p)
	}
	f.pts += 3600 * 90000
	f.frames(100)
	f.wantContinuous()
}

func TestClockComesBackFromADamagedHeader(t *testing.T) {
	f := newFeed(t, noon, 5000)
	f.frames(100)
	good := f.pts
	f.pts += 1 << 30
	f.video()
	f.places = f.places[:100]
	f.pts, f.now = good+frame90, f.now+frame
	f.frames(100)
	s := f.slots()
	for i := 101; i < len(s); i++ {
		if s[i] != s[0]+int64(i)+1 {
			t.Fatalf("frame %d at slot %d, want %d: the clock is not what it was", i, s[i]-s[0], i+1)
		}
	}
	if f.places[len(f.places)-1].Gen != 1 {
		t.Fatal("a damaged header has made a generation")
	}
}

func TestClockReanchorsAFeedThatStaysAhead(t *testing.T) {
	f := newFeed(t, noon, 5000)
	for range 25 * 60 { // a minute at once
		f.video()
		f.pts += frame90
	}
	if !f.places[len(f.places)-1].Drop {
		t.Fatal("a minute ahead is not held back")
	}
	f.frames(25 * 10)
	last := f.places[len(f.places)-1]
	at, _ := f.table.Map(last.Gen, last.PTS)
	if lead := at - last.arrival; last.Drop || lead > 10*tick.Second {
		t.Fatalf("still dropped, or %v ahead", lead.Duration())
	}
}

func TestShiftsAsOfAReadersBegin(t *testing.T) {
	table := anchor.NewTable()
	table.Set(anchor.Anchor{Gen: 1, PTS: 0, Tick: noon})
	table.Shift(1, noon+10*frame, frame)
	for _, c := range []struct {
		begin, n, want int64
	}{{0, 9, 9}, {0, 10, 10}, {0, 100, 100}, {10, 9, 10}, {10, 100, 101}} {
		at, _ := table.MapAsOf(1, c.n*frame90, noon+tick.Tick(c.begin)*frame)
		if got := int64((at - noon) / frame); got != c.want {
			t.Errorf("for a reader from %d frame %d lies at slot %d, want %d", c.begin, c.n, got, c.want)
		}
	}
	if !table.Shifted(noon, noon+10*frame) || table.Shifted(noon+10*frame, noon+20*frame) {
		t.Error("when the shift takes effect is not told")
	}
	for i := range 40 { // old ones are folded into the anchor
		table.Shift(1, noon+tick.Tick(1000+i)*frame, frame)
	}
	a, _ := table.Anchor(1)
	if at := a.Map(5000 * frame90); at != noon+5041*frame || len(a.Shifts) > 20 {
		t.Errorf("%d shifts, frame 5000 at slot %d", len(a.Shifts), (at-noon)/frame)
	}
	if _, ok := table.Shift(2, noon, frame); ok {
		t.Error("a generation that does not exist was shifted")
	}
}

func TestAStreamThatJumpsAllTheTimeHarmsNoOther(t *testing.T) {
	f := newFeed(t, noon, 5000)
	var stray []anchor.Place
	for i := range 500 {
		f.frames(1)
		at := uint64(i) * 7_000_000 & mod33
		stray = append(stray, f.clock.Push(anchor.Stamp{Stream: 2, PTS: at, DTS: at, Arrival: f.now}))
	}
	f.wantContinuous()
	for i, p := range stray[:len(stray)-1] {
		if _, state := f.table.Map(p.Gen, p.PTS); state == anchor.Pending {
			t.Fatalf("stray packet %d waits for an anchor that will never be", i)
		}
	}
}
