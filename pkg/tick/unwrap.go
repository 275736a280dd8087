package tick

// Unwrapper extends a counter of Bits bits (33 for PTS, 32 for RTP time, 16 for RTP sequence numbers) to int64. The
// zero value with Bits set is ready. The first value passes as it is; each later one is taken to lie within half a
// cycle of the one before.
type Unwrapper struct {
	Bits    uint
	last    int64
	started bool
}

// Unwrap extends v relative to the last value, which v then becomes.
func (u *Unwrapper) Unwrap(v uint64) int64 {
	u.last = u.Peek(v)
	u.started = true
	return u.last
}

// Peek extends v relative to the last value and keeps that one.
func (u *Unwrapper) Peek(v uint64) int64 {
	if !u.started {
		return int64(v)
	}
	cycle := int64(1) << u.Bits
	delta := (int64(v) - u.last) & (cycle - 1)
	if delta >= cycle/2 {
		delta -= cycle
	}
	return u.last + delta
}

// Near extends v to the value nearest to ref.
func (u *Unwrapper) Near(v uint64, ref int64) int64 {
	n := Unwrapper{Bits: u.Bits, last: ref, started: true}
	return n.Peek(v)
}
