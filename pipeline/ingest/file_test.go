package ingest_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"onair/pipeline/ingest"
	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

// tape keeps the packets that an input brings, with their arrival.
type tape struct {
	mu      sync.Mutex
	packets []mpegts.Packet
	at      []tick.Tick
	odd     int
}

func (s *tape) Datagram(ts []byte, now tick.Tick, _ int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(ts)%mpegts.Size != 0 {
		s.odd++
	}
	for p := range slices.Chunk(ts, mpegts.Size) {
		s.packets, s.at = append(s.packets, bytes.Clone(p)), append(s.at, now)
	}
}

func (s *tape) take() ([]mpegts.Packet, []tick.Tick) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.packets), slices.Clone(s.at)
}

const (
	frame     = 3600 // 40 ms in 1/90 000 s
	perFrame  = 20   // packets
	clipPID   = 0x100
	clipStart = 1<<33 - 10*frame // the clock wraps in the tenth frame
)

// film is a clip of so many frames, each with a PES packet and, if wanted, a clock reference.
func film(frames int, start uint64, pcr bool) []mpegts.Packet {
	var out []mpegts.Packet
	cc := byte(0)
	for i := range frames {
		at := (start + uint64(i)*frame) % (1 << 33)
		for k := range perFrame {
			p := make(mpegts.Packet, mpegts.Size)
			p[0], p[1], p[2], p[3] = 0x47, byte(clipPID>>8), byte(clipPID&0xFF), 0x10|cc&15
			cc++
			body := p[4:]
			if k == 0 {
				p[1] |= 0x40
				if pcr {
					p[3] |= 0x20
					copy(p[4:], []byte{7, 0x10, byte(at >> 25), byte(at >> 17), byte(at >> 9), byte(at >> 1), byte(at<<7) | 0x7E, 0})
					body = p[12:]
				}
				copy(body, []byte{0, 0, 1, 0xE0, 0, 0, 0x80, 0x80, 5, 0x21 | byte(at>>29)&0x0E, byte(at >> 22), byte(at>>14) | 1,
					byte(at >> 7), byte(at<<1) | 1})
			}
			out = append(out, p)
		}
	}
	return out
}

