package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
)

// gcPercent is how much garbage may be there beside what lives. Nearly all memory is media without pointers in it,
// which costs a collection nothing, so little room for garbage is cheap; GOGC in the environment says otherwise.
const gcPercent = 25

// How processors follow the load: a channel that takes a twentieth of one has no use for a second, which would be woken
// for each datagram and frame, and sleep again, for as much as the work itself costs. Viewers may need all.
const (
	loadEvery = 250 * time.Millisecond
	loadHigh  = 0.4 // of one processor, from which on all are used
	loadLow   = 0.2 // of one processor, below which one is used, after
	loadCalm  = 40  // looks
)

// tune sets the runtime up for a server, until ctx ends. What the environment says (GOGC, GOMAXPROCS) holds.
func tune(ctx context.Context) {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(gcPercent)
	}
	if _, set := os.LookupEnv("GOMAXPROCS"); !set {
		var p processors
		go p.follow(ctx, cpuTime, time.NewTicker(loadEvery).C, use)
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

// processors chooses whether the runtime uses one of the machine's processors or all. The zero value has chosen all.
type processors struct {
	one  bool
	calm int // looks in a row that one would have been enough
}

// follow makes the runtime use what is chosen at each tick, from the processor time that was used since the last one,
// until ctx ends.
func (p *processors) follow(
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
			if !before.IsZero() && now.After(before) && p.choose(float64(has-had)/float64(now.Sub(before))) {
				use(p.one)
			}
			before, had = now, has
		}
	}
}

// choose takes the load of the last while, in processors, and tells whether that changes the choice.
func (p *processors) choose(load float64) (changed bool) {
	before := p.one
	switch {
	case load >= loadHigh:
		p.one, p.calm = false, 0
	case load >= loadLow:
		p.calm = 0
	default:
		p.calm++
		p.one = p.one || p.calm >= loadCalm
	}
	return p.one != before
}

// cpuTime is what the process has used of processors, in its own code and the kernel's.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
