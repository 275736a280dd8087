package merge_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"onair/pkg/merge"
	"onair/pkg/tick"
)

// rig feeds a merger by hand, with one datagram a millisecond on its own clock.
type rig struct {
	t   *testing.T
	m   *merge.Merger
	now tick.Tick
	out []uint64 // first eight bytes of each payload
	los []int
}

func newRig(t *testing.T, legs int) *rig {
	t.Helper()
	r := &rig{t: t, now: 1000 * tick.Second}
	m, err := merge.New(merge.Config{Legs: legs, Out: func(b []byte, lost int) {
		r.out = append(r.out, binary.BigEndian.Uint64(b))
		r.los = append(r.los, lost)
	}})
	if err != nil {
		t.Fatal(err)
	}
	r.m = m
	return r
}

// push brings a datagram with content now.
func (r *rig) push(leg int, ssrc uint32, seq uint16, content uint64) {
	r.m.Push(leg, merge.Packet{Seq: seq, SSRC: ssrc, Payload: binary.BigEndian.AppendUint64(nil, content)}, r.now)
}

// pass lets time pass, ticking whenever asked for.
func (r *rig) pass(d tick.Tick) {
	end := r.now + d
	for {
		at, ok := r.m.Deadline()
		if !ok || at > end {
			break
		}
		r.m.Tick(at)
	}
	r.now = end
}

// run pushes n datagrams on all legs alike, content and sequence counting up.
func (r *rig) run(n int, seq uint16, content uint64, legs ...int) {
	for i := range n {
		for _, leg := range legs {
			r.push(leg, 7, seq+uint16(i), content+uint64(i))
		}
		r.pass(ms)
	}
}

func (r *rig) want(out ...uint64) {
	r.t.Helper()
	if !slices.Equal(r.out, out) {
		r.t.Fatalf("out %v, want %v", r.out, out)
	}
}

