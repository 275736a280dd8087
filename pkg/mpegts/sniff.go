package mpegts

import "bytes"

// Sniff tells the codec of the sound whose first frame begins at b, the data of a PES packet: many senders announce one
// thing and send another. It is empty where no known frame begins; the frame header is looked at, and the next one's
// sync word where b holds it.
func Sniff(b []byte) Codec {
	switch {
	case len(b) < 8:
	case adtsShape(b) != 0 && b[2]>>2&0x0F < 13 && follows(b, int(b[3]&3)<<11|int(b[4])<<3|int(b[5]>>5), 0xFF, 0xF0):
		return AAC
	case b[0] == 0x0B && b[1] == 0x77 && b[5]>>3 <= 10:
		return AC3
	case b[0] == 0x0B && b[1] == 0x77 && b[5]>>3 <= 16:
		return EAC3
	case b[0] == 0x56 && b[1]&0xE0 == 0xE0 && follows(b, 3+(int(b[1]&0x1F)<<8|int(b[2])), 0x56, 0xE0):
		return AACLATM
	case mpegShape(b) != 0 && b[1]&0x18 != 0x08 && b[2]&0xF0 != 0xF0 && b[2]&0xF0 != 0 && b[2]&0x0C != 0x0C:
		return MP2
	}
	return ""
}

// follows tells that a frame of size bytes is possible: the next one's sync word stands behind it, or b ends before.
func follows(b []byte, size int, first, second byte) bool {
	return size > 7 && (size+1 >= len(b) || b[size] == first && b[size+1]&second == second)
}

// soundTypes are the stream types that announce each codec; those of 0x06 need a descriptor.
var soundTypes = map[Codec]uint8{AAC: 0x0F, AACLATM: 0x11, MP2: 0x03, AC3: 0x06, EAC3: 0x06}

// soundTags are the descriptors of those (EN 300 468 annex D).
var soundTags = map[Codec][]byte{AC3: {tagAC3, 1, 0}, EAC3: {tagEAC3, 1, 0}}

// As is the stream announced as what it really carries: sound of codec c, with its language. c must be one that Sniff
// tells.
func (s Stream) As(c Codec) Stream {
	s.Codec, s.Kind, s.Type = c, Audio, soundTypes[c]
	s.Descriptors = bytes.Clone(soundTags[c])
	if s.Language != "" {
		s.Descriptors = append(append(s.Descriptors, tagLanguage, 4), s.Language+"\x00"...)
	}
	return s
}
