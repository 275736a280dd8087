package packager_test

import (
	"slices"
	"testing"
	"time"

	"onair/pipeline/packager"
	"onair/pkg/fmp4"
	"onair/pkg/tick"
)

var aac = tick.Audio{Rate: 48_000, Samples: 1024}

func audioConfig(frames int64, rate tick.Rate) packager.CutterConfig {
	g := tick.Grid{Rate: rate, Frames: frames, GOP: frames, T: tick.Tick(frames) * rate.Frame()}
	return packager.CutterConfig{Rendition: "a1", Grid: g, Audio: aac, Timescale: 48_000}
}

// sound is an audio frame as a run delivers it: never a sync flag that anybody could rely on.
func sound(run int, n int64) packager.Frame {
	return packager.Frame{Run: run, DTS: aac.At(n), PTS: aac.At(n), Data: []byte{byte(run)}}
}

// push pushes audio frames [from, to).
func pushSound(t *testing.T, c *packager.Cutter, run int, from, to int64) (segs []packager.Segment) {
	t.Helper()
	for n := from; n < to; n++ {
		out, err := c.Push(sound(run, n))
		if err != nil {
			t.Fatal(err)
		}
		segs = append(segs, out...)
	}
	return segs
}

func newCutter(t testing.TB, cfg packager.CutterConfig) *packager.Cutter {
	t.Helper()
	c, err := packager.NewCutter(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAudioPattern(t *testing.T) {
	for _, v := range []struct {
		name   string
		frames int64
		rate   tick.Rate
		want   []int // audio frames in the segments from a K that is a multiple of the cycle
	}{
		{"25 fps, 4 s", 100, rate, []int{188, 187, 188, 187}},
		{"25 fps, 2 s", 50, rate, []int{94, 94, 94, 93, 94, 94, 94, 93}},
		{"25 fps, 1.92 s", 48, rate, []int{90, 90, 90}},
		{"25 fps, 6 s", 150, rate, []int{282, 281, 281, 281}},
		{"23.976 fps, 5.34 s", 128, tick.Rate{Num: 24000, Den: 1001}, []int{251, 250, 250, 250}},
		{"29.97 fps, 160 frames", 160, tick.Rate{Num: 30000, Den: 1001}, []int{251, 250, 250, 250}},
	} {
		t.Run(v.name, func(t *testing.T) {
			cfg := audioConfig(v.frames, v.rate)
			k := int64(300_000_000) / int64(len(v.want)) * int64(len(v.want))
			c := newCutter(t, cfg)
			c.Take(1, cfg.Grid.Start(k))
			first := aac.First(cfg.Grid, k)
			segs := pushSound(t, c, 1, first-3, aac.First(cfg.Grid, k+int64(len(v.want)))) // three frames of priming
			var got []int
			for i, s := range segs {
				got = append(got, len(s.Samples))
				if s.K != k+int64(i) || s.Start != aac.At(aac.First(cfg.Grid, s.K)) || s.Start < cfg.Grid.Start(s.K) ||
					s.Start-cfg.Grid.Start(s.K) >= aac.Frame() || s.End != aac.At(aac.First(cfg.Grid, s.K+1)) {
					t.Errorf("segment %d lasts from %d to %d", s.K, s.Start, s.End)
				}
				for _, x := range s.Samples {
					if x.Duration != 1024 || x.CTO != 0 || !x.Sync {
						t.Errorf("sample %+v", x)
					}
				}
			}
			if !slices.Equal(got, v.want) || c.Stats().Early != 3 {
				t.Errorf("got %v, want %v; %+v", got, v.want, c.Stats())
			}
		})
	}
}

func TestAudioHandOver(t *testing.T) {
	cfg := audioConfig(100, rate)
	k := int64(446_250_000)
	a, b, end := aac.First(cfg.Grid, k), aac.First(cfg.Grid, k+1), aac.First(cfg.Grid, k+2)
	runs := func(s packager.Segment) (n [3]int) {
		for _, x := range s.Samples {
			n[x.Data[0]]++
		}
		return n
	}
	t.Run("planned, with priming", func(t *testing.T) {
		c := newCutter(t, cfg)
		c.Take(1, cfg.Grid.Start(k))
		pushSound(t, c, 1, a-2, b-10)
		c.Take(2, cfg.Grid.Start(k+1))
		pushSound(t, c, 2, b-2, b+20)
		segs := pushSound(t, c, 1, b-10, b+2)
		segs = append(segs, pushSound(t, c, 2, b+20, end)...)
		if len(segs) != 2 || runs(segs[0]) != [3]int{0, 188, 0} || runs(segs[1]) != [3]int{0, 0, 187} {
			t.Fatalf("%d segments", len(segs))
		}
	})
	t.Run("inside a segment, at a time between two frames", func(t *testing.T) {
		c := newCutter(t, cfg)
		c.Take(1, cfg.Grid.Start(k))
		pushSound(t, c, 1, a-2, a+50)
		c.Done(1)
		c.Take(2, aac.At(a+49)+1) // a picture's slot: the first audio frame at or after it is a+50
		if c.Next() != aac.At(a+50) {
			t.Errorf("next %d", c.Next())
		}
		segs := pushSound(t, c, 2, a+47, b)
		if len(segs) != 1 || runs(segs[0]) != [3]int{0, 50, 138} || c.Stats().Early != 5 {
			t.Fatalf("%d segments, %+v", len(segs), c.Stats())
		}
	})
	t.Run("crash, from a segment before", func(t *testing.T) {
		c := newCutter(t, cfg)
		c.Take(1, cfg.Grid.Start(k))
		segs := pushSound(t, c, 1, a, b+9)
		c.Done(1)
		c.Take(2, cfg.Grid.Start(k)) // video is further behind
		segs = append(segs, pushSound(t, c, 2, a-2, end)...)
		if len(segs) != 2 || runs(segs[0]) != [3]int{0, 188, 0} || runs(segs[1]) != [3]int{0, 0, 187} {
			t.Fatalf("%d segments", len(segs))
		}
	})
}

func TestAudioOnlyChannel(t *testing.T) {
	cfg := packager.CutterConfig{Rendition: "a1", Grid: tick.Grid{T: 4 * tick.Second}, Audio: aac, Timescale: 48_000}
	c := newCutter(t, cfg)
	k := int64(446_250_001)
	c.Take(1, cfg.Grid.Start(k))
	segs := pushSound(t, c, 1, aac.First(cfg.Grid, k), aac.First(cfg.Grid, k+2))
	if len(segs) != 2 || len(segs[0].Samples) != 187 || len(segs[1].Samples) != 188 {
		t.Fatalf("%d segments", len(segs))
	}
}

// vectors are for the instant 1 785 000 000 (2026-07-25T17:20:00Z): what every pipeline in the world must agree on.
var vectors = []struct {
	rate          tick.Rate
	n, k          int64
	tfdt          int64 // in units of 1/rate.Num s
	date          string
	pts33         int64
	sample, count int64 // first audio sample, audio frames
}{
	{tick.Rate{Num: 25, Den: 1}, 50, 892_500_000, 44_625_000_000, "17:20:00.000", 1_043_260_416, 85_680_000_000_000, 94},
	{tick.Rate{Num: 25, Den: 1}, 48, 929_687_500, 44_625_000_000, "17:20:00.000", 1_043_260_416, 85_680_000_000_000, 90},
	{tick.Rate{Num: 50, Den: 1}, 96, 929_687_500, 89_250_000_000, "17:20:00.000", 1_043_260_416, 85_680_000_000_000, 90},
	{tick.Rate{Num: 24, Den: 1}, 96, 446_250_000, 42_840_000_000, "17:20:00.000", 1_043_260_416, 85_680_000_000_000, 188},
	{tick.Rate{Num: 30000, Den: 1001}, 60, 891_608_391, 53_549_999_963_460, "17:19:58.782", 1_043_150_796, 85_679_999_941_632, 94},
	{tick.Rate{Num: 60000, Den: 1001}, 120, 891_608_391, 107_099_999_926_920, "17:19:58.782", 1_043_150_796, 85_679_999_941_632, 94},
	{tick.Rate{Num: 30000, Den: 1001}, 180, 297_202_797, 53_549_999_963_460, "17:19:58.782", 1_043_150_796, 85_679_999_941_632, 282},
	{tick.Rate{Num: 24000, Den: 1001}, 128, 334_353_146, 42_839_999_890_688, "17:19:55.445", 1_042_850_496, 85_679_999_781_888, 250},
}

func TestSegmentsOfTheEpochGrid(t *testing.T) {
	now := tick.FromTime(time.Unix(1_785_000_000, 0))
	for _, v := range vectors {
		t.Run(v.rate.String()+"/"+time.Duration(v.n).String(), func(t *testing.T) {
			cfg := audioConfig(v.n, v.rate)
			k := cfg.Grid.K(now)
			if k != v.k {
				t.Fatalf("K %d, want %d", k, v.k)
			}
			video := cfg
			video.Video, video.Timescale = true, v.rate.Timescale()
			info, seg := oneSegment(t, video, k)
			if got := seg.Start.Units(v.rate.Num); got != v.tfdt {
				t.Errorf("starts at %d, want %d", got, v.tfdt)
			}
			if got := int64(info.BaseTime); tick.FromUnits(got, video.Timescale) != seg.Start {
				t.Errorf("tfdt %d is not %d ticks", got, seg.Start)
			}
			if v.rate.Den == 1001 && int64(info.BaseTime) != v.tfdt {
				t.Errorf("tfdt %d, want %d", info.BaseTime, v.tfdt)
			}
			if got := time.UnixMilli(seg.Start.FloorMs()).UTC().Format("15:04:05.000"); got != v.date {
				t.Errorf("date %s, want %s", got, v.date)
			}
			if got := seg.Start.Units(90_000) & (1<<33 - 1); got != v.pts33 {
				t.Errorf("90 kHz time %d, want %d", got, v.pts33)
			}
			if len(seg.Samples) != int(v.n) || info.Sequence != uint32(k) {
				t.Errorf("%d samples, sequence %d", len(seg.Samples), info.Sequence)
			}
			info, seg = oneSegment(t, cfg, k)
			if int64(info.BaseTime) != v.sample || int64(len(seg.Samples)) != v.count {
				t.Errorf("audio: tfdt %d, %d frames, want %d, %d", info.BaseTime, len(seg.Samples), v.sample, v.count)
			}
		})
	}
}

// oneSegment cuts and writes segment k of one run.
func oneSegment(t *testing.T, cfg packager.CutterConfig, k int64) (fmp4.SegmentInfo, packager.Segment) {
	t.Helper()
	c := newCutter(t, cfg)
	c.Take(1, cfg.Grid.Start(k))
	for {
		at := c.Next()
		segs, err := c.Push(packager.Frame{Run: 1, DTS: at, PTS: at, Sync: true, Data: []byte{1, 2, 3}})
		if err != nil {
			t.Fatal(err)
		}
		if len(segs) == 0 {
			continue
		}
		b, err := packager.Marshal(segs[0], cfg.Timescale)
		if err != nil {
			t.Fatal(err)
		}
		info, err := fmp4.ParseSegment(b)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.End(); tick.FromUnits(int64(got), cfg.Timescale) != segs[0].End {
			t.Errorf("ends at %d, want %d", got, segs[0].End)
		}
		return info, segs[0]
	}
}

func TestMarshal(t *testing.T) {
	seg := packager.Segment{
		Rendition: "v", K: 1<<32 + 5, Start: tick.FromTime(time.Unix(1_785_000_000, 0)),
		Samples: []fmp4.Sample{{Duration: 3600, Sync: true, Data: []byte{1}}},
	}
	b, err := packager.Marshal(seg, 90_000)
	if err != nil {
		t.Fatal(err)
	}
	info, err := fmp4.ParseSegment(b)
	if err != nil {
		t.Fatal(err)
	}
	want := fmp4.Prft{Flags: 24, NTP: (1_785_000_000 + 2_208_988_800) << 32, MediaTime: 160_650_000_000_000}
	if info.Sequence != 5 || info.BaseTime != want.MediaTime || *info.Prft != want || !slices.Equal(info.Brands, []string{"msdh", "cmfs"}) {
		t.Errorf("got %+v, prft %+v", info, info.Prft)
	}
	seg.Slate = true
	b, _ = packager.Marshal(seg, 90_000)
	if info, _ := fmp4.ParseSegment(b); !slices.Equal(info.Brands, []string{"msdh", "cmfs", "slat"}) {
		t.Errorf("slate's brands are %v", info.Brands)
	}
	seg.Samples = nil
	if _, err := packager.Marshal(seg, 90_000); err == nil {
		t.Error("no samples: no error")
	}
	if _, err := packager.Marshal(seg, 0); err == nil {
		t.Error("no timescale: no error")
	}
}
