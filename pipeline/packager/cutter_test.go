package packager_test

import (
	"fmt"
	"slices"
	"testing"

	"onair/pipeline/packager"
	"onair/pkg/tick"
)

func TestCutter(t *testing.T) {
	type stats = packager.CutterStats
	for _, c := range []struct {
		name, script string
		want         string // segments, and for each of their four frames the run that it comes from
		faults       string
		next         int64 // slot expected at the end
		stats        stats
	}{
		// Start
		{"a run from a boundary", "take 1 0; run 1 0-9", "0:1111 1:1111", "", 10, stats{Frames: 10}},
		{"a run from inside a segment begins with the next one", "take 1 2; run 1 2-11", "1:1111 2:1111", "", 12,
			stats{Frames: 8, Late: 2}},
		{"pre-roll of the first run", "take 1 4; run 1 1-7", "1:1111", "", 8, stats{Frames: 4, Early: 3}},
		{"frames of a run without a turn", "run 7 0-3; take 1 0; run 7 0-3; run 1 0-3", "0:1111", "", 4,
			stats{Frames: 4, Unclaimed: 8}},

		// Planned hand-over
		{"at a boundary", "take 1 0; run 1 0-5; take 2 8; run 1 6-7; run 2 8-11", "0:1111 1:1111 2:2222", "", 12,
			stats{Frames: 12}},
		{"the new run is ahead of the old one", "take 1 0; run 1 0-3; take 2 8; run 2 8-13; run 1 4-7; run 2 14-15",
			"0:1111 1:1111 2:2222 3:2222", "", 16, stats{Frames: 16}},
		{"the new run has whole segments ready", "take 1 0; run 1 0-3; take 2 8; run 2 8-16; run 1 4-7",
			"0:1111 1:1111 2:2222 3:2222", "", 17, stats{Frames: 17}},
		{"the old run overlaps", "take 1 0; run 1 0-7; take 2 8; run 1 8-10; run 2 8-11; run 1 11-12",
			"0:1111 1:1111 2:2222", "", 12, stats{Frames: 12, Unclaimed: 5}},
		{"the old run overlaps before the new one begins", "take 1 0; run 1 0-6; take 2 8; run 1 7-9; run 2 8-11",
			"0:1111 1:1111 2:2222", "", 12, stats{Frames: 12, Unclaimed: 2}},
		{"the new run brings frames from before its turn", "take 1 0; run 1 0-5; take 2 8; run 2 3-8; run 1 6-7; run 2 9-11",
			"0:1111 1:1111 2:2222", "", 12, stats{Frames: 12, Early: 5}},
		{"told in the past", "take 1 0; run 1 0-5; take 2 4; run 2 4-7", "0:1111 1:2222", "", 8, stats{Frames: 10}},
		{"called off", "take 1 0; run 1 0-3; take 2 8; run 2 8-9; take 1 4; run 1 4-11; run 2 10-11",
			"0:1111 1:1111 2:1111", "", 12, stats{Frames: 12, Unclaimed: 4}},
		{"moved to an earlier run", "take 1 0; run 1 0-3; take 2 8; run 2 8-9; take 3 8; run 3 8-11; run 1 4-7; run 2 10",
			"0:1111 1:1111 2:3333", "", 12, stats{Frames: 12, Unclaimed: 3}},
		{"and back to the run before", "take 1 0; run 1 0-3; take 2 4; run 2 4-7; take 1 8; run 1 8-11",
			"0:1111 1:2222 2:1111", "", 12, stats{Frames: 12}},
		{"the old run never finishes: it ends", "take 1 0; run 1 0-5; take 2 8; run 2 7; done 1; run 2 8-11",
			"0:1111 2:2222", "hole", 12, stats{Frames: 10, Early: 1, Holes: 1, Abandoned: 1}},
		{"the old run never finishes: it goes on behind its end", "take 1 0; run 1 0-5; take 2 8; run 2 8-9; run 1 8; run 2 10-11",
			"0:1111 2:2222", "hole", 12, stats{Frames: 10, Late: 1, Holes: 1, Abandoned: 1}},
		{"the old run never finishes: it hangs", "take 1 0; run 1 0-5; take 2 8; run 2 8-512",
			"", "ahead", 513, stats{Frames: 511, Holes: 1, Abandoned: 1}},

		// Encoder died
		{"again from the start of the unfinished segment", "take 1 0; run 1 0-5; done 1; take 2 4; run 2 4-11",
			"0:1111 1:2222 2:2222", "", 12, stats{Frames: 14}},
		{"again from a segment that this rendition has emitted", "take 1 0; run 1 0-9; done 1; take 2 4; run 2 4-11",
			"0:1111 1:1111 2:2222", "", 12, stats{Frames: 14, Late: 0, Early: 4}},
		{"again when nothing of the segment was there", "take 1 0; run 1 0-7; done 1; take 2 8; run 2 8-11",
			"0:1111 1:1111 2:2222", "", 12, stats{Frames: 12}},
		{"again from a segment before any was emitted", "take 1 4; run 1 4-6; done 1; take 2 0; run 2 0-7",
			"0:2222 1:2222", "", 8, stats{Frames: 11}},
		{"what the dead run left in its pipe", "take 1 0; run 1 0-4; take 2 4; run 1 5-7; run 2 4-6; run 1 8; run 2 7",
			"0:1111 1:2222", "", 8, stats{Frames: 9, Unclaimed: 4}},
		{"the new run dies as well", "take 1 0; run 1 0-5; done 1; take 2 4; run 2 4-6; done 2; take 3 4; run 3 4-7",
			"0:1111 1:3333", "", 8, stats{Frames: 13}},
		{"while a hand-over is pending", "take 1 0; run 1 0-5; take 2 8; run 2 8-9; done 1; take 3 4; run 2 10-11; run 3 4-11",
			"0:1111 1:3333 2:3333", "", 12, stats{Frames: 14, Unclaimed: 4}},
		{"after the new run of a pending hand-over has died", "take 1 0; run 1 0-4; take 2 8; run 2 8-9; done 2; take 3 8; run 1 5-7; run 3 8-11",
			"0:1111 1:1111 2:3333", "", 12, stats{Frames: 12, Unclaimed: 2}},

		// Input lost: the old run flushes, the new one begins inside the segment
		{"at the very next slot", "take 1 0; run 1 0-5; done 1; take 2 6; run 2 6-11", "0:1111 1:1122 2:2222", "", 12,
			stats{Frames: 12}},
		{"known before the old run has flushed", "take 1 0; run 1 0-3; take 2 6; run 2 6-7; run 1 4-5; done 1; run 2 8-11",
			"0:1111 1:1122 2:2222", "", 12, stats{Frames: 12}},
		{"twice in one segment", "take 1 0; run 1 0-4; take 2 5; run 2 5; take 3 6; run 3 6-7", "0:1111 1:1233", "", 8,
			stats{Frames: 8}},
		{"twice, all frames there before the first turn", "take 1 0; take 2 5; take 3 6; run 3 6-8; run 2 5-6; run 1 0-4",
			"0:1111 1:1233", "", 9, stats{Frames: 9, Late: 1}},
		{"the new run dies before it filled the segment", "take 1 0; run 1 0-5; take 2 6; run 2 6; done 2; take 3 6; run 3 6-7",
			"0:1111 1:1133", "", 8, stats{Frames: 9}},
		{"the new run dies and the segment is made anew", "take 1 0; run 1 0-5; take 2 6; run 2 6; done 2; take 3 4; run 3 4-7",
			"0:1111 1:3333", "", 8, stats{Frames: 11}},
		{"the new run cannot begin at once", "take 1 0; run 1 0-5; done 1; take 2 7; run 2 7-11", "0:1111 2:2222", "", 12,
			stats{Frames: 10, Late: 1, Holes: 1, Abandoned: 1}},
		{"the new run begins much later", "take 1 0; run 1 0-5; done 1; take 2 18; run 2 18-23", "0:1111 5:2222", "", 24,
			stats{Frames: 10, Late: 2, Holes: 1, Abandoned: 4}},
		{"back inside the new run's part", "take 1 0; run 1 0-4; take 2 5; run 2 5-6; take 3 6; run 3 6-7", "0:1111 1:1233", "", 8,
			stats{Frames: 9}},

		// Several pending hand-overs
		{"frames in reverse", "take 1 0; take 2 4; take 3 8; run 3 8-11; run 2 4-7; run 1 0-3", "0:1111 1:2222 2:3333", "", 12,
			stats{Frames: 12}},
		{"a run that is skipped", "take 1 0; take 2 4; take 3 8; run 3 8-11; run 1 0-3; done 2; run 3 12", "0:1111 2:3333", "hole", 13,
			stats{Frames: 9, Holes: 1, Abandoned: 1}},
		{"an earlier one takes the place of all later", "take 1 0; take 2 8; take 3 12; run 2 8-9; run 3 12; run 1 0-3; take 4 4; run 4 4-15",
			"0:1111 1:4444 2:4444 3:4444", "", 16, stats{Frames: 16, Unclaimed: 3}},
		{"one in the middle cuts what waits", "take 1 0; take 2 4; run 2 4-9; take 3 8; run 3 8-11; run 1 0-3", "0:1111 1:2222 2:3333",
			"", 12, stats{Frames: 12, Late: 2}},

		// Holes
		{"one frame missing", "take 1 0; run 1 0-4; run 1 6-11", "0:1111 2:1111", "hole", 12,
			stats{Frames: 9, Late: 2, Holes: 1, Abandoned: 1}},
		{"the first frame of a segment missing", "take 1 0; run 1 0-3; run 1 5-11", "0:1111 2:1111", "hole", 12,
			stats{Frames: 8, Late: 3, Holes: 1, Abandoned: 1}},
		{"a whole segment missing", "take 1 0; run 1 0-3; run 1 8-11", "0:1111 2:1111", "hole", 12,
			stats{Frames: 8, Holes: 1, Abandoned: 1}},
		{"several segments missing", "take 1 0; run 1 0-5; run 1 17-23", "0:1111 5:1111", "hole", 24,
			stats{Frames: 10, Late: 3, Holes: 1, Abandoned: 4}},
		{"into the next run's turn", "take 1 0; run 1 0-4; take 2 6; run 1 6; run 2 6-11", "0:1111 2:2222", "hole", 12,
			stats{Frames: 9, Late: 3, Holes: 1, Abandoned: 1}},
		{"filled by a new run after all", "take 1 0; run 1 0-3; run 1 5; take 2 4; run 2 4-7", "0:1111 1:2222", "hole", 8,
			stats{Frames: 8, Late: 1, Holes: 1, Abandoned: 1}},
		{"a time that makes no sense", "take 1 0; run 1 0-4; run 1 90000; run 1 5-7", "0:1111 1:1111", "hole", 8,
			stats{Frames: 8, Late: 1}},
		{"a jump that lasts", "take 1 0; run 1 0-3; run 1 1000-1003; run 1 1004-1007", "0:1111 251:1111", "hole hole", 1008,
			stats{Frames: 8, Late: 4, Holes: 1, Abandoned: 250}},
		{"a waiting frame whose time makes no sense", "take 1 0; take 2 4; run 2 90000; run 2 4-7; run 1 0-3", "0:1111 1:2222", "hole", 8,
			stats{Frames: 8, Late: 1}},

		// What is not wanted
		{"a frame twice", "take 1 0; run 1 0-2; run 1 2-3", "0:1111", "", 4, stats{Frames: 4, Late: 1}},
		{"a segment without a key frame", "take 1 0; run 1 0-3; delta 1 4; run 1 5-11", "0:1111 2:1111", "key", 12,
			stats{Frames: 8, Late: 4, Holes: 1, Abandoned: 1}},
		{"a run that takes over without a key frame", "take 1 0; run 1 0-4; take 2 5; delta 2 5; run 2 6-11", "0:1111 2:2222", "key", 12,
			stats{Frames: 9, Late: 3, Holes: 1, Abandoned: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, config)
			r.do(c.script)
			got, segs := r.emitted(), len(r.segs)
			if c.want == "" { // too long to write out: complete from segment 2 on
				segs--
				for i, s := range r.segs[1:] {
					if s.K-base/4 != int64(i+2) {
						t.Errorf("segment %d follows %d", s.K, r.segs[i].K)
					}
				}
			} else if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if r.faults() != c.faults {
				t.Errorf("faults %q, want %q: %v", r.faults(), c.faults, r.errs)
			}
			if r.c.Next() != r.at(c.next) {
				t.Errorf("next is %d, want %d", int64(r.c.Next()/r.frame)-base, c.next)
			}
			c.stats.Segments = uint64(len(r.segs))
			if got := r.c.Stats(); got != c.stats {
				t.Errorf("stats\n got %+v\nwant %+v", got, c.stats)
			}
			if segs > 0 && r.c.Emitted() != r.segs[len(r.segs)-1].K {
				t.Errorf("emitted %d", r.c.Emitted())
			}
		})
	}
}

