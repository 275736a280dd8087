package mpegts_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"onair/pkg/mpegts"
)

// raw is a NAL unit in hexadecimal, as an encoder wrote it.
func raw(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return unit(b...)
}

const (
	// hrdSPS is x264's with nal-hrd, plainSPS one without; both have pic_struct_present_flag.
	hrdSPS = "67 64 00 14 ac b4 0a 0c fc f8 0b 50 60 60 6a 50 00 00 03 00 10 00 00 03 03 2e 04 00 0f 42 40 01 24 fe 29 20 " +
		"0f 8a 15 50"
	plainSPS = "67 64 00 14 ac d9 42 8d f9 30 16 a0 c0 c0 d4 a0 00 00 7d 20 00 3a 98 13 e2 85 32 c0"
	slice    = "41 9a 01 02 03"
)

func labelOf(f *mpegts.Labels, es []byte, n int) string {
	all := ""
	for _, p := range spread(false, es, n) {
		if l, found := f.Push(p); found {
			all += l.String()
		}
	}
	return all
}

// TestLabels reads what GStreamer's h264parse has written into pictures of x264 (FFmpeg reads the same), and time codes
// of HEVC that were put together by ITU-T H.265 §D.2.27.
func TestLabels(t *testing.T) {
	hevc := func(sei ...byte) []byte { return unit(append([]byte{39 << 1, 1}, sei...)...) }
	hevcSlice := unit(1<<1, 1, 0x80, 1, 2)
	for _, c := range []struct {
		name  string
		codec mpegts.Codec
		es    []byte
		want  string
	}{
		{
			"whole, behind delays", mpegts.H264,
			units(raw(t, hrdSPS), raw(t, "06 00 05 97 ba e0 a8 cc 80"), raw(t, "06 01 07 00 00 12 08 20 f3 a1 80 00 08 80"), raw(t, slice)),
			"01:29:30:16",
		},
		{
			"dropped numbers, no delays", mpegts.H264,
			units(raw(t, plainSPS), raw(t, "06 01 09 09 24 25 dd d0 80 00 00 40 80 80"), raw(t, slice)), "01:29:55;37",
		},
		{"no parameter set yet", mpegts.H264, units(raw(t, "06 01 09 09 24 25 dd d0 80 00 00 40 80 80"), raw(t, slice)), ""},
		{"cut", mpegts.H264, units(raw(t, plainSPS), raw(t, "06 01 03 09 24 25 80"), raw(t, slice)), ""},
		{"a minute of 61 s", mpegts.H264, units(raw(t, plainSPS), raw(t, "06 01 09 09 24 25 f5 d0 80 00 00 40 80 80"), raw(t, slice)), ""},
		// num_clock_ts 1, flag 1, field based 0, counting 0, full 1, flags 0, n_frames 24, 59 s, 58 min, 23 h, no offset
		{"hevc", mpegts.HEVC, units(hevc(136, 6, 0b01100000, 0b01000000, 0b11000111, 0b01111101, 0b01011100, 0b00010000), hevcSlice), "23:58:59:24"},
		{"hevc without a time", mpegts.HEVC, units(hevc(136, 1, 0), hevcSlice), ""},
		{"another codec", mpegts.MPEG2Video, units(unit(0xB8, 0, 0, 0, 0), unit(0, 0, 8), unit(1, 2)), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, n := range []int{1, 7, 150} {
				if got := labelOf(mpegts.NewLabels(c.codec), c.es, n); got != c.want {
					t.Errorf("%d bytes a packet: %q, want %q", n, got, c.want)
				}
			}
		})
	}
}

// TestLabelsLeaveOut: what a label does not say is as in the one before.
func TestLabelsLeaveOut(t *testing.T) {
	f := mpegts.NewLabels(mpegts.H264)
	if got := labelOf(f, units(raw(t, plainSPS), raw(t, "06 01 09 09 24 25 dd d0 80 00 00 40 80 80"), raw(t, slice)), 150); got != "01:29:55;37" {
		t.Fatal(got)
	}
	for _, c := range []struct{ sei, want string }{
		{"06 01 07 09 20 02 f0 00 00 03 00 80", "01:29:56;02"},    // seconds_flag 1: 56, minutes_flag 0
		{"06 01 07 09 20 03 00 00 03 00 00 80", "01:29:56;03"},    // seconds_flag 0
		{"06 01 08 09 20 04 f3 78 00 00 03 00 80", "01:30:57;04"}, // minutes_flag 1
	} {
		if got := labelOf(f, units(raw(t, c.sei), raw(t, slice)), 150); got != c.want {
			t.Errorf("%s: %q, want %q", c.sei, got, c.want)
		}
	}
}

func FuzzLabels(f *testing.F) {
	f.Add(units(raw(f, plainSPS), raw(f, "06 01 09 09 24 25 dd d0 80 00 00 40 80 80"), raw(f, slice)), 30)
	f.Add(units(unit(39<<1, 1, 136, 6, 0x60, 0x40, 0xC7, 0x7D, 0x5C, 0x10), unit(2, 1, 0x80)), 180)
	f.Fuzz(func(t *testing.T, es []byte, n int) {
		if len(es) > 1<<14 {
			return
		}
		for _, codec := range []mpegts.Codec{mpegts.H264, mpegts.HEVC, mpegts.AAC} {
			labels := mpegts.NewLabels(codec)
			for range 2 {
				for _, p := range spread(true, es, max(1, min(n, 180))) {
					if l, found := labels.Push(p); found && !l.Valid() {
						t.Fatalf("%+v", l)
					}
				}
			}
		}
	})
}
