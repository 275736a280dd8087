// Package effort decides how much of a ladder is encoded: less while the encoder is slower than real time, and without
// a rendition that fails alone. It is pure: what was measured and the time are arguments.
package effort

import (
	"onair/pkg/tick"
)

// Bounds of Pace. A step down needs the whole of Slow; a step up the whole of Room, and as long as the last ones that
// went wrong have taught.
const (
	Slow     = 10 * tick.Second      // so long media comes out later and later before less is encoded
	Room     = 60 * tick.Second      // so long there must be room for more before more is encoded
	LongWait = 64 * 60 * tick.Second // the longest wait for that, after steps up that went wrong
	trial    = 5 * 60 * tick.Second  // a step down within this time shows that the step up before it was wrong

	behind  = tick.Second // lag beyond the usual one that matters
	buckets = 6           // Slow in parts, each of which has to be worse than the one before
	part    = Slow / buckets
	growing = part / 50 // by so much: slower than 0.98 of real time
	spare   = 1.3       // so many times what the next step needs besides must be idle
)

// Config is what a Pace needs.
type Config struct {
	// Cost is the work of each step, in any unit. The first is everything as configured; each one costs less than the one
	// before. One step: nothing can be left out.
	Cost []float64
}

// Sample is what is seen of the run on air.
type Sample struct {
	Run  int       // number; another one's lag says nothing about this one's
	Lag  tick.Tick // from the newest media that has arrived to the newest that came out
	Busy float64   // processors that it uses
	Idle float64   // processors of the machine that nobody uses; negative: not known
}

// Verdict is what is to be done.
type Verdict int

// Verdicts.
const (
	Keep     Verdict = iota
	Down             // encode less, at once
	Up               // encode more, when that can be done without harm
	Helpless         // too slow, and nothing is left that could be left out
)

// Pace holds the encoder's speed against real time.
type Pace struct {
	cfg   Config
	step  int
	run   int
	least tick.Tick          // smallest lag of the run
	since tick.Tick          // when its history begins
	late  tick.Tick          // when its lag was last more than usual, or there was no room
	lags  [buckets]tick.Tick // least lag in each part of Slow, oldest first
	known int                // of these
	from  tick.Tick          // when the part under way began
	low   tick.Tick          // its least lag
	rose  tick.Tick          // when the last step up was made; 0: none
	wait  tick.Tick          // how long after a step down the next step up may be tried
	fell  tick.Tick          // when the last step down was made
}

// New makes a Pace at the first step.
func New(c Config) *Pace {
	if len(c.Cost) == 0 {
		c.Cost = []float64{1}
	}
	return &Pace{cfg: c, wait: Room}
}

// Step is the step that runs are made for; 0 is everything as configured.
func (p *Pace) Step() int { return p.step }

// Look takes a sample, several times a second, and says what is to be done. What it says is done by Fall and Rise.
func (p *Pace) Look(now tick.Tick, s Sample) Verdict {
	if s.Run != p.run || p.since == 0 {
		p.forget(now, s)
	}
	p.least = min(p.least, s.Lag)
	p.measure(now, s.Lag)
	if s.Lag > p.least+behind || !p.roomy(s) {
		p.late = now
	}
	switch {
	case p.slow(s.Lag) && p.step == len(p.cfg.Cost)-1:
		p.forget(now, s) // to be told again when it has lasted as long again
		return Helpless
	case p.slow(s.Lag):
		return Down
	case p.step > 0 && now-p.late >= Room && now-p.fell >= p.wait:
		return Up
	}
	return Keep
}

// forget begins a history.
func (p *Pace) forget(now tick.Tick, s Sample) {
	p.run, p.least, p.since, p.late = s.Run, s.Lag, now, now
	p.known, p.from, p.low = 0, now, s.Lag
}

// measure notes the least lag of each part of Slow. A part of it that is not over does not count.
func (p *Pace) measure(now, lag tick.Tick) {
	if now-p.from >= part {
		copy(p.lags[:], p.lags[1:])
		p.lags[buckets-1] = p.low
		p.known = min(p.known+1, buckets)
		p.from, p.low = now, lag
	}
	p.low = min(p.low, lag)
}

// slow tells whether the lag has grown all the time for Slow. A pause, and the catching up after it, does not look like
// that: a run that stands still is ended before it could.
func (p *Pace) slow(lag tick.Tick) bool {
	if p.known < buckets || lag <= p.least+behind {
		return false
	}
	for i := 1; i < buckets; i++ {
		if p.lags[i] < p.lags[i-1]+growing {
			return false
		}
	}
	return true
}

// roomy tells whether there would be time for the next step up.
func (p *Pace) roomy(s Sample) bool {
	if p.step == 0 || s.Idle < 0 {
		return true
	}
	more := p.cfg.Cost[p.step-1]/p.cfg.Cost[p.step] - 1
	return s.Idle >= s.Busy*more*spare
}

// Fall makes the next step down; false at the last one. Of a run that was so slow that its source was overwritten it
// can be told without waiting for a verdict.
func (p *Pace) Fall(now tick.Tick) bool {
	if p.step == len(p.cfg.Cost)-1 {
		return false
	}
	switch {
	case p.rose != 0 && now-p.rose < trial:
		p.wait = min(2*p.wait, LongWait)
	case p.rose != 0 && now-p.rose > LongWait:
		p.wait = Room
	}
	p.step++
	p.fell, p.since, p.late = now, 0, now
	return true
}

// Rise makes the next step up, when a run of it is about to begin.
func (p *Pace) Rise(now tick.Tick) {
	if p.step > 0 {
		p.step--
		p.rose, p.fell, p.since, p.late = now, now, 0, now
	}
}

// Wait is how long after a step the next step up is tried at the earliest.
func (p *Pace) Wait() tick.Tick { return p.wait }