// count is the contents from a up to b.
func count(a, b uint64) (c []uint64) {
	for ; a < b; a++ {
		c = append(c, a)
	}
	return c
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	out := func([]byte, int) {}
	for _, c := range []merge.Config{
		{Legs: 0, Out: out},
		{Legs: merge.MaxLegs + 1, Out: out},
		{Legs: 1},
		{Legs: 1, Out: out, Window: -1},
		{Legs: 1, Out: out, Window: merge.MaxWindow + 1},
	} {
		if _, err := merge.New(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

func TestHoleIsWaitedForAndFilled(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	r.push(0, 7, 65535, 1)
	r.want(1)
	r.push(0, 7, 1, 3)
	if at, ok := r.m.Deadline(); !ok || at != r.now+merge.DefaultWindow {
		t.Fatalf("deadline %v %v", at, ok)
	}
	r.pass(merge.DefaultWindow - 1)
	r.want(1)
	r.push(1, 7, 0, 2)
	r.want(1, 2, 3)
	if _, ok := r.m.Deadline(); ok {
		t.Error("nothing waits, yet there is a deadline")
	}
}

func TestHoleIsGivenUpAndCounted(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	r.push(0, 7, 10, 1)
	r.push(0, 7, 14, 5)
	r.pass(merge.DefaultWindow)
	r.want(1, 5)
	if !slices.Equal(r.los, []int{0, 3}) {
		t.Errorf("lost before each: %v", r.los)
	}
	r.push(1, 7, 12, 3)
	r.want(1, 5)
	s := r.m.Stats()
	if s.Lost != 3 || s.Legs[1].Late != 1 || s.Legs[1].Duplicates != 0 {
		t.Errorf("%+v", s)
	}
}

func TestSingleLegWaitsForReorderingOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.push(0, 7, 10, 1)
	r.push(0, 7, 12, 3)
	if at, _ := r.m.Deadline(); at != r.now+50*ms {
		t.Errorf("waits %v", (at - r.now).Duration())
	}
	r.push(0, 7, 11, 2)
	r.want(1, 2, 3)
	if s := r.m.Stats(); s.Legs[0].Reordered != 1 || s.Legs[0].Lost != 0 {
		t.Errorf("%+v", s)
	}
}

func TestPathDifference(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	for i := range uint16(2000) {
		r.push(1, 7, i, uint64(i))
		if i >= 60 {
			r.push(0, 7, i-60, uint64(i-60))
		}
		r.pass(ms)
	}
	s := r.m.Stats()
	if d := s.Legs[0].PathDifference - 60*ms; d.Abs() > ms || s.Legs[1].PathDifference != 0 {
		t.Errorf("path differences %v %v", s.Legs[0].PathDifference.Duration(), s.Legs[1].PathDifference.Duration())
	}
}

func TestStrayDatagramsChangeNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.run(100, 0, 0, 0)
	for i := range uint16(10) {
		r.push(0, 7, 30_000+1000*i, 9999) // wild numbers
		r.push(0, uint32(i), 100+i, 9999) // somebody else's
		r.run(10, 100+10*i, 100+10*uint64(i), 0)
	}
	r.want(count(0, 200)...)
	if s := r.m.Stats(); s.Lost != 0 || s.Legs[0].Lost != 0 || s.Legs[0].Stray == 0 {
		t.Errorf("%+v", s)
	}
}

func TestPausedSenderGoesOnWithoutLoss(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	r.run(3000, 0, 0, 0, 1)
	r.pass(20 * tick.Second)
	r.run(3000, 3000, 3000, 0, 1)
	r.want(count(0, 6000)...)
	if s := r.m.Stats(); s.Lost != 0 {
		t.Errorf("%+v", s)
	}
}

func TestRestartWithTheSameNumbersIsFollowed(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.run(500, 0, 0, 0)
	r.run(500, 0, 1000, 0) // same SSRC, from the same number, which looks like datagrams that come late
	if len(r.out) < 500+400 {
		t.Errorf("%d datagrams came out", len(r.out))
	}
	if last := r.out[len(r.out)-1]; last != 1499 {
		t.Errorf("the last one is %d", last)
	}
}

func TestNewSenderAfterAPauseIsFollowedAtOnce(t *testing.T) {
	t.Parallel()
	for _, legs := range []int{1, 2} {
		for _, jump := range []uint16{1, 100, 2900, 30_000, 65535, 65000, 58_000} {
			for _, pause := range []tick.Tick{0, 300 * ms, 700 * ms, 5 * tick.Second} {
				r := newRig(t, legs)
				for i := range uint16(3000) {
					for leg := range legs {
						r.push(leg, 7, i, uint64(i))
					}
					r.pass(ms)
				}
				r.pass(pause)
				for i := range uint16(3000) {
					for leg := range legs {
						r.push(leg, 8, 2999+jump+i, 3000+uint64(i))
					}
					r.pass(ms)
				}
				r.want(count(0, 6000)...)
				if s := r.m.Stats(); s.Lost != 0 || s.Unmerged {
					t.Errorf("%d legs, jump %d, pause %v: %+v", legs, jump, pause.Duration(), s)
				}
			}
		}
	}
}

func TestLegThatAloneJumpsIsOutOfStep(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	r.run(1000, 0, 0, 0, 1)
	for i := range uint16(4000) {
		r.push(0, 7, 1000+i, 1000+uint64(i))
		r.push(1, 9, 40_000+i, 999_999)
		r.pass(ms)
	}
	r.want(count(0, 5000)...)
	if s := r.m.Stats(); !s.Unmerged || s.Legs[1].Stray == 0 {
		t.Errorf("not told: %+v", s)
	}
	for i := range uint16(3000) { // the leg in step dies: the other one is better than nothing
		r.push(1, 9, 44_000+i, 5000+uint64(i))
		r.pass(ms)
	}
	if last := r.out[len(r.out)-1]; last != 7999 {
		t.Errorf("the last one is %d", last)
	}
	if s := r.m.Stats(); s.Unmerged {
		t.Errorf("still unmerged: %+v", s)
	}
}

func TestLegOutOfStepThatGoesAwayIsForgotten(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	r.run(1000, 0, 0, 0, 1)
	for i := range uint16(3000) {
		r.push(0, 7, 1000+i, 1000+uint64(i))
		r.push(1, 9, 40_000+i, 999_999)
		r.pass(ms)
	}
	r.run(1000, 4000, 4000, 0)
	if s := r.m.Stats(); s.Unmerged {
		t.Errorf("%+v", s)
	}
	r.want(count(0, 5000)...)
}

// The first leg is dead when the second one comes, with numbers that lie a little before or behind by chance.
func TestLegThatComesAfterTheOthersDied(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ssrc uint32
		seq  uint16
		most int // datagrams that may be lost
	}{
		{"another name, behind", 8, 1000, 0},
		{"another name, ahead", 8, 7000, 0},
		{"the same name, behind", 7, 1000, 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 2)
			r.run(5000, 0, 0, 0)
			r.pass(tick.Second)
			for i := range uint16(1000) {
				r.push(1, c.ssrc, c.seq+i, 5000+uint64(i))
				r.pass(ms)
			}
			if n := len(r.out); n < 6000-c.most || r.out[n-1] != 5999 {
				t.Errorf("%d datagrams, the last one %d", n, r.out[n-1])
			}
			if s := r.m.Stats(); s.Lost != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestLegsThatBecomeDifferentAreFoundSoon(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	r.run(20_000, 0, 0, 0, 1)
	for i := range uint16(100) {
		r.push(0, 7, 20_000+i, 1)
		r.push(1, 7, 20_000+i, 2)
		r.pass(ms)
	}
	if s := r.m.Stats(); !s.Unmerged {
		t.Errorf("%+v", s)
	}
}

func TestDifferingBytesUnmerge(t *testing.T) {
	t.Parallel()
	for _, ahead := range []int{0, 100, -100, 2900, -2900} {
		t.Run(fmt.Sprintf("second leg %d ahead", ahead), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 2)
			for i := range uint16(20_000) {
				r.push(0, 7, i, uint64(i))
				r.push(1, 7, i+uint16(ahead), 1_000_000+uint64(i))
				r.pass(ms)
			}
			s := r.m.Stats()
			if !s.Unmerged || s.Followed != 0 || s.Legs[0].Differing+s.Legs[1].Differing == 0 {
				t.Fatalf("%+v", s)
			}
			if tail := r.out[len(r.out)-10_000:]; !slices.Equal(tail, count(10_000, 20_000)) {
				t.Errorf("leg 0 alone does not come out whole")
			}
			for i := range uint16(5000) { // the followed leg dies
				r.push(1, 7, 20_000+i, 2_000_000+uint64(i))
				r.pass(ms)
			}
			if s := r.m.Stats(); s.Followed != 1 || r.out[len(r.out)-1] != 2_004_999 {
				t.Errorf("the other leg is not followed: %+v", s)
			}
			r.run(10_000, 25_000, 3_000_000, 0, 1)
			if s := r.m.Stats(); s.Unmerged {
				t.Errorf("equal legs stay unmerged: %+v", s)
			}
		})
	}
}

