package probe

import (
	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

const (
	// fileStart is the instant of a file's first packet: not 0, so that no instant before it is needed.
	fileStart = tick.Second
	// maxStep is the longest way between two references that is believed; a longer one, or one back, is a break.
	maxStep = 10 * tick.Second
	// maxHeld bounds the packets that wait for the next reference.
	maxHeld = 16 << 20
)

// reference is where a file's clock is read: the PCRs of one PID, or, without any, the timestamps of one.
type reference struct {
	pid  uint16
	kind string
}

// read is the reference in p, in 27 MHz modulo 2^33*300.
func (r reference) read(p mpegts.Packet) (uint64, bool) {
	if p.PID() != r.pid || p.TransportError() {
		return 0, false
	}
	if r.kind == clockPCR {
		base, ext, ok := p.PCR()
		return base*300 + uint64(ext), ok
	}
	if !p.Start() || p.Scrambled() {
		return 0, false
	}
	t, ok := mpegts.PESTimes(p.Payload())
	return t.DTS * 300, ok
}

// chooser finds the reference of a file: the PCR PID of the first program that has one with PCRs, else the PID with the
// most PCRs, else that with the most timestamps.
type chooser struct {
	tables *mpegts.Tables
	pcrs   map[uint16]int
	times  map[uint16]int
}

func (c *chooser) push(p mpegts.Packet) {
	if p.TransportError() || p.PID() == mpegts.PIDNull {
		return
	}
	c.tables.Push(p)
	if _, _, ok := p.PCR(); ok {
		c.pcrs[p.PID()]++
	}
	if p.Start() && !p.Scrambled() {
		if _, ok := mpegts.PESTimes(p.Payload()); ok {
			c.times[p.PID()]++
		}
	}
}

func (c *chooser) choose() reference {
	for _, prog := range c.tables.Programs() {
		if c.pcrs[prog.PCRPID] > 1 {
			return reference{prog.PCRPID, clockPCR}
		}
	}
	if pid, n := most(c.pcrs); n > 1 {
		return reference{pid, clockPCR}
	}
	if pid, n := most(c.times); n > 1 {
		return reference{pid, clockPTS}
	}
	return reference{mpegts.PIDNull, clockNone}
}

// most is the key with the highest count, the lowest key of several.
func most(counts map[uint16]int) (pid uint16, n int) {
	for k, v := range counts {
		if v > n || (v == n && k < pid) {
			pid, n = k, v
		}
	}
	return pid, n
}

// pacer gives each packet of a file its instant: by the references in it, spread evenly over the packets between two.
type pacer struct {
	ref   reference
	out   func(mpegts.Packet, tick.Tick)
	held  []byte // packets since the last reference
	at    tick.Tick
	last  uint64
	begun bool

	spent  tick.Tick // time and packets between references so far
	passed int
}

// mean is the time of one packet where no reference tells it: that of all before.
func (c *pacer) mean() tick.Tick { return c.spent / tick.Tick(max(1, c.passed)) }

func (c *pacer) push(p mpegts.Packet) {
	v, ok := c.ref.read(p)
	switch {
	case ok && c.begun:
		c.step(v)
	case ok:
		c.begun, c.last = true, v
		c.flush(0)
	case len(c.held) >= maxHeld:
		c.flush(c.mean())
	}
	c.held = append(c.held, p...)
}

// step lets the packets that wait go, up to the reference v.
func (c *pacer) step(v uint64) {
	const cycle = (1 << 33) * 300
	delta := tick.FromUnits(int64((v+cycle-c.last)%cycle), 27_000_000)
	c.last = v
	if n := tick.Tick(len(c.held) / mpegts.Size); delta > 0 && delta <= maxStep && n > 0 {
		from := c.at
		c.spent, c.passed = c.spent+delta, c.passed+int(n)
		c.flush(delta / n)
		c.at = from + delta
		return
	}
	c.flush(c.mean())
}

// flush lets the packets that wait go, each later than the one before.
func (c *pacer) flush(each tick.Tick) {
	for b := c.held; len(b) >= mpegts.Size; b = b[mpegts.Size:] {
		c.out(mpegts.Packet(b[:mpegts.Size:mpegts.Size]), c.at)
		c.at += each
	}
	c.held = c.held[:0]
}
