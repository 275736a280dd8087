package tsmux_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"onair/pkg/mpegts"
	"onair/pkg/tsmux"
)

var (
	lc48     = []byte{0x11, 0x90} // AAC-LC, 48 kHz, stereo
	lc48k960 = []byte{0x11, 0x94} // with frames of 960 samples
	idr      = []byte{0x65, 0x88, 0x84}
	inter    = []byte{0x41, 0x9A, 0x02}
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		tracks []tsmux.Track
		want   string
	}{
		{"nothing", nil, "0 tracks"},
		{"too much", make([]tsmux.Track, tsmux.MaxTracks+1), "17 tracks"},
		{"a codec that TS has no place for", []tsmux.Track{{Codec: mpegts.H264}, {Codec: mpegts.AV1}}, "track 1: av1 cannot be muxed"},
		{"aac without its configuration", []tsmux.Track{{Codec: mpegts.AAC}}, "AudioSpecificConfig"},
		{"aac that ADTS cannot describe", []tsmux.Track{{Codec: mpegts.AAC, Config: lc48k960}}, "960 samples"},
		{"opus without channels", []tsmux.Track{{Codec: mpegts.Opus}}, "0 channels"},
	} {
		if _, err := tsmux.New(c.tracks, func([]byte) {}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want ...%s...", c.name, err, c.want)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	written := 0
	m, err := tsmux.New([]tsmux.Track{
		{Codec: mpegts.H264}, {Codec: mpegts.AAC, Config: lc48}, {Codec: mpegts.MP2},
	}, func(b []byte) { written += len(b) })
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		track int
		data  [][]byte
	}{
		{"no such track", 3, [][]byte{idr}},
		{"nothing", 0, nil},
		{"no picture in a picture", 0, [][]byte{{0x67, 1, 2}, {}}},
		{"empty sound", 1, [][]byte{{}}},
		{"sound too long for ADTS", 1, [][]byte{make([]byte, 9000)}},
		{"sound too long for PES", 1, slices.Repeat([][]byte{make([]byte, 8000)}, 9)},
		{"no frame of MPEG audio", 2, [][]byte{{1, 2, 3, 4}}},
	} {
		if err := m.Write(c.track, tsmux.Unit{PTS: 900, Data: c.data}); err == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
	if written != 0 {
		t.Fatalf("%d bytes of what was refused", written)
	}
	for track, data := range map[int][]byte{0: idr, 1: {1, 2, 3}} {
		if err := m.Write(track, tsmux.Unit{PTS: 900, Data: [][]byte{data}}); err != nil {
			t.Errorf("after errors: %v", err)
		}
	}
}

// TestJump: a break of the time base is signalled, a wrap of 33 bits is none.
func TestJump(t *testing.T) {
	t.Parallel()
	var out []byte
	m, err := tsmux.New([]tsmux.Track{{Codec: mpegts.H264}}, func(b []byte) { out = append(out, b...) })
	if err != nil {
		t.Fatal(err)
	}
	const frame = 3600
	write := func(from int64, n int) {
		for i := range int64(n) {
			if err := m.Write(0, tsmux.Unit{PTS: from + i*frame, Data: [][]byte{idr}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(1<<33-10*frame, 20)
	if n := m.Stats().Jumps; n != 0 {
		t.Errorf("%d jumps at the wrap", n)
	}
	write(0, 5)          // the sender began anew
	write(20*90_000, 10) // and jumped
	marks := 0
	var cc mpegts.Continuity
	for at := 0; at < len(out); at += mpegts.Size {
		p := mpegts.Packet(out[at : at+mpegts.Size])
		if v := cc.Check(p); v != mpegts.OK {
			t.Errorf("packet %d: %v", at/mpegts.Size, v)
		}
		if _, _, ok := p.PCR(); ok && p.Discontinuity() {
			marks++
		}
	}
	if marks != 2 || m.Stats().Jumps != 2 {
		t.Errorf("%d marks, stats %+v; want 2", marks, m.Stats())
	}
}

// TestLostPictures: where pictures are missing the decoding times stay in order and before the presentation.
func TestLostPictures(t *testing.T) {
	t.Parallel()
	for _, codec := range []string{"libx264 -bf 3", "libx265 -x265-params log-level=0:open-gop=0"} {
		stream := ffmpeg(t, nil, "-f lavfi -i testsrc2=size=320x180:rate=25:duration=6 -c:v "+codec+
			" -g 25 -threads 1 -f mpegts pipe:1")
		tracks, units := demux(t, stream)
		kept := units[:0]
		for i, u := range units {
			if i%7 != 3 {
				kept = append(kept, u)
			}
		}
		again, stats := mux(t, tracks, kept)
		_, got := demux(t, again)
		if len(got) != len(kept) || stats.Jumps != 0 {
			t.Fatalf("%s: %d units of %d, %+v", codec, len(got), len(kept), stats)
		}
		disorder, last := 0, int64(-1)
		for i, u := range got {
			if u.PTS != kept[i].PTS || u.DTS > u.PTS {
				t.Errorf("%s: unit %d: pts %d dts %d, want pts %d", codec, i, u.PTS, u.DTS, kept[i].PTS)
			}
			if u.DTS <= last {
				disorder++
			}
			last = u.DTS
		}
		if disorder != 0 {
			t.Errorf("%s: %d decoding times out of order", codec, disorder)
		}
	}
}

// TestSoundAhead: sound that is muxed long before its picture does not carry the clock past the picture.
func TestSoundAhead(t *testing.T) {
	t.Parallel()
	var clock, dts int64
	m, err := tsmux.New([]tsmux.Track{{Codec: mpegts.H264}, {Codec: mpegts.AAC, Config: lc48}}, func(b []byte) {
		for at := 0; at < len(b); at += mpegts.Size {
			p := mpegts.Packet(b[at : at+mpegts.Size])
			if base, _, ok := p.PCR(); ok {
				clock = int64(base)
			}
			if clock > dts {
				t.Errorf("the clock is at %d when a picture is decoded at %d", clock, dts)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(100) {
		dts = 90_000 + i*18_000
		if err := m.Write(0, tsmux.Unit{PTS: dts, Data: [][]byte{idr}}); err != nil {
			t.Fatal(err)
		}
		for k := range int64(10) {
			if err := m.Write(1, tsmux.Unit{PTS: dts + 80_000 + k*1920, Data: [][]byte{{1}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestAVCC(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size int
		in   []byte
		want [][]byte
	}{
		{4, []byte{0, 0, 0, 2, 1, 2, 0, 0, 0, 1, 3}, [][]byte{{1, 2}, {3}}},
		{2, []byte{0, 1, 7, 0, 0}, [][]byte{{7}}},
		{1, []byte{3, 7}, nil},
		{4, []byte{0, 0, 0}, nil},
		{0, []byte{0}, nil},
	} {
		got, err := tsmux.AVCC(c.in, c.size)
		if (err != nil) != (c.want == nil) || !slices.EqualFunc(got, c.want, bytes.Equal) && err == nil {
			t.Errorf("%d %x: %x, %v", c.size, c.in, got, err)
		}
	}
}

func FuzzAnnexB(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 9, 0xF0, 0, 0, 1, 0x67, 0, 0, 0, 1, 0x68})
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		units := tsmux.AnnexB(b)
		for _, u := range units {
			again = append(append(again, 0, 0, 1), u...)
		}
		if got := tsmux.AnnexB(again); !slices.EqualFunc(got, units, bytes.Equal) {
			t.Errorf("%x: %x and %x", b, units, got)
		}
	})
}

// FuzzWrite: whatever comes, what goes out is whole packets in order.
func FuzzWrite(f *testing.F) {
	f.Add(int64(0), []byte{0, 0, 1, 0x67, 0x42, 0, 0x1E, 0, 0, 1, 0x65, 1}, []byte{0, 0, 1, 0x41, 2}, []byte{0xFF, 0xFB, 0x90, 4})
	f.Add(int64(1<<33-5), []byte{0, 0, 1, 0x42, 1, 1}, []byte{0, 0, 1, 0x26, 1, 2}, []byte{0x0B, 0x77})
	f.Fuzz(func(t *testing.T, pts int64, a, b, c []byte) {
		var cc mpegts.Continuity
		m, err := tsmux.New([]tsmux.Track{
			{Codec: mpegts.H264}, {Codec: mpegts.HEVC, Params: tsmux.AnnexB(a)}, {Codec: mpegts.AAC, Config: lc48},
			{Codec: mpegts.MP2}, {Codec: mpegts.AC3}, {Codec: mpegts.Opus, Channels: 2},
		}, func(out []byte) {
			for ; len(out) >= mpegts.Size; out = out[mpegts.Size:] {
				if p := mpegts.Packet(out[:mpegts.Size]); p[0] != 0x47 || cc.Check(p) != mpegts.OK {
					t.Errorf("a bad packet: %x", out[:16])
				}
			}
			if len(out) > 0 {
				t.Errorf("%d bytes too many", len(out))
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, data := range [][]byte{a, b, c, a, b, c} {
			for track := range 6 {
				u := tsmux.Unit{PTS: pts + int64(i)*3600, Data: [][]byte{data}}
				if track < 2 {
					u.Data = tsmux.AnnexB(data)
				}
				_ = m.Write(track, u) // an error is as good as packets
			}
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	sound := make([]byte, 340)
	picture := append(slices.Clone(inter), make([]byte, 20_000)...)
	m, err := tsmux.New([]tsmux.Track{{Codec: mpegts.H264}, {Codec: mpegts.AAC, Config: lc48}}, func([]byte) {})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(picture) + 2*len(sound)))
	for i := int64(0); b.Loop(); i++ {
		for k := range 3 {
			u := tsmux.Unit{PTS: i*3600 + int64(k), Data: [][]byte{sound}}
			if k == 0 {
				u.Data[0], u.DTS, u.HasDTS = picture, u.PTS, true
			}
			if err := m.Write(min(k, 1), u); err != nil {
				b.Fatal(err)
			}
		}
	}
}
