// Package testpicture makes test programmes: pictures that carry their number, a clock and a flash each second, sound
// that beeps with the flash, and reads them back after any scaling, encode and decode.
package testpicture

import (
	"fmt"

	"onair/pkg/tick"
)

// SampleRate is the sound's, in Hz.
const SampleRate = 48_000

// Channels is how many channels the sound has: both carry the same.
const Channels = 2

// SampleBytes is the size of one sample of all channels.
const SampleBytes = 2 * Channels

// Limits of a picture's size in pixels.
const (
	MinWidth  = 96
	MinHeight = 72
	MaxSize   = 8192
)

// Studio levels of luma, and the middle of chroma (BT.709 §4.6).
const (
	black, white = 16, 235
	neutral      = 128
)

// Config says what is made.
type Config struct {
	Width, Height int       // even
	Rate          tick.Rate // zero: 25
	Gray          bool      // a picture is its luma alone
}

// Painter paints pictures and sound. It may be used by one goroutine at a time.
type Painter struct {
	c        Config
	template []byte // what is the same in every picture
	strip    strip
	flashing int64 // pictures in one flash
	hum      []int16
	beep     []int16
}

// New checks the configuration and prepares what is the same in every picture.
func New(c Config) (*Painter, error) {
	if c.Rate.IsZero() {
		c.Rate = tick.Rate{Num: 25, Den: 1}
	}
	switch {
	case c.Width%2 != 0 || c.Height%2 != 0:
		return nil, fmt.Errorf("picture size %dx%d: width and height must be even", c.Width, c.Height)
	case c.Width < MinWidth || c.Height < MinHeight || c.Width > MaxSize || c.Height > MaxSize:
		return nil, fmt.Errorf("picture size %dx%d: allowed are %dx%d to %dx%d",
			c.Width, c.Height, MinWidth, MinHeight, MaxSize, MaxSize)
	}
	const flash = 40 * tick.Millisecond
	p := &Painter{
		c: c, strip: newStrip(c.Width), flashing: max(1, c.Rate.NearestSlot(flash)), hum: newHum(), beep: newBeep(),
	}
	p.template = p.newTemplate()
	return p, nil
}

// Size is the bytes of one picture: planes Y, U and V without padding, or Y alone.
func (p *Painter) Size() int {
	luma := p.c.Width * p.c.Height
	if p.c.Gray {
		return luma
	}
	return luma + luma/2
}

// Rate is the picture rate.
func (p *Painter) Rate() tick.Rate { return p.c.Rate }

// Flash tells whether picture n, counted from 0, shows the flash: the first ones that start in each second do, for 40
// ms.
func (p *Painter) Flash(n int64) bool {
	start := p.flashOf(p.c.Rate.At(n))
	return n >= start && n < start+p.flashing
}

// flashOf is the first picture of the flash in the second that t lies in.
func (p *Painter) flashOf(t tick.Tick) int64 {
	return p.c.Rate.NextSlot(t / tick.Second * tick.Second)
}
