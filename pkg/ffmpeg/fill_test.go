package ffmpeg_test

import (
	"fmt"
	"testing"

	"onair/pkg/ffmpeg"
	"onair/pkg/ladder"
)

// TestLateSoundIsPrecededBySilence feeds sound that begins 1.2 s after the run's start, at every sample rate: the rendition
// begins with the run all the same.
func TestLateSoundIsPrecededBySilence(t *testing.T) {
	for _, rate := range []int{48_000, 44_100, 32_000} {
		t.Run(fmt.Sprint(rate, " Hz"), func(t *testing.T) {
			name := fmt.Sprint("sound only at ", rate)
			recipes[name] = fmt.Sprintf("-f lavfi -i sine=f=440:r=%d:d=6 -c:a mp2 -ac 2", rate)
			ts := source(t, name)
			ch := channel(t, "25", ladder.Rendition{Name: "a1", Kind: ladder.Audio})
			src := probe(t, ts)
			at := ffmpeg.Interval{Start: ch.Grid.Rate.At(ch.Grid.Rate.NextSlot(epoch)), Fill: true}
			at.Base = ffmpeg.Base(at.Start, ch.Grid, ch.Audio)
			plan, err := ffmpeg.NewPlan(src, ch, at)
			if err != nil {
				t.Fatal(err)
			}
			late := (at.Start - at.Base).Round(90_000) + 108_000
			res := run(t, plan, whole(moved(ts, late-firstPTS(ts, src.Audio[0].PID))))
			frames := res.frames["a1"]
			if res.err != nil || len(frames) < 320 {
				t.Fatalf("%v, %d frames\n%s", res.err, len(frames), res.stderr)
			}
			need := (ch.Audio.At(ch.Audio.Next(at.Start)) - at.Base).Units(48_000)
			if got := frames[0].PTS; got > need-2*1024 || got < need-6*1024 {
				t.Errorf("the first frame is at %d, want some frames before %d", got, need)
			}
			for i, f := range frames {
				if want := frames[0].PTS + int64(i)*1024; f.PTS != want || f.PTS%1024 != 0 {
					t.Fatalf("frame %d at %d, want %d, a multiple of 1024", i, f.PTS, want)
				}
			}
		})
	}
}
