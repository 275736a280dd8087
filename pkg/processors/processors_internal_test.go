package processors

import (
	"context"
	"runtime"
	"slices"
	"testing"
	"time"
)

// TestProcessorsFollowTheLoad: one after ten calm seconds, all as soon as there is much to do, and what is between
// changes nothing.
func TestProcessorsFollowTheLoad(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ticks, totals := make(chan time.Time), make(chan time.Duration)
	var choices []bool
	done := make(chan struct{})
	var c choice
	go func() {
		defer close(done)
		c.follow(ctx, func() time.Duration { return <-totals }, ticks, func(one bool) { choices = append(choices, one) })
	}()
	now, used := time.Unix(0, 0), time.Duration(0)
	looks := func(n int, load float64) {
		for range n {
			now, used = now.Add(every), used+time.Duration(load*float64(every))
			ticks <- now
			totals <- used
		}
	}
	looks(calm, 0.05)
	looks(1, 0.5) // what is between begins the calm anew
	looks(calm, 0.05)
	looks(20, 0.5)
	looks(2, 1.5)
	looks(calm-1, 0.05)
	looks(1, 0.5)
	looks(2*calm, 0.05)
	cancel()
	<-done
	if want := []bool{true, false, true}; !slices.Equal(choices, want) {
		t.Errorf("chosen were %v, want %v", choices, want)
	}
}

// TestProcessorsOfTheRuntime: what is chosen is what the runtime does, and all that there were come back.
func TestProcessorsOfTheRuntime(t *testing.T) {
	all := runtime.GOMAXPROCS(0)
	use(true)
	one := runtime.GOMAXPROCS(0)
	use(false)
	if back := runtime.GOMAXPROCS(0); one != 1 || back != all {
		t.Errorf("%d processors where there should be one, and %d of %d afterwards", one, back, all)
	}
}

// TestCPUTimeGrows with what the process does.
func TestCPUTimeGrows(t *testing.T) {
	before := cpuTime()
	for cpuTime() < before+10*time.Millisecond {
		if t.Context().Err() != nil {
			t.Fatal("no processor time was used")
		}
	}
}
