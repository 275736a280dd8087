package tsmux

import (
	"onair/pkg/mpegts"
)

// Times in 1/90 000 s.
const (
	maxTime = 1<<33 - 1
	second  = 90_000
	// clockEvery is the distance of two clock references, tablesEvery that of two PATs and maps. Both may be a picture
	// late; 100 ms is the limit (ISO/IEC 13818-1 §2.7.2, TR 101 290).
	clockEvery  = second * 40 / 1000
	tablesEvery = second * 80 / 1000
	// lead is how far the clock is behind the decoding times: other tracks may be muxed that much later than the video.
	lead = second * 3 / 10
	// longestPause is the longest step of decoding times that is no break of the time base.
	longestPause = second
)

// pulse repeats the clock reference and the tables.
type pulse struct {
	pid     uint16 // that carries the clock; 0: not chosen yet
	running bool
	own     bool  // a unit of that PID has come
	last    int64 // its DTS
	clock   int64 // of the last reference
	tabled  int64 // clock when the tables went out last
}

// beat puts out what is due of clock and tables before a unit of pid with that DTS. A unit of another track moves the
// clock no further than the last DTS of the track that carries it, since the next may be that early.
func (m *Muxer) beat(pid uint16, dts int64) {
	p := &m.pulse
	at := dts - lead
	if pid == p.pid {
		p.own, p.last = true, dts
	} else if p.own {
		at = min(at, p.last)
	}
	switch step := at - p.clock; {
	case !p.running:
		m.restart(at, false)
	case pid == p.pid && (step > longestPause || step < -longestPause):
		m.stats.Jumps++
		m.restart(at, true)
	default:
		for at-p.clock >= clockEvery && at-p.clock <= longestPause {
			p.clock += clockEvery
			m.tick(false)
		}
	}
}

// restart begins a time base.
func (m *Muxer) restart(at int64, broken bool) {
	m.pulse.running, m.pulse.clock, m.pulse.tabled = true, at, at-tablesEvery
	m.tick(broken)
}

// tick puts out the tables if they are due, and the clock.
func (m *Muxer) tick(broken bool) {
	p := &m.pulse
	if p.tabled+tablesEvery <= p.clock {
		p.tabled = p.clock
		m.repeat()
	}
	var b packet
	reference(&b, p.pid, p.clock, broken)
	m.put(b[:])
}

// repeat puts out PAT and programme map. Where the writer has not made them yet they are at the front of its buffer.
func (m *Muxer) repeat() {
	if m.tables[0][0] == 0 {
		written := m.buffer.Bytes()
		copy(m.tables[0][:], written)
		copy(m.tables[1][:], written[mpegts.Size:])
	}
	m.put(m.tables[0][:])
	m.put(m.tables[1][:])
}

// reference makes a packet of nothing but a clock reference (ISO/IEC 13818-1 §2.4.3.4).
func reference(b *packet, pid uint16, clock int64, broken bool) {
	for i := range b {
		b[i] = 0xFF
	}
	base := uint64(clock) & maxTime
	const flagPCR, flagBroken, reserved = 0x10, 0x80, 0x7E
	copy(b[:], []byte{
		0x47, byte(pid >> 8), byte(pid), 0x20, mpegts.Size - 5, flagPCR,
		byte(base >> 25), byte(base >> 17), byte(base >> 9), byte(base >> 1), byte(base<<7) | reserved, 0,
	})
	if broken {
		b[5] |= flagBroken
	}
}

// unclock takes the writer's clock reference out of a packet: its place becomes stuffing.
func unclock(p mpegts.Packet) {
	if _, _, ok := p.PCR(); !ok {
		return
	}
	p[5] &^= 0x10
	for i := 6; i < 12; i++ {
		p[i] = 0xFF
	}
}
