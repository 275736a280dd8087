package ingest_test

import (
	"testing"

	"onair/pipeline/ingest"
	"onair/pkg/anchor"
	"onair/pkg/mpegts"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

// idr is an access unit of H.264 with its parameter sets, inter one without.
var (
	idr = []byte{
		0, 0, 0, 1, 9, 0xF0, 0, 0, 0, 1, 0x67, 0x64, 0, 0x1F, 0xAC, 0xD9, 0x40, 0x50, 0, 0, 0, 1, 0x68, 0xEB, 0xE3, 0xCB,
		0, 0, 0, 1, 0x65, 0x88, 0x84, 0, 0x11, 0x22,
	}
	inter = []byte{0, 0, 0, 1, 9, 0xF0, 0, 0, 0, 1, 0x41, 0x9A, 0x84, 0, 0x11, 0x22}
	mono  = []byte{0xFF, 0xF1, 0x4C, 0x40, 0x20, 0x1F, 0xFC, 0x21}
)

func TestANewMapDoesNotChangeThePictures(t *testing.T) {
	r := newReader(t, 0)
	run := func(n int) {
		for i := range n {
			unit := inter
			if i%50 == 0 {
				unit = idr
			}
			r.pes(0x100, 0xE0, unit)
			r.pes(0x101, 0xC0, adts)
			r.wait(tick.Second / 25)
		}
	}
	r.tables([]mpegts.Program{program(1, stream(0x100, 0x1B), stream(0x101, 0x0F))}, 0)
	run(100)
	before := r.Stats().Format
	r.tables([]mpegts.Program{program(1, stream(0x100, 0x1B), stream(0x101, 0x0F), stream(0x102, 0x86))}, 0) // cues join
	r.pes(0x100, 0xE0, inter)
	run(60)
	after := r.Stats().Format
	if after.Pictures != before.Pictures || after.Number != before.Number+1 {
		t.Errorf("format %d with the pictures of %d became %d with those of %d",
			before.Number, before.Pictures, after.Number, after.Pictures)
	}
}

func TestChangesOfFormatAreFollowedForEver(t *testing.T) {
	r := newReader(t, 0)
	r.tables([]mpegts.Program{program(1, stream(0x100, 0x1B), stream(0x101, 0x0F))}, 0)
	change := func(i int, wait tick.Tick) uint32 {
		r.pes(0x100, 0xE0, idr)
		r.pes(0x101, 0xC0, [][]byte{adts, mono}[i%2])
		r.wait(wait)
		return r.Stats().Format.Number
	}
	last := change(0, tick.Second)
	for i := 1; i < 300; i++ {
		n := change(i, tick.Second)
		if n != last+1 {
			t.Fatalf("change %d is not followed: format %d after %d", i, n, last)
		}
		last = n
	}
	if n := r.Stats().Unfollowed; n != 0 {
		t.Errorf("%d changes were not followed", n)
	}
	for i := range 1000 {
		change(i, tick.Second/25)
	}
	if st := r.Stats(); st.Format.Number > last+200 || st.Unfollowed < 400 {
		t.Errorf("of 1000 changes in 40 seconds %d were followed, %d not", st.Format.Number-last, st.Unfollowed)
	}
}

// A new map comes together with a new clock, and its sound before its pictures.
func TestPicturesStayTheClocksReference(t *testing.T) {
	table, sp := anchor.NewTable(), spool.New(spool.Config{})
	r := newReader(t, 0)
	r.Programme = ingest.NewProgramme(ingest.ProgrammeConfig{Spool: sp, Clock: anchor.NewClock(table, nil, nil)})
	const slot = tick.Second / 25
	r.SetGrid(slot)
	run := func(clock tick.Tick) {
		for range 200 {
			r.pesAt(r.now+clock-13*tick.Millisecond, 0x101, 0xC0, adts)
			r.pesAt(r.now+clock, 0x100, 0xE0, idr)
			r.wait(slot)
		}
	}
	r.tables([]mpegts.Program{program(1, stream(0x100, 0x1B), stream(0x101, 0x0F))}, 0)
	run(0)
	r.tables([]mpegts.Program{program(1, stream(0x100, 0x1B), stream(0x101, 0x0F), stream(0x102, 0x86))}, 0)
	run(5000 * tick.Second)
	e, ok := sp.Find(func(e spool.Entry) bool { return e.Video })
	if at, state := table.Map(e.Gen, e.PTS); !ok || state != anchor.Mapped || at%slot != 0 {
		t.Errorf("the pictures lie %v off the grid", (at % slot).Duration())
	}
}

// TestSoundThatIsAlwaysSomethingElse: what changes its codec over and over begins no new format without end.
func TestSoundThatIsAlwaysSomethingElse(t *testing.T) {
	r := newReader(t, 0)
	r.tables([]mpegts.Program{program(1, stream(0x100, 0x1B), stream(0x101, 0x0F))}, 0)
	for i := range 3000 {
		r.pes(0x100, 0xE0, idr)
		r.pes(0x101, 0xC0, [][]byte{adts, mp2}[i/3%2])
		r.wait(tick.Second / 100)
	}
	if st := r.Stats(); st.Format.Number > 210 || st.Unfollowed < 100 {
		t.Errorf("%d formats in 30 seconds, %d changes that were not followed", st.Format.Number, st.Unfollowed)
	}
}
