package mpegts_test

import (
	"fmt"
	"testing"

	"onair/pkg/mpegts"
)

// unit is a NAL unit or an MPEG-2 start code unit with its start code.
func unit(b ...byte) []byte { return append([]byte{0, 0, 1}, b...) }

func units(list ...[]byte) []byte {
	var out []byte
	for _, u := range list {
		out = append(out, u...)
	}
	return out
}

// spread puts a PES packet with es into packets that each carry at most n bytes of payload.
func spread(indicated bool, es []byte, n int) []mpegts.Packet {
	var out []mpegts.Packet
	for rest := pes(0xE0, 9000, 9000, es); len(rest) > 0; {
		k := min(n, len(rest))
		flags := make([]byte, mpegts.Size-5-k)
		if len(out) == 0 && indicated && len(flags) > 0 {
			flags[0] = 0x40
		}
		p := packet(0x100, byte(len(out)), flags, rest[:k])
		if len(out) == 0 {
			p = started(p)
		}
		out, rest = append(out, p), rest[k:]
	}
	return out
}

func TestDetectorFindsRandomAccessPoints(t *testing.T) {
	aud, sps, pps := unit(9, 0x10), unit(0x67, 1, 2, 3), unit(0x68, 1)
	recovery := unit(6, 6, 1, 0x80, 0x80)
	idr, iSlice, pSlice, tail := unit(0x65, 0x88, 1, 2, 3), unit(0x61, 0x88, 1, 2, 3), unit(0x41, 0x9A, 1, 2, 3), unit(0x41, 0x02, 9, 9, 9)
	sequence, picture := unit(0xB3, 1, 2, 3), func(kind byte) []byte { return unit(0, 0, kind<<3, 0, 0) }
	open, closed := unit(0xB8, 0, 0, 0, 0), unit(0xB8, 0, 0, 0, 0x40)
	slice := unit(1, 2, 3, 4, 5)
	h := func(kind byte, b ...byte) []byte { return unit(append([]byte{kind << 1, 1}, b...)...) }
	cases := []struct {
		name      string
		codec     mpegts.Codec
		indicated bool
		es        []byte
		want      mpegts.Access
	}{
		{"h264 idr", mpegts.H264, false, units(aud, sps, pps, idr), mpegts.IDR},
		{"h264 p picture", mpegts.H264, false, units(aud, pSlice), mpegts.None},
		{"h264 recovery point", mpegts.H264, false, units(aud, recovery, pSlice), mpegts.Recovery},
		{"h264 open gop", mpegts.H264, false, units(aud, sps, pps, iSlice), mpegts.Recovery},
		{"h264 intra picture without parameters", mpegts.H264, false, units(aud, iSlice), mpegts.None},
		{"h264 indicator with parameters", mpegts.H264, true, units(aud, sps, pSlice), mpegts.Recovery},
		{"h264 indicator alone is not believed", mpegts.H264, true, units(aud, pSlice), mpegts.None},
		{"h264 rest of the picture before", mpegts.H264, false, units(tail, aud, sps, idr), mpegts.IDR},
		{"h264 no picture begins", mpegts.H264, false, tail, mpegts.Undecided},
		{"hevc idr", mpegts.HEVC, false, units(h(35, 0x10), h(33, 1), h(19, 0x80, 1, 2)), mpegts.IDR},
		{"hevc cra", mpegts.HEVC, false, units(h(33, 1), h(21, 0x80, 1, 2)), mpegts.Recovery},
		{"hevc bla", mpegts.HEVC, false, units(h(33, 1), h(16, 0x80, 1, 2)), mpegts.IDR},
		{"hevc recovery point", mpegts.HEVC, false, units(h(39, 6, 1, 0x80, 0x80), h(1, 0x80, 1, 2)), mpegts.Recovery},
		{"hevc trailing picture", mpegts.HEVC, false, h(1, 0x80, 1, 2), mpegts.None},
		{"mpeg-2 open gop", mpegts.MPEG2Video, false, units(sequence, open, picture(1), slice), mpegts.Recovery},
		{"mpeg-2 closed gop", mpegts.MPEG2Video, false, units(sequence, closed, picture(1), slice), mpegts.IDR},
		{"mpeg-2 intra picture without sequence header", mpegts.MPEG2Video, false, units(picture(1), slice), mpegts.None},
		{"mpeg-2 p picture", mpegts.MPEG2Video, false, units(slice, picture(2), slice), mpegts.None},
		{"another codec by indicator", mpegts.AV1, true, []byte{1}, mpegts.Recovery},
		{"another codec without", mpegts.AV1, false, []byte{1}, mpegts.None},
		{"audio", mpegts.AAC, false, []byte{1}, mpegts.IDR},
	}
	for _, c := range cases {
		for _, n := range []int{1, 8, 30, 170} {
			if n == 1 && c.indicated {
				continue // a payload of one byte is possible, but keep the indicator's packet ordinary
			}
			t.Run(fmt.Sprintf("%s in pieces of %d", c.name, n), func(t *testing.T) {
				d := mpegts.NewDetector(c.codec)
				es := append(c.es, 0, 0, 1, 9) // what follows ends the last unit
				for _, p := range spread(false, units(aud, pSlice), n) {
					d.Push(p)
				}
				got := mpegts.Undecided
				for _, p := range spread(c.indicated, es, n) {
					if v := d.Push(p); got == mpegts.Undecided {
						got = v
					} else if v != got {
						t.Errorf("verdict went from %v to %v", got, v)
					}
				}
				if got != c.want {
					t.Errorf("verdict %v, want %v", got, c.want)
				}
			})
		}
	}
}

