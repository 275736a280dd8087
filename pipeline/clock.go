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

// lock is how an input's clock stands to the timeline's store.
type lock struct {
	state  control.Lock
	gen    int64     // that it is about
	number int64     // of that generation in the store, which others may have counted on; 0: it is not there
	moved  tick.Tick // by how much what was agreed upon later has moved it
	seen   int64     // a newer number that does not fit
}

// of is the lock of a generation: one that nobody proposed was found in the store.
func (l lock) of(gen int64) control.Lock {
	switch {
	case gen == 0:
		return control.NoLock
	case l.gen == gen:
		return l.state
	}
	return control.Locked
}

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
	c.timeline.propose(in.name, a, func(g agreement) { c.ruled(in, a, g) })
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
func (c *Channel) ruled(in *input, own anchor.Anchor, g agreement) {
	now, fixed := in.table.Anchor(own.Gen)
	delta := tick.Tick(0)
	if fixed {
		delta = g.anchor.Map(own.PTS) - now.Map(own.PTS)
	}
	c.mu.Lock()
	in.lock = lock{state: g.lock(), gen: own.Gen, number: g.stored, moved: delta}
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

// moved is by how much an input's clock was moved that had drifted by nothing.
func (c *Channel) moved(in *input, gen int64) tick.Tick {
	c.mu.Lock()
	defer c.mu.Unlock()
	if in.lock.gen != gen {
		return 0
	}
	return in.lock.moved
}

// number is the one that the store has for a generation: its own where it was found there. 0: it is not there.
func (l lock) numberOf(gen int64) int64 {
	if l.gen == gen {
		return l.number
	}
	return gen
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

// correct decides on a correction if one is due and the last one has shown its effect. The encoder carries it out by a
// planned hand-over: the run that begins there reads all of the source a frame earlier or later than the one before.
// Pipelines agree on it as on an anchor, under the next number.
func (c *Channel) correct(in *input, grid tick.Grid, slot tick.Tick) {
	st, now := in.programme.Stats(), c.now()
	gen := st.Generation
	drift := st.Drift - c.moved(in, gen)
	if !st.Measured || now < in.settled || drift.Abs() <= slot {
		return
	}
	delta, what := slot, "repeated"
	if drift > 0 { // the timeline runs ahead of arrival
		delta, what = -slot, "dropped"
	}
	at := grid.Start(grid.NextK(now + driftNotice))
	was, ok := in.table.Anchor(gen)
	if !ok {
		return
	}
	in.settled = at + driftSettles
	own := was.Shifted(anchor.Shift{From: at, Delta: delta})
	own.Gen = max(gen, c.lockOf(in).numberOf(gen)) + 1
	c.timeline.propose(in.name, own, func(g agreement) { c.corrected(in, gen, g) })
	c.events.put(control.Event{
		Level: control.Info, Stage: "ingest", Input: in.name, Code: codeDrift, Message: fmt.Sprintf(
			"input %s: the source's clock has drifted by a frame: one is %s at segment %d", in.name, what, grid.K(at)),
	})
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
	in.lock = lock{state: g.lock(), gen: gen, number: g.stored, moved: moved}
}

// heed looks whether another pipeline has stored a newer anchor, and goes along with a correction. Whose feed the
// newest one does not fit is not locked: it is that of another clock.
func (c *Channel) heed(in *input) {
	gen := in.programme.Stats().Generation
	l := c.lockOf(in)
	was, ok := in.table.Anchor(gen)
	number := l.numberOf(gen)
	if !ok || number == 0 {
		return
	}
	other, err := c.timeline.next(in.name, max(number, l.seen)+1)
	if err != nil {
		return // there is none, mostly; a store that fails is told by whoever writes to it
	}
	adopted, fits := was.Adopt(other)
	next := lock{state: control.Locked, gen: gen, number: other.Gen, moved: l.moved}
	if !fits {
		next = lock{state: control.Unlocked, gen: gen, number: number, moved: l.moved, seen: other.Gen}
	}
	c.mu.Lock()
	same := in.lock == l
	if same {
		in.lock = next
	}
	c.mu.Unlock()
	switch {
	case !same: // something newer is known meanwhile
	case fits:
		in.table.Replace(adopted)
	default:
		c.tellClock(in, control.Warning, codeUnlocked, fmt.Sprintf("another pipeline has stored a clock that this feed does "+
			"not fit (generation %d): they get different feeds, or one that jumped has not come here", other.Gen))
	}
}

func (c *Channel) lockOf(in *input) lock {
	c.mu.Lock()
	defer c.mu.Unlock()
	return in.lock
}