func TestCutterBeforeTheFirstTake(t *testing.T) {
	r := newRig(t, config)
	if r.c.Next() != 0 || r.c.Emitted() != packager.None {
		t.Errorf("next %d, emitted %d", r.c.Next(), r.c.Emitted())
	}
	r.c.Done(1)
}

func TestCutterSnapsToTheGrid(t *testing.T) {
	r := newRig(t, config)
	r.do("take 1 0")
	off := r.frame/2 - 1
	for i, d := range []tick.Tick{off, -off, 0, off} {
		f := r.picture(1, int64(i), i == 0)
		f.DTS += d
		f.PTS -= d
		r.push(f)
	}
	if got := r.emitted(); got != "0:1111" || r.c.Stats().Snapped != 3 {
		t.Errorf("got %s, %+v", got, r.c.Stats())
	}
	for i, s := range r.segs[0].Samples {
		if s.CTO != 0 || s.Duration != 3600 {
			t.Errorf("sample %d: %+v", i, s)
		}
	}
}

func TestCutterKeepsTheReorderingOfPictures(t *testing.T) {
	r := newRig(t, config)
	r.do("take 1 0")
	for dts, pts := range []int64{0, 3, 1, 2, 4, 6, 5, 7} {
		f := r.picture(1, int64(dts), dts%4 == 0)
		f.PTS = r.at(pts)
		r.push(f)
	}
	if got := r.emitted(); got != "0:1111 1:1111" || len(r.errs) > 0 {
		t.Fatalf("got %s, %v", got, r.errs)
	}
	var cto []int32
	for _, s := range r.segs[0].Samples {
		cto = append(cto, s.CTO/3600)
	}
	if !slices.Equal(cto, []int32{0, 2, -1, -1}) {
		t.Errorf("offsets %v", cto)
	}
}