// The counts are ffprobe's key packets where its parser sees pictures as they lie in PES packets.
func TestDetectorAndCaptionsOnCaptures(t *testing.T) {
	cases := []struct {
		file          string
		idr, recovery int
		captions      uint64
		found, size   string
	}{
		{"ac3-576-h264-seg0.ts", 5, 0, 0, "[] []", "720x576"},
		{"avsync-flash-beep-720p30-aac.ts", 15, 0, 0, "[] []", "1280x720"},
		{"cea608-cea708-bbb-2398-heaac.ts", 15, 5, 690, "[CC1 CC3] [1 2 3 4 5 6]", "256x192"},
		{"cea608-multichannel-cc1-cc3.ts", 4, 0, 121, "[CC1 CC3] []", "360x240"},
		{"cea608-sintel-h264-aac.ts", 2, 0, 240, "[CC1] []", "400x170"},
		{"dvbt-1080i25-h264-3xeac3-dvbsub-clear.ts", 0, 1, 0, "[] []", "1920x1080"},
		{"hevc-main10-360p30-video-only.ts", 5, 0, 0, "[] []", "640x360"},
		{"hevc-obs-360p30-aac.ts", 2, 0, 0, "[] []", "640x360"},
		{"id3-pid-bipbop-truncated-tail.ts", 13, 0, 32, "[CC1] []", "416x234"}, // PES packets begin within pictures
		{"m2ts-192byte-mpeg2-mp2.ts", 1, 4, 0, "[] []", "320x240"},
		{"missing-dts-1080p60.ts", 1, 0, 0, "[] []", "1920x1080"},
		{"mpeg2-576i25-mp2.ts", 5, 0, 0, "[] []", "720x576"},
		{"mpts-2prog-1080i25-h264-ac3-dvbsub.ts", 0, 3, 0, "[] []", "1920x1080"},
		{"no-pcr-pid1fff-576p25-h264-aac.ts", 6, 0, 0, "[] []", "1024x576"}, // random_access_indicator on each of 300 pictures
		{"scte35-80s-splice-insert-no-cuei.ts", 80, 0, 0, "[] []", "640x360"},
	}
	for _, c := range cases {
		t.Run(c.file, func(t *testing.T) {
			packets, _ := frame(readMedia(t, c.file), 1316)
			tables := mpegts.NewTables()
			push(tables, packets)
			var video mpegts.Stream
			for _, s := range tables.Programs()[0].Streams {
				if s.Kind == mpegts.Video {
					video = s
				}
			}
			d, captions := mpegts.NewDetector(video.Codec), mpegts.NewCaptions(video.Codec)
			count := map[mpegts.Access]int{}
			decided := true
			for _, p := range packets {
				if p.PID() != video.PID {
					continue
				}
				decided = decided && !p.Start()
				captions.Push(p)
				if v := d.Push(p); v != mpegts.Undecided && !decided {
					count[v]++
					decided = true
				}
			}
			s := captions.Stats()
			if w, h := d.Size(); fmt.Sprintf("%dx%d", w, h) != c.size {
				t.Errorf("size %dx%d, want %s", w, h, c.size)
			}
			if count[mpegts.IDR] != c.idr || count[mpegts.Recovery] != c.recovery {
				t.Errorf("%d idr, %d recovery, want %d, %d", count[mpegts.IDR], count[mpegts.Recovery], c.idr, c.recovery)
			}
			if got := fmt.Sprint(s.Channels, s.Services); s.Pictures != c.captions || got != c.found {
				t.Errorf("captions in %d pictures: %s, want %d: %s", s.Pictures, got, c.captions, c.found)
			}
		})
	}
}

