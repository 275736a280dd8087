package ffmpeg_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"onair/pkg/ladder"
)

// TestInitDoesNotDependOnTheSource holds the init segments of runs from unlike sources, and of runs that start at
// unlike
// places, against each other byte by byte.
func TestInitDoesNotDependOnTheSource(t *testing.T) {
	for name, r := range map[string]ladder.Rendition{
		"h264": {Codec: ladder.H264}, "hevc": {Codec: ladder.HEVC}, "av1": {Codec: ladder.AV1},
	} {
		t.Run(name, func(t *testing.T) {
			r.Name, r.Kind, r.Width, r.Height, r.Bitrate = "v", ladder.Video, 320, 180, 300_000
			ch := channel(t, "25", r, ladder.Rendition{Name: "a", Kind: ladder.Audio, Channels: 2})
			want := map[string][]byte{}
			for i, s := range []string{"25p", "25p", "sound only", "hevc topleft 4:2:2", "576i mpeg2", "hevc hlg",
				"hevc pq no sound", "29.97i"} {
				if name == "av1" && i > 4 {
					break // slow
				}
				plan, ts, _ := planned(t, source(t, s), ch, ch.Grid.Rate.NextSlot(epoch)+int64(i*7))
				ts = ts[:len(ts)/188/2*188]
				feed := whole(ts)
				if plan.Silence {
					feed = whole(withSilence(t, ts))
				}
				res := run(t, plan, feed)
				if res.err != nil {
					t.Fatalf("%s: %v\n%s", s, res.err, res.stderr)
				}
				for _, o := range plan.Outputs {
					if want[o] == nil {
						want[o] = res.inits[o]
					}
					if got := res.inits[o]; !bytes.Equal(got, want[o]) || len(got) == 0 {
						t.Errorf("%s: init of %s differs from the first source's\n%s", s, o, unlike(got, want[o]))
					}
				}
			}
		})
	}
}

// unlike shows the lines of a dump in which two blobs differ.
func unlike(got, want []byte) string {
	a, b := strings.Split(hex.Dump(got), "\n"), strings.Split(hex.Dump(want), "\n")
	var out []string
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			out = append(out, "got  "+a[i], "want "+b[i])
		}
	}
	return strings.Join(out, "\n")
}
