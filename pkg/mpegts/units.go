package mpegts

const (
	// unitCap is how many bytes of a unit are kept: parameter sets and SEI are short, captions at most about 120 bytes.
	unitCap = 1024
	// vclBytes is how many bytes of a coded slice are kept: enough for its type.
	vclBytes = 5
	// pesFlags is the length of a PES header up to and with PES_header_data_length.
	pesFlags = 9
)

// units cuts the front of each video PES packet, up to the first coded slice, into NAL units or MPEG-2 start code
// units. The rest of the access unit is passed over, so the cost does not follow the bit rate.
type units struct {
	codec Codec
	head  [pesFlags]byte // PES header under way
	headN int
	skip  int // bytes of the PES header still to pass over
	on    bool
	open  bool // a unit is under way
	zeros int
	n     int
	buf   [unitCap]byte

	picture bool // an MPEG-2 picture header came in this PES packet
}

// visitorFor is the one of three that looks at the units of a stream of codec c; nil: none does.
func visitorFor(c Codec, avc, hevc, mpeg2 func(unit []byte) (done bool)) func([]byte) bool {
	switch c {
	case H264:
		return avc
	case HEVC:
		return hevc
	case MPEG1Video, MPEG2Video:
		return mpeg2
	}
	return nil
}

// push takes the next packet of the PID. visit gets each unit before the first slice and the first bytes of that, and
// answers whether the rest of the PES packet is of no interest.
func (u *units) push(p Packet, visit func(unit []byte) (done bool)) {
	payload := p.Payload()
	if p.Start() {
		if u.on && u.open && u.n > 0 {
			visit(u.buf[:u.n])
		}
		u.on, u.open, u.zeros, u.n, u.headN, u.skip = true, false, 0, 0, 0, 0
		u.picture = false
	}
	if !u.on || p.Scrambled() || p.TransportError() {
		return
	}
	if u.headN < pesFlags {
		n := copy(u.head[u.headN:], payload)
		u.headN += n
		payload = payload[n:]
		if u.headN < pesFlags {
			return
		}
		if !pesHeader(u.head[:]) {
			u.on = false
			return
		}
		u.skip = int(u.head[8])
	}
	n := min(u.skip, len(payload))
	u.skip -= n
	u.feed(payload[n:], visit)
}

func (u *units) feed(b []byte, visit func([]byte) bool) {
	for _, c := range b {
		if c == 1 && u.zeros >= 2 {
			if u.open && visit(u.unit()) {
				u.on = false
				return
			}
			u.open, u.zeros, u.n = true, 0, 0
			continue
		}
		if c == 0 {
			u.zeros++
		} else {
			u.zeros = 0
		}
		if !u.open {
			continue
		}
		if u.n < unitCap {
			u.buf[u.n] = c
			u.n++
		}
		if u.n == vclBytes && u.slice() {
			visit(u.buf[:u.n])
			u.on = false
			return
		}
	}
}

// unit is the unit that a start code has just ended, without the zeros of that.
func (u *units) unit() []byte {
	n := u.n
	for n > 1 && u.n < unitCap && u.buf[n-1] == 0 {
		n--
	}
	return u.buf[:n]
}

// slice tells that the unit under way is the first slice of a picture. A PES packet may begin with what is left of the
// picture before its own: its timestamp is that of the first picture that begins in it (ISO/IEC 13818-1 §2.4.3.7).
func (u *units) slice() bool {
	switch u.codec {
	case H264:
		return avcFirstSlice(u.buf[:u.n])
	case HEVC:
		return hevcFirstSlice(u.buf[:u.n])
	}
	if u.buf[0] == mpeg2Picture {
		u.picture = true
	}
	return u.picture && u.buf[0] >= 0x01 && u.buf[0] <= 0xAF
}

// avcFirstSlice tells a slice whose first_mb_in_slice is 0.
func avcFirstSlice(unit []byte) bool {
	t := unit[0] & 0x1F
	return len(unit) > 1 && t >= 1 && t <= 5 && unit[1]&0x80 != 0
}

// hevcFirstSlice tells a slice with first_slice_segment_in_pic_flag.
func hevcFirstSlice(unit []byte) bool {
	return len(unit) > 2 && unit[0]>>1&0x3F < 32 && unit[2]&0x80 != 0
}

// seiMessages calls visit for each message of an SEI (ITU-T H.264 §7.3.2.3), header bytes of the NAL unit cut off.
// scratch holds the bytes without emulation prevention.
func seiMessages(nal []byte, scratch *[unitCap]byte, visit func(kind int, payload []byte)) {
	b := unescape(nal, scratch)
	for len(b) >= 2 {
		var kind, size int
		kind, b = seiNumber(b)
		size, b = seiNumber(b)
		if size > len(b) {
			return
		}
		visit(kind, b[:size])
		b = b[size:]
	}
}

// seiNumber reads a number that is coded as a row of 0xFF bytes and a last one.
func seiNumber(b []byte) (v int, rest []byte) {
	for len(b) > 0 && b[0] == 0xFF {
		v += 0xFF
		b = b[1:]
	}
	if len(b) == 0 {
		return v, nil
	}
	return v + int(b[0]), b[1:]
}

// unescape leaves out the emulation prevention bytes (ITU-T H.264 §7.4.1).
func unescape(nal []byte, scratch *[unitCap]byte) []byte {
	n, zeros := 0, 0
	for _, c := range nal {
		if c == 3 && zeros >= 2 {
			zeros = 0
			continue
		}
		if c == 0 {
			zeros++
		} else {
			zeros = 0
		}
		if n == len(scratch) {
			break
		}
		scratch[n] = c
		n++
	}
	return scratch[:n]
}
