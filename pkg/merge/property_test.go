package merge_test

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"onair/pkg/merge"
	"onair/pkg/tick"
)

const ms = tick.Millisecond

// arrival is one datagram of the simulated sender coming on one leg.
type arrival struct {
	index int64 // of the datagram at the sender
	leg   int
	at    tick.Tick
}

// path is how a simulated leg treats datagrams.
type path struct {
	loss   float64   // chance of losing one
	burst  int       // datagrams lost at a time; 0: 1
	skew   tick.Tick // constant delay
	jitter tick.Tick // additional delay, up to
	repeat float64   // chance of bringing one twice
	cut    [2]int64  // nothing of these indexes comes
}

// network makes the arrivals of n datagrams, one per millisecond, over the paths.
func network(rng *rand.Rand, n int64, paths []path) []arrival {
	var all []arrival
	for leg, p := range paths {
		lose := 0
		for i := range n {
			if lose == 0 && rng.Float64() < p.loss {
				lose = max(1, p.burst)
			}
			if lose > 0 {
				lose--
				continue
			}
			if i >= p.cut[0] && i < p.cut[1] {
				continue
			}
			at := tick.Tick(i)*ms + p.skew + tick.Tick(rng.Int64N(int64(p.jitter)+1))
			all = append(all, arrival{i, leg, at})
			if rng.Float64() < p.repeat {
				all = append(all, arrival{i, leg, at + ms/2})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	return all
}

// expectation is what the rules say has to come out for given arrivals.
type expectation struct {
	out  []int64
	lost []int // before each
}

// expect works the rule out independently: datagram x is given up one wait after the first arrival of any later one.
func expect(all []arrival, n int64, wait tick.Tick) expectation {
	const never = tick.Tick(1) << 62
	first := make([]tick.Tick, n)
	for i := range first {
		first[i] = never
	}
	for _, a := range all {
		first[a.index] = min(first[a.index], a.at)
	}
	giveUp := make([]tick.Tick, n)
	later := never
	for i := n - 1; i >= 0; i-- {
		giveUp[i] = later
		if later != never {
			giveUp[i] += wait
		}
		later = min(later, first[i])
	}
	var e expectation
	last := all[0].index - 1
	for i := all[0].index; i < n; i++ {
		if first[i] < giveUp[i] {
			e.out = append(e.out, i)
			e.lost = append(e.lost, int(i-last-1))
			last = i
		}
	}
	return e
}

// play pushes arrivals into a merger as packet makes them, calling Tick whenever the merger asks for it.
func play(t *testing.T, config merge.Config, all []arrival, packet func(arrival) merge.Packet) (*merge.Merger, expectation) {
	t.Helper()
	var got expectation
	config.Out = func(b []byte, lost int) {
		got.out = append(got.out, int64(binary.BigEndian.Uint64(b)))
		got.lost = append(got.lost, lost)
	}
	m, err := merge.New(config)
	if err != nil {
		t.Fatal(err)
	}
	tickUntil := func(limit tick.Tick) {
		for {
			at, waiting := m.Deadline()
			if !waiting || at > limit {
				return
			}
			m.Tick(at)
			if again, still := m.Deadline(); still && again <= at {
				t.Fatalf("after Tick(%v) the deadline is %v", at, again)
			}
		}
	}
	for _, a := range all {
		tickUntil(a.at)
		m.Push(a.leg, packet(a), a.at)
	}
	tickUntil(1 << 62)
	return m, got
}

// plain is the packet of an arrival whose sequence starts at seq.
func plain(seq uint16) func(arrival) merge.Packet {
	payload := make([]byte, 1316)
	return func(a arrival) merge.Packet {
		binary.BigEndian.PutUint64(payload, uint64(a.index))
		return merge.Packet{Seq: seq + uint16(a.index), Timestamp: uint32(a.index) * 90, SSRC: 7, Payload: payload}
	}
}

func compare(t *testing.T, got, want expectation) {
	t.Helper()
	for i := range min(len(got.out), len(want.out)) {
		if got.out[i] != want.out[i] || got.lost[i] != want.lost[i] {
			t.Fatalf("output %d: datagram %d after %d lost, want %d after %d", i, got.out[i], got.lost[i], want.out[i], want.lost[i])
		}
	}
	if len(got.out) != len(want.out) {
		t.Fatalf("%d datagrams, want %d", len(got.out), len(want.out))
	}
}

// legTotals reckons what a leg must have counted: lost between its first and last, and of those what came out.
func legTotals(all []arrival, leg int, out []int64) (lost, recovered uint64) {
	came, sent := map[int64]bool{}, map[int64]bool{}
	low, high := int64(1)<<62, int64(-1)
	for _, a := range all {
		if a.leg == leg {
			came[a.index] = true
			low, high = min(low, a.index), max(high, a.index)
		}
	}
	for _, i := range out {
		sent[i] = true
	}
	for i := low; i <= high; i++ {
		if !came[i] {
			lost++
			if sent[i] {
				recovered++
			}
		}
	}
	return lost, recovered
}

func TestEveryDatagramThatReachedOneLegComesOutOnce(t *testing.T) {
	t.Parallel()
	const n = 150_000 // more than two rounds of the sequence number
	for name, paths := range map[string][]path{
		"whole":                      {{}, {skew: 60 * ms}},
		"independent loss":           {{loss: .05}, {loss: .05, skew: 60 * ms}},
		"heavy loss, jitter":         {{loss: .3, jitter: 30 * ms}, {loss: .3, skew: 100 * ms, jitter: 50 * ms}},
		"bursts":                     {{loss: .001, burst: 100}, {loss: .001, burst: 100, skew: 150 * ms}},
		"skew beyond the window":     {{loss: .05, jitter: 5 * ms}, {loss: .05, skew: 260 * ms, jitter: 30 * ms}},
		"skew about the window":      {{loss: .05}, {loss: .05, skew: 190 * ms, jitter: 20 * ms}},
		"cuts":                       {{loss: .05, cut: [2]int64{10_000, 13_000}}, {loss: .05, skew: 60 * ms, cut: [2]int64{40_000, 43_000}}},
		"a cut longer than a round":  {{cut: [2]int64{1_000, 80_000}}, {loss: .01, skew: 20 * ms}},
		"a cut of one round exactly": {{cut: [2]int64{1_000, 1_000 + 65536}}, {loss: .01, skew: 20 * ms}},
		"repeated datagrams":         {{loss: .1, repeat: .1}, {loss: .1, repeat: .1, skew: 10 * ms}},
		"three legs":                 {{loss: .3}, {loss: .3, skew: 20 * ms}, {loss: .3, skew: 40 * ms, jitter: 20 * ms}},
		"one leg":                    {{loss: .02, jitter: 3 * ms}},
		"one leg, much reordering":   {{loss: .02, jitter: 60 * ms}},
		"cut on both":                {{cut: [2]int64{9_000, 11_000}}, {skew: 30 * ms, cut: [2]int64{8_000, 10_500}}},
		"long cut on both":           {{cut: [2]int64{9_000, 20_000}}, {skew: 30 * ms, cut: [2]int64{8_000, 19_900}}},
		"one leg, a cut of a round":  {{cut: [2]int64{9_000, 9_000 + 65536 + 500}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(3) {
				checkLoss(t, rand.New(rand.NewPCG(seed, 1)), n, paths)
			}
		})
	}
}

func checkLoss(t *testing.T, rng *rand.Rand, n int64, paths []path) {
	t.Helper()
	all := network(rng, n, paths)
	wait := 200 * ms
	if len(paths) == 1 {
		wait = 50 * ms
	}
	want := expect(all, n, wait)
	m, got := play(t, merge.Config{Legs: len(paths)}, all, plain(uint16(rng.Uint32())))
	compare(t, got, want)
	var lost uint64
	for _, l := range want.lost {
		lost += uint64(l)
	}
	s := m.Stats()
	if s.Out != uint64(len(want.out)) || s.Lost != lost || s.Unmerged {
		t.Errorf("out %d lost %d unmerged %v, want %d, %d", s.Out, s.Lost, s.Unmerged, len(want.out), lost)
	}
	for leg := range paths {
		lost, recovered := legTotals(all, leg, want.out)
		if g := s.Legs[leg]; g.Lost != lost || g.Recovered != recovered {
			t.Errorf("leg %d: lost %d recovered %d, want %d, %d", leg, g.Lost, g.Recovered, lost, recovered)
		}
	}
}

func TestNothingIsLostWhenTheSenderRestarts(t *testing.T) {
	t.Parallel()
	const n, restart = 20_000, 9_000
	for name, paths := range map[string][]path{
		"whole":            {{}, {skew: 60 * ms}},
		"skewed by 180 ms": {{skew: 180 * ms}, {jitter: 5 * ms}},
		"with loss":        {{loss: .05}, {loss: .05, skew: 60 * ms}},
		"one leg":          {{}},
		"one leg dead":     {{cut: [2]int64{2_000, n}}, {}},
		"one leg dies":     {{cut: [2]int64{restart - 40, n}}, {}},
		"one returns":      {{cut: [2]int64{restart - 900, restart + 900}}, {}},
	} {
		for seed := range uint64(20) {
			t.Run(fmt.Sprintf("%s %d", name, seed), func(t *testing.T) {
				t.Parallel()
				rng := rand.New(rand.NewPCG(seed, 2))
				all := network(rng, n, paths)
				base := plain(uint16(rng.Uint32()))
				jump, ssrc := uint16(rng.Uint32()), rng.Uint32()
				m, got := play(t, merge.Config{Legs: len(paths)}, all, func(a arrival) merge.Packet {
					p := base(a)
					if a.index >= restart {
						p.Seq, p.SSRC = p.Seq+jump, ssrc
					}
					return p
				})
				want := expect(all, n, 200*ms)
				if !slices.Equal(got.out, want.out) {
					t.Errorf("%d datagrams, want %d: %v", len(got.out), len(want.out), difference(want.out, got.out))
				}
				if s := m.Stats(); s.Unmerged {
					t.Errorf("unmerged: %+v", s)
				}
			})
		}
	}
}

// difference lists up to ten indexes of want that are not in got.
func difference(want, got []int64) (missing []int64) {
	have := map[int64]bool{}
	for _, i := range got {
		have[i] = true
	}
	for _, i := range want {
		if !have[i] && len(missing) < 10 {
			missing = append(missing, i)
		}
	}
	return missing
}
