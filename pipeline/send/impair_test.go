package send_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"onair/pipeline/send"
	"onair/pkg/tick"
)

// spacing is the distance of two datagrams at about 10 Mb/s.
const spacing = tick.Millisecond

func impairer(t *testing.T, legs []send.Impairment, exclusive bool, seed uint64) *send.Impairer {
	t.Helper()
	var group []int
	for i := range legs {
		group = append(group, i)
	}
	im, err := send.NewImpairer(legs, group, exclusive, seed)
	if err != nil {
		t.Fatal(err)
	}
	return im
}

// Whatever the legs do, with exclusive none of the datagrams is dropped on all of them, and silence is kept all the
// same.
func TestExclusiveSparesEachDatagram(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 99))
		legs := make([]send.Impairment, 2+r.IntN(3))
		for i := range legs {
			legs[i] = send.Impairment{Loss: r.Float64(), Burst: r.IntN(30), Reorder: r.Float64() / 10}
		}
		cut := send.Cut{From: time.Second, To: 3 * time.Second}
		legs[r.IntN(len(legs))].Cuts = []send.Cut{cut}
		im := impairer(t, legs, true, seed)
		dropped := 0
		for n := range 5000 {
			at := tick.Tick(n) * spacing
			passed := 0
			for i, f := range im.Next(at) {
				silent := len(legs[i].Cuts) > 0 && at >= tick.Second && at < 3*tick.Second
				if silent != (f.Cause == send.Silent) {
					t.Fatalf("seed %d, datagram %d, leg %d: %v", seed, n, i+1, f.Cause)
				}
				if f.Cause == send.Sent {
					passed++
				} else {
					dropped++
				}
			}
			if passed == 0 || im.Everywhere() {
				t.Fatalf("seed %d: datagram %d is dropped on all %d legs", seed, n, len(legs))
			}
		}
		if dropped < 1000 {
			t.Errorf("seed %d: only %d drops: nothing was tried", seed, dropped)
		}
	}
}

func TestSameSeedSameChance(t *testing.T) {
	legs := []send.Impairment{
		{Loss: 0.05, Burst: 3, Jitter: 20 * time.Millisecond}, {Loss: 0.1, Reorder: 0.05, Skew: 60 * time.Millisecond},
	}
	text := func(seed uint64) string {
		im := impairer(t, legs, true, seed)
		var b strings.Builder
		for n := range 2000 {
			fmt.Fprintln(&b, im.Next(tick.Tick(n)*spacing))
		}
		return b.String()
	}
	first := text(7)
	if text(7) != first {
		t.Error("seed 7 gives two histories")
	}
	if text(8) == first {
		t.Error("seeds 7 and 8 give the same history")
	}
}

func TestLossIsAsOftenAndAsLongAsAsked(t *testing.T) {
	const n = 400_000
	for _, c := range []struct {
		loss  float64
		burst int
	}{{0, 0}, {0.001, 1}, {0.05, 0}, {0.05, 1}, {0.05, 10}, {0.3, 5}, {0.5, 1}, {1, 4}} {
		t.Run(fmt.Sprintf("%v in bursts of %d", c.loss, c.burst), func(t *testing.T) {
			im := impairer(t, []send.Impairment{{Loss: c.loss, Burst: c.burst}}, false, 5)
			lost, bursts, before := 0, 0, false
			for i := range n {
				now := im.Next(tick.Tick(i) * spacing)[0].Cause == send.Lost
				if now {
					lost++
					if !before {
						bursts++
					}
				}
				before = now
			}
			if got := float64(lost) / n; math.Abs(got-c.loss) > 0.05*c.loss+0.0005 {
				t.Errorf("lost %.4f, want %.4f", got, c.loss)
			}
			if c.burst > 1 && c.loss < 1 {
				if got := float64(lost) / float64(bursts); math.Abs(got-float64(c.burst)) > 0.1*float64(c.burst) {
					t.Errorf("bursts of %.1f, want %d", got, c.burst)
				}
			}
		})
	}
}

