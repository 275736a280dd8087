//go:build e2e

package e2e

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"onair/pipeline/control"
	"onair/pkg/mpegts"
)

// pidVideo is where FFmpeg's muxer puts the picture, pidMap where it puts the program map.
const pidVideo, pidMap = 0x100, 0x1000

// damaged returns a copy of a whole stream with every packet changed by change.
func damaged(b []byte, change func(p mpegts.Packet)) []byte {
	out := bytes.Clone(b)
	for at := 0; at+mpegts.Size <= len(out); at += mpegts.Size {
		change(mpegts.Packet(out[at : at+mpegts.Size]))
	}
	return out
}

// pes is the optional part of a PES header that begins in a packet of a PID, nil if none does: flags first.
func pes(p mpegts.Packet, pid uint16) []byte {
	b := p.Payload()
	if p.PID() != pid || !p.Start() || len(b) < 19 || b[0] != 0 || b[1] != 0 || b[2] != 1 {
		return nil
	}
	return b[7:]
}

// TestDamagedStreams sends a stream, then damage for a while, then the stream again: the damage is counted, what can be
// shown goes on meanwhile, and all is well after.
func TestDamagedStreams(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(p mpegts.Packet)
		count  func(control.TS) uint64 // must have grown; nil: nothing need be counted
		goes   bool                    // segments must come meanwhile
	}{
		{
			name: "lying section lengths", goes: true, count: func(ts control.TS) uint64 { return ts.CRC },
			change: func(p mpegts.Packet) {
				if p.Start() && (p.PID() == 0 || p.PID() == pidMap) {
					p[6], p[7] = 0xB0|byte(rand.IntN(16)), byte(rand.IntN(256))
				}
			},
		},
		{
			name: "lying section lengths and a right crc of nothing", goes: true, change: func(p mpegts.Packet) {
				if p.Start() && p.PID() == pidMap { // a loop of descriptors that is longer than the map
					section := []byte{2, 0xB0, 13, 0, 1, 0xC3, 0, 0, 0xE1, 0x00, 0xFF, byte(rand.IntN(256))}
					crc := mpegts.CRC32(section)
					copy(p[5:], append(section, byte(crc>>24), byte(crc>>16), byte(crc>>8), byte(crc)))
				}
			},
		},
		{
			name: "no pts on half of the pictures", goes: true,
			count: func(ts control.TS) uint64 { return ts.PESWithoutPTS },
			change: func() func(p mpegts.Packet) {
				n := 0
				return func(p mpegts.Packet) {
					if h := pes(p, pidVideo); h != nil {
						if n++; n%2 == 0 {
							h[0] &= 0x3F
						}
					}
				}
			}(),
		},
		{
			name: "no pts at all", count: func(ts control.TS) uint64 { return ts.PESWithoutPTS },
			change: func(p mpegts.Packet) {
				if h := pes(p, pidVideo); h != nil {
					h[0] &= 0x3F
				}
			},
		},
		{
			name: "pts before dts", goes: true, change: func(p mpegts.Packet) {
				if h := pes(p, pidVideo); h != nil && h[0]>>6 == 3 {
					for i := range 5 {
						h[2+i], h[7+i] = h[7+i], h[2+i]
					}
				}
			},
		},
		{
			name: "flipped bits in one of a hundred packets", goes: true, count: control.TS.Errors,
			change: func(p mpegts.Packet) {
				if rand.IntN(100) == 0 {
					for range 1 + rand.IntN(8) {
						p[rand.IntN(mpegts.Size)] ^= 1 << rand.IntN(8)
					}
				}
			},
		},
		{
			name: "random payload in one of ten packets", goes: true, change: func(p mpegts.Packet) {
				if b := p.Payload(); rand.IntN(10) == 0 && !p.Start() {
					for i := range b {
						b[i] = byte(rand.Uint32())
					}
				}
			},
		},
		{
			name: "scrambled", count: func(ts control.TS) uint64 { return ts.Scrambled },
			change: func(p mpegts.Packet) {
				if p.PID() != 0 && p.PID() != pidMap {
					p[3] |= 0x80
				}
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			whole, err := os.ReadFile(clip(t, 30, "25"))
			if err != nil {
				t.Fatal(err)
			}
			bad := damaged(whole, c.change)
			port := freePort(t, "udp")
			s := newSmall(t, oneLeg("udp", port)).answering()
			stop := loop(t, whole, 30*time.Second, 7*188, false, port)
			begun := s.wait("segments", 30*time.Second, segments(3))
			before := s.weigh()
			stop()
			stop = loop(t, bad, 30*time.Second, 7*188, false, port)
			if c.goes {
				s.wantOn(8)
			} else {
				s.outlast(12 * time.Second)
			}
			stop()
			after := s.status()
			if c.count != nil && c.count(after.Inputs[0].TS) <= c.count(begun.Inputs[0].TS) {
				t.Errorf("nothing was counted: %+v", after.Inputs[0].TS)
			}
			if got := complaint(after); !c.goes && got == "" {
				t.Error("nothing is said although nothing is on air")
			} else {
				t.Logf("%d restarts of runs; it says: %.300s", after.RunRestarts, got)
			}
			loop(t, whole, 30*time.Second, 7*188, false, port)
			s.wantOn(3)
			s.wantLight(before)
		})
	}
}

// outlast lets time pass while the program must not end.
func (s *station) outlast(d time.Duration) {
	s.t.Helper()
	begun := time.Now()
	if eventually(d, func() bool {
		select {
		case <-s.done:
			return true
		default:
			return false
		}
	}) {
		s.t.Fatalf("the program ended after %v", time.Since(begun))
	}
}
