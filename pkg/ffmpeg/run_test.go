package ffmpeg_test

import (
	"strings"
	"testing"

	"onair/pkg/ffmpeg"
	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// TestRunsKeepTheGrid feeds every kind of source to real runs and checks each frame's time against the channel's grid.
func TestRunsKeepTheGrid(t *testing.T) {
	for _, c := range []struct{ source, rate string }{
		{"25p", "25"}, {"25p", "50"}, {"25p", "30000/1001"},
		{"50p", "50"}, {"50p", "25"},
		{"29.97i", "30000/1001"}, {"29.97i", "60000/1001"},
		{"576i mpeg2", "25"}, {"576i mpeg2", "50"},
		{"hevc wide colour", "25"}, {"hevc hlg", "25"}, {"hevc pq no sound", "50"}, {"hevc pq no sound", "24000/1001"},
		{"sound only", "25"},
	} {
		t.Run(c.source+" at "+c.rate, func(t *testing.T) {
			ch := channel(t, c.rate)
			slot := ch.Grid.Rate.NextSlot(epoch)
			plan, ts, at := planned(t, source(t, c.source), ch, slot)
			feed := whole(ts)
			if plan.Silence {
				feed = whole(withSilence(t, ts))
			}
			res := run(t, plan, feed)
			// A feed that comes all at once may make queues long: that is no fault.
			if res.err != nil || strings.Count(res.stderr, "\n") != strings.Count(res.stderr, "buffers queued") {
				t.Fatalf("%v\n%s\n%v", res.err, res.stderr, plan.Args)
			}
			for _, r := range ch.Renditions {
				if r.Kind == ladder.Video {
					checkVideo(t, res, r.Name, ch, at)
				} else {
					checkAudio(t, res, r.Name, ch, at)
				}
			}
		})
	}
}

// checkVideo wants 6 s of frames, all on the grid.
func checkVideo(t *testing.T, res result, name string, ch ffmpeg.Channel, at ffmpeg.Interval) {
	t.Helper()
	if n, want := len(res.frames[name]), int(ch.Grid.Rate.Slot(6*tick.Second)); n < want-2 || n > want+3 {
		t.Errorf("%s: %d frames of about %d", name, n, want)
	}
	checkGrid(t, res, name, ch, at)
}

func checkAudio(t *testing.T, res result, name string, ch ffmpeg.Channel, at ffmpeg.Interval) {
	t.Helper()
	frames := res.frames[name]
	wrong := 0
	for i, f := range frames {
		if want := frames[0].PTS + int64(i)*1024; f.PTS != want || f.PTS%1024 != 0 {
			if wrong++; wrong < 4 {
				t.Errorf("%s frame %d: PTS %d, want %d, a multiple of 1024", name, i, f.PTS, want)
			}
		}
	}
	if n := len(frames); n < 270 || n > 295 {
		t.Errorf("%s: %d frames of about 282", name, n)
		return
	}
	need := (ch.Audio.At(ch.Audio.Next(at.Start)) - at.Base).Units(48_000)
	if got := frames[0].PTS; got > need-2*1024 {
		t.Errorf("%s: first frame at %d, want at least two frames before %d", name, got, need)
	}
}

// withSilence is ts with the silent track between its packets and in its PMT.
func withSilence(t *testing.T, ts []byte) []byte {
	t.Helper()
	return addTrack(t, ts)
}
