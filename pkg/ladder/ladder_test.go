package ladder_test

import (
	"fmt"
	"strings"
	"testing"

	"onair/pkg/ladder"
	"onair/pkg/tick"
)

func pal() tick.Rate { return tick.Rate{Num: 25, Den: 1} }

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func sizes(rs []ladder.Rendition) string {
	var out []string
	for _, r := range rs {
		out = append(out, fmt.Sprintf("%s=%dx%d", r.Name, r.Width, r.Height))
	}
	return strings.Join(out, " ")
}

func TestDefaultLadder(t *testing.T) {
	for _, c := range []struct {
		name             string
		w, h, sarN, sarD int
		want             string
	}{
		{"2160p", 3840, 2160, 1, 1, "v2160=3840x2160 v1080=1920x1080 v720=1280x720 v540=960x540 v360=640x360"},
		{"1080p", 1920, 1080, 1, 1, "v1080=1920x1080 v720=1280x720 v540=960x540 v360=640x360"},
		{"1080 coded as 1088 lines", 1920, 1088, 0, 0, "v1080=1920x1080 v720=1280x720 v540=960x540 v360=640x360"},
		{"1440x1080 anamorphic", 1440, 1080, 4, 3, "v1080=1920x1080 v720=1280x720 v540=960x540 v360=640x360"},
		{"720p", 1280, 720, 1, 1, "v720=1280x720 v540=960x540 v360=640x360"},
		{"576i 16:9", 720, 576, 64, 45, "v576=1024x576 v432=768x432 v288=512x288"},
		{"576i 16:9 with the older ratio", 720, 576, 118, 81, "v576=1024x562 v432=768x422 v288=512x282"},
		{"576i 4:3", 720, 576, 16, 15, "v576=768x576 v432=576x432 v288=384x288"},
		{"544x576 16:9", 544, 576, 32, 17, "v576=1024x576 v432=768x432 v288=512x288"},
		{"480i 16:9", 720, 480, 32, 27, "v480=854x480 v360=640x360 v240=426x240"},
		{"480i 4:3", 720, 480, 8, 9, "v480=640x480 v360=480x360 v240=320x240"},
		{"cinema 2.39:1", 1920, 804, 1, 1, "v1080=1920x804 v720=1280x536 v540=960x402 v360=640x268"},
		{"portrait", 1080, 1920, 1, 1, "v1080=1080x1920 v720=720x1280 v540=540x960 v360=360x640"},
		{"square", 1080, 1080, 1, 1, "v1080=1080x1080 v720=720x720 v540=540x540 v360=360x360"},
		{"between rungs", 1600, 900, 1, 1, "v720=1280x720 v540=960x540 v360=640x360"},
		{"tiny", 176, 144, 12, 11, "v=192x144"},
		{"odd", 321, 179, 1, 1, "v=322x180"},
		{"nothing", 0, 0, 0, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ladder.Default(c.w, c.h, c.sarN, c.sarD)
			if s := sizes(got); s != c.want {
				t.Errorf("%s\nwant %s", s, c.want)
			}
			for i, r := range got {
				if r.Width%2+r.Height%2 != 0 || r.Kind != ladder.Video || r.Codec != ladder.H264 || r.Bitrate <= 0 {
					t.Errorf("%+v", r)
				}
				if i > 0 && r.Bitrate >= got[i-1].Bitrate {
					t.Errorf("%s has no less than %s", r.Name, got[i-1].Name)
				}
			}
		})
	}
}

// Whatever the source, no rung is larger than its picture by more than 3 %: sizes near a rung are taken for it.
func FuzzDefaultNeverEnlarges(f *testing.F) {
	f.Add(uint16(1920), uint16(1080), uint8(1), uint8(1))
	f.Add(uint16(720), uint16(576), uint8(64), uint8(45))
	f.Fuzz(func(t *testing.T, w, h uint16, n, d uint8) {
		for _, r := range ladder.Default(int(w), int(h), int(n), int(d)) {
			width := int(w)
			if n > 0 && d > 0 {
				width = (width*int(n) + int(d)/2) / int(d)
			}
			if r.Width > width+width/32+2 || r.Height > int(h)+int(h)/32+2 || r.Width < 2 || r.Height < 2 {
				t.Errorf("%dx%d %d:%d gives %dx%d", w, h, n, d, r.Width, r.Height)
			}
		}
	})
}

func TestFit(t *testing.T) {
	for _, c := range []struct {
		name             string
		boxW, boxH       int
		w, h, sarN, sarD int
		want             string
	}{
		{"same", 1280, 720, 1920, 1080, 1, 1, "1280x720"},
		{"4:3 in 16:9", 1280, 720, 720, 576, 16, 15, "960x720"},
		{"wide", 1280, 720, 1920, 800, 1, 1, "1280x534"},
		{"rounded sample aspect", 1280, 720, 720, 576, 64, 45, "1280x720"},
		{"larger than the source is obeyed", 1920, 1080, 1280, 720, 1, 1, "1920x1080"},
		{"no box", 0, 0, 720, 576, 64, 45, "1024x576"},
		{"portrait in a landscape box", 1280, 720, 1080, 1920, 1, 1, "406x720"},
		{"no source", 1280, 720, 0, 0, 0, 0, "1280x720"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, h := ladder.Fit(ladder.Rendition{Width: c.boxW, Height: c.boxH}, c.w, c.h, c.sarN, c.sarD)
			equal(t, "size", fmt.Sprintf("%dx%d", w, h), c.want)
		})
	}
}

