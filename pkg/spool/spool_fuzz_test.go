package spool_test

import (
	"errors"
	"testing"

	"onair/pkg/mpegts"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

// FuzzSpool appends, reads and searches as a script says, and compares with what is known of every packet.
func FuzzSpool(f *testing.F) {
	f.Add([]byte{0xff, 3, 0xff, 70, 0xff, 5, 1, 2, 0xff}, uint8(2))
	f.Add([]byte{0, 0, 0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 9}, uint8(0))
	f.Fuzz(func(t *testing.T, script []byte, size uint8) {
		s := spool.New(spool.Config{Length: tick.Second, MaxBytes: int64(size) * 1024 * mpegts.Size})
		if len(script) > 256 {
			script = script[:256]
		}
		var next, pos uint64
		now := tick.Tick(0)
		buf := make([]byte, 700*mpegts.Size)
		for _, b := range script {
			switch b & 3 {
			case 0: // a pause
				now += tick.Tick(b) * tick.Second / 64
			case 1: // a reader takes some
				n, err := s.Read(pos, buf[:(int(b)*3+1)*mpegts.Size%len(buf)])
				if st := s.Stats(); errors.Is(err, spool.ErrOverrun) != (pos < st.First) {
					t.Fatalf("reading %d of [%d, %d): %v", pos, st.First, st.Next, err)
				}
				for i := range n {
					if got := number(buf[i*mpegts.Size:]); got != pos+uint64(i) {
						t.Fatalf("packet %d where %d is due", got, pos+uint64(i))
					}
				}
				if pos += uint64(n); err != nil {
					pos = s.Stats().First
				}
			default:
				for range int(b) * 8 {
					var e *spool.Entry
					if next%7 == 0 {
						e = &spool.Entry{PID: uint16(b), PTS: int64(next), Arrival: now}
					}
					if got := s.Append(packet(next), now, e); got != next {
						t.Fatalf("appended at %d, want %d", got, next)
					}
					now += tick.Millisecond / 4
					next++
				}
			}
			check(t, s, next)
		}
	})
}

func check(t *testing.T, s *spool.Spool, next uint64) {
	t.Helper()
	st := s.Stats()
	if st.Next != next || st.First > next || st.Length < 0 {
		t.Fatalf("stats %+v after %d packets", st, next)
	}
	entries := s.Entries(nil, 0, next)
	if want := int(next+6)/7 - int(st.First+6)/7; len(entries) != want {
		t.Fatalf("%d entries for packets [%d, %d), want %d", len(entries), st.First, next, want)
	}
	for i, e := range entries {
		if e.Pos < st.First || e.Pos%7 != 0 || e.PTS != int64(e.Pos) || i > 0 && e.Pos != entries[i-1].Pos+7 {
			t.Fatalf("entry %+v in [%d, %d)", e, st.First, next)
		}
	}
	if len(entries) == 0 {
		return
	}
	last := entries[len(entries)-1]
	s.SetAccess(last.Pos, mpegts.IDR, 3)
	if e, ok := s.Find(func(spool.Entry) bool { return true }); !ok || e.Pos != last.Pos || e.Access != mpegts.IDR || e.Format != 3 {
		t.Fatalf("newest entry %+v, want that of %d", e, last.Pos)
	}
}
