package mpegts

// SoundShape identifies the format of the coded sound at the start of a PES packet's data: sample rate and channels as
// its first frame's header tells. When it changes, the decoder's output changes. It is 0 when no header stands there,
// as when frames are not aligned with PES packets, or the codec has none that is easily read.
func SoundShape(c Codec, b []byte) uint32 {
	switch c {
	case AAC:
		return adtsShape(b)
	case AACLATM:
		return latmShape(b)
	case AC3, EAC3:
		return ac3Shape(b)
	case MP2:
		return mpegShape(b)
	}
	return 0
}

// adtsShape reads sampling_frequency_index and channel_configuration (ISO/IEC 14496-3 §1.A.2.2).
func adtsShape(b []byte) uint32 {
	if len(b) < 7 || b[0] != 0xFF || b[1]&0xF6 != 0xF0 {
		return 0
	}
	return 1<<16 | uint32(b[2]&0x3D)<<8 | uint32(b[3]&0xC0)
}

// ac3Shape reads sample rate, acmod and lfeon of AC-3 (ETSI TS 102 366 §4.4) or E-AC-3 (annex E).
func ac3Shape(b []byte) uint32 {
	if len(b) < 8 || b[0] != 0x0B || b[1] != 0x77 {
		return 0
	}
	if b[5]>>3 > 10 { // bsid of E-AC-3
		return 2<<16 | uint32(b[4]&0xF0)<<8 | uint32(b[4]&0x0F)
	}
	acmod := uint32(b[6] >> 5)
	skip := uint(0) // cmixlev, surmixlev and dsurmod stand between acmod and lfeon
	if acmod&1 != 0 && acmod != 1 {
		skip += 2
	}
	if acmod&4 != 0 {
		skip += 2
	}
	if acmod == 2 {
		skip += 2
	}
	bits := uint32(b[6])<<8 | uint32(b[7])
	lfe := bits >> (12 - skip) & 1
	return 3<<16 | uint32(b[4]&0xC0)<<8 | acmod<<1 | lfe
}

// mpegShape reads version, sampling_frequency and whether the mode is mono (ISO/IEC 11172-3 §2.4.1.3).
func mpegShape(b []byte) uint32 {
	if len(b) < 4 || b[0] != 0xFF || b[1]&0xE0 != 0xE0 || b[1]&0x06 == 0 {
		return 0
	}
	mono := uint32(0)
	if b[3]>>6 == 3 {
		mono = 1
	}
	return 4<<16 | uint32(b[1]&0x18)<<8 | uint32(b[2]&0x0C) | mono
}
