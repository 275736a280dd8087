package fault

import (
	"sync"
	"time"

	"onair/pkg/mpegts"
)

// jumpTime is how long a jump waits for a picture that a decoder can begin with, as an encoder's that begins anew.
const jumpTime = 3 * time.Second

// clocks moves the clocks of a transport stream that passes, bare or in RTP.
type clocks struct {
	mu      sync.Mutex
	base    uint64    // added to every time stamp, 1/90 000 s
	next    uint64    // added to base with the jump
	waiting bool      // a jump is to come
	asked   time.Time // when it was asked for
}

// jump moves them with the next random access point.
func (c *clocks) jump(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next += uint64(by.Milliseconds() * 90) //nolint:gosec // modulo 2^33 in the end, back as well as forward
	c.waiting, c.asked = true, time.Now()
}

// jumped tells that no jump is to come any more.
func (c *clocks) jumped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.waiting
}

// rewrite moves the clocks in a datagram.
func (c *clocks) rewrite(data []byte, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.base == 0 && !c.waiting {
		return
	}
	for packets := transport(data); len(packets) >= mpegts.Size; packets = packets[mpegts.Size:] {
		p := mpegts.Packet(packets[:mpegts.Size])
		if _, _, clock := p.PCR(); c.waiting && clock && (p.RandomAccess() || now.Sub(c.asked) > jumpTime*2/3) {
			c.base, c.next, c.waiting = c.base+c.next, 0, false
		}
		mpegts.Rewrite(p, func(raw uint64) uint64 { return raw + c.base })
	}
}

const (
	sync47    = 0x47
	rtpHeader = 12
)

// transport are the packets of a transport stream in a datagram, bare or behind a header of RTP (RFC 3550 §5.1).
func transport(data []byte) []byte {
	if len(data) < mpegts.Size {
		return nil
	}
	if data[0] == sync47 && len(data)%mpegts.Size == 0 {
		return data
	}
	if data[0]>>6 != 2 {
		return nil
	}
	at := rtpHeader + 4*int(data[0]&0x0F)
	if data[0]&0x10 != 0 && len(data) >= at+4 {
		at += 4 + 4*(int(data[at+2])<<8|int(data[at+3]))
	}
	if at >= len(data) || data[at] != sync47 {
		return nil
	}
	return data[at:]
}
