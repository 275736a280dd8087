package anchor

import (
	"onair/pkg/tick"
)

// Bounds of what counts as one clock. All are spans of source time or of arrival.
const (
	maxStep    = tick.Second     // a longer step of a stream, not explained by its arrival, is a jump
	maxBack    = tick.Second / 2 // a longer step back is a jump too: decoding times only grow, PTS for them nearly
	maxLead    = 3 * tick.Second // how far streams of one clock may lie apart in the multiplex
	maxPending = 2 * tick.Second // how long another stream's jump waits for the reference stream to follow
	maxMissing = tick.Second     // a jump with less than this missing goes on at the next slot
	maxAhead   = 10 * tick.Second
	maxReorder = 10 * tick.Second // how long after its decoding a picture may be shown; more is a damaged header
	maxGlitch  = tick.Second / 2  // a jump that is taken back within this was none
)

// Stamp is one PES header's time as it came.
type Stamp struct {
	Stream   int // index of the stream within the programme, < MaxStreams
	Ref      bool
	PTS, DTS uint64 // raw, 33 bits; DTS equals PTS where the header had none
	Arrival  tick.Tick
}

// MaxStreams bounds the streams of a programme that a Clock follows.
const MaxStreams = 64

// Place is where a Clock put a stamp: generation and unwrapped times.
type Place struct {
	Gen      int64
	PTS, DTS int64
	Jump     bool // this stamp opened a generation
	Drop     bool // the source runs ahead of real time by more than it may: do not use this packet
}

type stream struct {
	seen    bool
	gen     int64
	dts     int64
	arrival tick.Tick
}

// Clock follows the time stamps of one programme and decides which generation each belongs to. It is pure: one
// goroutine pushes, and the anchors it makes go to its Table and to Made.
type Clock struct {
	table   *Table
	known   []Anchor // stored generations, newest last, until one was adopted
	made    func(Anchor)
	agree   func(Anchor) // not nil: what made is told is only proposed
	snap    tick.Tick    // slot length anchors snap to; set with the rate
	streams [MaxStreams]stream

	gen        int64 // generation that rules the reference stream
	last       int64 // newest generation opened
	first      Stamp // of gen's first reference stamp, while its anchor waits for the grid
	firstPTS   int64
	waiting    bool
	pendingAt  tick.Tick // arrival of the stamp that opened last, while last > gen
	ruledAt    tick.Tick // arrival of gen's first reference stamp
	refMax     int64     // greatest reference PTS of gen
	refArrival tick.Tick
	offset     offset
	lag        lag
	lead       lead
	ahead      bool // the reference runs ahead of real time by more than it may
	left       left
	waits      uint64 // stamps in the newest generation while it is pending
	lost       uint64 // stamps in generations that were given up
}

// NewClock makes a clock that fills table. known are stored generations, oldest first: the newest that fits the feed is
// used again. made is told each anchor that this clock makes (not those it adopts); it may be nil.
func NewClock(table *Table, known []Anchor, made func(Anchor)) *Clock {
	c := &Clock{table: table, known: known, made: made}
	for _, a := range known {
		c.last = max(c.last, a.Gen)
	}
	return c
}

// Follow tells that generations up to last are in use elsewhere, known or not. It is called before anything is pushed.
func (c *Clock) Follow(last int64) { c.last = max(c.last, last) }

// Agree has anchors agreed upon before they rule: each one is told to propose instead of made, and its generation is
// Pending until the table is told by Settle what rules. It is called before anything is pushed.
func (c *Clock) Agree(propose func(Anchor)) { c.agree = propose }

// SetGrid tells the slot length on which the reference stream's frames lie: from then on anchors can be fixed. A
// channel without video gives its audio frame's length.
func (c *Clock) SetGrid(slot tick.Tick) {
	if c.snap != 0 {
		return
	}
	c.snap = slot
	if c.waiting {
		c.waiting = false
		c.fix(Anchor{Gen: c.gen, PTS: c.firstPTS, Tick: c.nearest(c.first.Arrival)})
	}
}

func (c *Clock) nearest(t tick.Tick) tick.Tick { return (t + c.snap/2) / c.snap * c.snap }

func (c *Clock) fix(a Anchor) {
	c.offset = offset{}
	if c.agree != nil {
		c.agree(a)
		return
	}
	c.table.Set(a)
	if c.made != nil {
		c.made(a)
	}
}

// Push places one stamp.
func (c *Clock) Push(s Stamp) Place {
	c.expire(s.Arrival)
	u := tick.Unwrapper{Bits: 33}
	if d := tick.Tick(u.Near(s.PTS-s.DTS, 0)) * tick.Per90k; d < -maxStep || d > maxReorder {
		return Place{Drop: true}
	}
	st := &c.streams[s.Stream]
	if c.gen == 0 {
		if !s.Ref {
			return Place{Drop: true} // nothing to measure it against yet
		}
		return c.start(s)
	}
	late := s.Ref && (c.lag.tooLate() || c.lead.forGood(s.Arrival))
	gen, dts, known := c.match(st, s)
	if !known && s.Ref {
		dts, known = c.comeBack(s)
		gen = c.gen
	}
	if !known || late {
		if s.Ref && !late {
			c.left = left{stream: *st, refMax: c.refMax, at: s.Arrival, offset: c.offset}
		}
		gen, dts = c.jump(s)
	}
	p := Place{Gen: gen, DTS: dts, PTS: u.Near(s.PTS, dts), Jump: !known || late}
	before := *st
	*st = stream{seen: true, gen: gen, dts: dts, arrival: s.Arrival}
	if s.Ref {
		if gen != c.gen {
			p.Jump = true
			c.rule(p, s.Arrival, late)
		}
		c.follow(p, s)
	}
	if before.gen != gen {
		c.leave(before.gen)
	}
	c.count(gen)
	p.Drop = c.ahead
	return p
}

