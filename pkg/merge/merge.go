// Package merge makes one stream of datagrams from several legs that carry the same one (SMPTE ST 2022-7).
//
// Datagrams in order go out at once, without a copy. Only behind a hole do they wait, at most the window, for another
// leg (or reordering) to fill it. Nothing is allocated per datagram in steady state.
package merge

import (
	"errors"
	"fmt"
	"hash/maphash"

	"onair/pkg/tick"
)

// Defaults and limits.
const (
	DefaultWindow = 200 * tick.Millisecond
	MaxWindow     = 10 * tick.Second
	MaxLegs       = 16

	// reorderWait is the longest wait when there is only one leg, where nothing but reordering and repair can fill a hole.
	reorderWait = 50 * tick.Millisecond
	// idleLeast is the shortest silence after which a leg no longer counts as alive.
	idleLeast = 500 * tick.Millisecond
)

// Limits of the sequence, in datagrams. RFC 3550 A.1 has MAX_DROPOUT 3000 and MAX_MISORDER 100; a slow leg may lie
// further back than any reordering.
const (
	maxDropout = 3000
	maxBehind  = 8192
	maxPending = 1 << 14 // datagrams from the first hole on: 1.7 s of 100 Mb/s
	history    = 1 << 14 // datagrams gone out or given up that are remembered
	candidate  = 16      // distance within which two datagrams of a new sequence confirm each other

	maxBehindRow = 64 // datagrams in a row behind a leg's own newest, after which it has started again
	maxStaleRow  = 16 // datagrams in a row that come too late while nothing goes out, likewise
)

// Packet is one RTP datagram. The payload is only used during the call that it is passed to.
type Packet struct {
	Seq       uint16
	Timestamp uint32
	SSRC      uint32
	Payload   []byte
}

// Config describes a merger.
type Config struct {
	Legs   int       // 1 to MaxLegs
	Window tick.Tick // longest wait at a hole; 0: DefaultWindow
	// Out gets every datagram's payload once, in order; lost counts the datagrams missing directly before it. The payload
	// is valid during the call.
	Out func(payload []byte, lost int)
}

// Merger merges. It is for one goroutine at a time.
type Merger struct {
	out    func([]byte, int)
	window tick.Tick
	wait   tick.Tick // longest wait at a hole: window, or less with one leg
	idle   tick.Tick // silence after which a leg is not alive
	legs   []legState
	cur    *epoch // the sequence that goes out
	nxt    *epoch // a sequence that a leg has jumped to while another still follows cur
	free   [][]byte
	seed   maphash.Seed
	score  int // of differing samples: see compare
	equal  int // equal samples in a row while unmerged
	single int // the leg that is followed while unmerged; -1 while merged
	sent   uint64
	lost   uint64
	now    tick.Tick // of the call under way
	sentAt tick.Tick // when a datagram last went out
}

// New makes a merger that has seen nothing yet.
func New(c Config) (*Merger, error) {
	if c.Window == 0 {
		c.Window = DefaultWindow
	}
	switch {
	case c.Legs < 1 || c.Legs > MaxLegs:
		return nil, fmt.Errorf("merge: %d legs: allowed are 1 to %d", c.Legs, MaxLegs)
	case c.Window < 0 || c.Window > MaxWindow:
		return nil, fmt.Errorf("merge: window %v: allowed are 0 to %v", c.Window.Duration(), MaxWindow.Duration())
	case c.Out == nil:
		return nil, errors.New("merge: no Out")
	}
	m := &Merger{
		out: c.Out, window: c.Window, wait: c.Window, idle: max(c.Window, idleLeast), legs: make([]legState, c.Legs),
		cur: &epoch{}, nxt: &epoch{}, seed: maphash.MakeSeed(), single: -1,
	}
	m.SetRepair(0)
	return m, nil
}

// Push takes a datagram that came at now on a leg, numbered from 0. now never goes back.
func (m *Merger) Push(leg int, p Packet, now tick.Tick) {
	m.now = now
	m.expire(now)
	l := &m.legs[leg]
	if m.single >= 0 && m.single != leg && now-m.legs[m.single].arrival >= m.idle {
		m.follow(leg)
	}
	l.packets++
	l.bytes += uint64(len(p.Payload))
	l.arrival = now
	e, n, ok := m.locate(l, p, now)
	switch {
	case !ok:
		m.jump(leg, p, now)
	case l.restarted():
		m.enter(leg, p, p, now)
	default:
		m.join(l, e, n, p.SSRC)
		l.in, l.newest, l.holding = now, p.Seq, false
		m.accept(leg, e, n, p.Payload, now)
	}
	if m.nxt.started {
		m.settle(now)
	}
}

