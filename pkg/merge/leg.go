package merge

import "onair/pkg/tick"

// legState is what is known of one leg.
type legState struct {
	epoch *epoch // the sequence it follows; nil: none
	ssrc  uint32
	begin int64     // first number since it joined the epoch
	max   int64     // highest number since then
	in    tick.Tick // arrival of its newest datagram of the epoch

	seen bits // which of the last numbers up to max came on this leg

	held     Packet // first datagram of what may be a new sequence; its payload is a copy
	holding  bool
	newest   uint16 // sequence number of the last datagram
	behind   int    // datagrams in a row that were behind this leg's own newest
	stale    int    // datagrams in a row that came too late while nothing went out
	lostMark uint64 // what the merger had lost when the last datagram came

	arrival tick.Tick
	path    tick.Tick // smoothed lateness behind the leg that was first

	packets, bytes, used                       uint64
	late, duplicates, reordered, stray, differ uint64
	lost, recovered                            int64
}

// locate finds the number of a datagram that continues what its leg, or another one, follows.
func (m *Merger) locate(l *legState, p Packet, now tick.Tick) (e *epoch, n int64, ok bool) {
	e = l.epoch
	if !m.cur.started || e != nil && p.SSRC != l.ssrc || e == nil && !m.expects(p.SSRC, now) {
		return nil, 0, false
	}
	if e == nil || e.shadow {
		e = m.cur
	}
	if n, ok = e.find(p.Seq, now); !ok && l.epoch != nil && l.epoch != e {
		e = l.epoch
		n, ok = e.find(p.Seq, now)
	}
	if !ok {
		return nil, 0, false
	}
	if l.epoch == e && n <= l.max && p.Seq == l.newest+1 {
		l.behind++
	} else {
		l.behind = 0
	}
	if e == m.cur && n < e.next && now-m.sentAt >= m.idle {
		l.stale++
	} else {
		l.stale = 0
	}
	return e, n, true
}

// expects tells whether a leg that follows nothing may be taken for the sequence that goes out when its numbers fit:
// others follow it now, or it comes under a name that was seen there. Else the sender has most likely started again.
func (m *Merger) expects(ssrc uint32, now tick.Tick) bool {
	for i := range m.legs {
		if o := &m.legs[i]; o.epoch == m.cur && o.ssrc == ssrc {
			return true
		}
	}
	return m.alive(m.cur, now)
}

// join makes the leg follow e from number n on, if it does not yet.
func (m *Merger) join(l *legState, e *epoch, n int64, ssrc uint32) {
	if l.epoch == e && l.ssrc == ssrc {
		return
	}
	l.epoch, l.ssrc = e, ssrc
	l.begin, l.max = n, n-1
	l.seen = bits{}
	l.behind, l.stale = 0, 0
}

// jump deals with a datagram that continues nothing: it is held until a second one confirms the new sequence. The very
// first datagram of all needs no confirmation.
func (m *Merger) jump(leg int, p Packet, now tick.Tick) {
	l := &m.legs[leg]
	if m.single >= 0 && m.single != leg {
		l.stray++
		return
	}
	if !m.cur.started {
		m.enter(leg, p, p, now)
		return
	}
	d := int16(p.Seq - l.held.Seq)
	if !l.holding || p.SSRC != l.held.SSRC || d == 0 || d > candidate || d < -candidate {
		if l.holding {
			l.stray++
		}
		payload := append(l.held.Payload[:0], p.Payload...)
		l.held, l.holding = p, true
		l.held.Payload = payload
		return
	}
	first, second := l.held, p
	if d < 0 {
		first, second = p, l.held
	}
	m.enter(leg, first, second, now)
}

// enter takes the first two datagrams of a new sequence, which may be the same one, in the order of their numbers.
func (m *Merger) enter(leg int, first, second Packet, now tick.Tick) {
	l := &m.legs[leg]
	l.holding = false
	e, n := m.choose(l, first, now)
	if e == nil {
		l.stray++
		if second.Seq != first.Seq {
			l.stray++
		}
		return
	}
	m.join(l, e, n, first.SSRC)
	l.in, l.newest = now, second.Seq
	m.accept(leg, e, n, first.Payload, now)
	if second.Seq != first.Seq {
		m.accept(leg, e, near(second.Seq, n), second.Payload, now)
	}
}

