package pipeline

import (
	"maps"
	"strconv"

	"onair/pipeline/encode"
	"onair/pipeline/packager"
	"onair/pipeline/publish"
)

// keepMakers is how many runs are remembered: more than can have frames in one segment.
const keepMakers = 32

// maker is what a run's newest frames are made of.
type maker struct {
	input string
	slate bool // no input's: the slate, or a picture that is held
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
	a.makers[run] = maker{f.Input, f.Slate || m.slate}
	maps.DeleteFunc(a.makers, func(r int, _ maker) bool { return r <= run-keepMakers })
}

// made is what a segment's frames are made of: slate if any are, and else of the last run's input.
func (a *assembly) made(seg packager.Segment) maker {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out maker
	for _, run := range seg.Runs {
		m := a.makers[run]
		out = maker{m.input, out.slate || m.slate}
	}
	return out
}

// clock is what is to be known of the source clock that placed an input's media.
type clock struct {
	generation int64
	standby    bool // another pipeline has stored one that this feed does not fit
}

// sign adds to a segment what it is made of: whoever shares the store with this pipeline, or looks into it, can tell.
func (a *assembly) sign(out *publish.Segment, m maker) {
	out.Meta = map[string]string{"input": m.input}
	if m.slate {
		out.Slate, out.Meta["slate"] = true, "1"
	}
	if a.clock == nil || m.input == "" {
		return
	}
	c := a.clock(m.input)
	out.Standby = c.standby
	if c.generation != 0 {
		out.Meta["generation"] = strconv.FormatInt(c.generation, 10)
	}
}
