package pipeline

import (
	"maps"
	"strconv"

	"onair/pipeline/encode"
	"onair/pipeline/packager"
	"onair/pipeline/publish"
	"onair/pkg/tick"
)

// keepMakers is how many runs are remembered: more than can have frames in one segment.
const keepMakers = 32

// maker is what a run's newest frames are made of.
type maker struct {
	input string
	slate bool // no input's: the slate, or a picture that is held
	held  bool // it begins with the first picture, which is held back, and silence
}

// mark notes what a run's frames are made of. The caller holds the track's order.
func (a *assembly) mark(t *track, run int, f encode.Frame) {
	if run == t.marked && !f.Slate {
		return
	}
	t.marked = run
	a.mu.Lock()
	defer a.mu.Unlock()
	m := a.makers[run]
	a.makers[run] = maker{input: f.Input, slate: f.Slate || m.slate}
	maps.DeleteFunc(a.makers, func(r int, _ maker) bool { return r <= run-keepMakers })
}

// Held notes that segments begin with a picture that is held back, see encode.Output: one picture's time is nothing.
func (a *assembly) Held(from, until tick.Tick) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.grid.Rate.IsZero() && until-from <= a.grid.Rate.Frame() {
		return
	}
	for k := a.grid.K(from); a.grid.Start(k) < until; k++ {
		a.begun[k] = true
	}
	maps.DeleteFunc(a.begun, func(k int64, _ bool) bool { return k <= a.grid.K(until)-keepMakers })
}

// made is what a segment's frames are made of: slate if any are, and else of the last run's input.
func (a *assembly) made(seg packager.Segment) maker {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := maker{held: a.begun[seg.K]}
	for _, run := range seg.Runs {
		m := a.makers[run]
		out.input, out.slate = m.input, out.slate || m.slate
	}
	return out
}

// clock is what is to be known of the source clock that placed an input's media.
type clock struct {
	generation int64
	standby    bool // another pipeline has stored one that this feed does not fit, or the last media is cut off
}

// sign adds to a segment what it is made of: whoever shares the store with this pipeline, or looks into it, can tell.
func (a *assembly) sign(out *publish.Segment, m maker) {
	out.Meta, out.Standby = map[string]string{"input": m.input}, m.held
	if m.slate {
		out.Slate, out.Meta["slate"] = true, "1"
	}
	if a.clock == nil || m.input == "" {
		return
	}
	c := a.clock(m.input)
	out.Standby = out.Standby || c.standby
	if c.generation != 0 {
		out.Meta["generation"] = strconv.FormatInt(c.generation, 10)
	}
}
