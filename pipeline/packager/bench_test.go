package packager_test

import (
	"bytes"
	"testing"

	"onair/pipeline/packager"
)

// BenchmarkPush is one picture of a 3 Mb/s rendition into a segment of 4 s; the allocations are those of the segment's
// tables, once in a hundred frames.
func BenchmarkPush(b *testing.B) {
	cfg := config
	cfg.Grid.Frames, cfg.Grid.GOP, cfg.Grid.T = 100, 50, 100*rate.Frame()
	c := newCutter(b, cfg)
	c.Take(1, cfg.Grid.Start(1_000_000))
	data := bytes.Repeat([]byte{1}, 15_000)
	slot := int64(100_000_000)
	b.ReportAllocs()
	for b.Loop() {
		at := rate.At(slot)
		if _, err := c.Push(packager.Frame{Run: 1, DTS: at, PTS: at, Sync: slot%50 == 0, Data: data}); err != nil {
			b.Fatal(err)
		}
		slot++
	}
}

// BenchmarkMarshal is a whole segment of 1.5 MB: one allocation, one copy.
func BenchmarkMarshal(b *testing.B) {
	cfg := config
	cfg.Grid.Frames, cfg.Grid.GOP, cfg.Grid.T = 100, 50, 100*rate.Frame()
	c := newCutter(b, cfg)
	c.Take(1, cfg.Grid.Start(1_000_000))
	var segs []packager.Segment
	for slot := int64(100_000_000); len(segs) == 0; slot++ {
		f := packager.Frame{Run: 1, DTS: rate.At(slot), PTS: rate.At(slot), Sync: slot%50 == 0, Data: make([]byte, 15_000)}
		segs, _ = c.Push(f)
	}
	b.SetBytes(int64(segs[0].Bytes))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := packager.Marshal(segs[0], cfg.Timescale); err != nil {
			b.Fatal(err)
		}
	}
}
