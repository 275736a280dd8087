// Package beat has all who look at something every now and then do so at the same instants. A program that has little
// to do spends more on being woken than on what it wakes for: the kernel finds out whom it is for, so does the Go
// scheduler, and each timer wakes a second thread of the runtime as well.
package beat

import (
	"context"
	"time"
)

// Period is how far beats are apart: less than a frame lasts, up to 40 a second.
const Period = 25 * time.Millisecond

// origin is where all beats are counted from, on the clock that no step moves.
var origin = time.Now()

// Next is how long it is until the next beat; never 0.
func Next() time.Duration { return until(Period) }

// until is how long it is until the next multiple of d since the origin; never 0.
func until(d time.Duration) time.Duration {
	since := time.Since(origin) % d
	if since < 0 {
		since += d
	}
	return d - since
}

// Ticker is for a loop that looks every so often. It is for one goroutine.
type Ticker struct {
	timer *time.Timer
	every time.Duration
}

// NewTicker makes one that ticks together with all others whose time is a multiple of its own, or divides it.
func NewTicker(every time.Duration) *Ticker {
	t := time.NewTimer(every)
	t.Stop()
	return &Ticker{t, every}
}

// Next is to be asked for at each turn of the loop. What it gives ticks once, at the next instant: who comes late has
// missed those before.
func (t *Ticker) Next() <-chan time.Time {
	t.timer.Reset(until(t.every))
	return t.timer.C
}

// Stop ends the ticker.
func (t *Ticker) Stop() { t.timer.Stop() }

// Wait waits for the next instant that is a multiple of d; false: ctx ended before.
func Wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(until(d))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
