package merge

import "onair/pkg/tick"

// epoch is one run of a sequence: from a sender's start to its restart. Numbers are extended to int64, so that the
// low 16 bits are the RTP sequence number.
type epoch struct {
	started bool
	shadow  bool  // followed, but nothing kept: its legs are out of step with those of the sequence that goes out
	begin   int64 // the first number
	next    int64 // the next number to go out
	max     int64 // the highest number that came
	missing int   // given up directly before next

	first, last tick.Tick // arrival of the first and of the newest datagram

	slots   []slot // what waits, by number modulo length (a power of two)
	pending int
	head    int // the slot that has waited longest; valid while pending > 0
	tail    int // the slot that came last; valid while pending > 0

	gone    bits // which of the last numbers before next have gone out, and were not given up
	samples [samples]sample
	rate    rate
}

// slot holds one waiting datagram, in a list by order of arrival.
type slot struct {
	used           bool
	arrival        tick.Tick
	payload        []byte
	older, younger int
}

// rate measures how fast numbers go up.
type rate struct {
	at        tick.Tick
	n         int64
	perSecond int64 // 0: not known yet
}

// bits holds one bit for each of the last numbers.
type bits [history / 64]uint64

func (b *bits) has(n int64) bool { return b[uint64(n)/64%(history/64)]&(1<<(uint64(n)%64)) != 0 }
func (b *bits) set(n int64)      { b[uint64(n)/64%(history/64)] |= 1 << (uint64(n) % 64) }
func (b *bits) clear(n int64)    { b[uint64(n)/64%(history/64)] &^= 1 << (uint64(n) % 64) }

// firstNumber keeps numbers far from zero, so that no step back makes one negative.
const firstNumber = 1 << 32

// start begins the epoch anew with sequence number seq, and returns its number.
func (e *epoch) start(seq uint16, now tick.Tick) int64 {
	n := firstNumber + int64(seq)
	e.started, e.shadow = true, false
	e.begin, e.next, e.max, e.missing = n, n, n-1, 0
	e.first, e.last = now, now
	e.gone = bits{}
	e.samples = [samples]sample{}
	e.rate = rate{at: now, n: n}
	return n
}

// near is the number nearest to ref whose low 16 bits are seq.
func near(seq uint16, ref int64) int64 { return ref + int64(int16(seq-uint16(ref))) }

// find is the number that seq most likely has, and whether it is near enough to be of this epoch. After a silence of
// more than a second the datagrams that must have been sent meanwhile are reckoned from the rate, also over several
// rounds of the 16-bit counter.
func (e *epoch) find(seq uint16, now tick.Tick) (n int64, ok bool) {
	const tolerance = 4096 // datagrams
	if silent := now - e.last; silent > tick.Second && e.rate.perSecond > 0 {
		expected := tick.MulDiv(int64(silent), e.rate.perSecond, int64(tick.Second))
		n = near(seq, e.max+expected)
		off := n - e.max - expected
		if n > e.max && max(off, -off) <= min(expected/2, tolerance) {
			return n, true
		}
	}
	n = near(seq, e.max)
	return n, n-e.max <= maxDropout && e.max-n < maxBehind
}

// arrived notes that number n came.
func (e *epoch) arrived(n int64, now tick.Tick) {
	e.last = now
	if n <= e.max {
		return
	}
	e.max = n
	if span := now - e.rate.at; span >= tick.Second {
		e.rate.perSecond = tick.MulDiv(n-e.rate.n, int64(tick.Second), int64(span))
		e.rate.at, e.rate.n = now, n
	}
}

// has tells whether number n has gone out or waits to.
func (e *epoch) has(n int64) bool {
	switch {
	case n >= e.next:
		return e.waiting(n)
	case n < e.next-history || n < e.begin:
		return false
	}
	return e.gone.has(n)
}

// forget moves next up to n; the numbers passed over are remembered as given up.
func (e *epoch) forget(n int64) {
	for i := max(e.next, n-history); i < n; i++ {
		e.gone.clear(i)
	}
	e.next = max(e.next, n)
}

// earlier moves the beginning of an epoch of which nothing has gone out back to n, if there is room.
func (e *epoch) earlier(n int64) {
	if e.max-n >= maxPending {
		return
	}
	for e.max-n >= int64(len(e.slots)) {
		e.grow()
	}
	e.begin, e.next = n, n
}

func (e *epoch) slot(n int64) int { return int(n) & (len(e.slots) - 1) }

// waiting tells whether number n, not before next, is kept.
func (e *epoch) waiting(n int64) bool {
	return n-e.next < int64(len(e.slots)) && e.slots[e.slot(n)].used
}

// oldest is the arrival of what has waited longest.
func (e *epoch) oldest() tick.Tick { return e.slots[e.head].arrival }

// put keeps a datagram, last in order of arrival. n lies within maxPending of next.
func (e *epoch) put(n int64, payload []byte, now tick.Tick) {
	for n-e.next >= int64(len(e.slots)) {
		e.grow()
	}
	e.link(e.slot(n), slot{arrival: now, payload: payload})
	e.pending++
}

// link puts s into slot i, behind all others.
func (e *epoch) link(i int, s slot) {
	s.used, s.older, s.younger = true, e.tail, i
	e.slots[i] = s
	if e.pending == 0 {
		e.head = i
	} else {
		e.slots[e.tail].younger = i
	}
	e.tail = i
}

// take removes what is in slot i.
func (e *epoch) take(i int) []byte {
	s := e.slots[i]
	if i == e.head {
		e.head = s.younger
	} else {
		e.slots[s.older].younger = s.younger
	}
	if i == e.tail {
		e.tail = s.older
	} else {
		e.slots[s.younger].older = s.older
	}
	e.slots[i] = slot{}
	e.pending--
	return s.payload
}

// grow doubles the slots and puts in again what waits, in order of arrival.
func (e *epoch) grow() {
	const least = 256
	old, at, n := e.slots, e.head, e.pending
	e.slots, e.pending = make([]slot, max(least, 2*len(old))), 0
	for range n {
		// The only number from next on that lies in this slot.
		number := e.next + int64((at-int(e.next))&(len(old)-1))
		s := old[at]
		at = s.younger
		e.link(e.slot(number), s)
		e.pending++
	}
}