func TestLevels(t *testing.T) {
	ntsc60 := tick.Rate{Num: 60000, Den: 1001}
	for _, c := range []struct {
		codec   string
		w, h    int
		rate    tick.Rate
		bitrate int64
		level   string
		codecs  string
	}{
		{"h264", 640, 360, pal(), 800e3, "3.0", "avc1.64001e"},
		{"h264", 1280, 720, pal(), 3e6, "3.1", "avc1.64001f"},
		{"h264", 1280, 720, tick.Rate{Num: 50, Den: 1}, 4e6, "3.2", "avc1.640020"},
		{"h264", 1920, 1080, pal(), 6e6, "4.0", "avc1.640028"},
		{"h264", 1920, 1080, pal(), 24e6, "4.1", "avc1.640029"},
		{"h264", 1920, 1080, ntsc60, 8e6, "4.2", "avc1.64002a"},
		{"h264", 3840, 2160, pal(), 16e6, "5.1", "avc1.640033"},
		{"h264", 3840, 2160, ntsc60, 16e6, "5.2", "avc1.640034"},
		{"hevc", 1280, 720, pal(), 2e6, "3.1", "hvc1.1.6.L93.90"},
		{"hevc", 1920, 1080, pal(), 4e6, "4.0", "hvc1.1.6.L120.90"},
		{"hevc", 3840, 2160, ntsc60, 14e6, "5.1", "hvc1.1.6.L153.90"},
		{"av1", 1280, 720, pal(), 2e6, "3.1", "av01.0.05M.08"},
		{"av1", 1920, 1080, pal(), 4e6, "4.0", "av01.0.08M.08"},
		{"h264", 30000, 20000, pal(), 4e6, "6.2", "avc1.64003e"},
		{"", 1280, 720, tick.Rate{}, 3e6, "3.1", "avc1.64001f"},
	} {
		r := ladder.Rendition{Kind: ladder.Video, Codec: c.codec, Width: c.w, Height: c.h, Rate: c.rate, Bitrate: c.bitrate}
		equal(t, fmt.Sprintf("%s %dx%d at %v level", c.codec, c.w, c.h, c.rate), r.Level(), c.level)
		equal(t, "codec string", ladder.CodecString(r), c.codecs)
	}
	equal(t, "aac", ladder.CodecString(ladder.Rendition{Kind: ladder.Audio}), "mp4a.40.2")
}

// A segment that empties the encoder's whole bucket stays below Apple's 125 % of the declared peak; and the bucket's
// rate never exceeds the peak, which is what @bandwidth promises.
func TestDeclaredBandwidthHolds(t *testing.T) {
	for _, ms := range []int64{1920, 2000, 2002, 4000, 6006, 10_000} {
		for _, bitrate := range []int64{400e3, 3e6, 16e6} {
			r := ladder.Rendition{Kind: ladder.Video, Bitrate: bitrate, Rate: pal(), Width: 1280, Height: 720}
			peak, average := r.Bandwidth(tick.Tick(ms) * tick.Millisecond)
			worst := r.MaxRate() + r.BufSize()*1000/ms
			if worst*100 >= peak*125 {
				t.Errorf("%d b/s in %d ms: a segment can have %d, declared %d", bitrate, ms, worst, peak)
			}
			if peak < r.MaxRate() || average < bitrate || average > bitrate*105/100 || peak < average {
				t.Errorf("%d b/s in %d ms: peak %d, average %d", bitrate, ms, peak, average)
			}
		}
	}
	peak, average := ladder.Rendition{Kind: ladder.Audio, Bitrate: 128e3}.Bandwidth(4 * tick.Second)
	if peak < average || average < 128e3 || average > 133e3 || peak > 150e3 {
		t.Errorf("audio: peak %d, average %d", peak, average)
	}
}

func TestDefaults(t *testing.T) {
	a := ladder.Rendition{Kind: ladder.Audio, Channels: 6}.WithDefaults()
	equal(t, "codec", a.Codec, ladder.AAC)
	equal(t, "rate", a.SampleRate, 48_000)
	equal(t, "language", a.Language, "und")
	equal(t, "bitrate", a.Bitrate, 384_000)
	equal(t, "timescale", a.Timescale(), 48_000)
	equal(t, "profile", a.Profile(), "aac_low")
	v := ladder.Rendition{Kind: ladder.Video, Rate: tick.Rate{Num: 30000, Den: 1001}}
	equal(t, "timescale", v.Timescale(), 30_000)
	equal(t, "profile", v.Profile(), "high")
	equal(t, "frame", ladder.FrameSamples("aac"), 1024)
	equal(t, "kinds", ladder.Video.String()+ladder.Audio.String()+ladder.Kind(0).String(), "videoaudiounknown")
	equal(t, "608", ladder.Caption{Channel: "CC1"}.Is608(), true)
	equal(t, "708", ladder.Caption{Channel: "SERVICE1"}.Is608(), false)
}

// TestBandwidthOfLibaom: its rate control overshoots where a still picture turns into noise, so more is declared for it.
func TestBandwidthOfLibaom(t *testing.T) {
	r := ladder.Rendition{Kind: ladder.Video, Codec: ladder.AV1, Width: 320, Height: 180, Bitrate: 400_000, Rate: tick.Rate{Num: 25, Den: 1}}
	peak, average := r.Bandwidth(2 * tick.Second)
	if peak < 600_000 || peak > 610_000 || average < 440_000 || average > 450_000 {
		t.Errorf("peak %d, average %d", peak, average)
	}
	r.Encoder = "av1_nvenc"
	if p, a := r.Bandwidth(2 * tick.Second); p >= peak || a >= average {
		t.Errorf("a hardware encoder: peak %d, average %d", p, a)
	}
}
