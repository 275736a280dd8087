package mpegts

import "math/bits"

// Captions looks for CEA-608 and CEA-708 captions (ATSC A/53 part 4 §6.2.3) in the pictures of one video PID: SEI of
// H.264 and HEVC, user data of MPEG-2. Pictures are read in the order in which they are coded.
type Captions struct {
	units   units
	visit   func([]byte) bool
	scratch [unitCap]byte

	seen     bool // in this access unit
	pictures uint64
	channels uint8  // bit n: CCn+1
	services uint64 // bit n: service n
	packet   [128]byte
	n        int
}

// CaptionStats is what was found so far.
type CaptionStats struct {
	Pictures uint64   // PES packets whose first picture carries caption data
	Channels []string // CEA-608 channels in use: "CC1" to "CC4"
	Services []int    // CEA-708 services in use: 1 to 63
}

// NewCaptions returns a finder for a stream of codec c; it finds nothing in a codec other than H.264, HEVC and MPEG-2.
func NewCaptions(c Codec) *Captions {
	f := &Captions{}
	f.units.codec = c
	f.visit = visitorFor(c, f.avc, f.hevc, f.mpeg2)
	return f
}

// Push takes the next packet of the PID.
func (f *Captions) Push(p Packet) {
	if f.visit == nil || p.TransportError() {
		return
	}
	if p.Start() {
		f.seen = false
	}
	f.units.push(p, f.visit)
}

// Stats returns what was found so far.
func (f *Captions) Stats() CaptionStats {
	s := CaptionStats{Pictures: f.pictures}
	for i, name := range [...]string{"CC1", "CC2", "CC3", "CC4"} {
		if f.channels&(1<<i) != 0 {
			s.Channels = append(s.Channels, name)
		}
	}
	for m := f.services &^ 1; m != 0; m &= m - 1 {
		s.Services = append(s.Services, bits.TrailingZeros64(m))
	}
	return s
}

func (f *Captions) avc(unit []byte) bool {
	if unit[0]&0x1F == avcSEI {
		f.sei(unit[1:])
	}
	return false
}

func (f *Captions) hevc(unit []byte) bool {
	if unit[0]>>1&0x3F == hevcSEI && len(unit) > 2 {
		f.sei(unit[2:])
	}
	return false
}

func (f *Captions) mpeg2(unit []byte) bool {
	if unit[0] == mpeg2UserData {
		f.userData(unit[1:])
	}
	return false
}

func (f *Captions) sei(nal []byte) {
	seiMessages(nal, &f.scratch, func(kind int, b []byte) {
		if kind == seiRegistered && len(b) > 3 && b[0] == 0xB5 && b[1] == 0x00 && b[2] == 0x31 { // ATSC, by ITU-T T.35
			f.userData(b[3:])
		}
	})
}

// userData reads ATSC1_data of type cc_data.
func (f *Captions) userData(b []byte) {
	if len(b) < 7 || string(b[:4]) != "GA94" || b[4] != 3 || b[5]&0x40 == 0 {
		return
	}
	count := int(b[5] & 0x1F)
	b = b[7:]
	if !f.seen {
		f.seen = true
		f.pictures++
	}
	for ; count > 0 && len(b) >= 3; count, b = count-1, b[3:] {
		if b[0]&4 == 0 { // cc_valid
			continue
		}
		switch kind := b[0] & 3; kind {
		case 0, 1:
			f.line21(kind, b[1]&0x7F)
		default:
			f.dtvcc(kind == 3, b[1], b[2])
		}
	}
}

// line21 notes the channel of a CEA-608 control code; first is its first byte without parity.
func (f *Captions) line21(field, first byte) {
	if first < 0x10 || first > 0x1F {
		return
	}
	f.channels |= 1 << (field*2 + first>>3&1)
}

// dtvcc puts CEA-708 caption channel packets together (§5) and notes the services in them.
func (f *Captions) dtvcc(start bool, a, b byte) {
	if start {
		f.n = 0
	} else if f.n == 0 {
		return
	}
	if f.n+2 > len(f.packet) {
		f.n = 0
		return
	}
	f.packet[f.n], f.packet[f.n+1] = a, b
	f.n += 2
	size := int(f.packet[0]&0x3F) * 2
	if size == 0 {
		size = len(f.packet)
	}
	if f.n < size {
		return
	}
	f.blocks(f.packet[1:size])
	f.n = 0
}

func (f *Captions) blocks(b []byte) {
	for len(b) > 0 {
		service, size := b[0]>>5, int(b[0]&0x1F)
		b = b[1:]
		if service == 7 && size > 0 {
			if len(b) == 0 {
				return
			}
			service, b = b[0]&0x3F, b[1:]
		}
		if service == 0 || size == 0 || size > len(b) {
			return
		}
		f.services |= 1 << service
		b = b[size:]
	}
}
