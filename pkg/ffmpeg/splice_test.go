package ffmpeg_test

import (
	"testing"

	"onair/pkg/ffmpeg"
	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// TestSecondRunTakesOver cuts a feed in mid-GOP, lets a second run start from an earlier random access point at the
// very next
// slot, and wants one unbroken row of frames.
func TestSecondRunTakesOver(t *testing.T) {
	for _, c := range []struct{ source, rate string }{{"25p", "25"}, {"576i mpeg2", "25"}, {"29.97i", "30000/1001"},
		{"25p", "50"}} {
		t.Run(c.source+" at "+c.rate, func(t *testing.T) {
			ch := channel(t, c.rate)
			ts := source(t, c.source)
			plan, feed, at := planned(t, ts, ch, ch.Grid.Rate.NextSlot(epoch))
			cut := len(feed) / 188 * 3 / 5 * 188
			for feed[cut+1]&0x5F != 0x41 || feed[cut+2] != 0 { // back to the start of a picture
				cut -= 188
			}
			first := run(t, plan, whole(feed[:cut]))
			if first.err != nil {
				t.Fatal(first.err, first.stderr)
			}
			grid, frames := ch.Grid.Rate, int64(len(first.frames["v360"]))
			next := ffmpeg.Interval{Base: at.Base, Start: at.Start + grid.At(frames)}
			next.Audio = next.Start - tick.Second
			next.Base = ffmpeg.Base(next.Start, ch.Grid, ch.Audio)
			second, err := ffmpeg.NewPlan(probe(t, ts), ch, next)
			if err != nil {
				t.Fatal(err)
			}
			// from its beginning: more pre-roll than needed
			res := run(t, second, whole(moved(feed, (at.Base-next.Base).Round(90_000))))
			if res.err != nil {
				t.Fatal(res.err, res.stderr)
			}
			for _, r := range ch.Renditions {
				scale := int64(res.heads[r.Name].Timescale)
				a, b := first.frames[r.Name], res.frames[r.Name]
				last := at.Base + tick.FromUnits(a[len(a)-1].DTS, scale)
				from := next.Base + tick.FromUnits(b[0].DTS, scale)
				if r.Kind == ladder.Video {
					if from-last != grid.Frame() || from != next.Start || !b[0].Sync {
						t.Errorf("%s: %v between the last frame and the first of the next run, key %t", r.Name,
							(from - last).Duration(), b[0].Sync)
					}
					checkKeys(t, r.Name, b, ch.Grid, grid.Slot(next.Start))
				} else if frame := ch.Audio.Frame(); from > last-frame || (from-last)%frame != 0 {
					t.Errorf("%s: ends at %v, the next run's begins at %v only", r.Name, last.Time(), from.Time())
				}
			}
		})
	}
}

func checkKeys(t *testing.T, name string, frames []take, grid tick.Grid, first int64) {
	t.Helper()
	for i, f := range frames {
		if key := i == 0 || (first+int64(i))%grid.GOP == 0; f.Sync != key {
			t.Errorf("%s: frame %d of the second run: key %t", name, i, f.Sync)
		}
	}
}