// store writes packets as a file of the given packet size.
func store(t *testing.T, name string, packets []mpegts.Packet, size int) string {
	t.Helper()
	var b []byte
	for _, p := range packets {
		if size == 192 {
			b = append(b, 1, 2, 3, 4)
		}
		b = append(b, p...)
		if size == 204 {
			b = append(b, bytes.Repeat([]byte{0xAA}, 16)...)
		}
	}
	if name == "" {
		name = filepath.Join(t.TempDir(), "clip.ts")
	}
	fresh := name + ".new"
	if err := os.WriteFile(fresh, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, name); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestFileIsPlayedAsItsClockSays(t *testing.T) {
	t.Parallel()
	for _, size := range []int{188, 192, 204} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			const frames = 15 // 0.6 s
			into := &tape{}
			began := time.Now()
			r := newRigInto(t, into, ingest.InputConfig{}, "file://"+store(t, "", film(frames, clipStart, true), size))
			r.until("the first packets", func(s ingest.InputStats) bool { return s.Packets > 0 })
			if took := time.Since(began); took > time.Second {
				t.Errorf("the first packets came after %v", took)
			}
			const rounds = 3
			r.until("some rounds", func(s ingest.InputStats) bool { return s.Bytes > rounds*frames*perFrame*mpegts.Size })
			packets, at := into.take()
			if into.odd > 0 {
				t.Errorf("%d datagrams are no whole packets", into.odd)
			}
			wantContinuous(t, packets)
			media := tick.Tick(len(packets)/perFrame) * 40 * tick.Millisecond
			if took := at[len(at)-1] - at[0]; (took - media).Abs() > 150*tick.Millisecond {
				t.Errorf("%v of media took %v", media.Duration(), took.Duration())
			}
			if s := r.stats().Legs[0]; s.State != ingest.Receiving || s.Error != "" || s.Connects != 1 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// wantContinuous: clocks and counters go on over the seams.
func wantContinuous(t *testing.T, packets []mpegts.Packet) {
	t.Helper()
	var cc mpegts.Continuity
	u := tick.Unwrapper{Bits: 33}
	last, n := int64(-1), 0
	for i, p := range packets {
		if v := cc.Check(p); v != mpegts.OK {
			t.Fatalf("packet %d: %v", i, v)
		}
		base, _, ok := p.PCR()
		if !ok {
			continue
		}
		at := u.Unwrap(base)
		if n++; n > 1 && at-last != frame {
			t.Fatalf("packet %d: the clock moved by %d", i, at-last)
		}
		last = at
	}
	if n < 3 {
		t.Fatalf("only %d references", n)
	}
}

func TestFileThatIsReplacedVanishesAndComes(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "clip.ts")
	into := &tape{}
	r := newRigInto(t, into, ingest.InputConfig{}, "file://"+name)
	r.until("it is told", func(s ingest.InputStats) bool {
		return s.Legs[0].State == ingest.Failed && s.Legs[0].Error == "cannot open the file: no such file or directory"
	})
	connected := uint64(0)
	plays := func(what string) {
		connected++
		r.until(what, func(s ingest.InputStats) bool {
			return s.Legs[0].Connects == connected && s.Legs[0].State == ingest.Receiving && s.Legs[0].Error == ""
		})
	}
	store(t, name, film(50, 0, true), 188)
	plays("it is played once it is there")
	store(t, name, film(50, 1<<32, true), 188)
	r.logged("the file was replaced")
	plays("the new one is played")
	late := time.Now().Add(-time.Hour)
	if err := os.Chtimes(name, late, late); err != nil {
		t.Fatal(err)
	}
	r.logged("the file was changed")
	plays("the changed one is played")
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	r.until("its absence is told", func(s ingest.InputStats) bool { return s.Legs[0].State == ingest.Failed })
	r.logged("the file has gone while it was played: no such file or directory")
	store(t, name, film(50, 0, true), 188)
	plays("it is back")
}

func TestFilesThatCannotBePlayed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name string, b []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		put("empty.ts", nil): "not MPEG-TS",
		put("text.ts", bytes.Repeat([]byte("no stream at all "), 1e6)):        "not MPEG-TS",
		store(t, filepath.Join(dir, "noclock.ts"), film(2000, 0, false), 188): "no program clock reference (PCR)",
		store(t, filepath.Join(dir, "short.ts"), film(2, 0, true), 188):       "lasts only 80ms",
		dir:  "not a regular file",
		pipe: "not a regular file",
	} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, ingest.InputConfig{}, "file://"+name)
			r.until("it is told", func(s ingest.InputStats) bool {
				return s.Legs[0].State == ingest.Failed && strings.Contains(s.Legs[0].Error, want)
			})
		})
	}
}

// TestFileWithWrongClocksDoesNotRun: references that stand still or say gigabits do not make a busy loop.
func TestFileWithWrongClocksDoesNotRun(t *testing.T) {
	t.Parallel()
	packets := film(500, 0, true)
	for i := 0; i < len(packets); i += perFrame {
		at := uint64(i / perFrame) // 1/90 000 s later than the one before
		copy(packets[i][6:], []byte{byte(at >> 25), byte(at >> 17), byte(at >> 9), byte(at >> 1), byte(at<<7) | 0x7E, 0})
	}
	r := newRigInto(t, &tape{}, ingest.InputConfig{}, "file://"+store(t, "", packets, 188))
	r.until("it is played", func(s ingest.InputStats) bool { return s.Packets > 100 })
	before, since := r.stats().Bytes, time.Now()
	r.until("some more", func(ingest.InputStats) bool { return time.Since(since) > 500*time.Millisecond })
	rate := float64(r.stats().Bytes-before) * 8 / time.Since(since).Seconds() / 1e6
	if rate > 300 {
		t.Errorf("%.0f Mb/s", rate)
	}
}

// TestFileIsNotReadWhole: a large clip takes no more memory than a small one.
func TestFileIsNotReadWhole(t *testing.T) {
	name := store(t, "", film(50, 0, true), 188)
	store(t, name, film(50_000, 0, true), 188) // 188 MB
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := newRig(t, ingest.InputConfig{}, "file://"+name)
	r.until("it is played", func(s ingest.InputStats) bool { return s.Packets > 200 })
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("%d MB more", grown>>20)
	}
}
