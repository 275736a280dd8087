// Package fec brings lost RTP packets back by the column and row FEC of SMPTE ST 2022-1 (Pro-MPEG CoP3), and makes such
// FEC.
//
// The decoder keeps a copy of the last media packets, three matrices or a thousand of them, and the FEC packets that
// cannot yet be solved. A packet is brought back as soon as one column or row lacks it alone; what that solves in turn
// follows at once. Nothing is allocated per packet in steady state.
package fec

import (
	"encoding/binary"
	"errors"

	"onair/pkg/tick"
)

// Limits, in packets.
const (
	maxDropout = 3000 // RFC 3550 A.1: numbers that go on after that many are of the same sequence
	candidate  = 16   // distance within which two packets of a new sequence confirm each other
	maxBehind  = 16   // packets in a row behind the newest, after which the sender has started again
	maxPending = 512  // FEC packets that wait: all of leastKept in matrices of 4x4
	matrices   = 3    // that are kept: FEC of one may come while the next one does
	leastKept  = 1000 // 0.1 s of 100 Mb/s: FEC comes by sockets of its own, which may be read later
	usualSpan  = 100  // of a matrix, until one is known

	firstNumber = 1 << 32 // keeps numbers far from zero
)

// pause of the media says nothing of how late FEC comes.
const pause = 500 * tick.Millisecond

// Config describes a decoder.
type Config struct {
	// Out gets every RTP packet that is brought back, in the order in which that happens. The packet is valid during the
	// call, which must not come back to the decoder.
	Out func(packet []byte)
}

// Decoder is for one stream of media and its FEC, and for one goroutine at a time.
type Decoder struct {
	out      func([]byte)
	started  bool
	ssrc     uint32
	begin    int64  // first number of the sequence
	floor    int64  // lowest number on which the account is not closed
	max      int64  // highest number that came
	horizon  int64  // how far back FEC is expected
	ring     []slot // by number modulo length (a power of two)
	pending  []block
	buffer   []byte // where packets are put together
	held     rival
	behind   int // packets in a row behind the newest
	newest   uint16
	columns  int
	rows     int
	learning int64 // packets of the sequence after which it is known how late FEC comes
	lateness lateness
	arrival  tick.Tick // of the newest media packet
	calm     int64     // the first number after the last pause of the media
	stats    Stats
}

// slot holds one media packet. It is used if n is the number looked for.
type slot struct {
	n       int64
	arrival tick.Tick
	b       []byte
}

// rival is the last packet that continues nothing.
type rival struct {
	is   bool
	seq  uint16
	ssrc uint32
}

// New makes a decoder that has seen nothing yet.
func New(c Config) (*Decoder, error) {
	if c.Out == nil {
		return nil, errors.New("fec: no Out")
	}
	d := &Decoder{out: c.Out, buffer: make([]byte, 0, longest)}
	d.keepFor(usualSpan)
	return d, nil
}

// near is the number nearest to ref whose low 16 bits are seq.
func near(seq uint16, ref int64) int64 { return ref + int64(int16(seq-uint16(ref))) }

func (d *Decoder) slot(n int64) *slot { return &d.ring[n&int64(len(d.ring)-1)] }

func (d *Decoder) has(n int64) bool { return d.slot(n).n == n }

// Media takes a media packet, RTP header and all, that came at now. now never goes back.
func (d *Decoder) Media(packet []byte, now tick.Tick) {
	if len(packet) < rtpHeader || len(packet) > longest || packet[0]>>6 != version {
		return
	}
	n, ok := d.locate(binary.BigEndian.Uint16(packet[2:]), binary.BigEndian.Uint32(packet[8:]))
	if !ok {
		return
	}
	fresh := !d.has(n)
	if now-d.arrival > pause {
		d.calm = n
	}
	d.arrival = now
	d.advance(n)
	d.keep(n, packet, now)
	if len(d.pending) == 0 {
		return
	}
	if fresh {
		d.arrived(n)
	}
	d.solve(now)
}

// locate finds the number of a media packet; false: it continues nothing, and no second one has confirmed it yet.
func (d *Decoder) locate(seq uint16, ssrc uint32) (n int64, ok bool) {
	if d.started && ssrc == d.ssrc {
		n = near(seq, d.max)
		if n-d.max <= maxDropout && n > d.max-int64(len(d.ring)) && !d.repeats(n, seq) {
			d.held.is = false
			return n, true
		}
	}
	before := d.held
	d.held = rival{true, seq, ssrc}
	if step := int16(seq - before.seq); d.started && d.behind <= maxBehind &&
		(!before.is || before.ssrc != ssrc || step == 0 || step > candidate || step < -candidate) {
		return 0, false
	}
	return d.restart(seq, ssrc), true
}

// repeats tells whether the sender goes again, in order, through numbers that it has used.
func (d *Decoder) repeats(n int64, seq uint16) bool {
	if n < d.max && seq == d.newest+1 {
		d.behind++
	} else {
		d.behind = 0
	}
	d.newest = seq
	return d.behind > maxBehind
}

// restart begins a sequence with seq and returns its number.
func (d *Decoder) restart(seq uint16, ssrc uint32) int64 {
	if d.started {
		d.judge(d.max)
	}
	for i := range d.ring {
		d.ring[i].n = 0
	}
	n := firstNumber + int64(seq)
	d.started, d.ssrc, d.held.is, d.behind, d.newest = true, ssrc, false, 0, seq
	d.begin, d.floor, d.max, d.calm = n, n, n, n
	d.pending = d.pending[:0]
	d.lateness = lateness{}
	return n
}

// keep copies a packet.
func (d *Decoder) keep(n int64, packet []byte, now tick.Tick) {
	s := d.slot(n)
	if s.b == nil {
		s.b = make([]byte, 0, (len(packet)+63)&^63)
	}
	s.n, s.arrival, s.b = n, now, append(s.b[:0], packet...)
}

// advance notes that number n came.
func (d *Decoder) advance(n int64) {
	if n > d.max {
		d.max = n
		d.judge(n - d.horizon)
	}
}

// judge closes the account on the numbers before n: those that are not there will not come any more.
func (d *Decoder) judge(n int64) {
	for ; d.floor < n; d.floor++ {
		if !d.has(d.floor) {
			d.stats.Unrecoverable++
		}
	}
}

// keepFor makes room for matrices of that many packets.
func (d *Decoder) keepFor(span int) {
	d.learning = matrices * int64(max(span, usualSpan))
	d.horizon = max(d.learning, leastKept)
	size := max(1, len(d.ring))
	for int64(size) <= d.horizon {
		size *= 2
	}
	if size == len(d.ring) {
		return
	}
	old := d.ring
	d.ring = make([]slot, size)
	for _, s := range old {
		if s.n != 0 {
			*d.slot(s.n) = s
		}
	}
}
