package tick_test

import (
	"testing"

	"onair/pkg/tick"
)

func TestParseRate(t *testing.T) {
	for in, want := range map[string]tick.Rate{
		"25": {Num: 25, Den: 1}, "25/1": {Num: 25, Den: 1}, "50/2": {Num: 25, Den: 1}, "25.000": {Num: 25, Den: 1},
		"23.976": {Num: 24000, Den: 1001}, "23.98": {Num: 24000, Den: 1001}, "24": {Num: 24, Den: 1},
		"29.97": {Num: 30000, Den: 1001}, "30000/1001": {Num: 30000, Den: 1001}, "30": {Num: 30, Den: 1},
		"48": {Num: 48, Den: 1}, "50": {Num: 50, Den: 1}, "59.94": {Num: 60000, Den: 1001},
		"60000/1001": {Num: 60000, Den: 1001},
		"60":         {Num: 60, Den: 1},
	} {
		got, err := tick.ParseRate(in)
		if err != nil || got != want {
			t.Errorf("ParseRate(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "x", "0", "-25", "25fps", "12.5", "100", "25/0", "25/-1", "/", "25/", "/1", "25/1/1", "NaN", "nan", "Inf", "+25",
		"1e400", "0x19", "2_5", "25/9223372036854775807", " 25",
	} {
		if got, err := tick.ParseRate(in); err == nil {
			t.Errorf("ParseRate(%q) = %v, want an error", in, got)
		}
	}
}

func FuzzParseRate(f *testing.F) {
	for _, s := range []string{"25", "29.97", "30000/1001", "NaN", "1e9/3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := tick.ParseRate(s)
		if err != nil {
			return
		}
		again, err := tick.ParseRate(r.String())
		if err != nil || again != r {
			t.Errorf("%q is %v, which reads as %v, %v", s, r, again, err)
		}
	})
}

func TestNearestStandardRate(t *testing.T) {
	for _, c := range []struct {
		num, den int64
		want     string
	}{
		{25, 1, "25"}, {2997, 100, "30000/1001"}, {10, 1, "24000/1001"}, {120, 1, "60"}, {24000, 1001, "24000/1001"},
		{239, 10, "24000/1001"}, {50000, 1001, "50"}, {0, 1, "24000/1001"},
	} {
		equal(t, "nearest", tick.Nearest(c.num, c.den).String(), c.want)
	}
}

func TestUnsetRate(t *testing.T) {
	var r tick.Rate
	equal(t, "is zero", r.IsZero(), true)
	equal(t, "frame", r.Frame(), 0)
}

func TestNewGrid(t *testing.T) {
	s := tick.Second
	for _, c := range []struct {
		name         string
		rate         tick.Rate
		segment, gop tick.Tick
		frames, keys int64
	}{
		{"25 at 4 s", tick.Rate{Num: 25, Den: 1}, 4 * s, 2 * s, 100, 50},
		{"50 at 1.92 s", tick.Rate{Num: 50, Den: 1}, 192 * s / 100, 96 * s / 100, 96, 48},
		{"29.97 at 2 s is 2.002 s", tick.Rate{Num: 30000, Den: 1001}, 2 * s, 2 * s, 60, 60},
		{"29.97 at 4 s is 4.004 s", tick.Rate{Num: 30000, Den: 1001}, 4 * s, 2 * s, 120, 60},
		{"29.97 at 1 s", tick.Rate{Num: 30000, Den: 1001}, 1 * s, 1 * s, 30, 30},
		{"59.94 at 6 s is 6.006 s", tick.Rate{Num: 60000, Den: 1001}, 6 * s, 2 * s, 360, 120},
		{"23.976 at 4 s", tick.Rate{Num: 24000, Den: 1001}, 4 * s, 2 * s, 96, 48},
		{"24 at 2 s", tick.Rate{Num: 24, Den: 1}, 2 * s, 1 * s, 48, 24},
		{"a gop below one frame is one frame", tick.Rate{Num: 25, Den: 1}, s / 10, s / 100, 10, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := tick.NewGrid(c.rate, c.segment, c.gop)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "frames", g.Frames, c.frames)
			equal(t, "gop", g.GOP, c.keys)
			equal(t, "T", g.T, tick.Tick(c.frames)*c.rate.Frame())
			equal(t, "48 kHz samples in a segment are whole", g.T*48_000%s, 0)
		})
	}
	g, err := tick.NewGrid(tick.Rate{}, 4*s, 2*s)
	if err != nil || g != (tick.Grid{T: 4 * s}) {
		t.Errorf("without video: %+v, %v", g, err)
	}
	for _, c := range [][2]tick.Tick{{0, s}, {s, 0}, {-s, s}, {4 * s, 3 * s}} {
		if _, err := tick.NewGrid(tick.Rate{Num: 25, Den: 1}, c[0], c[1]); err == nil {
			t.Errorf("segment %d, gop %d: no error", c[0], c[1])
		}
	}
}

