package ingest_test

import (
	"testing"

	"onair/pipeline/ingest"
	"onair/pkg/anchor"
	"onair/pkg/mpegts"
	"onair/pkg/spool"
	"onair/pkg/tick"
	"onair/pkg/timecode"
)

// labelled is the begin of an HEVC picture with a time code (ITU-T H.265 §D.2.27).
func labelled(l timecode.Label) []byte {
	bits := uint64(1)<<2 | 1 // num_clock_ts 1, clock_timestamp_flag 1
	for _, field := range []struct{ value, size int }{
		{0, 1}, {0, 5}, {1, 1}, {0, 2}, {l.Frames, 9}, {l.Seconds, 6}, {l.Minutes, 6}, {l.Hours, 5}, {0, 5},
	} {
		bits = bits<<field.size | uint64(field.value)
	}
	bits <<= 64 - 3 - 40
	out := []byte{0, 0, 1, 39 << 1, 1, 136, 6}
	for i := range 6 {
		out = append(out, byte(bits>>(56-8*i)))
	}
	return append(out, 0x80, 0, 0, 1, 1<<1, 1, 0x80, 1, 2)
}

// TestLabelsPlaceThePicturesThatTheyAreOf, and each is counted to the generation of its clock.
func TestLabelsPlaceThePicturesThatTheyAreOf(t *testing.T) {
	t.Parallel()
	labels := &timecode.Reader{}
	clock := anchor.NewClock(anchor.NewTable(), nil, nil)
	p := ingest.NewProgramme(ingest.ProgrammeConfig{Spool: spool.New(spool.Config{}), Clock: clock, Labels: labels})
	r := &reader{Programme: p, t: t, now: 1_700_000_000 * tick.Second, cc: map[uint16]uint8{}}
	p.SetGrid(tick.Second / 25)
	r.tables([]mpegts.Program{program(1, stream(0x100, 0x24), stream(0x101, 0x0F))}, 0)
	play := func(from, n int, ahead tick.Tick) {
		for i := from; i < from+n; i++ {
			r.wait(tick.Second / 25)
			r.pesAt(r.now+ahead, 0x100, 0xE0, labelled(timecode.Label{Hours: 10, Seconds: i / 25, Frames: i % 25}))
			r.pesAt(r.now+ahead-tick.Second/3, 0x101, 0xC0, adts)
		}
	}
	for i, ahead := range []tick.Tick{0, 3600 * tick.Second} {
		play(25*i, 25, ahead)
		gen := p.Stats().Generation
		pts := (r.now + ahead).Round(90_000) & (1<<33 - 1)
		ten := 20_000*86400*tick.Second + 36000*tick.Second
		want := ten + tick.Tick(25*(i+1)-1)*tick.Second/25
		if at, ok := labels.Place(gen, pts, ten); gen != int64(i+1) || !ok || (at-want).Abs() > tick.Millisecond {
			t.Errorf("generation %d: %v, off by %v", gen, ok, (at - want).Duration())
		}
	}
	if l, at := labels.Last(); l.String() != "10:00:01:24" || at != r.now {
		t.Errorf("the last is %s, %v ago", l, (r.now - at).Duration())
	}
}
