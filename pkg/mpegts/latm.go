package mpegts

// latmShape reads the format of the first layer from the StreamMuxConfig of a frame in LATM/LOAS (ISO/IEC 14496-3
// §1.7.3, §1.6.2.1). Frames that refer to the one before (useSameStreamMux) have none. Channels that are told by a
// program_config_element only are not looked at.
func latmShape(b []byte) uint32 {
	const sync = 3 // bytes of AudioSyncStream before the element
	if len(b) <= sync || b[0] != 0x56 || b[1]&0xE0 != 0xE0 {
		return 0
	}
	r := bitReader{b: b[sync:]}
	if r.bit() == 1 { // useSameStreamMux
		return 0
	}
	version := r.bit()
	if version == 1 {
		if r.bit() == 1 { // audioMuxVersionA: of a syntax that is not known
			return 0
		}
		r.latmValue() // taraBufferFullness
	}
	r.bits(1 + 6 + 4 + 3) // allStreamsSameTimeFraming, numSubFrames, numProgram, numLayer
	if version == 1 {
		r.latmValue() // ascLen
	}
	shape := r.audioConfig()
	if r.over {
		return 0
	}
	return 5<<28 | shape&(1<<28-1)
}

// latmValue is LatmGetValue.
func (r *bitReader) latmValue() uint32 { return r.bits(8 * (int(r.bits(2)) + 1)) }

// audioConfig is what tells the begins of two AudioSpecificConfig apart.
func (r *bitReader) audioConfig() uint32 {
	const sbr, ps = 5, 29 // object types that tell the rate of their extension
	kind := r.objectType()
	shape := r.rate()<<11 ^ r.bits(4)<<7 ^ kind
	if kind == sbr || kind == ps {
		shape ^= r.rate()<<15 ^ r.objectType()<<21
	}
	return shape
}

func (r *bitReader) objectType() uint32 {
	const escape = 31
	if t := r.bits(5); t != escape {
		return t
	}
	return 32 + r.bits(6)
}

// rate is the index of a sample rate, or one that has none.
func (r *bitReader) rate() uint32 {
	const explicit = 15
	if i := r.bits(4); i != explicit {
		return i
	}
	return explicit + r.bits(24)
}
