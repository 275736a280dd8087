package fec

import (
	"crypto/subtle"
	"encoding/binary"

	"onair/pkg/tick"
)

// block is an FEC packet that waits for all but one of the packets that it protects.
type block struct {
	header

	first   int64  // number of the first packet that it protects
	missing int    // of these
	b       []byte // the FEC packet
}

// holds tells whether number n is protected.
func (k *block) holds(n int64) bool {
	d := n - k.first
	return d >= 0 && d%int64(k.offset) == 0 && d/int64(k.offset) < int64(k.count)
}

// FEC takes an FEC packet, RTP header and all, of a column or a row: its header says which. The error says why it is
// none that can be used.
func (d *Decoder) FEC(packet []byte, now tick.Tick) error {
	h, err := parse(packet)
	if err != nil {
		d.stats.Refused++
		return err
	}
	d.stats.Packets++
	d.fit(h)
	if !d.started {
		d.stats.Stray++
		return nil
	}
	first := near(h.base, d.max)
	if first < d.begin || first <= d.max-d.horizon || h.last(first) > d.max+d.horizon {
		d.stats.Stray++
		return nil
	}
	if first >= d.calm {
		d.lateness.note(d.since(h, first, now))
	}
	missing := 0
	for i := range h.count {
		if !d.has(first + int64(i*h.offset)) {
			missing++
		}
	}
	if missing > 0 {
		d.wait(block{header: h, first: first, missing: missing}, packet)
		d.solve(now)
	}
	return nil
}

// fit learns the shape of the matrix.
func (d *Decoder) fit(h header) {
	columns, rows := h.offset, h.count
	if h.kind == Row {
		columns, rows = h.count, d.rows
	}
	if columns == d.columns && rows == d.rows {
		return
	}
	d.columns, d.rows = columns, rows
	span := columns * rows
	if rows == 0 { // columns may yet come
		span = max(columns, usualSpan)
	}
	d.keepFor(min(span, MaxSpan))
}

// since is how long ago the first of the protected packets came that is there.
func (d *Decoder) since(h header, first int64, now tick.Tick) tick.Tick {
	for n := first; n <= min(h.last(first), d.max); n++ {
		if d.has(n) {
			return now - d.slot(n).arrival
		}
	}
	return 0
}

// wait keeps an FEC packet. The oldest one gives way when there are too many.
func (d *Decoder) wait(k block, packet []byte) {
	if len(d.pending) == maxPending {
		oldest := 0
		for i := range d.pending {
			if d.pending[i].first < d.pending[oldest].first {
				oldest = i
			}
		}
		d.drop(oldest)
	}
	n := len(d.pending)
	if n < cap(d.pending) {
		d.pending = d.pending[:n+1]
	} else {
		d.pending = append(d.pending, block{})
	}
	k.b = append(d.pending[n].b[:0], packet...)
	d.pending[n] = k
}

// drop takes an FEC packet out; its buffer stays for another one.
func (d *Decoder) drop(i int) {
	end := len(d.pending) - 1
	d.pending[i], d.pending[end] = d.pending[end], d.pending[i]
	d.pending = d.pending[:end]
}

// arrived notes that number n is there now.
func (d *Decoder) arrived(n int64) {
	for i := range d.pending {
		if d.pending[i].holds(n) {
			d.pending[i].missing--
		}
	}
}

// solve brings back what can be, until nothing more follows from it.
func (d *Decoder) solve(now tick.Tick) {
	for again := true; again; {
		again = false
		for i := 0; i < len(d.pending); {
			k := &d.pending[i]
			if k.missing == 0 || k.first <= d.max-d.horizon {
				d.drop(i)
				continue
			}
			n := d.ripe(k)
			if n == 0 {
				i++
				continue
			}
			packet := d.rebuild(k, n)
			d.drop(i)
			if packet == nil {
				d.stats.Mismatched++
				continue
			}
			d.keep(n, packet, now)
			d.arrived(n)
			d.stats.Recovered++
			d.out(packet)
			again = true
		}
	}
}

// ripe is the only number that k lacks, or 0. A number that no later packet has passed yet is on its way: the FEC has
// overtaken it.
func (d *Decoder) ripe(k *block) int64 {
	if k.missing != 1 {
		return 0
	}
	for i := range k.count {
		if n := k.first + int64(i*k.offset); !d.has(n) {
			if n < d.max {
				return n
			}
			break
		}
	}
	return 0
}

// rebuild puts packet n together from k and all others that k protects; nil: they do not belong together.
func (d *Decoder) rebuild(k *block, n int64) []byte {
	b := append(d.buffer[:0], k.b[:rtpHeader]...)
	b = append(b, k.b[ahead:]...)
	d.buffer = b
	body := b[rtpHeader:]
	length := binary.BigEndian.Uint16(k.b[14:])
	b[1] = b[1]&0x80 | k.b[16]&0x7F // marker and payload type
	copy(b[4:8], k.b[20:24])        // time stamp
	for at := k.first; at <= k.last(k.first); at += int64(k.offset) {
		if at == n {
			continue
		}
		other := d.slot(at).b
		rest := other[rtpHeader:]
		if len(rest) > len(body) {
			return nil
		}
		b[0] ^= other[0]
		b[1] ^= other[1]
		subtle.XORBytes(b[4:8], b[4:8], other[4:8])
		subtle.XORBytes(body, body, rest)
		length ^= uint16(len(rest))
	}
	b[0] = version<<6 | b[0]&0x3F
	binary.BigEndian.PutUint16(b[2:], uint16(n))
	binary.BigEndian.PutUint32(b[8:], d.ssrc)
	if int(length) > len(body) || !d.plausible(b, n) {
		return nil
	}
	return b[:rtpHeader+int(length)]
}

// plausible tells whether a packet has the payload type of its neighbours and a time stamp near that of one of them:
// what comes of packets that do not belong together has any.
func (d *Decoder) plausible(b []byte, n int64) bool {
	const reach, apart = 64, 10 * 90_000 // packets; units of 1/90 000 s
	clock := binary.BigEndian.Uint32(b[4:])
	any, fits := false, false
	for _, step := range [...]int64{-1, 1} {
		for at := n + step; at >= d.begin && at <= d.max && at-n < reach && n-at < reach; at += step {
			if !d.has(at) {
				continue
			}
			other := d.slot(at).b
			if (other[1]^b[1])&0x7F != 0 {
				return false
			}
			off := int32(clock - binary.BigEndian.Uint32(other[4:]))
			any, fits = true, fits || off < apart && off > -apart
			break
		}
	}
	return fits || !any
}