func TestCutterReportsPicturesOutOfTheirSegment(t *testing.T) {
	for name, pts := range map[string][]int64{
		"a picture shown after the segment": {0, 4, 1, 2},
		"two pictures for one slot":         {0, 2, 1, 1},
		"a picture shown before it":         {0, -1, 2, 3},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, config)
			r.do("take 1 0")
			for dts, pts := range pts {
				f := r.picture(1, int64(dts), dts == 0)
				f.PTS = r.at(pts)
				r.push(f)
			}
			if got := r.emitted(); got != "0:1111" || r.faults() != "order" || r.c.Stats().Disorder != 1 {
				t.Errorf("got %s, %v, %+v", got, r.errs, r.c.Stats())
			}
		})
	}
}

func TestCutterWantsTheFirstPictureAtTheStart(t *testing.T) {
	r := newRig(t, config)
	r.do("take 1 0")
	f := r.picture(1, 0, true)
	f.PTS = r.at(2)
	r.push(f)
	r.do("run 1 1-7")
	if got := r.emitted(); got != "1:1111" || r.faults() != "key" {
		t.Errorf("got %s, %v", got, r.errs)
	}
}

func TestSegmentNamesItsRuns(t *testing.T) {
	r := newRig(t, config)
	r.do("take 1 0; run 1 0-4; take 2 5; run 2 5; take 3 6; run 3 6-7")
	if got := fmt.Sprint(r.segs[0].Runs, r.segs[1].Runs); got != "[1] [1 2 3]" {
		t.Errorf("got %s", got)
	}
}