func TestDelaysLieWithinBounds(t *testing.T) {
	im := impairer(t, []send.Impairment{{Skew: 60 * time.Millisecond, Jitter: 20 * time.Millisecond, Reorder: 0.25}}, false, 3)
	least, most, reordered := tick.Second, tick.Tick(0), 0
	for n := range 10_000 {
		f := im.Next(tick.Tick(n) * spacing)[0]
		least, most = min(least, f.Delay), max(most, f.Delay)
		if f.Back < 0 || f.Back > 4 {
			t.Fatalf("overtaken by %d", f.Back)
		}
		if f.Back > 0 {
			reordered++
		}
	}
	if least < 60*tick.Millisecond || least > 61*tick.Millisecond || most > 80*tick.Millisecond || most < 79*tick.Millisecond {
		t.Errorf("delays from %v to %v, want 60 ms to 80 ms", least.Duration(), most.Duration())
	}
	if reordered < 2300 || reordered > 2700 {
		t.Errorf("%d of 10000 reordered, want 2500", reordered)
	}
}

func TestSilenceBeginsAndEndsExactly(t *testing.T) {
	im := impairer(t, []send.Impairment{{Cuts: []send.Cut{{From: time.Second, To: 2 * time.Second}, {From: 5 * time.Second}}}}, false, 3)
	for _, c := range []struct {
		at   tick.Tick
		want send.Cause
	}{
		{0, send.Sent}, {tick.Second - 1, send.Sent}, {tick.Second, send.Silent}, {2*tick.Second - 1, send.Silent},
		{2 * tick.Second, send.Sent}, {5*tick.Second - 1, send.Sent}, {5 * tick.Second, send.Silent}, {1e6 * tick.Second, send.Silent},
	} {
		if got := im.Next(c.at)[0].Cause; got != c.want {
			t.Errorf("at %v: %v, want %v", c.at.Duration(), got, c.want)
		}
	}
}

func TestImpossibleImpairmentsAreRefused(t *testing.T) {
	sec := func(from, to int) send.Cut {
		return send.Cut{From: time.Duration(from) * time.Second, To: time.Duration(to) * time.Second}
	}
	for _, c := range []struct {
		name      string
		legs      []send.Impairment
		exclusive bool
		ok        bool
	}{
		{"loss above 1", []send.Impairment{{Loss: 1.1}}, false, false},
		{"negative loss", []send.Impairment{{Loss: -0.1}}, false, false},
		{"negative skew", []send.Impairment{{Skew: -1}}, false, false},
		{"too late", []send.Impairment{{Skew: 6 * time.Second, Jitter: 6 * time.Second}}, false, false},
		{"silence backwards", []send.Impairment{{Cuts: []send.Cut{sec(3, 2)}}}, false, false},
		{"exclusive alone", []send.Impairment{{}}, true, false},
		{"exclusive, silences apart", []send.Impairment{{Cuts: []send.Cut{sec(1, 3)}}, {Cuts: []send.Cut{sec(3, 5)}}}, true, true},
		{"exclusive, silences overlap", []send.Impairment{{Cuts: []send.Cut{sec(1, 3)}}, {Cuts: []send.Cut{sec(2, 5)}}}, true, false},
		{"exclusive, one within the other", []send.Impairment{{Cuts: []send.Cut{sec(1, 0)}}, {Cuts: []send.Cut{sec(2, 3)}}}, true, false},
		{"exclusive, a third leg whole", []send.Impairment{{Cuts: []send.Cut{sec(1, 0)}}, {Cuts: []send.Cut{sec(1, 0)}}, {}}, true, true},
		{"overlap without exclusive", []send.Impairment{{Cuts: []send.Cut{sec(1, 3)}}, {Cuts: []send.Cut{sec(2, 5)}}}, false, true},
	} {
		var group []int
		for i := range c.legs {
			group = append(group, i)
		}
		if _, err := send.NewImpairer(c.legs, group, c.exclusive, 1); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
