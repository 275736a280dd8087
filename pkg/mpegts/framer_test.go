package mpegts_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"onair/pkg/mpegts"
)

// numbered makes n packets that carry their index; no other byte is a sync byte.
func numbered(n int) []byte {
	var out []byte
	for i := range n {
		p := bytes.Repeat([]byte{0xAA}, mpegts.Size)
		copy(p, []byte{0x47, 0x01, 0x00, 0x10 | byte(i&15), byte(i >> 4 & 15), byte(i & 15)})
		out = append(out, p...)
	}
	return out
}

// stride puts before and after bytes around each packet.
func stride(ts []byte, before, after int) []byte {
	var out []byte
	for ; len(ts) > 0; ts = ts[mpegts.Size:] {
		out = append(out, make([]byte, before)...)
		out = append(out, ts[:mpegts.Size]...)
		out = append(out, make([]byte, after)...)
	}
	return out
}

func join(packets []mpegts.Packet) []byte {
	var out []byte
	for _, p := range packets {
		out = append(out, p...)
	}
	return out
}

func TestFramerFindsPackets(t *testing.T) {
	ts := numbered(40)
	junk := bytes.Repeat([]byte{0x55}, 100)
	cases := []struct {
		name  string
		data  []byte
		want  []byte
		stats mpegts.FramerStats
	}{
		{"bare", ts, ts, mpegts.FramerStats{Packets: 40, PacketSize: 188}},
		{"m2ts", stride(ts, 4, 0), ts, mpegts.FramerStats{Packets: 40, PacketSize: 192}},
		{"reed-solomon", stride(ts, 0, 16), ts, mpegts.FramerStats{Packets: 40, PacketSize: 204}},
		{"one packet", ts[:188], ts[:188], mpegts.FramerStats{Packets: 1, PacketSize: 188}},
		{"junk before", append(bytes.Clone(junk), ts...), ts, mpegts.FramerStats{Packets: 40, PacketSize: 188, JunkBytes: 100}},
		{"junk after", append(bytes.Clone(ts), junk...), ts,
			mpegts.FramerStats{Packets: 40, PacketSize: 188, JunkBytes: 100, SyncLosses: 1, SyncErrors: 1}},
		{"cut packet at the end", ts[:188*30+57], ts[:188*30], mpegts.FramerStats{Packets: 30, PacketSize: 188, JunkBytes: 57}},
		{"starts within a packet", ts[100:], ts[188:], mpegts.FramerStats{Packets: 39, PacketSize: 188, JunkBytes: 88}},
		{"only junk", junk, nil, mpegts.FramerStats{JunkBytes: 100}},
	}
	for _, c := range cases {
		for _, piece := range []int{1, 7, 100, 188, 500, 1316, 1 << 20} {
			if c.name == "reed-solomon" && piece == 188 {
				continue // the first piece is a whole bare packet: nothing could tell
			}
			t.Run(fmt.Sprintf("%s in pieces of %d", c.name, piece), func(t *testing.T) {
				got, stats := frame(c.data, piece)
				if !bytes.Equal(join(got), c.want) {
					t.Errorf("%d packets, want the %d that were sent", len(got), len(c.want)/188)
				}
				if stats != c.stats {
					t.Errorf("stats %+v, want %+v", stats, c.stats)
				}
			})
		}
	}
}

func TestFramerKeepsSyncOverOneBadSyncByte(t *testing.T) {
	ts := numbered(20)
	ts[188*5] = 0x00
	got, stats := frame(ts, 1316)
	want := mpegts.FramerStats{Packets: 19, PacketSize: 188, JunkBytes: 188, SyncErrors: 1}
	if len(got) != 19 || stats != want {
		t.Errorf("%d packets, %+v, want %+v", len(got), stats, want)
	}
}

func TestFramerEmitsWholeDatagramsAtOnce(t *testing.T) {
	for n := 1; n <= 7; n++ {
		var f mpegts.Framer
		got := 0
		f.Push(numbered(n), func(mpegts.Packet) { got++ })
		if got != n {
			t.Errorf("a datagram of %d packets gave %d", n, got)
		}
	}
}

func TestFramerPrefersFreshDatagramOverCutOne(t *testing.T) {
	var f mpegts.Framer
	var got []byte
	emit := func(p mpegts.Packet) { got = append(got, p...) }
	ts := numbered(21)
	f.Push(ts[:188*7], emit)
	f.Push(ts[188*7:188*7+500], emit) // a cut datagram: two packets and a piece
	f.Push(ts[188*14:], emit)
	want := append(bytes.Clone(ts[:188*9]), ts[188*14:]...)
	if !bytes.Equal(got, want) {
		t.Errorf("%d packets, want %d", len(got)/188, len(want)/188)
	}
	if s := f.Stats(); s.JunkBytes != 500-2*188 {
		t.Errorf("junk %d bytes, want %d", s.JunkBytes, 500-2*188)
	}
}

func TestFramerFindsAllPacketsBetweenJunk(t *testing.T) {
	data := readMedia(t, "junk-between-packets.ts")
	for _, piece := range []int{100, 1316, 1 << 20} {
		got, stats := frame(data, piece)
		if len(got) != 290 || stats.JunkBytes != 5270+146 {
			t.Errorf("pieces of %d: %d packets, %d junk bytes, want 290, 5416", piece, len(got), stats.JunkBytes)
		}
	}
}

func TestFramerMakesNextToNothingOfNoise(t *testing.T) {
	noise := make([]byte, 1<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	got, stats := frame(noise, 1316)
	if len(got) > 20 || stats.JunkBytes+uint64(len(got)*188) != uint64(len(noise)) {
		t.Errorf("%d packets and %d junk bytes out of 1 MiB of noise", len(got), stats.JunkBytes)
	}
}

func FuzzFramer(f *testing.F) {
	f.Add(numbered(5), 100)
	f.Add(stride(numbered(5), 4, 0), 188)
	f.Add(stride(numbered(5), 0, 16), 1)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		if piece < 1 {
			piece = 1
		}
		got, stats := frame(data, piece)
		for _, p := range got {
			if len(p) != mpegts.Size || p[0] != 0x47 {
				t.Fatalf("emitted %d bytes beginning with %#x", len(p), p[0])
			}
		}
		if stats.Packets != uint64(len(got)) || stats.JunkBytes+stats.Packets*mpegts.Size > uint64(len(data)) {
			t.Fatalf("%d bytes in, %+v", len(data), stats)
		}
	})
}

func BenchmarkFramer(b *testing.B) {
	data := numbered(7)
	var f mpegts.Framer
	n := 0
	emit := func(mpegts.Packet) { n++ }
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		f.Push(data, emit)
	}
}
