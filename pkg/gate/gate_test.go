package gate_test

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"onair/pkg/gate"
	"onair/pkg/tick"
)

const noon tick.Tick = 1_785_000_000 * tick.Second

// knock tries n times, evenly within a span, and tells how often it was let in.
func knock(g *gate.Gate, from string, begin, span tick.Tick, n int) (in int) {
	for i := range n {
		if g.Admit(netip.MustParseAddr(from), begin+span*tick.Tick(i)/tick.Tick(n)) {
			in++
		}
	}
	return in
}

func TestAdmit(t *testing.T) {
	for name, c := range map[string]struct {
		from string
		span tick.Tick
		n    int
		want int
	}{
		"slowly, all":              {"192.0.2.1", 10 * tick.Second, 100, 100},
		"at once, a second's":      {"192.0.2.1", 0, 100, 10},
		"too often, what is due":   {"192.0.2.1", 4 * tick.Second, 1000, 49},
		"an IPv4 address in IPv6":  {"::ffff:192.0.2.1", 0, 100, 10},
		"the clock went backwards": {"192.0.2.1", -4 * tick.Second, 100, 10},
	} {
		t.Run(name, func(t *testing.T) {
			g := gate.New(gate.Config{PerSecond: 30, PerAddress: 10})
			if in := knock(g, c.from, noon, c.span, c.n); in != c.want {
				t.Errorf("%d were let in, want %d", in, c.want)
			}
		})
	}
}

func TestOneWhoKnocksTooOftenKeepsNobodyOut(t *testing.T) {
	g := gate.New(gate.Config{PerSecond: 30, PerAddress: 10})
	knock(g, "192.0.2.1", noon, 0, 10_000)
	if knock(g, "192.0.2.2", noon, 0, 1) != 1 {
		t.Error("another address is not let in")
	}
	if knock(g, "2001:db8::1", noon, 0, 10) != 10 || knock(g, "2001:db8::2", noon, 0, 1) != 0 {
		t.Error("addresses of one IPv6 network are not one caller")
	}
	if knock(g, "2001:db8:0:1::1", noon, 0, 100) > 9 {
		t.Error("more than from all together were let in")
	}
	if knock(g, "192.0.2.1", noon+tick.Second, 0, 100) != 10 {
		t.Error("a second later it is not forgotten")
	}
}

// Who is forgiven may knock again, but never more often than in one second.
func TestForgive(t *testing.T) {
	g := gate.New(gate.Config{PerSecond: 30, PerAddress: 10})
	from := netip.MustParseAddr("192.0.2.1")
	for range 100 {
		if knock(g, "192.0.2.1", noon, 0, 1) != 1 {
			t.Fatal("one who was forgiven is not let in")
		}
		g.Forgive(from)
	}
	g.Forgive(from)
	g.Forgive(netip.MustParseAddr("192.0.2.2"))
	if in := knock(g, "192.0.2.1", noon, 0, 100); in != 10 {
		t.Errorf("%d were let in at once, want 10", in)
	}
	if in := knock(g, "192.0.2.2", noon, 0, 10) + knock(g, "192.0.2.3", noon, 0, 100); in != 20 {
		t.Errorf("%d of the others, want 20", in)
	}
}

// However many addresses there are, all together are limited, and memory is.
func TestManyAddresses(t *testing.T) {
	g := gate.New(gate.Config{PerSecond: 30, PerAddress: 10})
	in := 0
	for i := range uint32(100_000) {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], i)
		if g.Admit(netip.AddrFrom4(a), noon+tick.Tick(i)*tick.Second/10_000) {
			in++
		}
	}
	if in < 300 || in > 330 {
		t.Errorf("%d of 100000 in 10 s were let in", in)
	}
	if !g.Admit(netip.MustParseAddr("192.0.2.1"), noon+100*tick.Second) {
		t.Error("later nobody is let in")
	}
}

func BenchmarkAdmit(b *testing.B) {
	g := gate.New(gate.Config{PerSecond: 30, PerAddress: 10})
	from := netip.MustParseAddr("192.0.2.1")
	b.ReportAllocs()
	now := noon
	for b.Loop() {
		now += 1000
		g.Admit(from, now)
	}
}
