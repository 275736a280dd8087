package anchor

import (
	"slices"

	"onair/pkg/tick"
)

// The lowest-delay filter looks at so many minutes. A network that delays everything for a while, or a sender that was
// starved, must not pass for a clock: clocks drift by milliseconds a minute, and never back.
const (
	span    = 60 * tick.Second
	minutes = 5
)

const (
	// maxDrift is more than any crystal drifts, in millionths. What changes faster is the path: a leg that is shorter or
	// longer than the one that has carried the feed so far.
	maxDrift = 300
	// maxPath bounds what is put down to paths: more in sum is none of their lengths any more.
	maxPath = tick.Second / 2
)

// offset is a lowest-delay filter: network jitter only ever delays a packet, so the least delayed one of some minutes
// shows the clocks themselves. The first minutes are the baseline against which drift is measured; a change of path
// moves it. It is the source's clock that is looked at, not its place on the timeline, which a correction moves.
type offset struct {
	since   tick.Tick
	lead    tick.Tick // greatest source time less arrival of the running minute
	started bool
	leads   [minutes]tick.Tick // of the last full minutes
	spans   [minutes]tick.Tick // how long these were: longer than a minute when the source was absent
	n       int                // full minutes so far
	place   tick.Tick          // what the anchor adds to the source's time
	base    tick.Tick
	moved   tick.Tick // by how much changes of path have moved base
}

// push takes a source time, its place on the timeline and its arrival.
func (o *offset) push(source, at, now tick.Tick) {
	lead := source - now
	o.place = at - source
	if !o.started || now < o.since {
		o.started, o.since, o.lead = true, now, lead
		return
	}
	o.lead = max(o.lead, lead)
	if now-o.since < span {
		return
	}
	before, longest := o.least(), max(now-o.since, slices.Max(o.spans[:]))
	o.leads[o.n%minutes], o.spans[o.n%minutes] = o.lead, now-o.since
	if o.n++; o.n == minutes {
		o.base = o.least()
	} else if o.n > minutes {
		o.step(o.least()-before, longest/1_000_000*maxDrift)
	}
	o.since, o.lead = now, lead
}

// least is how far the least delayed packets of the last minutes were placed before their arrival.
func (o *offset) least() tick.Tick { return slices.Max(o.leads[:]) + o.place }

// step moves the baseline if the change by one more minute is more than a clock makes. A rise moves it no further than
// to where the feed is, or back to where it was before: the end of a delay that grew slowly is no other path.
func (o *offset) step(change, most tick.Tick) {
	if change.Abs() <= most {
		return
	}
	if change > 0 {
		change = min(change, max(o.least()-o.base, -o.moved, 0))
	}
	moved := min(max(o.moved+change, -maxPath), maxPath)
	o.base += moved - o.moved
	o.moved = moved
}

func (o *offset) read() (now, drift tick.Tick, ok bool) {
	if o.n < minutes {
		return 0, 0, false
	}
	current := o.least()
	return -current, current - o.base, true
}

// lagSpan is how long a feed must stay behind its anchor before it is anchored anew: longer than the burst in which a
// transport delivers what it had held back.
const lagSpan = 5 * tick.Second

// Where a feed has fallen behind by a silence, after which it went on where it was, it is its source that was halted if
// it then keeps its own time: what a transport had held back comes faster than that, or by fits and starts. So it need
// not be waited for as long.
const (
	haltSpan = tick.Second
	ownTime  = tick.Second / 4 // how much the lag may vary in that
)

// lag watches a feed that has fallen behind its anchor for good: a sender that was halted and then went on where it
// was.
type lag struct {
	since   tick.Tick
	least   tick.Tick
	started bool
	halted  bool // it began with a silence
	pace    pace
}

// push takes how far a frame is behind, by when it is shown and by when it is decoded, and the silence before it.
func (l *lag) push(behind, decoded, silent, now tick.Tick) {
	if !l.started || behind <= Fit {
		*l = lag{since: now, least: behind, started: true}
		return
	}
	l.least = min(l.least, behind)
	if l.least <= Fit {
		l.since, l.least, l.halted = now, behind, silent > Fit
	}
	l.pace.push(decoded, now)
	if now-l.since > lagSpan || l.halted && now-l.pace.since > haltSpan {
		l.since = -1 << 62
	}
}

func (l *lag) tooLate() bool { return l.since == -1<<62 }

// pace tells since when a lag has been what it is.
type pace struct {
	since       tick.Tick
	least, most tick.Tick
}

func (p *pace) push(behind, now tick.Tick) {
	least, most := min(p.least, behind), max(p.most, behind)
	if p.since == 0 || most-least > ownTime {
		*p = pace{now, behind, behind}
		return
	}
	p.least, p.most = least, most
}

// lead watches a feed that runs ahead of real time: one that stays as far ahead as it is (a sender that began with a
// burst) is anchored anew, one that gets further ahead is not.
type lead struct {
	since   tick.Tick
	most    tick.Tick
	started bool
}

func (l *lead) push(ahead, now tick.Tick) {
	if !l.started || ahead > l.most+maxStep {
		*l = lead{since: now, most: ahead, started: true}
	}
}

func (l *lead) forGood(now tick.Tick) bool { return l.started && now-l.since > lagSpan }
