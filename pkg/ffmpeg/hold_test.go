package ffmpeg_test

import (
	"slices"
	"testing"

	"onair/pkg/ffmpeg"
	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// TestTheLastPictureIsHeld feeds a source to its end and encodes a second of time after it: as many frames as it has, from
// the start on, all of them the last picture, in every kind of source.
func TestTheLastPictureIsHeld(t *testing.T) {
	for _, c := range []struct{ source, rate string }{{"25p", "25"}, {"576i mpeg2", "25"}, {"29.97i", "30000/1001"}, {"25p", "50"}} {
		t.Run(c.source+" at "+c.rate, func(t *testing.T) {
			ch := channel(t, c.rate, ladder.Rendition{Name: "v180", Kind: ladder.Video, Width: 320, Height: 180, Bitrate: 300_000})
			ts := source(t, c.source)
			slot := ch.Grid.Rate.NextSlot(epoch)
			_, feed, before := planned(t, ts, ch, slot)
			at := ffmpeg.Interval{
				Start: ch.Grid.Rate.At(slot + 40*ch.Grid.Rate.Num/ch.Grid.Rate.Den), Hold: tick.Second, From: before.Start,
			}
			at.Base = ffmpeg.Base(before.Start, ch.Grid, ch.Audio)
			plan, err := ffmpeg.NewPlan(probe(t, ts), ch, at)
			if err != nil {
				t.Fatal(err)
			}
			feed = moved(feed, (before.Base - at.Base).Round(90_000))
			res := run(t, plan, whole(feed))
			if res.err != nil {
				t.Fatal(res.err, res.stderr)
			}
			want := int(ch.Grid.Rate.Slot(tick.Second))
			for _, r := range ch.Renditions {
				frames, scale := res.frames[r.Name], int64(res.heads[r.Name].Timescale)
				if len(frames) != want {
					t.Fatalf("%s: %d frames, want %d\n%s", r.Name, len(frames), want, res.stderr)
				}
				if first := at.Base + tick.FromUnits(frames[0].DTS, scale); first != at.Start || !frames[0].Sync {
					t.Errorf("%s: the first frame lies %v after the start, key %t", r.Name, (first - at.Start).Duration(), frames[0].Sync)
				}
				checkKeys(t, r.Name, frames, ch.Grid, ch.Grid.Rate.Slot(at.Start))
				var sizes []int // of what a picture differs by from the one before
				for _, f := range frames[1:] {
					if !f.Sync {
						sizes = append(sizes, len(f.Data))
					}
				}
				slices.Sort(sizes)
				if typical := sizes[len(sizes)/2]; typical > len(frames[0].Data)/20 {
					t.Errorf("%s: %d bytes a frame after a key frame of %d: the picture does not stand still", r.Name, typical,
						len(frames[0].Data))
				}
			}
		})
	}
}

// A track that does not come is replaced by silence, not by another one.
func TestAnAbsentTrackIsSilence(t *testing.T) {
	src := ffmpeg.Source{
		Video: &ffmpeg.Video{Codec: "h264", Width: 640, Height: 360, SARNum: 1, SARDen: 1}, VideoPID: 256,
		Audio: []ffmpeg.AudioTrack{{PID: 257, Language: "eng", Absent: true}, {PID: 258, Language: "deu"}},
	}
	ch := channel(t, "25",
		ladder.Rendition{Name: "en", Kind: ladder.Audio, Language: "eng"}, ladder.Rendition{Name: "de", Kind: ladder.Audio, Language: "deu"})
	at := ffmpeg.Interval{Start: ch.Grid.Rate.At(ch.Grid.Rate.NextSlot(epoch))}
	at.Base = ffmpeg.Base(at.Start, ch.Grid, ch.Audio)
	plan, err := ffmpeg.NewPlan(src, ch, at)
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint16{256, 258}; !plan.Silence || len(plan.PIDs) != 2 || plan.PIDs[0] != want[0] || plan.PIDs[1] != want[1] {
		t.Fatalf("silence %t, tracks %v", plan.Silence, plan.PIDs)
	}
}
