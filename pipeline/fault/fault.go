// Package fault does harm on purpose, to what it has started or was given, and undoes it: to processes, network paths,
// connections and disks.
package fault

import (
	"context"
	"time"
)

// Kind is what is done.
type Kind string

// Kinds of faults.
const (
	Kill   Kind = "kill"   // a process is ended without a warning, and started again
	Stop   Kind = "stop"   // a process stands still for a time
	Cut    Kind = "cut"    // a leg of a relay is silent
	Loss   Kind = "loss"   // a part of a relay's datagrams is lost, on each leg by itself
	Delay  Kind = "delay"  // a relay's datagrams come later
	Jump   Kind = "jump"   // the clocks of the stream jump, on all legs with the same packet
	Slow   Kind = "slow"   // a proxy hands on so many bytes a second
	Hang   Kind = "hang"   // a proxy takes connections and hands on nothing
	Refuse Kind = "refuse" // a proxy refuses connections
	Break  Kind = "break"  // a proxy ends each connection in the middle of an answer
	Fail   Kind = "fail"   // a proxy answers 500 to requests of HTTP
	Fill   Kind = "fill"   // a disk is full
	Region Kind = "region" // a target is away for a time, as when its region is lost
)

// Fault is one thing to do. What does not concern its kind is zero.
type Fault struct {
	Kind  Kind
	For   time.Duration
	Leg   string        // to cut; empty: all
	Loss  float64       // part of the datagrams
	Delay time.Duration // of datagrams
	Rate  int64         // bytes a second
	Jump  time.Duration // forward; negative: back
	Rest  int64         // bytes left free
	Seed  uint64        // of what is left to chance within the fault
}

// Target is what faults are done to. Do is called by one goroutine at a time.
type Target interface {
	// Start makes it ready: starts it, or finds it. An error leaves nothing behind.
	Start(ctx context.Context) error
	// Do does a fault, and returns when it is undone: after its time, or at once when ctx ends. The text says what
	// exactly was done to whom.
	Do(ctx context.Context, f Fault) (string, error)
	// Stop ends what Start has started, and waits for that. What was given is left as it was found.
	Stop()
}

// pause waits; it tells whether ctx has ended meanwhile.
func pause(ctx context.Context, d time.Duration) (ended bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return true
	case <-timer.C:
		return false
	}
}

// unknown is the error of a fault that a target cannot do.
type unknown struct {
	kind   Kind
	target string
}

// Error says what cannot be done to whom.
func (u unknown) Error() string { return string(u.kind) + " cannot be done to " + u.target }
