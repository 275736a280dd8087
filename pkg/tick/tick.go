// Package tick counts time on the channel's timeline.
//
// A Tick is 1/705 600 000 s (a flick) since 1970-01-01T00:00:00Z, leap seconds not counted. Every frame duration (also
// of the 1001 rates), every audio sample of the usual rates and every 90 kHz unit is a whole number of ticks, so no
// rounding accumulates anywhere. An int64 lasts to the year 2384.
package tick

import (
	"math/bits"
	"time"
)

// Tick is an instant on the timeline or a span of it.
type Tick int64

// Spans in ticks.
const (
	Second      Tick = 705_600_000
	Millisecond Tick = Second / 1000
	Per90k      Tick = Second / 90_000 // one unit of MPEG's 90 kHz clock
)

// secondNs is the nanoseconds in a second.
const secondNs = 1_000_000_000

// FromTime maps a wall-clock instant to the nearest tick at or before it.
func FromTime(t time.Time) Tick {
	return Tick(t.Unix())*Second + Tick(MulDiv(int64(t.Nanosecond()), int64(Second), secondNs))
}

// FromDuration maps a span to ticks, rounding towards minus infinity.
func FromDuration(d time.Duration) Tick { return Tick(MulDiv(int64(d), int64(Second), secondNs)) }

// FromUnits maps v units of 1/timescale s to ticks, rounding towards minus infinity.
func FromUnits(v, timescale int64) Tick { return Tick(MulDiv(v, int64(Second), timescale)) }

// Time is the wall-clock instant of t, floored to the nanosecond, in UTC.
func (t Tick) Time() time.Time {
	sec := floorDiv(int64(t), int64(Second))
	rest := int64(t) - sec*int64(Second)
	return time.Unix(sec, MulDiv(rest, secondNs, int64(Second))).UTC()
}

// Duration is t as a span, floored to the nanosecond.
func (t Tick) Duration() time.Duration {
	return time.Duration(MulDiv(int64(t), secondNs, int64(Second)))
}

// Units is t in units of 1/timescale s, floored.
func (t Tick) Units(timescale int64) int64 { return MulDiv(int64(t), timescale, int64(Second)) }

// Round is t in units of 1/timescale s, rounded to nearest (half up).
func (t Tick) Round(timescale int64) int64 {
	return (t + Second/Tick(2*timescale)).Units(timescale)
}

// FloorMs is t in whole milliseconds, floored: the one rounding that PROGRAM-DATE-TIME and EXTINF use.
func (t Tick) FloorMs() int64 { return floorDiv(int64(t), int64(Millisecond)) }

// Abs is the magnitude of a span.
func (t Tick) Abs() Tick {
	if t < 0 {
		return -t
	}
	return t
}

// MulDiv is floor(a*b/c) with a 128-bit product; b and c are positive and the result must fit int64.
func MulDiv(a, b, c int64) int64 {
	neg := a < 0
	ua := uint64(a)
	if neg {
		ua = -ua
	}
	hi, lo := bits.Mul64(ua, uint64(b))
	q, r := bits.Div64(hi, lo, uint64(c))
	if neg {
		if r != 0 {
			q++
		}
		return -int64(q)
	}
	return int64(q)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