func TestUnwrap(t *testing.T) {
	for _, c := range []struct {
		name string
		bits uint
		in   []uint64
		want []int64
	}{
		{"first passes", 33, []uint64{5}, []int64{5}},
		{"33 bits forward over the wrap", 33, []uint64{1<<33 - 2, 3, 10}, []int64{1<<33 - 2, 1<<33 + 3, 1<<33 + 10}},
		{"back over the wrap", 33, []uint64{3, 1<<33 - 2, 4}, []int64{3, -2, 4}},
		{"below zero and on", 16, []uint64{0, 65_535, 65_530, 1}, []int64{0, -1, -6, 1}},
		{"just under half a cycle is forward", 16, []uint64{0, 32_767}, []int64{0, 32_767}},
		{"half a cycle is backward", 16, []uint64{0, 32_768}, []int64{0, -32_768}},
		{"many cycles", 16, []uint64{0, 30_000, 60_000, 24_464, 54_464}, []int64{0, 30_000, 60_000, 90_000, 120_000}},
		{"32 bits", 32, []uint64{1<<32 - 1, 0}, []int64{1<<32 - 1, 1 << 32}},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := tick.Unwrapper{Bits: c.bits}
			for i, v := range c.in {
				equal(t, "peek", u.Peek(v), c.want[i])
				equal(t, "unwrap", u.Unwrap(v), c.want[i])
			}
		})
	}
	u := tick.Unwrapper{Bits: 33}
	equal(t, "near a far reference", u.Near(5, 7<<33-10), 7<<33+5)
	equal(t, "near behind a reference", u.Near(1<<33-1, 7<<33), 7<<33-1)
}

func FuzzUnwrap(f *testing.F) {
	f.Add(int64(1)<<40, int32(-70_000), uint8(1))
	f.Fuzz(func(t *testing.T, start int64, step int32, width uint8) {
		bits := []uint{16, 32, 33}[width%3]
		start &= 1<<50 - 1
		delta := int64(step) % (1 << (bits - 1))
		mask := uint64(1)<<bits - 1
		u := tick.Unwrapper{Bits: bits}
		equal(t, "far start", u.Near(uint64(start)&mask, start), start)
		first := u.Unwrap(uint64(start) & mask)
		equal(t, "step", u.Unwrap(uint64(start+delta)&mask)-first, delta)
	})
}

func TestSuiting(t *testing.T) {
	for _, c := range []struct {
		num, den int64
		want     string
	}{
		{1, 1, "24"}, {2, 1, "24"}, {5, 1, "25"}, {10, 1, "30"}, {25, 2, "25"}, {15, 1, "30"}, {15000, 1001, "30000/1001"}, {20, 1, "60"},
		{12, 1, "24"}, {23976, 1000, "24000/1001"}, {24, 1, "24"}, {2499, 100, "25"}, {25, 1, "25"}, {30000, 1001, "30000/1001"},
		{50, 1, "50"}, {100, 1, "60"}, {77, 10, "24000/1001"}, {23, 1, "24000/1001"},
	} {
		equal(t, "suiting", tick.Suiting(c.num, c.den).String(), c.want)
	}
}
