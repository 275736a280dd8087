package anchor

import "onair/pkg/tick"

// left is where the reference stream was before its last jump.
type left struct {
	stream
	refMax int64
	at     tick.Tick // arrival of the stamp that jumped
	offset offset
}

// comeBack returns to the clock that the reference stream left a moment ago, if s continues that one: what lay between
// was no jump but a few damaged headers, and the other streams have not followed it.
func (c *Clock) comeBack(s Stamp) (dts int64, ok bool) {
	if c.snap == 0 || !c.left.seen || s.Arrival-c.left.at > maxGlitch {
		return 0, false
	}
	u := tick.Unwrapper{Bits: 33}
	dts = u.Near(s.DTS, c.left.dts)
	if step := tick.Tick(dts-c.left.dts) * tick.Per90k; step < -maxBack || step > maxStep {
		return 0, false
	}
	at, state := c.table.Map(c.left.gen, u.Near(s.PTS, dts))
	end, ruled := c.table.Map(c.gen, c.refMax)
	if state != Mapped || ruled != Mapped || at < end-maxGlitch/2 {
		return 0, false // a clock that was left for longer than it counted
	}
	back, _ := c.table.Anchor(c.left.gen)
	c.gen, c.refMax = c.left.gen, max(c.left.refMax, back.PTS+(end-back.Map(back.PTS)).Units(90_000))
	c.table.Rule(c.gen)
	c.offset = c.left.offset
	c.left, c.lag = left{}, lag{}
	return dts, true
}

// jump opens a generation for a stream's new clock. The reference stream's is anchored by rule; another stream's waits
// for the reference to follow.
func (c *Clock) jump(s Stamp) (gen, dts int64) {
	c.abandon() // nobody will fix it any more
	c.last++
	c.table.Open(c.last)
	c.pendingAt = s.Arrival
	return c.last, int64(s.DTS)
}

// rule makes p's generation the one of the reference stream, p being its first frame. If nearly nothing is missing it
// goes on at the next slot, else (or when the feed has fallen behind for good) at its arrival.
func (c *Clock) rule(p Place, arrival tick.Tick, late bool) {
	old := c.gen
	c.gen, c.ruledAt, c.waits = p.Gen, arrival, 0
	c.lag, c.lead = lag{}, lead{}
	if late { // same clock, other anchor: the other streams come along
		for i := range c.streams {
			if st := &c.streams[i]; st.gen == old {
				st.seen = false
			}
		}
	}
	if c.snap == 0 { // no grid yet: what came before is not wanted
		c.table.Kill(old)
		c.waiting, c.first, c.firstPTS = true, Stamp{Arrival: arrival}, p.PTS
		c.refMax = p.PTS
		return
	}
	next := arrival
	if end, state := c.table.Map(old, c.refMax); state == Mapped {
		next = end + c.snap
		if missing := arrival - c.refArrival - c.snap; late || missing >= maxMissing {
			next = max(next, arrival)
		}
	}
	c.refMax = p.PTS
	c.fix(Anchor{Gen: p.Gen, PTS: p.PTS, Tick: c.nearest(next)})
}

// expire gives up a generation that another stream opened and the reference did not follow.
func (c *Clock) expire(now tick.Tick) {
	if now-c.pendingAt > maxPending {
		c.abandon()
	}
}

// leave gives up a pending generation that its last stream has left: a few damaged headers, and all others wait for it.
func (c *Clock) leave(gen int64) {
	if gen != c.last {
		return
	}
	if _, _, inhabited := c.newestOf(gen); !inhabited {
		c.abandon()
	}
}

// abandon gives up the newest generation if it waits for the reference stream still.
func (c *Clock) abandon() {
	if c.last <= c.gen || c.state(c.last) != Pending {
		return
	}
	c.table.Kill(c.last)
	c.lost, c.waits = c.lost+c.waits, 0
}

// count notes a stamp in a generation that may never be used, or will not.
func (c *Clock) count(gen int64) {
	if gen == c.gen {
		return
	}
	switch c.state(gen) {
	case Dead:
		c.lost++
	case Pending:
		c.waits++
	case Mapped:
	}
}

func (c *Clock) state(gen int64) State {
	_, state := c.table.Map(gen, 0)
	return state
}
