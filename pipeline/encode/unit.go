package encode

import (
	"onair/pkg/mpegts"
)

// maxUnit bounds what is held back of a picture, in bytes: one that is longer goes to the decoder as it comes.
const maxUnit = 8 << 20

// unit holds a picture's packets back until it is whole, so that one that breaks off is not decoded. That costs no
// time: the last packet of a PES packet shows by its length or, where that is not given, by the stuffing that fills it.
type unit struct {
	held  []byte
	left  int  // bytes that the running PES packet still lacks, where known
	known bool // left is
	whole bool // the running one has been passed on; what may still come of it is not held back
}

// push takes the next packet of the stream, and appends to out what may go on.
func (u *unit) push(p mpegts.Packet, out []byte) []byte {
	payload := p.Payload()
	if p.Start() {
		out = u.release(out)
		u.known, u.whole = false, false
		if len(payload) >= 6 {
			n := int(payload[4])<<8 | int(payload[5])
			u.left, u.known = n+6, n > 0
		}
	}
	u.left -= len(payload)
	u.held = append(u.held, p...)
	if u.whole || u.known && u.left <= 0 || !u.known && p.Stuffed() || len(u.held) > maxUnit {
		out = u.release(out)
		u.whole = true
	}
	return out
}

// release appends what is held back to out.
func (u *unit) release(out []byte) []byte {
	out = append(out, u.held...)
	u.held = u.held[:0]
	return out
}
