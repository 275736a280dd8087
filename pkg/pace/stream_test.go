package pace_test

import (
	"onair/pkg/mpegts"
)

// packet makes a packet of a PID with payload, a counter in its bytes.
func packet(pid uint16, cc uint8, number uint32) mpegts.Packet {
	p := make(mpegts.Packet, mpegts.Size)
	p[0], p[1], p[2], p[3] = 0x47, byte(pid>>8), byte(pid), 0x10|cc&15
	p[4], p[5], p[6], p[7] = byte(number>>24), byte(number>>16), byte(number>>8), byte(number)
	return p
}

// number is what packet was given, also behind an adaptation field.
func number(p mpegts.Packet) uint32 {
	b := p.Payload()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// withPCR is packet with a clock reference in units of 1/27 000 000 s.
func withPCR(pid uint16, cc uint8, number uint32, pcr int64) mpegts.Packet {
	p := packet(pid, cc, number)
	base, ext := uint64(pcr/300), pcr%300
	p[3] |= 0x20
	p[4], p[5] = 7, 0x10
	p[6], p[7], p[8], p[9] = byte(base>>25), byte(base>>17), byte(base>>9), byte(base>>1)
	p[10], p[11] = byte(base<<7)|0x7E|byte(ext>>8), byte(ext)
	p[12], p[13], p[14], p[15] = byte(number>>24), byte(number>>16), byte(number>>8), byte(number)
	return p
}

// withPES begins a PES packet with a PTS.
func withPES(pid uint16, cc uint8, id byte, pts uint64) mpegts.Packet {
	p := packet(pid, cc, 0)
	p[1] |= 0x40
	copy(p[4:], []byte{0, 0, 1, id, 0, 0, 0x80, 0x80, 5, 0x21 | byte(pts>>29)&0x0E, byte(pts >> 22), byte(pts>>14) | 1, byte(pts >> 7), byte(pts<<1) | 1})
	return p
}
