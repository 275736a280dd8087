// Package pace finds out when each packet of a transport stream is due.
package pace

import (
	"errors"

	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

const (
	clockRate  = 27_000_000                 // Hz, of the program clock reference
	clockCycle = 1 << 33 * 300              // its cycle in units of that
	maxGap     = 10 * clockRate             // two references further apart than this are a jump, not a span
	patience   = 32 << 10                   // packets without a reference, after which another clock is looked for
	impatience = 4 << 10                    // the same before the first one
	noClock    = mpegts.PIDNull             // no PID has been chosen
	unknown    = 4_000_000                  // bits/s of a stream that has no clock at all
	slowest    = clockRate * 188 * 8 / 1000 // units per packet at 1 kb/s
)

// clockKind says what tells the time in a stream.
type clockKind uint8

const (
	byNothing clockKind = iota
	byPCR
	byDTS // of a stream without PCR
)

// ErrNoPCR says that a stream has no clock.
var ErrNoPCR = errors.New("there is no program clock reference (PCR) in it")

// Pacer finds out when each packet of a transport stream is to be sent: by the program clock references of the first
// PID that has any, evenly between two of them. A stream without references is paced by the decode times of its
// video, else of its first stream with any; one without those at 4 Mb/s. A jump of the clock is no span of time: the
// rate before it goes on.
type Pacer struct {
	emit  func(p mpegts.Packet, at tick.Tick) error
	kind  clockKind
	only  bool // by references or not at all
	pid   uint16
	known bool   // a clock has been chosen
	held  []byte // packets since the last reference, or since the start
	last  int64  // the last reference, 0 to clockCycle
	begun bool   // there was one
	now   int64  // its place on the pacer's own time, in units of clockRate
	each  int64  // units per packet over the last span; 0: not known
}

// New returns a pacer that gives each packet, in order, to emit together with its time since the first one. The
// packet is valid during the call.
func New(emit func(p mpegts.Packet, at tick.Tick) error) *Pacer {
	return &Pacer{emit: emit, pid: noClock}
}

// ByPCR is New for streams that have clock references: Push fails with ErrNoPCR when 6 MB bring none.
func ByPCR(emit func(p mpegts.Packet, at tick.Tick) error) *Pacer {
	p := New(emit)
	p.only = true
	return p
}

// Push takes the next packet. It returns the first error of emit.
func (c *Pacer) Push(p mpegts.Packet) error {
	if !c.known {
		c.held = append(c.held, p...)
		_, _, pcr := p.PCR()
		if !pcr && len(c.held) < c.patience()*mpegts.Size {
			return nil
		}
		return c.choose()
	}
	if at, ok := c.reference(p); ok {
		if err := c.span(at); err != nil {
			return err
		}
	}
	c.held = append(c.held, p...)
	if len(c.held) < patience*mpegts.Size {
		return nil
	}
	c.known = false
	return c.release(c.rate() * c.count())
}

// patience is for how many packets a first reference is waited for.
func (c *Pacer) patience() int {
	if c.only {
		return patience
	}
	return impatience
}

// Flush releases what still waits for a reference.
func (c *Pacer) Flush() error {
	if !c.known {
		if err := c.choose(); err != nil {
			return err
		}
	}
	return c.release(c.rate() * c.count())
}

// choose finds a clock in what is held, and begins again with that. Without one it looks again in what comes next.
func (c *Pacer) choose() error {
	c.kind, c.pid = clockIn(c.held)
	if c.only && c.kind != byPCR {
		return ErrNoPCR
	}
	if c.kind == byNothing {
		return c.release(c.rate() * c.count())
	}
	held := c.held
	c.held, c.known, c.begun = nil, true, false
	for ; len(held) > 0; held = held[mpegts.Size:] {
		if err := c.Push(mpegts.Packet(held[:mpegts.Size])); err != nil {
			return err
		}
	}
	return nil
}

// clockIn is the best clock among packets.
func clockIn(held []byte) (clockKind, uint16) {
	kind, pid, video := byNothing, noClock, false
	for ; len(held) > 0; held = held[mpegts.Size:] {
		p := mpegts.Packet(held[:mpegts.Size])
		if _, _, ok := p.PCR(); ok {
			return byPCR, p.PID()
		}
		if video || !p.Start() || p.Scrambled() {
			continue
		}
		t, ok := mpegts.PESTimes(p.Payload())
		video = ok && t.StreamID&0xF0 == 0xE0
		if ok && (pid == noClock || video) {
			kind, pid = byDTS, p.PID()
		}
	}
	return kind, pid
}

// reference is the time that a packet tells, in units of clockRate.
func (c *Pacer) reference(p mpegts.Packet) (int64, bool) {
	if p.PID() != c.pid {
		return 0, false
	}
	if c.kind == byPCR {
		base, ext, ok := p.PCR()
		return int64(base)*300 + int64(ext%300), ok
	}
	if !p.Start() {
		return 0, false
	}
	t, ok := mpegts.PESTimes(p.Payload())
	return int64(t.DTS) * 300, ok
}

// span ends the span before the reference at.
func (c *Pacer) span(at int64) error {
	before, begun := c.last, c.begun
	c.last, c.begun = at, true
	if !begun { // what comes before the first reference shares its span
		return nil
	}
	n := c.count()
	length := ((at-before)%clockCycle + clockCycle) % clockCycle
	if length == 0 || length > maxGap {
		return c.release(c.rate() * n)
	}
	c.each = min(max(length/max(n, 1), 1), slowest)
	return c.release(length)
}

func (c *Pacer) count() int64 { return int64(len(c.held) / mpegts.Size) }

// rate is the units per packet that held so far.
func (c *Pacer) rate() int64 {
	if c.each > 0 {
		return c.each
	}
	return clockRate * mpegts.Size * 8 / unknown
}

// release sends off what is held, evenly over length.
func (c *Pacer) release(length int64) error {
	n := c.count()
	for i := range n {
		at := tick.FromUnits(c.now+length*i/n, clockRate)
		if err := c.emit(mpegts.Packet(c.held[i*mpegts.Size:(i+1)*mpegts.Size]), at); err != nil {
			return err
		}
	}
	c.now += length
	c.held = c.held[:0]
	return nil
}
