package merge

import "onair/pkg/tick"

// SetRepair tells how long after its place in the stream a datagram may still be brought by Repair. Where there is only
// one leg a hole is waited for that long, within the window; several legs wait for each other longer anyway.
func (m *Merger) SetRepair(after tick.Tick) {
	if len(m.legs) == 1 {
		m.wait = min(m.window, max(after, reorderWait))
	}
}

// Repair takes a datagram that did not come on a leg but was made anew from what did (FEC). It goes out as that leg's,
// while the leg's account of what was lost on the way, and of how late it is, stays as it is. It is false if the
// datagram is not needed any more, or not yet known where it belongs.
func (m *Merger) Repair(leg int, p Packet, now tick.Tick) bool {
	m.now = now
	m.expire(now)
	l := &m.legs[leg]
	e := l.epoch
	if e == nil || e.shadow || !e.started || p.SSRC != l.ssrc || m.single >= 0 && m.single != leg {
		return false
	}
	n := near(p.Seq, l.max)
	if n >= l.max || n < l.begin || l.max-n >= history || l.seen.has(n) {
		return false
	}
	l.seen.set(n)
	switch {
	case n < e.next:
		if !e.has(n) {
			l.late++
			return false
		}
		return true
	case e.waiting(n): // another leg's copy
		return true
	}
	m.healed(leg, e, n)
	l.used++
	m.insert(e, n, p.Payload, now)
	return true
}
