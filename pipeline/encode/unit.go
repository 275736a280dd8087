package encode

import (
	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

// maxUnit bounds what is held back, in bytes: more goes to the decoder as it comes.
const maxUnit = 8 << 20

// unit holds pictures back until they are whole and no picture that is shown before them is still to come, so that a
// feed that breaks off ends with a picture before which nothing is missing. Where pictures are decoded in the order in
// which they are shown that costs no time, else at most that of the B pictures in a row, less one. The last packet of a
// PES packet shows by its length or, where that is not given, by the stuffing that fills it.
type unit struct {
	frame tick.Tick // duration of a picture; 0: not known, each goes on when it is whole
	held  []byte
	n     int       // pictures in held
	last  tick.Tick // latest of them on the timeline
	base  tick.Tick // latest that went on; 0: none has
	left  int       // bytes that the running PES packet still lacks, where known
	known bool      // left is
	gone  bool      // the running one has gone on; what may still come of it is not held back
}

// begin notes that another picture begins, which is shown at some instant: the one before is whole.
func (u *unit) begin(at tick.Tick, out []byte) []byte {
	if u.complete() || at > u.last {
		out = u.release(out)
	}
	u.n++
	u.last = max(u.last, at)
	return out
}

// push takes the next packet of the stream, and appends to out what may go on.
func (u *unit) push(p mpegts.Packet, out []byte) []byte {
	payload := p.Payload()
	if p.Start() {
		u.known, u.gone = false, false
		if len(payload) >= 6 {
			n := int(payload[4])<<8 | int(payload[5])
			u.left, u.known = n+6, n > 0
		}
	}
	u.left -= len(payload)
	u.held = append(u.held, p...)
	whole := u.known && u.left <= 0 || !u.known && p.Stuffed()
	if u.gone || whole && u.complete() || len(u.held) > maxUnit {
		out = u.release(out)
		u.gone = true
	}
	return out
}

// complete tells whether nothing is missing before the latest picture that is held.
func (u *unit) complete() bool {
	return u.frame == 0 || u.base == 0 || tick.Tick(u.n)*u.frame >= u.last-u.base-u.frame/2
}

// release appends what is held back to out.
func (u *unit) release(out []byte) []byte {
	out = append(out, u.held...)
	u.held, u.n, u.base = u.held[:0], 0, max(u.base, u.last)
	return out
}
