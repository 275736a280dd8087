package mpegts

// Verdict is what the continuity counter tells about a packet.
type Verdict uint8

// Verdicts of Continuity.Check.
const (
	// OK: the packet follows the one before it, or its counter need not be looked at.
	OK Verdict = iota
	// Duplicate: the second copy of a packet, which ISO/IEC 13818-1 §2.4.3.3 allows. To be dropped.
	Duplicate
	// Repeated: the third or a later copy in a row. Nothing is lost, but TR 101 290 counts it (1.4). To be dropped.
	Repeated
	// Lost: something is missing before this packet, or the packets are out of order.
	Lost
)

// String is the verdict in lower case.
func (v Verdict) String() string {
	switch v {
	case OK:
		return "ok"
	case Duplicate:
		return "duplicate"
	case Repeated:
		return "repeated"
	}
	return "lost"
}

// Continuity follows the continuity counter of every PID (ISO/IEC 13818-1 §2.4.3.3). The zero value is ready. It
// allocates once for each PID that is seen and then no more; at most about 1.7 MB for all of them.
type Continuity struct {
	pids [maxPID]*lastPacket
}

// lastPacket is the last packet with payload of a PID.
type lastPacket struct {
	data     Packet // a copy of it
	copies   int    // how often it came again
	licensed bool   // a packet without payload announced a discontinuity
}

// Check judges p against the packets of its PID before. Null packets, packets marked with a transport error (no field
// of theirs is to be trusted) and packets without payload are OK and change nothing; a discontinuity_indicator licenses
// a break.
func (c *Continuity) Check(p Packet) Verdict {
	pid := p.PID()
	if pid == PIDNull || p.TransportError() {
		return OK
	}
	last := c.pids[pid]
	if last == nil {
		if !p.HasPayload() {
			return OK
		}
		last = &lastPacket{data: make(Packet, Size)}
		c.pids[pid] = last
		copy(last.data, p)
		return OK
	}
	if !p.HasPayload() {
		last.licensed = last.licensed || p.Discontinuity()
		return OK
	}
	return last.judge(p)
}

func (l *lastPacket) judge(p Packet) Verdict {
	if p.CC() == l.data.CC() && sameBytes(l.data, p) {
		if l.copies++; l.copies == 1 {
			return Duplicate
		}
		return Repeated
	}
	v := OK
	if p.CC() != (l.data.CC()+1)&0x0F && !l.licensed && !p.Discontinuity() {
		v = Lost
	}
	copy(l.data, p)
	l.copies, l.licensed = 0, false
	return v
}

// sameBytes compares two packets, leaving out the value of a PCR, which a copy may have renewed.
func sameBytes(a, b Packet) bool {
	if a.hasPCR() && b.hasPCR() {
		return string(a[:6]) == string(b[:6]) && string(a[12:]) == string(b[12:])
	}
	return string(a) == string(b)
}

// Reset forgets what was seen of a PID, for a feed that starts anew.
func (c *Continuity) Reset(pid uint16) {
	if l := c.pids[pid&(maxPID-1)]; l != nil {
		l.licensed = true
	}
}
