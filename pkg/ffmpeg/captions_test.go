package ffmpeg_test

import (
	"bytes"
	"cmp"
	"io"
	"os/exec"
	"slices"
	"testing"

	"onair/pkg/fmp4"
	"onair/pkg/ladder"
)

// TestCaptionsSurviveOnce compares the caption data of a source's pictures, in presentation order, with that of the
// pictures that a run makes of it, where the channel's rate repeats pictures.
func TestCaptionsSurviveOnce(t *testing.T) {
	for _, c := range []struct {
		file, rate string
		survive    bool
	}{
		{"cea608-sintel-h264-aac.ts", "24", true},
		{"cea608-sintel-h264-aac.ts", "25", true},
		{"cea608-sintel-h264-aac.ts", "60", true},
		{"cea608-cea708-bbb-2398-heaac.ts", "24000/1001", true},
		{"cea608-cea708-bbb-2398-heaac.ts", "30000/1001", true},
		{"cea608-multichannel-cc1-cc3.ts", "25", false},
		{"interlaced", "30000/1001", true},
		{"interlaced", "60000/1001", true}, // each picture becomes two
	} {
		t.Run(c.file+" at "+c.rate, func(t *testing.T) {
			var ts []byte
			if c.file == "interlaced" {
				ts = interlaced(t, media(t, "cea608-multichannel-cc1-cc3.ts"))
			} else {
				ts = media(t, c.file)
			}
			ch := channel(t, c.rate, ladder.Rendition{Name: "v", Kind: ladder.Video, Width: 320, Height: 180, Bitrate: 300_000})
			plan, feed, _ := planned(t, ts, ch, ch.Grid.Rate.NextSlot(epoch))
			if plan.Captions != c.survive {
				t.Errorf("plan says captions %t, want %t", plan.Captions, c.survive)
			}
			res := run(t, plan, whole(feed))
			if res.err != nil {
				t.Fatal(res.err, res.stderr)
			}
			var frames []fmp4.Frame
			for _, f := range res.frames["v"] {
				frames = append(frames, f.Frame)
			}
			got, want := captions(frames), captions(copied(t, ts))
			if !c.survive {
				if len(got) != 0 {
					t.Errorf("%d pictures with captions, want none", len(got))
				}
				return
			}
			if len(want) < 100 {
				t.Fatalf("the source has %d pictures with captions", len(want))
			}
			if !same(got, want) {
				t.Errorf("%d pictures with captions of %d frames, the source has %d", len(got), len(frames), len(want))
			}
		})
	}
}

// same tells whether got is want, apart from up to two pictures missing at either end: a picture that lands in the slot
// of
// another, and the tail of a file cut inside a picture.
func same(got, want [][]byte) bool {
	for skip := 0; skip <= 2 && skip < len(want); skip++ {
		w := want[skip:]
		if len(got) <= len(w) && len(w)-len(got) <= 2 && slices.EqualFunc(got, w[:len(got)], bytes.Equal) {
			return true
		}
	}
	return false
}

// copied are the coded pictures of a source as they are.
func copied(t *testing.T, ts []byte) []fmp4.Frame {
	t.Helper()
	cmd := exec.Command("ffmpeg", "-hide_banner", "-loglevel", "error", "-f", "mpegts", "-i", "pipe:0", "-map", "0:v:0",
		"-c", "copy",
		"-f", "mp4", "-movflags", "empty_moov+default_base_moof+frag_every_frame+skip_trailer+delay_moov", "pipe:1")
	cmd.Stdin = bytes.NewReader(ts)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	in := fmp4.NewReader(bytes.NewReader(out))
	if _, err := in.Header(); err != nil {
		t.Fatal(err)
	}
	var frames []fmp4.Frame
	for {
		f, err := in.Next()
		if err == io.EOF {
			return frames
		}
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, f)
	}
}

// captions are the cc_data bytes of the pictures that have any, in presentation order.
func captions(frames []fmp4.Frame) [][]byte {
	frames = slices.Clone(frames)
	slices.SortStableFunc(frames, func(a, b fmp4.Frame) int { return cmp.Compare(a.PTS, b.PTS) })
	var out [][]byte
	for _, f := range frames {
		if cc := ccData(f.Data); len(cc) > 0 {
			out = append(out, cc)
		}
	}
	return out
}

// ccData are the triplets of every GA94 message in a picture of length-prefixed NAL units, padding left out.
func ccData(b []byte) []byte {
	b = bytes.ReplaceAll(b, []byte{0, 0, 3}, []byte{0, 0})
	var out []byte
	for {
		_, after, ok := bytes.Cut(b, []byte("GA94\x03"))
		if !ok || len(after) < 2 {
			return out
		}
		for i := range int(after[0] & 0x1F) {
			if triplet := after[2+3*i:]; len(triplet) >= 3 && triplet[0]&4 != 0 {
				out = append(out, triplet[:3]...)
			}
		}
		b = after
	}
}

// interlaced are the pictures of ts, captions included, coded as interlaced ones.
func interlaced(t *testing.T, ts []byte) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", "-hide_banner", "-loglevel", "error", "-f", "mpegts", "-i", "pipe:0", "-map", "0:v:0",
		"-vf", "setfield=tff", "-c:v", "libx264", "-flags", "+ilme+ildct", "-x264-params", "tff=1", "-f", "mpegts", "pipe:1")
	cmd.Stdin = bytes.NewReader(ts)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}
