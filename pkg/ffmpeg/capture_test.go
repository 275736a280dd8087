package ffmpeg_test

import (
	"testing"

	"onair/pkg/ffmpeg"
	"onair/pkg/ladder"
)

// TestCaptures runs what encoders in the field made: each frame must lie on the grid, whatever the source does.
func TestCaptures(t *testing.T) {
	for _, c := range []struct {
		file   string
		rate   string
		frames int // at least so many must come
		sound  int
	}{
		{"dvbt-arte-hls-1080i25-h264-4xeac3-dvbsub/test-089.000000.ts", "25", 80, 100},
		{"mpeg2-576i25-mp2.ts", "25", 55, 100},
		{"no-pcr-pid1fff-576p25-h264-aac.ts", "25", 295, 540},
		{"ac3-576-h264-seg0.ts", "50", 90, 80},
		{"hevc-main10-360p30-video-only.ts", "30", 350, 0},
		{"hevc-obs-360p30-aac.ts", "30", 55, 85},
		{"missing-dts-1080p60.ts", "60", 115, 0},
		{"portrait-720x1280.ts", "30", 25, 0},
		{"avsync-flash-beep-720p30-aac.ts", "30", 890, 1380},
		{"cea608-cea708-bbb-2398-heaac.ts", "24000/1001", 680, 1330},
		{"scte35-80s-splice-insert-no-cuei.ts", "25", 1990, 3700},
	} {
		t.Run(c.file, func(t *testing.T) {
			ts := media(t, c.file)
			src := probe(t, ts)
			w, h := ladder.Fit(ladder.Rendition{Width: 320, Height: 320}, src.Video.Width, src.Video.Height, src.Video.SARNum,
				src.Video.SARDen)
			renditions := []ladder.Rendition{{Name: "v", Kind: ladder.Video, Width: w, Height: h, Bitrate: 300_000}}
			if c.sound > 0 {
				renditions = append(renditions, ladder.Rendition{Name: "a", Kind: ladder.Audio})
			}
			ch := channel(t, c.rate, renditions...)
			plan, feed, at := planned(t, ts, ch, ch.Grid.Rate.NextSlot(epoch))
			res := run(t, plan, whole(feed))
			if res.err != nil {
				t.Fatalf("%v\n%s", res.err, res.stderr)
			}
			checkGrid(t, res, "v", ch, at)
			if n := len(res.frames["v"]); n < c.frames || n > 2*c.frames {
				t.Errorf("%d pictures, want at least %d", n, c.frames)
			}
			for i, f := range res.frames["a"] {
				if want := res.frames["a"][0].PTS + int64(i)*1024; f.PTS != want {
					t.Fatalf("sound frame %d: PTS %d, want %d", i, f.PTS, want)
				}
			}
			if n := len(res.frames["a"]); n < c.sound {
				t.Errorf("%d frames of sound, want at least %d", n, c.sound)
			}
		})
	}
}

// checkGrid wants every frame of a video rendition at its slot, with key frames where the channel's grid has them.
func checkGrid(t *testing.T, res result, name string, ch ffmpeg.Channel, at ffmpeg.Interval) {
	t.Helper()
	scale, first, wrong := int64(res.heads[name].Timescale), ch.Grid.Rate.Slot(at.Start), 0
	for i, f := range res.frames[name] {
		slot := first + int64(i)
		want := (ch.Grid.Rate.At(slot) - at.Base).Units(scale)
		key := i == 0 || slot%ch.Grid.GOP == 0
		if f.DTS != want || f.Sync != key || key && f.PTS != f.DTS {
			if wrong++; wrong < 4 {
				t.Errorf("%s frame %d: DTS %d PTS %d key %t; want DTS %d key %t", name, i, f.DTS, f.PTS, f.Sync, want, key)
			}
		}
	}
}
