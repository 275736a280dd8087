package ffmpeg_test

import (
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// paced feeds ts at the speed of its video clock and notes when the last byte of each picture went in, by PTS.
func paced(ts []byte, pid uint16, went map[int64]time.Time) func(io.Writer) {
	return func(w io.Writer) {
		var began time.Time
		var first, open int64 = -1, -1
		from := 0
		for n := 0; n+188 <= len(ts); n += 188 {
			p := ts[n : n+188]
			if uint16(p[1]&0x1F)<<8|uint16(p[2]) != pid {
				continue
			}
			pts, at, ok := times(p)
			if !ok {
				continue
			}
			dts := pts
			if p[at-2]&0x40 != 0 {
				dts = stamp(p[at+5:])
			}
			_, _ = w.Write(ts[from:n]) // what came before this picture
			from = n
			now := time.Now()
			if open >= 0 {
				went[open] = now
			}
			open = pts
			if first < 0 {
				first, began = dts, now
			}
			if wait := time.Duration(dts-first)*time.Second/90_000 - now.Sub(began); wait > 0 {
				time.Sleep(wait)
			}
		}
		_, _ = w.Write(ts[from:])
	}
}

// TestLatency tells how long a picture takes through a run that is fed in real time.
func TestLatency(t *testing.T) {
	if os.Getenv("ONAIR_LATENCY") == "" {
		t.Skip("ONAIR_LATENCY is not set: takes real time, and a machine without other work")
	}
	for _, c := range []struct{ source, rate, codec string }{
		{"25p", "25", "h264"}, {"576i mpeg2", "25", "h264"}, {"50p", "50", "h264"}, {"sound only", "25",
			"h264"}, {"hevc hlg", "25", "h264"},
		{"25p", "25", "hevc"}, {"25p", "25", "av1"},
	} {
		t.Run(c.source+" to "+c.codec, func(t *testing.T) {
			ch := channel(t, c.rate, ladder.Rendition{Name: "v", Kind: ladder.Video, Codec: c.codec, Width: 640, Height: 360,
				Bitrate: 800_000},
				ladder.Rendition{Name: "a", Kind: ladder.Audio})
			plan, ts, at := planned(t, source(t, c.source), ch, ch.Grid.Rate.NextSlot(epoch))
			went := map[int64]time.Time{}
			pid := uint16(0x100)
			res := run(t, plan, paced(ts, pid, went))
			if res.err != nil {
				t.Fatal(res.err, res.stderr)
			}
			for _, r := range ch.Renditions {
				if r.Kind == ladder.Audio {
					continue
				}
				var delays []time.Duration
				for _, f := range res.frames[r.Name] {
					pts := tick.FromUnits(f.PTS, int64(res.heads[r.Name].Timescale)).Round(90_000)
					if w, ok := went[pts]; ok {
						delays = append(delays, f.at.Sub(w))
					}
				}
				if len(delays) == 0 {
					t.Log(r.Name, "no match", at)
					continue
				}
				d := slices.Clone(delays[len(delays)/3 : len(delays)*3/4])
				slices.Sort(d)
				t.Logf("%s: first %v, later median %v, worst %v", r.Name, delays[0], d[len(d)/2], d[len(d)-1])
			}
		})
	}
}