// Tick gives up the holes that have been waited for long enough by now.
func (m *Merger) Tick(now tick.Tick) {
	m.now = now
	m.expire(now)
	if m.nxt.started {
		m.settle(now)
	}
}

// Deadline is when Tick has to be called if nothing is pushed before; ok is false while nothing waits.
func (m *Merger) Deadline() (at tick.Tick, ok bool) {
	if m.cur.pending > 0 {
		at, ok = m.cur.oldest()+m.wait, true
	}
	if m.nxt.started && !m.nxt.shadow {
		decide := m.nxt.first + 2*m.idle
		if end, alive := m.lastAlive(m.cur); alive {
			decide = min(decide, end+m.idle)
		}
		if !ok || decide < at {
			at, ok = decide, true
		}
	}
	return at, ok
}

// expire gives up holes in the sequence that goes out whose time is over.
func (m *Merger) expire(now tick.Tick) {
	for m.cur.pending > 0 && m.cur.oldest()+m.wait <= now {
		m.giveUp(m.cur)
	}
}

// accept takes datagram n of sequence e from a leg.
func (m *Merger) accept(leg int, e *epoch, n int64, payload []byte, now tick.Tick) {
	l := &m.legs[leg]
	if n%sampleEvery == 0 {
		m.compare(leg, e, n, payload, now)
		if !e.started { // it has just been found to differ
			return
		}
	}
	if m.single >= 0 && m.single != leg {
		m.note(l, e, n)
		return
	}
	e.arrived(n, now)
	if !m.note(l, e, n) {
		return
	}
	if n < e.begin && e == m.nxt && !e.shadow {
		e.earlier(n)
	}
	switch {
	case e.shadow:
		e.forget(e.max + 1)
		l.stray++
	case n < e.next:
		if n >= e.begin && !e.has(n) {
			l.late++
		}
	case n == e.next && e.pending == 0 && e == m.cur:
		m.healed(leg, e, n)
		l.used++
		m.send(e, payload)
	case e.waiting(n): // another leg's copy
	default:
		m.healed(leg, e, n)
		l.used++
		m.insert(e, n, payload, now)
	}
}

// insert keeps a datagram until those before it have come or are given up, then sends what is ready.
func (m *Merger) insert(e *epoch, n int64, payload []byte, now tick.Tick) {
	if e != m.cur && n-e.next >= maxPending {
		m.shade()
		return
	}
	for n-e.next >= maxPending {
		if e.pending > 0 {
			m.giveUp(e)
			continue
		}
		m.skip(e, n-maxPending+1)
	}
	e.put(n, append(m.buffer(), payload...), now)
	if e == m.cur {
		m.drain(e)
	}
}

// drain sends what is in order.
func (m *Merger) drain(e *epoch) {
	for e.pending > 0 && e.waiting(e.next) {
		b := e.take(e.slot(e.next))
		m.send(e, b)
		m.free = append(m.free, b[:0])
	}
}

// send puts out datagram e.next.
func (m *Merger) send(e *epoch, payload []byte) {
	lost := e.missing
	e.missing = 0
	e.gone.set(e.next)
	e.next++
	m.sent++
	m.sentAt = m.now
	m.out(payload, lost)
}

// giveUp counts what is missing before the first waiting datagram as lost, and sends what is then in order.
func (m *Merger) giveUp(e *epoch) {
	n := e.next
	for !e.waiting(n) {
		n++
	}
	m.skip(e, n)
	m.drain(e)
}

// skip counts everything from e.next up to n as lost.
func (m *Merger) skip(e *epoch, n int64) {
	e.missing += int(n - e.next)
	m.lost += uint64(n - e.next)
	e.forget(n)
}

// flush sends everything that waits in e and counts the holes between.
func (m *Merger) flush(e *epoch) {
	for e.pending > 0 {
		m.giveUp(e)
	}
}

// discard drops everything that waits in e.
func (m *Merger) discard(e *epoch) {
	for e.pending > 0 {
		m.free = append(m.free, e.take(e.head)[:0])
	}
}

// shade gives up keeping the sequence that some leg has jumped to.
func (m *Merger) shade() {
	m.discard(m.nxt)
	m.nxt.shadow, m.nxt.missing = true, 0
	m.nxt.forget(m.nxt.max + 1)
}

// buffer is an empty buffer, used again where possible.
func (m *Merger) buffer() []byte {
	const usual = 1536
	if n := len(m.free); n > 0 {
		b := m.free[n-1]
		m.free = m.free[:n-1]
		return b
	}
	return make([]byte, 0, usual)
}
