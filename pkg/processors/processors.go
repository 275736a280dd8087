// Package processors fits the number of processors that the Go runtime uses to what the program has to do.
package processors

import (
	"context"
	"os"
	"runtime"
	"syscall"
	"time"
)

// A program that takes a twentieth of one processor has no use for a second, which would be woken for each datagram and
// frame, and sleep again, for as much as the work itself costs.
const (
	every = 250 * time.Millisecond
	high  = 0.6 // of one processor, from which on all are used
	low   = 0.4 // of one processor, below which one is used, after
	calm  = 40  // looks
)

// Follow makes the runtime use one processor while the program has little to do, and all that it may have as soon as it
// has more, until ctx ends. It returns at once. GOMAXPROCS in the environment holds; then nothing is done.
func Follow(ctx context.Context) {
	if _, set := os.LookupEnv("GOMAXPROCS"); !set {
		var c choice
		go c.follow(ctx, cpuTime, time.NewTicker(every).C, use)
	}
}

// use makes the runtime use one processor, or as many as the machine and the container have for it.
func use(one bool) {
	if one {
		runtime.GOMAXPROCS(1)
		return
	}
	runtime.SetDefaultGOMAXPROCS()
}

// choice is whether the runtime uses one of the machine's processors or all. The zero value has chosen all.
type choice struct {
	one  bool
	calm int // looks in a row that one would have been enough
}

// follow makes the runtime use what is chosen at each tick, from the processor time that was used since the last one,
// until ctx ends.
func (c *choice) follow(
	ctx context.Context, total func() time.Duration, ticks <-chan time.Time, use func(one bool),
) {
	var before time.Time
	var had time.Duration
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticks:
			has := total()
			if !before.IsZero() && now.After(before) && c.choose(float64(has-had)/float64(now.Sub(before))) {
				use(c.one)
			}
			before, had = now, has
		}
	}
}

// choose takes the load of the last while, in processors, and tells whether that changes the choice.
func (c *choice) choose(load float64) (changed bool) {
	before := c.one
	switch {
	case load >= high:
		c.one, c.calm = false, 0
	case load >= low:
		c.calm = 0
	default:
		c.calm++
		c.one = c.one || c.calm >= calm
	}
	return c.one != before
}

// cpuTime is what the process has used of processors, in its own code and the kernel's.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
