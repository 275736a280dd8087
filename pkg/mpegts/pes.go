package mpegts

// mask33 keeps the 33 bits of a PTS, a DTS or a PCR base.
const mask33 = 1<<33 - 1

// Times are the timestamps of a PES header, in units of 1/90 000 s and 33 bits wide.
type Times struct {
	PTS, DTS uint64 // DTS equals PTS where the header carries none
	HasDTS   bool
	StreamID uint8
	Header   int // length of the PES header in bytes: where the elementary stream begins
}

// PESTimes reads the header of a PES packet from the payload of a packet with Start. It is ok only when a PTS is
// present and lies in the payload; PTS_DTS_flags 01 is forbidden by ISO/IEC 13818-1 §2.4.3.7 and refused. Marker bits
// are not checked: some senders leave them zero.
func PESTimes(payload []byte) (Times, bool) {
	if !pesHeader(payload) {
		return Times{}, false
	}
	t := Times{StreamID: payload[3], Header: 9 + int(payload[8])}
	switch payload[7] >> 6 {
	case 2:
		if payload[8] < 5 || len(payload) < 14 {
			return Times{}, false
		}
		t.PTS = timestamp(payload[9:])
		t.DTS = t.PTS
	case 3:
		if payload[8] < 10 || len(payload) < 19 {
			return Times{}, false
		}
		t.PTS, t.DTS, t.HasDTS = timestamp(payload[9:]), timestamp(payload[14:]), true
	default:
		return Times{}, false
	}
	return t, true
}

// pesHeader tells that payload begins with a PES header of the kind that has flags, and holds those whole.
func pesHeader(payload []byte) bool {
	if len(payload) < 9 || payload[0] != 0 || payload[1] != 0 || payload[2] != 1 || payload[6]>>6 != 2 {
		return false
	}
	switch payload[3] { // stream ids whose packets have no flags: ISO/IEC 13818-1 §2.4.3.6
	case 0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF:
		return false
	}
	return true
}

func timestamp(b []byte) uint64 {
	return uint64(b[0]>>1&7)<<30 | uint64(b[1])<<22 | uint64(b[2]>>1)<<15 | uint64(b[3])<<7 | uint64(b[4]>>1)
}

// setTimestamp writes v and keeps the prefix and the marker bits.
func setTimestamp(b []byte, v uint64) {
	b[0] = b[0]&0xF1 | byte(v>>29)&0x0E
	b[1] = byte(v >> 22)
	b[2] = b[2]&1 | byte(v>>14)&0xFE
	b[3] = byte(v >> 7)
	b[4] = b[4]&1 | byte(v<<1)
}

// Rewrite replaces, in place, every timestamp of p by shift of it, cut to 33 bits: PTS and DTS if a PES packet starts
// in p, and the PCR base. The PCR extension and everything else stay as they are. A scrambled payload is left alone.
func Rewrite(p Packet, shift func(raw33 uint64) uint64) {
	if base, _, ok := p.PCR(); ok {
		setPCRBase(p, shift(base)&mask33)
	}
	if !p.Start() || p.Scrambled() {
		return
	}
	payload := p.Payload()
	t, ok := PESTimes(payload)
	if !ok {
		return
	}
	setTimestamp(payload[9:], shift(t.PTS)&mask33)
	if t.HasDTS {
		setTimestamp(payload[14:], shift(t.DTS)&mask33)
	}
}

func setPCRBase(p Packet, v uint64) {
	b := p[6:12]
	b[0], b[1], b[2], b[3] = byte(v>>25), byte(v>>17), byte(v>>9), byte(v>>1)
	b[4] = b[4]&0x7F | byte(v<<7)
}
