package pipeline

import (
	"context"
	"fmt"
	"time"

	"onair/pipeline/control"
	"onair/pkg/anchor"
	"onair/pkg/tick"
)

// driftEvery is how often the source clocks are compared with the host's.
const driftEvery = 10 * time.Second

// driftNotice is how far ahead of its taking effect a correction of a source's clock is decided.
const driftNotice = 60 * tick.Second

// driftSettles is how long after its taking effect a correction shows in every minute that is measured over.
const driftSettles = 365 * tick.Second // one begins before it, five follow

// anchored has an anchor agreed upon that an input's clock proposes.
func (c *Channel) anchored(in *input, a anchor.Anchor) {
	before := in.programme.Stats().Generation
	now := c.now()
	jumped := before != 0 && before != a.Gen
	c.mu.Lock()
	if jumped { // the first one is no restart of the source's clock
		in.made++
		in.jumps++
	}
	tell, jumps := jumped && now-in.jumpTold >= tellJumpsEvery, in.jumps
	if tell {
		in.jumps, in.jumpTold = 0, now
	}
	c.mu.Unlock()
	c.byTimecode(in, a, func(a anchor.Anchor) {
		c.timeline.propose(in.name, a, func(g agreement) { c.ruled(in, a, g, !jumped) })
	})
	if !tell {
		return
	}
	text := fmt.Sprintf("input %s: the source's clock jumped or began anew: generation %d", in.name, a.Gen)
	if jumps > 1 {
		text += fmt.Sprintf(" (%d times since it was last told)", jumps)
	}
	c.events.put(control.Event{Level: control.Warning, Stage: "ingest", Input: in.name, Code: codeJump, Message: text})
}

// ruled has what was agreed upon rule the generation for which own was proposed. If own rules already, because the
// store was away, what others have made takes its place at a segment boundary.
func (c *Channel) ruled(in *input, own anchor.Anchor, g agreement, first bool) {
	now, fixed := in.table.Anchor(own.Gen)
	delta := tick.Tick(0)
	if fixed {
		delta = g.anchor.Map(own.PTS) - now.Map(own.PTS)
	}
	c.mu.Lock()
	in.lock = lock{state: g.lock(), gen: own.Gen, number: g.stored, moved: delta, again: g.again(c.now())}
	if first && g.stored > 1 && !g.others && !own.Timecode { // stored ones do not fit: another may be on air with one
		in.lock.state, in.lock.trial = control.Unlocked, c.now()+trialFor
	}
	c.mu.Unlock()
	if g.others {
		c.tellClock(in, control.Info, codeAdopted, fmt.Sprintf(
			"its clock is placed where another pipeline has placed it (generation %d)", g.stored))
	}
	air := c.air.Load()
	switch {
	case !fixed:
		in.table.Settle(g.anchor)
	case delta == 0:
	case air == nil:
		in.table.Set(g.anchor)
	default:
		at := air.grid.Start(air.grid.NextK(c.now() + driftNotice))
		in.table.Shift(own.Gen, at, delta)
		c.tellClock(in, control.Warning, codeAdopted, fmt.Sprintf("the timeline's store was away: from segment %d on its "+
			"clock is where another pipeline has placed it, %v from where it was", air.grid.K(at), delta.Duration()))
	}
}

func (c *Channel) tellClock(in *input, level control.Level, code, message string) {
	c.events.put(control.Event{
		Level: level, Stage: "timeline", Input: in.name, Code: code, Message: "input " + in.name + ": " + message,
	})
}

// watchDrift takes out the drift of the source clocks against the host's, one frame at a time, at a segment boundary.
func (c *Channel) watchDrift(ctx context.Context, grid tick.Grid, slot tick.Tick) error {
	timer := time.NewTicker(driftEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		for _, in := range c.inputs() {
			c.heed(in)
			c.correct(in, grid, slot)
		}
	}
}

// correct decides on a correction if one is due and the last one has shown its effect.
func (c *Channel) correct(in *input, grid tick.Grid, slot tick.Tick) {
	if c.correctByTimecode(in, grid, slot) {
		return // the labels lead, not the host's clock
	}
	st, now := in.programme.Stats(), c.now()
	drift := st.Drift - c.moved(in, st.Generation)
	if !st.Measured || now < in.settled || drift.Abs() <= slot {
		return
	}
	delta, what := slot, "repeated"
	if drift > 0 { // the timeline runs ahead of arrival
		delta, what = -slot, "dropped"
	}
	was, ok := in.table.Anchor(st.Generation)
	if !ok {
		return
	}
	at := c.move(in, was, delta, grid)
	in.settled = at + driftSettles
	c.events.put(control.Event{
		Level: control.Info, Stage: "ingest", Input: in.name, Code: codeDrift, Message: fmt.Sprintf(
			"input %s: the source's clock has drifted by a frame: one is %s at segment %d", in.name, what, grid.K(at)),
	})
}

// move has an input's clock moved from a segment ahead on, whose start it returns. The encoder carries it out by a
// planned hand-over: the run that begins there reads all of the source by delta earlier or later than the one before.
func (c *Channel) move(in *input, was anchor.Anchor, delta tick.Tick, grid tick.Grid) (at tick.Tick) {
	at = grid.Start(grid.NextK(c.now() + driftNotice))
	c.agreeAnew(in, was.Shifted(anchor.Shift{From: at, Delta: delta}))
	return at
}

// agreeAnew has pipelines agree on a clock that rules already, as it is to be from now on, under the next number.
func (c *Channel) agreeAnew(in *input, own anchor.Anchor) {
	gen := own.Gen
	own.Gen = max(gen, c.lockOf(in).numberOf(gen)) + 1
	c.timeline.propose(in.name, own, func(g agreement) { c.corrected(in, gen, g) })
}

// corrected carries out the correction that was agreed upon.
func (c *Channel) corrected(in *input, gen int64, g agreement) {
	g.anchor.Gen = gen
	if !in.table.Replace(g.anchor) {
		return // the source's clock has jumped
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	moved := tick.Tick(0)
	if in.lock.gen == gen {
		moved = in.lock.moved
	}
	in.lock = lock{state: g.lock(), gen: gen, number: g.stored, moved: moved, again: g.again(c.now())}
}
