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

// offset is a lowest-delay filter: network jitter only ever delays a packet, so the least delayed one of some minutes
// shows the clocks themselves. The first minutes are the baseline against which drift is measured.
type offset struct {
	since   tick.Tick
	lead    tick.Tick // greatest map(PTS)-arrival of the running minute
	started bool
	leads   [minutes]tick.Tick // of the last full minutes
	n       int                // full minutes so far
	base    tick.Tick
}

func (o *offset) push(lead, now tick.Tick) {
	if !o.started || now < o.since {
		o.started, o.since, o.lead = true, now, lead
		return
	}
	o.lead = max(o.lead, lead)
	if now-o.since < span {
		return
	}
	o.leads[o.n%minutes] = o.lead
	if o.n++; o.n == minutes {
		o.base = slices.Max(o.leads[:])
	}
	o.since, o.lead = now, lead
}

func (o *offset) read() (now, drift tick.Tick, ok bool) {
	if o.n < minutes {
		return 0, 0, false
	}
	current := slices.Max(o.leads[:])
	return -current, current - o.base, true
}

// lagSpan is how long a feed must stay behind its anchor before it is anchored anew: longer than the burst in which a
// transport delivers what it had held back.
const lagSpan = 5 * tick.Second

// lag watches a feed that has fallen behind its anchor for good: a sender that was halted and then went on where it
// was.
type lag struct {
	since   tick.Tick
	least   tick.Tick
	started bool
}

func (l *lag) push(behind, now tick.Tick) {
	if !l.started || behind <= Fit {
		*l = lag{since: now, least: behind, started: true}
		return
	}
	l.least = min(l.least, behind)
	if l.least <= Fit {
		l.since, l.least = now, behind
	}
	if now-l.since > lagSpan {
		l.since = -1 << 62
	}
}

func (l *lag) tooLate() bool { return l.since == -1<<62 }

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
