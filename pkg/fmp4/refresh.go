package fmp4

import "encoding/binary"

// Refresh looks for an IDR picture in a sample of a track with that sample entry, for AV1 a key frame that is shown at
// once. It does not know every codec.
func Refresh(codec string, b []byte) (idr, known bool) {
	if codec == "av01" {
		return keyFrame(b), true
	}
	for len(b) >= 5 {
		n := int(binary.BigEndian.Uint32(b))
		if n < 1 || n > len(b)-4 {
			return false, true
		}
		switch kind := b[4]; codec {
		case "avc1", "avc3":
			if t := kind & 0x1F; t >= 1 && t <= 5 {
				return t == 5, true
			}
		case "hvc1", "hev1":
			if t := kind >> 1 & 0x3F; t < 32 {
				return t == 19 || t == 20, true
			}
		default:
			return false, false
		}
		b = b[4+n:]
	}
	return false, true
}

// Types of open bitstream units (AV1 §6.2.2).
const (
	obuSequence    = 1
	obuFrameHeader = 3
	obuFrame       = 6
)

// keyFrame tells whether a temporal unit begins with a sequence header and a shown key frame (AV1 §7.6.2).
func keyFrame(b []byte) bool {
	sequence := false
	for len(b) >= 2 && b[0]&2 != 0 { // obu_has_size_field
		kind, skip := b[0]>>3&0xF, 1+int(b[0]>>2&1)
		if len(b) < skip {
			return false
		}
		size, n := binary.Uvarint(b[skip:]) // leb128 is the same
		if n <= 0 || size > uint64(len(b)-skip-n) {
			return false
		}
		b = b[skip+n:]
		switch {
		case kind == obuSequence:
			sequence = true
		case (kind == obuFrameHeader || kind == obuFrame) && size > 0:
			return sequence && b[0]&0xF0 == 0x10 // no existing frame, KEY_FRAME, show_frame
		}
		b = b[size:]
	}
	return false
}