func TestLegsMayHaveTheirOwnSSRC(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	for i := range uint16(3000) {
		if i%3 != 0 {
			r.push(0, 1, i, uint64(i))
		}
		if i%3 == 0 || i%5 == 0 {
			r.push(1, 2, i, uint64(i))
		}
		r.pass(ms)
	}
	r.want(count(0, 3000)...)
	if s := r.m.Stats(); s.Lost != 0 || s.Unmerged {
		t.Errorf("%+v", s)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	out := 0
	m, err := merge.New(merge.Config{Legs: 2, Window: merge.MaxWindow, Out: func([]byte, int) { out++ }})
	if err != nil {
		t.Fatal(err)
	}
	payload := make([]byte, 1316)
	for i := range 200_000 { // every second one is missing, all within one window
		m.Push(0, merge.Packet{Seq: uint16(2 * i), Payload: payload}, tick.Tick(i))
	}
	if s := m.Stats(); int(s.Out) != out || out < 200_000-mostWaiting {
		t.Errorf("%d of 200000 came out: %+v", out, s)
	}
}

const mostWaiting = 1 << 14

func TestNothingIsAllocatedPerDatagram(t *testing.T) {
	payload := make([]byte, 1316)
	m, err := merge.New(merge.Config{Legs: 2, Out: func([]byte, int) {}})
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	step := func() { // two legs 60 ms apart, each losing every tenth datagram
		for range 1000 {
			now := tick.Tick(i) * ms
			m.Tick(now)
			if i%10 != 3 {
				m.Push(0, merge.Packet{Seq: uint16(i), Payload: payload}, now)
			}
			if i >= 60 && i%10 != 7 {
				m.Push(1, merge.Packet{Seq: uint16(i - 60), Payload: payload}, now)
			}
			i++
		}
	}
	step()
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations in 1000 datagrams", n)
	}
}

