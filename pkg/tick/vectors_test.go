package tick_test

import (
	"slices"
	"testing"
	"time"

	"onair/pkg/tick"
)

var aac48 = tick.Audio{Rate: 48_000, Samples: 1024}

func grid(rate tick.Rate, frames int64) tick.Grid {
	return tick.Grid{Rate: rate, Frames: frames, GOP: frames, T: tick.Tick(frames) * rate.Frame()}
}

// The segment that contains 2026-07-25T17:20:00Z, for grids of all families.
func TestSegmentAtAKnownInstant(t *testing.T) {
	const instant = 1_785_000_000
	for _, c := range []struct {
		name      string
		rate      tick.Rate
		frames    int64
		k         int64
		timescale int64
		tfdt      int64
		pdt       string
		pts33     int64
		sample    int64
		aacFrames int64
	}{
		{
			"25, 50 frames", tick.Rate{Num: 25, Den: 1}, 50, 892_500_000, 25, 44_625_000_000,
			"17:20:00.000", 1_043_260_416, 85_680_000_000_000, 94,
		},
		{
			"25, 48 frames", tick.Rate{Num: 25, Den: 1}, 48, 929_687_500, 25, 44_625_000_000,
			"17:20:00.000", 1_043_260_416, 85_680_000_000_000, 90,
		},
		{
			"50, 96 frames", tick.Rate{Num: 50, Den: 1}, 96, 929_687_500, 25, 44_625_000_000,
			"17:20:00.000", 1_043_260_416, 85_680_000_000_000, 90,
		},
		{
			"24, 96 frames", tick.Rate{Num: 24, Den: 1}, 96, 446_250_000, 24, 42_840_000_000,
			"17:20:00.000", 1_043_260_416, 85_680_000_000_000, 188,
		},
		{
			"29.97, 60 frames", tick.Rate{Num: 30000, Den: 1001}, 60, 891_608_391, 30_000, 53_549_999_963_460,
			"17:19:58.782", 1_043_150_796, 85_679_999_941_632, 94,
		},
		{
			"59.94, 120 frames", tick.Rate{Num: 60000, Den: 1001}, 120, 891_608_391, 60_000, 107_099_999_926_920,
			"17:19:58.782", 1_043_150_796, 85_679_999_941_632, 94,
		},
		{
			"29.97, 180 frames", tick.Rate{Num: 30000, Den: 1001}, 180, 297_202_797, 30_000, 53_549_999_963_460,
			"17:19:58.782", 1_043_150_796, 85_679_999_941_632, 282,
		},
		{
			"23.976, 128 frames", tick.Rate{Num: 24000, Den: 1001}, 128, 334_353_146, 24_000, 42_839_999_890_688,
			"17:19:55.445", 1_042_850_496, 85_679_999_781_888, 250,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := grid(c.rate, c.frames)
			k := g.K(instant * tick.Second)
			start := g.Start(k)
			equal(t, "K", k, c.k)
			equal(t, "tfdt", start.Units(c.timescale), c.tfdt)
			equal(t, "33-bit PTS", start.Units(90_000)&(1<<33-1), c.pts33)
			pdt := time.UnixMilli(start.FloorMs()).UTC().Format("15:04:05.000")
			equal(t, "program date time", pdt, c.pdt)
			first := aac48.First(g, k)
			equal(t, "first sample", aac48.At(first).Units(48_000), c.sample)
			equal(t, "audio frames", aac48.First(g, k+1)-first, c.aacFrames)
		})
	}
}

// Audio frames per segment over one cycle, 48 kHz AAC-LC, in the order they come from the epoch.
func TestAudioFramesPerSegment(t *testing.T) {
	r := func(num, den int64) tick.Rate { return tick.Rate{Num: num, Den: den} }
	for _, c := range []struct {
		name   string
		g      tick.Grid
		cycle  int
		counts []int64 // the first segments' counts
		total  int64   // over the cycle
	}{
		{"25 at 1.92 s", grid(r(25, 1), 48), 1, []int64{90}, 90},
		{"50 at 3.84 s", grid(r(50, 1), 192), 1, []int64{180}, 180},
		{"25 at 2 s", grid(r(25, 1), 50), 4, []int64{94, 94, 94, 93}, 375},
		{"60 at 2 s", grid(r(60, 1), 120), 4, []int64{94, 94, 94, 93}, 375},
		{"30 at 4 s", grid(r(30, 1), 120), 2, []int64{188, 187}, 375},
		{"25 at 6 s", grid(r(25, 1), 150), 4, []int64{282, 281, 281, 281}, 1125},
		{"25 at 8 s", grid(r(25, 1), 200), 1, []int64{375}, 375},
		{"30 at 1.6 s", grid(r(30, 1), 48), 1, []int64{75}, 75},
		{"24 at 2.667 s", grid(r(24, 1), 64), 1, []int64{125}, 125},
		{"29.97 at 2.002 s", grid(r(30000, 1001), 60), 32, nil, 3003},
		{"29.97 at 6.006 s", grid(r(30000, 1001), 180), 32, nil, 9009},
		{"29.97 at 5.339 s", grid(r(30000, 1001), 160), 4, []int64{251, 250, 250, 250}, 1001},
		{"59.94 at 5.339 s", grid(r(60000, 1001), 320), 4, []int64{251, 250, 250, 250}, 1001},
		{"23.976 at 5.339 s", grid(r(24000, 1001), 128), 4, []int64{251, 250, 250, 250}, 1001},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []int64
			for k := range int64(2 * c.cycle) {
				got = append(got, aac48.First(c.g, k+1)-aac48.First(c.g, k))
			}
			if c.counts != nil && !slices.Equal(got[:len(c.counts)], c.counts) {
				t.Errorf("pattern %v, want %v", got[:len(c.counts)], c.counts)
			}
			if !slices.Equal(got[:c.cycle], got[c.cycle:]) {
				t.Errorf("does not repeat after %d segments: %v", c.cycle, got)
			}
			total := int64(0)
			for _, n := range got[:c.cycle] {
				total += n
			}
			equal(t, "frames in a cycle", total, c.total)
			equal(t, "cycle", aac48.At(total), tick.Tick(c.cycle)*c.g.T)
			for k := range int64(c.cycle) {
				if late := aac48.At(aac48.First(c.g, k)) - c.g.Start(k); late < 0 || late >= aac48.Frame() {
					t.Errorf("segment %d: audio starts %d ticks after the boundary", k, late)
				}
			}
		})
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
