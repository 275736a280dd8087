package ladder

import "onair/pkg/tick"

// The encoder's leaky bucket (VBV, HRD): it fills with MaxRate and holds BufSize. A second's worth keeps the peaks
// that a player must be told of close to the average; GOPs of 1 to 2 s need no more.
const (
	maxRatePercent = 110
	bufferMs       = 1000
)

// Bytes that the container adds, as packager writes it: boxes of a segment, and the run entry of a sample.
const (
	segmentBytes = 260
	videoSample  = 12
	audioSample  = 8
)

// tolerancePercent is how far a segment may exceed the declared peak: Apple's authoring rule 1.29 allows 125 % on a
// live channel; the rest is for encoders that overshoot their bucket.
const tolerancePercent = 120

// MaxRate is the rate in bits per second at which the encoder's bucket fills. For audio it is the target.
func (r Rendition) MaxRate() int64 {
	if r.Kind == Audio {
		return r.WithDefaults().Bitrate
	}
	return r.Bitrate * maxRatePercent / 100
}

// BufSize is the size of the encoder's bucket in bits.
func (r Rendition) BufSize() int64 { return r.MaxRate() * bufferMs / 1000 }

// Bandwidth is what manifests declare for the rendition on its own, cut into segments of t: the peak (HLS BANDWIDTH,
// DASH @bandwidth) and the average (AVERAGE-BANDWIDTH), in bits per second, container included, rounded up to 1000.
//
// A segment can carry at most MaxRate*t + BufSize bits. The peak is chosen so that such a segment stays below 120 % of
// it, and is never below MaxRate, so that a DASH client with a buffer of one second can play any stretch at
// @bandwidth.
func (r Rendition) Bandwidth(t tick.Tick) (peak, average int64) {
	r = r.WithDefaults()
	over := r.overhead(t)
	top, mean, tolerance := r.MaxRate(), r.Bitrate, int64(tolerancePercent)
	if r.Codec == AV1 && (r.Encoder == "" || r.Encoder == "libaom-av1") { // on noise it is 15 % above its target
		mean, tolerance = top, 110
	}
	if r.Kind == Video && t > 0 {
		worst := top + tick.MulDiv(r.BufSize(), int64(tick.Second), int64(t))
		top = max(top, worst*100/tolerance)
	} else {
		top = top * maxRatePercent / 100 // AAC's bit reservoir
	}
	return roundUp(top + over), roundUp(mean + over)
}

// overhead is the container's share in bits per second.
func (r Rendition) overhead(t tick.Tick) int64 {
	bits := int64(0)
	if t > 0 {
		bits = tick.MulDiv(segmentBytes*8, int64(tick.Second), int64(t))
	}
	switch {
	case r.Kind == Video && !r.Rate.IsZero():
		bits += videoSample * 8 * (r.Rate.Num + r.Rate.Den - 1) / r.Rate.Den
	case r.Kind == Audio && r.SampleRate > 0:
		bits += audioSample * 8 * (r.SampleRate/FrameSamples(AAC) + 1)
	}
	return bits
}

func roundUp(v int64) int64 { return (v + 999) / 1000 * 1000 }