func TestNewCutterRefuses(t *testing.T) {
	good := config
	for name, edit := range map[string]func(*packager.CutterConfig){
		"no timescale":           func(c *packager.CutterConfig) { c.Timescale = 0 },
		"a timescale too coarse": func(c *packager.CutterConfig) { c.Timescale = 90 },
		"90 kHz at 60000/1001": func(c *packager.CutterConfig) {
			c.Grid.Rate = tick.Rate{Num: 60000, Den: 1001}
			c.Grid.T = 4 * c.Grid.Rate.Frame()
		},
		"no rate":                     func(c *packager.CutterConfig) { c.Grid.Rate = tick.Rate{} },
		"no segment length":           func(c *packager.CutterConfig) { c.Grid.T = 0 },
		"a segment of one and a half": func(c *packager.CutterConfig) { c.Grid.T = c.Grid.Rate.Frame() * 3 / 2 },
		"audio without an audio grid": func(c *packager.CutterConfig) { c.Video = false },
		"44.1 kHz audio in 48 000ths": func(c *packager.CutterConfig) {
			c.Video, c.Audio, c.Timescale = false, tick.Audio{Rate: 44100, Samples: 1024}, 48000
			c.Grid.T = 4 * tick.Second
		},
		"audio frames beyond segments": func(c *packager.CutterConfig) {
			c.Video, c.Audio, c.Timescale = false, tick.Audio{Rate: 1, Samples: 1024}, 48000
		},
	} {
		cfg := good
		edit(&cfg)
		if _, err := packager.NewCutter(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
