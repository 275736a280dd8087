package effort_test

import (
	"slices"
	"testing"

	"onair/pkg/effort"
	"onair/pkg/tick"
)

const (
	second = tick.Second
	minute = 60 * second
)

// encoder is a model: it does capacity work a second, and a second of media takes cost[step].
type encoder struct {
	pace     *effort.Pace
	cost     []float64
	capacity func(at tick.Tick) float64
	idle     float64 // what is told; negative: not known

	now, done tick.Tick
	run       int
	steps     []int       // every one in its order
	at        []tick.Tick // and when it was made
	helpless  int
}

func newEncoder(capacity func(tick.Tick) float64, cost ...float64) *encoder {
	return &encoder{pace: effort.New(effort.Config{Cost: cost}), cost: cost, capacity: capacity, idle: -1, run: 1, steps: []int{0}}
}

// pass lets time pass, a fifth of a second at a time.
func (e *encoder) pass(d tick.Tick) {
	for end := e.now + d; e.now < end; {
		e.now += second / 5
		speed := e.capacity(e.now) / e.cost[e.pace.Step()]
		e.done = min(e.now-second/2, e.done+tick.Tick(speed*float64(second/5)))
		switch e.pace.Look(e.now, effort.Sample{Run: e.run, Lag: e.now - e.done, Busy: 1, Idle: e.idle}) {
		case effort.Down:
			if e.pace.Fall(e.now) {
				e.note()
			}
		case effort.Up:
			e.pace.Rise(e.now)
			e.note()
		case effort.Helpless:
			e.helpless++
		case effort.Keep:
		}
	}
}

func (e *encoder) note() {
	e.run++
	e.steps, e.at = append(e.steps, e.pace.Step()), append(e.at, e.now)
}

func always(c float64) func(tick.Tick) float64 { return func(tick.Tick) float64 { return c } }

func TestPace(t *testing.T) {
	for name, c := range map[string]struct {
		capacity func(tick.Tick) float64
		idle     float64
		pass     tick.Tick
		want     []int
		helpless bool
	}{
		"fast enough":             {always(5), -1, 60 * minute, []int{0}, false},
		"just fast enough":        {always(4), -1, 60 * minute, []int{0}, false},
		"a hair too slow":         {always(3.98), -1, 2 * minute, []int{0}, false},
		"a bit too slow":          {always(3.8), -1, minute, []int{0, 1}, false},
		"half as fast":            {always(2), -1, minute, []int{0, 1, 2}, false},
		"a pause of four seconds": {pause(10*second, 14*second, 6), -1, 5 * minute, []int{0}, false},
		"a pause every 15 s": {func(at tick.Tick) float64 {
			if at%(15*second) < 2*second {
				return 0
			}
			return 6
		}, -1, 10 * minute, []int{0}, false},
		"nothing helps":          {always(0.5), -1, 2 * minute, []int{0, 1, 2, 3}, true},
		"trouble that goes away": {until(minute, 2, 6), -1, 60 * minute, []int{0, 1, 2, 1, 0}, false},
		"room that is not there": {until(2*minute, 2, 6), 0.1, 60 * minute, []int{0, 1, 2}, false},
		"room that is there":     {until(minute, 2, 6), 3, 60 * minute, []int{0, 1, 2, 1, 0}, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEncoder(c.capacity, 4, 3, 2, 1)
			e.idle = c.idle
			e.pass(c.pass)
			if !slices.Equal(e.steps, c.want) || e.helpless > 0 != c.helpless {
				t.Errorf("steps %v at %v, helpless %d times; want %v", e.steps, e.at, e.helpless, c.want)
			}
		})
	}
}

func pause(from, to tick.Tick, speed float64) func(tick.Tick) float64 {
	return func(at tick.Tick) float64 {
		if at >= from && at < to {
			return 0
		}
		return speed
	}
}

func until(end tick.Tick, before, after float64) func(tick.Tick) float64 {
	return func(at tick.Tick) float64 {
		if at < end {
			return before
		}
		return after
	}
}

// The first step down is made as soon as ten seconds of growing lag are seen, and little later.
func TestPaceFallsInTime(t *testing.T) {
	e := newEncoder(until(minute, 5, 2), 4, 1)
	e.pass(2 * minute)
	if len(e.at) != 1 || e.at[0] < minute+effort.Slow || e.at[0] > minute+effort.Slow*3/2 {
		t.Errorf("steps at %v", e.at)
	}
}

// A machine that is a step too small for ever is not tried over and over.
func TestPaceDoesNotFlap(t *testing.T) {
	e := newEncoder(always(3.5), 4, 3)
	e.pass(24 * 60 * minute)
	if n := len(e.steps); n < 5 || n > 2*(7+24) {
		t.Errorf("%d steps in a day", n)
	}
	for i := 3; i < len(e.at); i += 2 { // up, after a down
		if i > 4 && e.at[i]-e.at[i-1] > effort.LongWait+5*minute {
			t.Errorf("step %d up only after %v", i, (e.at[i] - e.at[i-1]).Duration())
		}
	}
	first, last := e.at[1]-e.at[0], e.at[len(e.at)-1]-e.at[len(e.at)-3]
	if first > 2*minute || last < effort.LongWait {
		t.Errorf("the first wait is %v, the last %v", first.Duration(), last.Duration())
	}
}

// What a run did before says nothing about the next one.
func TestPaceBeginsAnewWithEachRun(t *testing.T) {
	e := newEncoder(always(2), 4, 3)
	for range 20 {
		e.pass(8 * second)
		e.run++
	}
	if len(e.steps) != 1 {
		t.Errorf("steps %v", e.steps)
	}
}

func TestPaceFallsAtOnceWhenTold(t *testing.T) {
	p := effort.New(effort.Config{Cost: []float64{2, 1}})
	if !p.Fall(minute) || p.Step() != 1 || p.Fall(minute) {
		t.Errorf("step %d", p.Step())
	}
	if p := effort.New(effort.Config{}); p.Fall(minute) || p.Step() != 0 {
		t.Error("a step below the only one")
	}
}