// follow keeps what the next jump and the drift watch need of the reference stream.
func (c *Clock) follow(p Place, s Stamp) {
	silent := s.Arrival - c.refArrival
	c.refArrival = s.Arrival
	at, state := c.table.Map(p.Gen, p.PTS)
	c.ahead = state == Mapped && at-s.Arrival > maxAhead
	if c.ahead {
		c.lead.push(at-s.Arrival, s.Arrival)
		return
	}
	c.lead = lead{}
	c.refMax = max(c.refMax, p.PTS)
	if state == Mapped {
		c.offset.push(tick.Tick(p.PTS)*tick.Per90k, at, s.Arrival)
		behind := s.Arrival - at
		c.lag.push(behind, behind+tick.Tick(p.PTS-p.DTS)*tick.Per90k, silent, s.Arrival)
	}
}

// start opens the first generation: a stored one that fits, else a new one.
func (c *Clock) start(s Stamp) Place {
	for i := len(c.known) - 1; i >= 0; i-- {
		if pts, ok := c.known[i].Fits(s.PTS, s.Arrival); ok {
			c.gen = c.known[i].Gen
			c.table.Set(c.known[i])
			return c.began(s, pts)
		}
	}
	c.last++
	c.gen = c.last
	c.table.Open(c.gen)
	if c.snap == 0 {
		c.waiting, c.first, c.firstPTS = true, s, int64(s.PTS)
	} else {
		c.fix(Anchor{Gen: c.gen, PTS: int64(s.PTS), Tick: c.nearest(s.Arrival)})
	}
	return c.began(s, int64(s.PTS))
}

func (c *Clock) began(s Stamp, pts int64) Place {
	u := tick.Unwrapper{Bits: 33}
	p := Place{Gen: c.gen, PTS: pts, DTS: u.Near(s.DTS, pts), Jump: true}
	c.streams[s.Stream] = stream{seen: true, gen: c.gen, dts: p.DTS, arrival: s.Arrival}
	c.refMax, c.refArrival = pts, s.Arrival
	return p
}

// match finds the generation that a stamp continues: the stream's own, else the ruling one, else the newest.
func (c *Clock) match(st *stream, s Stamp) (gen, dts int64, ok bool) {
	u := tick.Unwrapper{Bits: 33}
	if st.seen {
		dts = u.Near(s.DTS, st.dts)
		step := tick.Tick(dts-st.dts) * tick.Per90k
		same := step >= -maxBack && (step <= maxStep || (step-(s.Arrival-st.arrival)).Abs() <= maxStep)
		if same && c.holds(st.gen, s.Arrival) {
			return st.gen, dts, true
		}
		if same { // left behind by a jump of the others, or alone with one of its own: comes along now if it can
			if ref, at, known := c.newestOf(c.gen); known {
				lead := tick.Tick(u.Near(s.DTS, ref)-ref)*tick.Per90k - (s.Arrival - at)
				if lead.Abs() <= maxLead {
					return c.gen, u.Near(s.DTS, ref), true
				}
			}
			return st.gen, dts, true
		}
	}
	for _, g := range [2]int64{c.gen, c.last} {
		if st.seen && g == st.gen {
			continue // it has just jumped away from that one
		}
		if ref, at, known := c.newestOf(g); known {
			dts = u.Near(s.DTS, ref)
			lead := tick.Tick(dts-ref)*tick.Per90k - (s.Arrival - at)
			if lead.Abs() <= maxLead {
				return g, dts, true
			}
		}
	}
	return 0, 0, false
}

// holds tells whether a stream that goes on in a generation may stay in it: the ruling one, one that may yet rule, one
// that did a moment ago.
func (c *Clock) holds(gen int64, now tick.Tick) bool {
	if gen > c.gen {
		return c.state(gen) != Dead
	}
	return gen == c.gen || now-c.ruledAt <= maxLead
}

// newestOf is the newest decoding time of a generation and when it came.
func (c *Clock) newestOf(gen int64) (dts int64, at tick.Tick, ok bool) {
	for i := range c.streams {
		if st := &c.streams[i]; st.seen && st.gen == gen && (!ok || st.arrival > at) {
			dts, at, ok = st.dts, st.arrival, true
		}
	}
	return dts, at, ok
}

// Gen is the generation that rules now; 0 before the first reference stamp.
func (c *Clock) Gen() int64 { return c.gen }

// Lost counts the stamps that were placed in a generation that never got an anchor.
func (c *Clock) Lost() uint64 { return c.lost }

// Offset is the least delay in the last minutes between a frame's place on the timeline and its arrival (positive: the
// timeline lags behind arrival), the change of that since the anchor was made, and whether that was measured yet.
func (c *Clock) Offset() (now, drift tick.Tick, ok bool) { return c.offset.read() }