// choose finds the sequence for a leg that has jumped: the one that another leg has jumped to already, the one that
// goes out, or a new one. nil means that there is no room: two other sequences are alive.
func (m *Merger) choose(l *legState, p Packet, now tick.Tick) (*epoch, int64) {
	if m.nxt.started {
		if n, ok := m.nxt.find(p.Seq, now); ok {
			return m.nxt, n
		}
	}
	if m.cur.started && m.mayRejoin(l, p.SSRC, now) {
		if n, ok := m.cur.find(p.Seq, now); ok {
			return m.cur, n
		}
	}
	l.epoch = nil
	switch {
	case !m.alive(m.cur, now):
		m.flush(m.cur)
		return m.cur, m.cur.start(p.Seq, now)
	case !m.alive(m.nxt, now):
		m.discard(m.nxt)
		return m.nxt, m.nxt.start(p.Seq, now)
	}
	return nil, 0
}

// mayRejoin tells whether a leg that has jumped may be taken for the sequence that goes out when its numbers fit. A
// leg that changes its SSRC while it follows that very sequence has begun a new one, unless another leg goes by that
// name there.
func (m *Merger) mayRejoin(l *legState, ssrc uint32, now tick.Tick) bool {
	if l.restarted() {
		return false
	}
	others := false
	for i := range m.legs {
		o := &m.legs[i]
		if o == l || o.epoch != m.cur || m.single >= 0 && m.single != i {
			continue
		}
		if o.ssrc == ssrc && l.ssrc != ssrc {
			return true
		}
		others = others || now-o.in < m.idle
	}
	return others && (l.epoch != m.cur || now-l.in >= m.idle)
}

// restarted tells whether the leg repeats numbers in order: either its own, or ones that are over while nothing goes
// out.
func (l *legState) restarted() bool { return l.behind > maxBehindRow || l.stale > maxStaleRow }

// alive tells whether any leg still follows e.
func (m *Merger) alive(e *epoch, now tick.Tick) bool {
	last, any := m.lastAlive(e)
	return any && now-last < m.idle
}

// lastAlive is when a datagram last came on a leg that follows e.
func (m *Merger) lastAlive(e *epoch) (last tick.Tick, any bool) {
	for i := range m.legs {
		if l := &m.legs[i]; l.epoch == e && (m.single < 0 || m.single == i) {
			last, any = max(last, l.in), true
		}
	}
	return last, any && e.started
}

// settle ends the wait between two sequences: when nobody follows the old one any more, the new one goes out; when
// the old one goes on all the same, whoever has left it is out of step.
func (m *Merger) settle(now tick.Tick) {
	switch {
	case !m.alive(m.cur, now):
		m.flush(m.cur)
		m.leave(m.cur)
		m.cur, m.nxt = m.nxt, m.cur
		m.cur.shadow = false
		m.drain(m.cur)
		m.expire(now)
	case m.nxt.shadow && !m.alive(m.nxt, now):
		m.leave(m.nxt)
	case !m.nxt.shadow && now-m.nxt.first >= 2*m.idle:
		m.shade()
	}
}

// leave ends an epoch: no leg follows it any more.
func (m *Merger) leave(e *epoch) {
	e.started = false
	for i := range m.legs {
		if m.legs[i].epoch == e {
			m.legs[i].epoch = nil
		}
	}
}

// note keeps the accounts of a leg that brings number n of e; it is false if the leg has brought that one before.
func (m *Merger) note(l *legState, e *epoch, n int64) bool {
	switch {
	case n > l.max:
		m.miss(l, e, l.max+1, n)
		l.max = n
		l.seen.set(n)
		l.lostMark = m.lost
		return true
	case l.max-n >= history:
		return false
	case n < l.begin: // reordered while the leg joined
		end := l.begin
		l.begin = n
		m.miss(l, e, n+1, end)
	case l.seen.has(n):
		l.duplicates++
		return false
	default:
		l.lost--
		if e.has(n) {
			l.recovered--
		}
	}
	l.reordered++
	l.seen.set(n)
	return true
}

// miss counts the numbers from..to-1 as lost on a leg, and as recovered those that another leg has brought already.
func (m *Merger) miss(l *legState, e *epoch, from, to int64) {
	if from >= to {
		return
	}
	l.lost += to - from
	recent := max(from, to-history)
	var gone int64 // given up among the recent ones
	for n := recent; n < to; n++ {
		l.seen.clear(n)
		switch {
		case e.has(n):
			l.recovered++
		case n < e.next:
			gone++
		}
	}
	if old := min(recent, e.next) - from; old > 0 { // further back than is remembered, so reckoned from the totals
		l.recovered += max(0, old-max(0, int64(m.lost-l.lostMark)-gone))
	}
}

// healed counts number n, which one leg brings first, as recovered on the legs that have passed it without.
func (m *Merger) healed(leg int, e *epoch, n int64) {
	for i := range m.legs {
		o := &m.legs[i]
		if i != leg && o.epoch == e && o.begin <= n && n < o.max && o.max-n < history && !o.seen.has(n) {
			o.recovered++
		}
	}
}
