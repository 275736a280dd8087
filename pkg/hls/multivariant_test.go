package hls_test

import (
	"fmt"
	"strings"
	"testing"

	"onair/pkg/hls"
	"onair/pkg/ladder"
	"onair/pkg/presentation"
	"onair/pkg/tick"
)

func TestMultivariant(t *testing.T) {
	captioned := func(t presentation.Track) presentation.Track {
		t.Captions = []ladder.Caption{
			{Channel: "CC1", Language: "en", Name: "English"}, {Channel: "SERVICE1", Language: "en"},
		}
		return t
	}
	hevc := video("v1080", 1920, 1080, 5e6)
	hevc.Codecs = "hvc1.1.6.L120.90"
	ntsc := video("v720", 1280, 720, 3e6)
	ntsc.Rate = tick.Rate{Num: 30000, Den: 1001}
	german := audio("a2", "de", 192e3)
	german.Default, german.Channels = true, 6
	ladders := []presentation.Track{
		video("v1080", 1920, 1080, 6e6), video("v540", 960, 540, 2e6), video("v360", 640, 360, 8e5),
	}
	for name, tracks := range map[string][]presentation.Track{
		"ladder":        append(ladders, audio("a1", "en", 128e3)),
		"languages":     {ntsc, audio("a1", "en", 128e3), german},
		"captions":      {captioned(ntsc), audio("a1", "en", 128e3)},
		"some-captions": {hevc, captioned(ntsc), audio("a1", "en", 128e3)},
		"video-only":    {ntsc},
		"audio-only":    {audio("a1", "en", 128e3)},
		"audio-ladder":  {audio("a1", "en", 128e3), audio("a2", "en", 64e3)},
		"audio-two":     {audio("a1", "en", 128e3), audio("a2", "de", 64e3)},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := hls.Multivariant(window(t, config(tracks, nil)).Snapshot())
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "index-"+name+".m3u8", b)
		})
	}
}

func TestMultivariantWaitsForCodecs(t *testing.T) {
	v := video("v720", 1280, 720, 3e6)
	v.Codecs = ""
	if b, err := hls.Multivariant(window(t, config([]presentation.Track{v}, nil)).Snapshot()); err == nil {
		t.Errorf("codecs unknown:\n%s", b)
	}
}

// What was cut off, wherever it was, or is something else is not one of ours.
func TestCheckMultivariant(t *testing.T) {
	whole, err := hls.Multivariant(window(t, config([]presentation.Track{video("v720", 1280, 720, 3e6)},
		[]presentation.Track{audio("a", "en", 128_000)})).Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := hls.CheckMultivariant(whole); err != nil {
		t.Error(err)
	}
	for n := range whole {
		if hls.CheckMultivariant(whole[:n]) == nil {
			t.Errorf("the first %d of %d bytes are taken for the whole", n, len(whole))
		}
	}
	for _, text := range []string{"\x00\x01", "#EXTM3U\n#EXTINF:4,\nv/5.m4s\n", "#EXTM3U\n#EXT-X-VERSION:6\n"} {
		if hls.CheckMultivariant([]byte(text)) == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestAttributeValuesCannotBreakTheLine(t *testing.T) {
	v := video("v720", 1280, 720, 3e6)
	v.Captions = []ladder.Caption{{Channel: "CC1", Name: "a\",DEFAULT=YES\n#EXT-X-ENDLIST"}}
	b, err := hls.Multivariant(window(t, config([]presentation.Track{v}, nil)).Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), "\n#EXT-X-ENDLIST") ||
		!strings.Contains(string(b), `NAME="a,DEFAULT=YES#EXT-X-ENDLIST"`) {
		t.Errorf("not kept on its line:\n%s", b)
	}
}

func BenchmarkMedia(b *testing.B) {
	for _, minutes := range []int64{10, 120} {
		b.Run(fmt.Sprintf("%d min", minutes), func(b *testing.B) {
			cfg := pair()
			cfg.Window = tick.Tick(minutes) * 60 * tick.Second
			w := window(b, cfg)
			for k := int64(k0); k < k0+minutes*15; k++ {
				list(b, w, k)
			}
			s := w.Snapshot()
			b.ReportAllocs()
			for b.Loop() {
				media(b, s, "a1")
			}
		})
	}
}

func BenchmarkMultivariant(b *testing.B) {
	s := window(b, pair()).Snapshot()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := hls.Multivariant(s); err != nil {
			b.Fatal(err)
		}
	}
}
