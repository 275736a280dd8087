package tick

import "fmt"

// Grid is a channel's segment grid: segments of T = Frames/Rate, counted from the epoch. A channel without video has no
// rate, and T is the configured length exactly.
type Grid struct {
	Rate   Rate  // zero for an audio-only channel
	Frames int64 // N, frames in a segment; 0 for an audio-only channel
	GOP    int64 // frames between key frames; divides Frames
	T      Tick  // length of a segment
}

// NewGrid rounds segment and gop to whole frames of rate. At 30000/1001 the number of frames becomes a multiple of 5
// and at 60000/1001 of 10, so that a segment is also a whole number of 48 kHz samples. gop must divide segment; the
// result keeps segment/gop key frames in a segment.
func NewGrid(rate Rate, segment, gop Tick) (Grid, error) {
	if segment <= 0 || gop <= 0 || segment%gop != 0 {
		return Grid{}, fmt.Errorf("a gop of %v does not divide a segment of %v", gop.Duration(), segment.Duration())
	}
	if rate.IsZero() {
		return Grid{T: segment}, nil
	}
	unit := int64(1)
	if rate.Den == 1001 {
		unit = max(1, (rate.Num/6000)/5*5) // 24000: 1, 30000: 5, 60000: 10
	}
	n := max(1, (MulDiv(int64(gop), 1, int64(rate.Frame())*unit))) * unit
	if rest := int64(gop) - n*int64(rate.Frame()); rest*2 >= int64(rate.Frame())*unit {
		n += unit
	}
	g := Grid{Rate: rate, GOP: n, Frames: n * int64(segment/gop)}
	g.T = Tick(g.Frames) * rate.Frame()
	return g, nil
}

// K is the number of the segment that contains t.
func (g Grid) K(t Tick) int64 { return floorDiv(int64(t), int64(g.T)) }

// Start is the first instant of segment k.
func (g Grid) Start(k int64) Tick { return Tick(k) * g.T }

// NextK is the number of the first segment that starts at or after t.
func (g Grid) NextK(t Tick) int64 { return g.K(t + g.T - 1) }

// Audio is the frame grid of an audio rendition, counted from the epoch.
type Audio struct {
	Rate    int64 // samples per second
	Samples int64 // samples in a coded frame: 1024 for AAC-LC
}

// Frame is the exact duration of one coded audio frame.
func (a Audio) Frame() Tick { return Tick(MulDiv(a.Samples, int64(Second), a.Rate)) }

// At is the start of audio frame n.
func (a Audio) At(n int64) Tick { return Tick(n) * a.Frame() }

// Next is the first audio frame that starts at or after t.
func (a Audio) Next(t Tick) int64 { return floorDiv(int64(t+a.Frame()-1), int64(a.Frame())) }

// First is the first audio frame of segment k: the first at or after the segment's start.
func (a Audio) First(g Grid, k int64) int64 { return a.Next(g.Start(k)) }

// Common is the least span that is a whole number of every given span: the period after which all grids meet again.
func Common(spans ...Tick) Tick {
	out := Tick(1)
	for _, s := range spans {
		if s > 0 {
			out = out / gcd(out, s) * s
		}
	}
	return out
}

func gcd(a, b Tick) Tick {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
