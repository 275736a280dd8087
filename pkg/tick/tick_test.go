package tick_test

import (
	"math"
	"math/big"
	"testing"
	"time"

	"onair/pkg/tick"
)

func TestMulDivFloors(t *testing.T) {
	for _, c := range []struct {
		name          string
		a, b, c, want int64
	}{
		{"zero", 0, 5, 7, 0},
		{"exact", 10, 3, 5, 6},
		{"rounds down", 10, 1, 3, 3},
		{"negative rounds down", -10, 1, 3, -4},
		{"negative exact", -9, 1, 3, -3},
		{"just below zero", -1, 1, math.MaxInt64, -1},
		{"product needs 128 bits", math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64},
		{"least value", math.MinInt64, 1, 1, math.MinInt64},
		{"least value halved", math.MinInt64, 1, 2, math.MinInt64 / 2},
		{"epoch in ticks at 48 kHz", 1_785_000_000 * 705_600_000, 48_000, 705_600_000, 85_680_000_000_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			equal(t, "MulDiv", tick.MulDiv(c.a, c.b, c.c), c.want)
		})
	}
}

func FuzzMulDiv(f *testing.F) {
	f.Add(int64(-10), int64(1), int64(3))
	f.Add(int64(math.MinInt64), int64(1), int64(1))
	f.Add(int64(1)<<62, int64(90_000), int64(705_600_000))
	f.Fuzz(func(t *testing.T, a, b, c int64) {
		if b <= 0 || c <= 0 {
			return
		}
		want := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
		want.Div(want, big.NewInt(c)) // Euclidean: with c > 0 this is the floor
		if !want.IsInt64() {
			return
		}
		equal(t, "MulDiv", tick.MulDiv(a, b, c), want.Int64())
	})
}

func TestTimeRoundTrip(t *testing.T) {
	for _, s := range []string{
		"1970-01-01T00:00:00Z", "2026-07-25T17:19:58.782Z", "1969-12-31T23:59:59.999999999Z", "2199-12-31T23:59:59.5Z",
	} {
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		got := tick.FromTime(at).Time()
		if d := at.Sub(got); d < 0 || d > 2*time.Nanosecond { // a tick is 1.4 ns
			t.Errorf("%s comes back as %s", s, got.Format(time.RFC3339Nano))
		}
	}
}

func TestUnitsOfSpans(t *testing.T) {
	equal(t, "one second at 90 kHz", tick.Second.Units(90_000), 90_000)
	equal(t, "from 90 kHz", tick.FromUnits(3600, 90_000), tick.Second/25)
	equal(t, "from before the epoch", tick.FromUnits(-1, 90_000), -tick.Per90k)
	equal(t, "a tick less than a unit", (tick.Per90k - 1).Units(90_000), 0)
	equal(t, "half a unit rounds up", (tick.Per90k / 2).Round(90_000), 1)
	equal(t, "less than half rounds down", (tick.Per90k/2 - 1).Round(90_000), 0)
	equal(t, "negative half rounds up", (-tick.Per90k / 2).Round(90_000), 0)
	equal(t, "floored ms", (tick.Millisecond - 1).FloorMs(), 0)
	equal(t, "floored ms before the epoch", tick.Tick(-1).FloorMs(), -1)
	equal(t, "duration", tick.FromDuration(1500*time.Millisecond), 3*tick.Second/2)
	equal(t, "duration back", (3 * tick.Second / 2).Duration(), 1500*time.Millisecond)
	equal(t, "magnitude", (-tick.Second).Abs(), tick.Second)
}

// Every duration that the channel counts in is a whole number of ticks; otherwise errors would add up.
func TestSpansAreWholeTicks(t *testing.T) {
	for _, r := range tick.Standard {
		equal(t, r.String()+": frames to seconds", r.Frame()*tick.Tick(r.Num), tick.Second*tick.Tick(r.Den))
		ts := r.Timescale()
		equal(t, r.String()+": one frame in the timescale", tick.FromUnits(r.Frame().Units(ts), ts), r.Frame())
	}
	for _, rate := range []int64{8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000} {
		a := tick.Audio{Rate: rate, Samples: 1024}
		equal(t, "audio frame", a.Frame()*tick.Tick(rate), 1024*tick.Second)
	}
}

func TestSlots(t *testing.T) {
	r := tick.Rate{Num: 30000, Den: 1001}
	f := r.Frame()
	for _, n := range []int64{-2, -1, 0, 1, 53_496_503_460} {
		at := r.At(n)
		equal(t, "slot at its start", r.Slot(at), n)
		equal(t, "slot at its last tick", r.Slot(at+f-1), n)
		equal(t, "slot before", r.Slot(at-1), n-1)
		equal(t, "next slot at the start", r.NextSlot(at), n)
		equal(t, "next slot one tick later", r.NextSlot(at+1), n+1)
		equal(t, "nearest below the middle", r.NearestSlot(at+f/2-1), n)
		equal(t, "nearest at the middle", r.NearestSlot(at+f/2), n+1)
	}
}

func TestGridNumbers(t *testing.T) {
	g := grid(tick.Rate{Num: 25, Den: 1}, 100)
	for _, k := range []int64{-1, 0, 1, 446_250_000} {
		equal(t, "K at the start", g.K(g.Start(k)), k)
		equal(t, "K one tick before", g.K(g.Start(k)-1), k-1)
		equal(t, "next K at the start", g.NextK(g.Start(k)), k)
		equal(t, "next K one tick later", g.NextK(g.Start(k)+1), k+1)
	}
}

func TestAudioNext(t *testing.T) {
	for _, n := range []int64{-3, 0, 7, 83_671_875_000} {
		equal(t, "at a frame", aac48.Next(aac48.At(n)), n)
		equal(t, "one tick later", aac48.Next(aac48.At(n)+1), n+1)
		equal(t, "one tick before", aac48.Next(aac48.At(n)-1), n)
	}
}

func TestCommonMeetsOfAllGrids(t *testing.T) {
	for _, r := range tick.Standard {
		for _, a := range []tick.Audio{aac48, {Rate: 44_100, Samples: 1024}, {Rate: 32_000, Samples: 1024}} {
			c := tick.Common(r.Frame(), a.Frame(), tick.Per90k)
			if c <= 0 || c%r.Frame() != 0 || c%a.Frame() != 0 || c%tick.Per90k != 0 {
				t.Errorf("%s with %d Hz: %d is no common multiple", r, a.Rate, c)
			}
			if c > 3600*tick.Second {
				t.Errorf("%s with %d Hz meet only every %v", r, a.Rate, c.Duration())
			}
		}
	}
	equal(t, "no spans", tick.Common(), 1)
	equal(t, "zero spans are left out", tick.Common(0, 6, 0, 4), 12)
}