func FuzzDetector(f *testing.F) {
	f.Add(units(unit(9, 0x10), unit(6, 4, 9, 0xB5, 0, 0x31, 'G', 'A', '9', '4', 3, 0x41), unit(0x65, 0x88, 1)), 30)
	f.Add(units(unit(0xB3, 1), unit(0xB2, 'G', 'A', '9', '4', 3, 0x42, 0xFF, 0xFF, 2, 1, 0xFE, 0xE2, 3), unit(0, 0, 8), unit(1, 2)), 5)
	f.Add(units(unit(0x67, 0x42, 0xC0, 0x1E, 0xDA, 0x02, 0x80, 0xF6, 0xC0, 0x44, 0, 0, 3, 0, 4, 0, 0, 3, 0, 0xC8, 0x3C, 0x58),
		unit(0x65, 0x88, 0x84, 1, 2)), 180)
	f.Fuzz(func(t *testing.T, es []byte, n int) {
		n = max(1, min(n, 180))
		if len(es) > 1<<14 {
			return
		}
		for _, codec := range []mpegts.Codec{mpegts.AAC, mpegts.AC3, mpegts.EAC3, mpegts.MP2, mpegts.Private} {
			mpegts.SoundShape(codec, es)
		}
		for _, codec := range []mpegts.Codec{mpegts.H264, mpegts.HEVC, mpegts.MPEG2Video, mpegts.AAC, mpegts.Private} {
			es := es
			d, c := mpegts.NewDetector(codec), mpegts.NewCaptions(codec)
			for range 2 {
				for _, p := range spread(true, es, n) {
					d.Push(p)
					c.Push(p)
				}
			}
			if w, h := d.Size(); w < 0 || h < 0 {
				t.Fatalf("size %dx%d", w, h)
			}
			for ; len(es) >= 8; es = es[min(len(es), mpegts.Size):] { // and as raw packets
				p := make(mpegts.Packet, mpegts.Size)
				copy(p, es)
				d.Push(p)
				c.Push(p)
			}
			if s := c.Stats(); len(s.Services) > 63 || len(s.Channels) > 4 {
				t.Fatalf("captions %+v", s)
			}
		}
	})
}

func BenchmarkDetector(b *testing.B) {
	packets := spread(false, append(units(unit(9, 0x10), unit(6, 4, 2, 1, 1), unit(0x41, 0x9A)), make([]byte, 20000)...), 182)
	d, c := mpegts.NewDetector(mpegts.H264), mpegts.NewCaptions(mpegts.H264)
	b.SetBytes(int64(len(packets) * mpegts.Size))
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range packets {
			d.Push(p)
			c.Push(p)
		}
	}
}
