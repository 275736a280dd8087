package spool_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"onair/pkg/mpegts"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

// packet is a TS packet that carries its number.
func packet(n uint64) mpegts.Packet {
	p := make([]byte, mpegts.Size)
	p[0] = 0x47
	binary.BigEndian.PutUint64(p[4:], n)
	return p
}

func number(b []byte) uint64 { return binary.BigEndian.Uint64(b[4:]) }

// fill appends n packets, one a millisecond, every tenth of which begins a PES packet.
func fill(s *spool.Spool, from, n uint64) {
	for i := from; i < from+n; i++ {
		var e *spool.Entry
		if i%10 == 0 {
			e = &spool.Entry{PID: 256, Video: true, PTS: int64(i), Arrival: tick.Tick(i) * tick.Millisecond, Format: 1}
		}
		s.Append(packet(i), tick.Tick(i)*tick.Millisecond, e)
	}
}

func TestReaderSeesEveryPacketInOrder(t *testing.T) {
	s := spool.New(spool.Config{})
	fill(s, 0, 5000)
	buf := make([]byte, 300*mpegts.Size)
	pos := uint64(0)
	for pos < 5000 {
		n, err := s.Read(pos, buf)
		if err != nil || n == 0 {
			t.Fatalf("at %d: %d packets, %v", pos, n, err)
		}
		for i := range n {
			if got := number(buf[i*mpegts.Size:]); got != pos+uint64(i) {
				t.Fatalf("packet %d where %d is due", got, pos+uint64(i))
			}
		}
		pos += uint64(n)
	}
	if n, err := s.Read(pos, buf); n != 0 || err != nil {
		t.Fatalf("beyond the end: %d packets, %v", n, err)
	}
}

func TestOldPacketsGoByAge(t *testing.T) {
	s := spool.New(spool.Config{Length: 2 * tick.Second})
	fill(s, 0, 10_000)
	st := s.Stats()
	if held := st.Next - st.First; held < 2000 || held > 2000+2*1024 {
		t.Fatalf("%d packets held, want 2000 and less than two chunks more", held)
	}
	if _, err := s.Read(st.First-1, make([]byte, mpegts.Size)); !errors.Is(err, spool.ErrOverrun) {
		t.Fatalf("reading what was dropped: %v, want ErrOverrun", err)
	}
	if first, ok := s.First(func(spool.Entry) bool { return true }); !ok || first.Pos < st.First {
		t.Fatalf("an index entry at %d outlived its packet; the oldest is %d", first.Pos, st.First)
	}
}

func TestBytesAreBounded(t *testing.T) {
	const most = 4 * 1024 * mpegts.Size
	s := spool.New(spool.Config{Length: 1 << 60, MaxBytes: most})
	fill(s, 0, 100_000)
	if got := s.Stats().Bytes; got > most {
		t.Fatalf("%d bytes held, at most %d allowed", got, most)
	}
}

func TestEntriesAndAccess(t *testing.T) {
	s := spool.New(spool.Config{})
	fill(s, 0, 100)
	s.SetAccess(50, mpegts.IDR, 7)
	got := s.Entries(nil, 45, 61)
	if len(got) != 2 || got[0].Pos != 50 || got[1].Pos != 60 {
		t.Fatalf("entries of [45, 61): %+v", got)
	}
	if got[0].Access != mpegts.IDR || got[0].Format != 7 || got[1].Access != mpegts.None {
		t.Fatalf("access verdicts: %+v", got)
	}
	e, ok := s.Find(func(e spool.Entry) bool { return e.Access == mpegts.IDR })
	if !ok || e.Pos != 50 {
		t.Fatalf("found %+v", e)
	}
}

func BenchmarkAppend(b *testing.B) {
	s := spool.New(spool.Config{Length: tick.Second})
	p := packet(0)
	e := spool.Entry{PID: 256}
	b.SetBytes(mpegts.Size)
	b.ReportAllocs()
	for i := range b.N {
		var entry *spool.Entry
		if i%50 == 0 {
			entry = &e
		}
		s.Append(p, tick.Tick(i)*tick.Millisecond/7, entry)
	}
}