func FuzzPush(f *testing.F) {
	f.Add([]byte{0, 0, 1, 0, 0, 1, 0, 0, 2, 1, 0, 1, 0, 9, 9, 0, 9, 10})
	f.Fuzz(func(t *testing.T, script []byte) {
		var next uint64
		m, err := merge.New(merge.Config{Legs: 3, Out: func(b []byte, lost int) {
			if len(b) != 8 || lost < 0 {
				t.Fatalf("%d bytes, %d lost", len(b), lost)
			}
			next++
		}})
		if err != nil {
			t.Fatal(err)
		}
		var now tick.Tick
		for ; len(script) >= 3; script = script[3:] {
			a, b, c := script[0], script[1], script[2]
			now += tick.Tick(a>>4) * tick.Tick(a>>4) * 5 * ms
			p := merge.Packet{Seq: uint16(b)<<8 | uint16(c), SSRC: uint32(a >> 2 & 3), Payload: []byte{a, b, c, 0, 0, 0, 0, 0}}
			m.Push(int(a&3)%3, p, now)
			if at, ok := m.Deadline(); ok && at <= now {
				t.Fatalf("the deadline %v has passed at %v", at, now)
			}
		}
		m.Tick(now + tick.Second*1000)
		if s := m.Stats(); s.Out != next {
			t.Fatalf("%d out, counted %d", next, s.Out)
		}
	})
}

func BenchmarkTwoLegs(b *testing.B) {
	for name, every := range map[string]int{"whole": 1 << 30, "losing 5 percent each": 20} {
		b.Run(name, func(b *testing.B) {
			payload := make([]byte, 1316)
			m, err := merge.New(merge.Config{Legs: 2, Out: func([]byte, int) {}})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(2 * 1316)
			for i := 0; b.Loop(); i++ {
				now := tick.Tick(i) * ms
				if i%every != 3 {
					m.Push(0, merge.Packet{Seq: uint16(i), Payload: payload}, now)
				}
				if i%every != 9 {
					m.Push(1, merge.Packet{Seq: uint16(i - 60), Payload: payload}, now)
				}
			}
		})
	}
}

// TestStrayOnceEach: a leg that begins its numbers anew where there is no room for a third sequence.
func TestStrayOnceEach(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	r.run(300, 0, 0, 0, 1, 2)
	for i := range uint16(70) {
		r.push(0, 7, 300+i, 300+uint64(i))
		r.push(1, 9, 40_000+i, 999_999)
		r.push(2, 7, 100+i, 100+uint64(i))
		r.pass(ms)
	}
	if n := r.m.Stats().Legs[2].Stray; n != 1 { // the one that tells; then it follows the others again
		t.Errorf("%d are stray, want 1", n)
	}
}
