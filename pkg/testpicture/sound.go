package testpicture

import (
	"encoding/binary"
	"math"

	"onair/pkg/tick"
)

// Loudness as the peak of a sine in 16-bit steps: -40 dBFS and -10 dBFS.
const (
	humPeak  = 328
	beepPeak = 10_362
)

// newHum is 440 Hz: eleven periods are a whole number of samples.
func newHum() []int16 { return sine(440, 1200, humPeak) }

// newBeep is one period of 1 kHz.
func newBeep() []int16 { return sine(1000, 48, beepPeak) }

func sine(hertz float64, samples, peak int) []int16 {
	out := make([]int16, samples)
	for i := range out {
		out[i] = int16(math.Round(float64(peak) * math.Sin(2*math.Pi*hertz*float64(i)/SampleRate)))
	}
	return out
}

// Sound writes the samples from number from on, counted from the start of picture 0, into pcm: 16 bits little endian,
// the channels interleaved. A low hum is always there; a beep begins with the first sample of each flash and ends
// with it.
func (p *Painter) Sound(pcm []byte, from int64) {
	for i := range len(pcm) / SampleBytes {
		n := from + int64(i)
		v := p.hum[n%int64(len(p.hum))] + p.beeping(n)
		for c := range Channels {
			binary.LittleEndian.PutUint16(pcm[i*SampleBytes+2*c:], uint16(v))
		}
	}
}

// beeping is the beep's part in sample n.
func (p *Painter) beeping(n int64) int16 {
	flash := p.c.Rate.NextSlot(tick.Tick(n/SampleRate) * tick.Second)
	start := p.c.Rate.At(flash).Round(SampleRate)
	if n < start || n >= p.c.Rate.At(flash+p.flashing).Round(SampleRate) {
		return 0
	}
	return p.beep[(n-start)%int64(len(p.beep))]
}

// Beeps finds where beeps begin: the index of the first loud sample of each, in one channel. Sound that was encoded and
// decoded gives them to within a millisecond.
func Beeps(pcm []int16) []int {
	const loud = beepPeak / 3
	const quiet = SampleRate / 5 // at least so long between two beeps
	var out []int
	last := -quiet
	for i, v := range pcm {
		if v < loud && v > -loud {
			continue
		}
		if i-last >= quiet {
			out = append(out, i)
		}
		last = i
	}
	return out
}
