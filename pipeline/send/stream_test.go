package send_test

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

const second = 27_000_000

// clocked is packets with a reference in every tenth, each of which is the given time after the one before.
func clocked(start, step int64, n int) []mpegts.Packet {
	var out []mpegts.Packet
	for i := range n {
		if i%10 == 0 {
			out = append(out, withPCR(0x100, 0, uint32(i), (start+int64(i/10)*step)%(300<<33)))
			continue
		}
		out = append(out, packet(0x101, 0, uint32(i)))
	}
	return out
}
