// Package mpegts reads and rewrites MPEG transport streams (ISO/IEC 13818-1) packet by packet: framing, continuity,
// program tables, timestamps, random access points and the TR 101 290 checks. Nothing here keeps a goroutine, a clock
// or a socket, and no input makes it panic.
package mpegts

// Size is the length of a transport packet in bytes.
const Size = 188

// Well-known packet identifiers (ISO/IEC 13818-1 table 2-3).
const (
	PIDPAT  uint16 = 0x0000
	PIDCAT  uint16 = 0x0001
	PIDNull uint16 = 0x1FFF
)

// maxPID is the number of values that a 13-bit packet identifier has.
const maxPID = 8192

const syncByte = 0x47

// Packet is one transport packet of exactly Size bytes, usually a window on the caller's buffer. Its methods answer the
// zero value for a slice of another length.
type Packet []byte

// PID is the 13-bit packet identifier; PIDNull for a slice that is no packet.
func (p Packet) PID() uint16 {
	if len(p) != Size {
		return PIDNull
	}
	return uint16(p[1]&0x1F)<<8 | uint16(p[2])
}

// Start tells that a PES packet or, after a pointer, a section begins in the payload (payload_unit_start_indicator).
func (p Packet) Start() bool { return len(p) == Size && p[1]&0x40 != 0 }

// CC is the 4-bit continuity counter.
func (p Packet) CC() uint8 {
	if len(p) != Size {
		return 0
	}
	return p[3] & 0x0F
}

// HasPayload tells that adaptation_field_control announces a payload. The value 00 is reserved and means none.
func (p Packet) HasPayload() bool { return len(p) == Size && p[3]&0x10 != 0 }

// Scrambled tells that the payload is scrambled, or marked so.
func (p Packet) Scrambled() bool { return len(p) == Size && p[3]&0xC0 != 0 }

// TransportError tells that a demodulator or an earlier stage marked the packet as damaged: then no field is
// trustworthy.
func (p Packet) TransportError() bool { return len(p) == Size && p[1]&0x80 != 0 }

// Payload is what follows the header and the adaptation field, nil if there is none or the adaptation length is
// impossible.
func (p Packet) Payload() []byte {
	if !p.HasPayload() {
		return nil
	}
	if p[3]&0x20 == 0 {
		return p[4:]
	}
	if from := 5 + int(p[4]); from < Size {
		return p[from:]
	}
	return nil
}

// adaptation is the adaptation field from its flags on, nil if absent, empty or longer than the packet.
func (p Packet) adaptation() []byte {
	if len(p) != Size || p[3]&0x20 == 0 {
		return nil
	}
	n := int(p[4])
	if n == 0 || 5+n > Size {
		return nil
	}
	return p[5 : 5+n]
}

// Discontinuity is the discontinuity_indicator: it licenses a break of the continuity counter and, on the PCR PID, of
// the time base (ISO/IEC 13818-1 §2.4.3.5).
func (p Packet) Discontinuity() bool {
	a := p.adaptation()
	return len(a) > 0 && a[0]&0x80 != 0
}

// RandomAccess is the random_access_indicator. Some encoders set it on every picture: see Detector.
func (p Packet) RandomAccess() bool {
	a := p.adaptation()
	return len(a) > 0 && a[0]&0x40 != 0
}

// hasPCR tells that the adaptation field holds a whole PCR.
func (p Packet) hasPCR() bool {
	a := p.adaptation()
	return len(a) >= 7 && a[0]&0x10 != 0
}

// PCR is the program clock reference: base in units of 1/90 000 s (33 bits) and ext in units of 1/27 000 000 s (0 to
// 299 in a correct stream).
func (p Packet) PCR() (base90k uint64, ext uint16, ok bool) {
	if !p.hasPCR() {
		return 0, 0, false
	}
	b := p[6:12]
	base90k = uint64(b[0])<<25 | uint64(b[1])<<17 | uint64(b[2])<<9 | uint64(b[3])<<1 | uint64(b[4])>>7
	return base90k, uint16(b[4]&1)<<8 | uint16(b[5]), true
}

// Stuffed tells that the adaptation field is longer than what it holds: the payload is shorter than it could be, which
// is how the last packet of a PES packet is filled (ISO/IEC 13818-1 §2.4.3.5).
func (p Packet) Stuffed() bool {
	if len(p) != Size || p[3]&0x20 == 0 {
		return false
	}
	a := p.adaptation()
	if len(a) == 0 {
		return p[4] == 0
	}
	need := 1
	for _, field := range [3]struct {
		flag byte
		size int
	}{{0x10, 6}, {0x08, 6}, {0x04, 1}} { // PCR, OPCR, splice countdown
		if a[0]&field.flag != 0 {
			need += field.size
		}
	}
	for _, flag := range [2]byte{0x02, 0x01} { // private data, extension: each with its length
		if a[0]&flag != 0 && need < len(a) {
			need += 1 + int(a[need])
		}
	}
	return len(a) > need
}

// SetCC replaces the continuity counter in place.
func SetCC(p Packet, cc uint8) {
	if len(p) == Size {
		p[3] = p[3]&0xF0 | cc&0x0F
	}
}
