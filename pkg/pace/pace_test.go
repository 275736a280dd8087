package pace_test

import (
	"bytes"
	"errors"
	"testing"

	"onair/pkg/mpegts"
	"onair/pkg/pace"
	"onair/pkg/tick"
)

// sent is what a pacer gave.
type sent struct {
	numbers []uint32
	at      []tick.Tick
}

func paced(t *testing.T, packets []mpegts.Packet) sent {
	t.Helper()
	var out sent
	p := pace.New(func(p mpegts.Packet, at tick.Tick) error {
		out.numbers, out.at = append(out.numbers, number(p)), append(out.at, at)
		return nil
	})
	for _, x := range packets {
		if err := p.Push(x); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	if len(out.at) != len(packets) {
		t.Fatalf("%d packets of %d came out", len(out.at), len(packets))
	}
	for i := 1; i < len(out.at); i++ {
		if out.at[i] < out.at[i-1] {
			t.Fatalf("packet %d goes back in time, from %v to %v", i, out.at[i-1].Duration(), out.at[i].Duration())
		}
	}
	return out
}

const second = 27_000_000

// clocked is packets with a reference in every tenth, each of which is the given time after the one before.
func clocked(start, step int64, n int) []mpegts.Packet {
	var out []mpegts.Packet
	for i := range n {
		if i%10 == 0 {
			out = append(out, withPCR(0x100, 0, uint32(i), (start+int64(i/10)*step)%(300<<33)))
			continue
		}
		out = append(out, packet(0x101, 0, uint32(i)))
	}
	return out
}

func TestPacketsAreSpreadEvenlyBetweenReferences(t *testing.T) {
	for name, start := range map[string]int64{"from 0": 0, "over the wrap": 300<<33 - second/2} {
		t.Run(name, func(t *testing.T) {
			out := paced(t, clocked(start, second/50, 1000))
			for i, at := range out.at {
				if want := tick.Tick(i) * 2 * tick.Millisecond; (at - want).Abs() > tick.Millisecond/100 {
					t.Fatalf("packet %d at %v, want %v", i, at.Duration(), want.Duration())
				}
				if out.numbers[i] != uint32(i) {
					t.Fatalf("packet %d is number %d", i, out.numbers[i])
				}
			}
		})
	}
}

func TestJumpOfTheClockTakesNoTime(t *testing.T) {
	for name, jump := range map[string]int64{"an hour on": 3600 * second, "an hour back": -3600 * second, "standing still": -second / 50} {
		t.Run(name, func(t *testing.T) {
			packets := clocked(second*7200, second/50, 500)
			packets = append(packets, clocked(second*7200+second/50*50+jump, second/50, 500)...)
			out := paced(t, packets)
			if end := out.at[999]; (end - 999*2*tick.Millisecond).Abs() > 10*tick.Millisecond {
				t.Errorf("the last packet is at %v, want 1.998 s", end.Duration())
			}
		})
	}
}

func TestWithoutReferencesVideoDecodeTimesPace(t *testing.T) {
	var packets []mpegts.Packet
	for i := range 250 { // 10 s of 40 ms, ten packets each; sound begins first, with a time of its own
		packets = append(packets, withPES(0x101, 0, 0xC0, uint64(900_000+i*3600)), withPES(0x100, 0, 0xE0, uint64(i*3600)))
		for range 8 {
			packets = append(packets, packet(0x100, 0, uint32(i)))
		}
	}
	out := paced(t, packets)
	for i, at := range out.at {
		if want := tick.Tick(i) * 4 * tick.Millisecond; (at - want).Abs() > 5*tick.Millisecond {
			t.Fatalf("packet %d at %v, want %v", i, at.Duration(), want.Duration())
		}
	}
}

func TestWithoutAnyTimeTheRateIsFixed(t *testing.T) {
	var packets []mpegts.Packet
	for i := range 20_000 {
		packets = append(packets, packet(0x100, 0, uint32(i)))
	}
	out := paced(t, packets)
	want := tick.FromUnits(19_999*188*8, 4_000_000)
	if end := out.at[19_999]; (end - want).Abs() > 10*tick.Millisecond {
		t.Errorf("the last packet is at %v, want %v", end.Duration(), want.Duration())
	}
}

func TestClockThatComesLateIsStillFound(t *testing.T) {
	var packets []mpegts.Packet
	for i := range 10_000 {
		packets = append(packets, packet(0x101, 0, uint32(i)))
	}
	packets = append(packets, clocked(0, second/50, 1000)...)
	out := paced(t, packets)
	n := len(out.at)
	if d := out.at[n-1] - out.at[n-501]; (d - tick.Second).Abs() > tick.Millisecond {
		t.Errorf("the last 500 packets take %v, want 1 s", d.Duration())
	}
}

func TestByPCRTakesNoOtherClock(t *testing.T) {
	for name, c := range map[string]struct {
		n    int
		none bool
	}{"decode times alone": {40_000, true}, "late references": {30_000, false}} {
		t.Run(name, func(t *testing.T) {
			var packets []mpegts.Packet
			for i := range c.n {
				packets = append(packets, withPES(0x100, 0, 0xE0, uint64(i*360)))
			}
			packets = append(packets, clocked(0, second/50, 1000)...)
			p := pace.ByPCR(func(mpegts.Packet, tick.Tick) error { return nil })
			var err error
			for _, x := range packets {
				if err = p.Push(x); err != nil {
					break
				}
			}
			if errors.Is(err, pace.ErrNoPCR) != c.none {
				t.Error(err)
			}
		})
	}
	p := pace.ByPCR(func(mpegts.Packet, tick.Tick) error { return nil })
	if err := p.Push(packet(0x100, 0, 0)); err != nil {
		t.Error(err)
	}
	if err := p.Flush(); !errors.Is(err, pace.ErrNoPCR) {
		t.Error(err)
	}
}

func TestPacerStopsAtTheFirstError(t *testing.T) {
	stop := errors.New("stop")
	n := 0
	p := pace.New(func(mpegts.Packet, tick.Tick) error { n++; return stop })
	var err error
	for _, x := range clocked(0, second/50, 100) {
		if err = p.Push(x); err != nil {
			break
		}
	}
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("error %v after %d packets", err, n)
	}
}

func FuzzPacer(f *testing.F) {
	var seed []byte
	for _, p := range clocked(300<<33-second, second/10, 40) {
		seed = append(seed, p...)
	}
	f.Add(seed)
	f.Add([]byte(withPES(0x100, 0, 0xE0, 1<<33-1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var packets []mpegts.Packet
		b = bytes.Clone(b)
		for ; len(b) >= mpegts.Size; b = b[mpegts.Size:] {
			packets = append(packets, mpegts.Packet(b[:mpegts.Size]))
		}
		n, last := 0, tick.Tick(0)
		p := pace.New(func(_ mpegts.Packet, at tick.Tick) error {
			if at < last {
				t.Fatalf("back in time: %d after %d", at, last)
			}
			n, last = n+1, at
			return nil
		})
		for _, x := range packets {
			_ = p.Push(x)
		}
		_ = p.Flush()
		if n != len(packets) {
			t.Fatalf("%d of %d packets came out", n, len(packets))
		}
	})
}
