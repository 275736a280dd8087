package mpegts

// Access tells whether decoding can begin at an access unit.
type Access uint8

// Verdicts of Detector.Push.
const (
	// None: decoding cannot begin here.
	None Access = iota
	// Undecided: more packets are needed to tell.
	Undecided
	// IDR: decoding is clean from here on. An H.264 or HEVC IDR, an HEVC BLA, an MPEG-2 intra picture with a sequence
	// header and a closed GOP; for audio every PES packet.
	IDR
	// Recovery: decoding may begin here, but needs pre-roll until all is right. A recovery point, an HEVC CRA, an intra
	// picture with parameter sets (open GOP), or a random_access_indicator with parameter sets.
	Recovery
)

// String is the verdict in lower case.
func (a Access) String() string { return [...]string{"none", "undecided", "idr", "recovery"}[a&3] }

// H.264 and HEVC NAL unit types and MPEG-2 start codes that the detector knows.
const (
	avcIDR, avcSEI, avcSPS             = 5, 6, 7
	hevcBLA, hevcIDRW, hevcIDRN        = 16, 19, 20
	hevcLastIRAP, hevcSPS, hevcSEI     = 23, 33, 39
	mpeg2Picture, mpeg2Sequence        = 0x00, 0xB3
	mpeg2Group, mpeg2UserData          = 0xB8, 0xB2
	seiRegistered, seiRecoveryPoint    = 4, 6
	pictureTypeI                       = 1
	sliceTypeI, sliceTypeSI, sliceMod5 = 2, 4, 5
)

// Detector finds random access points in the PES packets of one PID. What decides is the bitstream: many encoders set
// the random_access_indicator on every picture or on none. It looks at the first picture that begins in a PES packet.
type Detector struct {
	units   units
	visit   func([]byte) bool
	scratch [unitCap]byte
	verdict Access

	indicated bool // random_access_indicator
	params    bool // SPS or sequence header in this access unit
	recovery  bool // recovery point SEI in it
	closed    bool // closed GOP (MPEG-2)
	shape     uint64
	set       []byte // what shape is the hash of
}

// Shape identifies the format of the coded pictures: a hash over the newest SPS or sequence header, 0 before any. When
// it changes, size, rate or colour of the pictures may have changed too.
func (d *Detector) Shape() uint64 { return d.shape }

// take notes a parameter set.
func (d *Detector) take(set []byte) {
	d.params = true
	h := uint64(14695981039346656037) // FNV-1a
	for _, b := range set {
		h = (h ^ uint64(b)) * 1099511628211
	}
	if h != d.shape {
		d.shape, d.set = h, append(d.set[:0], set...)
	}
}

// NewDetector returns a detector for a stream of codec c. For a codec it does not know it believes the
// random_access_indicator; in audio every PES packet is an access point.
func NewDetector(c Codec) *Detector {
	d := &Detector{verdict: Undecided}
	d.units.codec = c
	d.visit = visitorFor(c, d.avc, d.hevc, d.mpeg2)
	return d
}

// Push takes the next packet of the PID and returns the verdict on its access unit: Undecided until enough of it has
// come, then the same for every packet up to the next Start.
func (d *Detector) Push(p Packet) Access {
	if p.TransportError() {
		return d.verdict
	}
	if p.Start() {
		d.verdict = Undecided
		if d.visit == nil {
			d.verdict = d.byIndicator(p)
		}
	}
	if d.visit == nil || (d.verdict != Undecided) {
		return d.verdict
	}
	if p.Start() {
		d.units.open = false // what was not decided stays so
		d.indicated, d.params, d.recovery, d.closed = p.RandomAccess(), false, false, false
	}
	d.units.push(p, d.visit)
	return d.verdict
}

func (d *Detector) byIndicator(p Packet) Access {
	switch {
	case d.units.codec.kind() == Audio:
		return IDR
	case p.RandomAccess():
		return Recovery
	}
	return None
}

// decide sets the verdict; with it the rest of the PES packet is of no interest.
func (d *Detector) decide(a Access) bool {
	if a == None && (d.recovery || (d.indicated && d.params)) {
		a = Recovery
	}
	d.verdict = a
	return true
}

func (d *Detector) avc(unit []byte) bool {
	switch t := unit[0] & 0x1F; {
	case t == avcSPS:
		d.take(unit)
	case t == avcSEI:
		d.sei(unit[1:])
	case !avcFirstSlice(unit):
	case t == avcIDR:
		return d.decide(IDR)
	default:
		if s := sliceType(unit[1:]); d.params && (s == sliceTypeI || s == sliceTypeSI) {
			return d.decide(Recovery)
		}
		return d.decide(None)
	}
	return false
}

func (d *Detector) hevc(unit []byte) bool {
	t := unit[0] >> 1 & 0x3F
	switch {
	case t == hevcSPS:
		d.take(unit)
	case t == hevcSEI && len(unit) > 2:
		d.sei(unit[2:])
	case !hevcFirstSlice(unit):
	case t >= hevcBLA && t <= hevcIDRN:
		return d.decide(IDR)
	case t > hevcIDRN && t <= hevcLastIRAP:
		return d.decide(Recovery)
	default:
		return d.decide(None)
	}
	return false
}

func (d *Detector) mpeg2(unit []byte) bool {
	switch {
	case unit[0] == mpeg2Sequence:
		d.take(unit[:min(len(unit), 5)]) // size, aspect and rate; the bit rate behind them may change freely
	case unit[0] == mpeg2Group && len(unit) >= 5:
		d.closed = unit[4]&0x40 != 0
	case unit[0] == mpeg2Picture && len(unit) >= 3:
		switch {
		case unit[2]>>3&7 != pictureTypeI || !d.params:
			return d.decide(None)
		case d.closed:
			return d.decide(IDR)
		}
		return d.decide(Recovery)
	}
	return false
}

func (d *Detector) sei(nal []byte) {
	seiMessages(nal, &d.scratch, func(kind int, _ []byte) {
		if kind == seiRecoveryPoint {
			d.recovery = true
		}
	})
}

// sliceType reads slice_type modulo 5 from an H.264 slice header (§7.3.3): the second Exp-Golomb number. It is negative
// if the header is cut.
func sliceType(b []byte) int {
	r := bitReader{b: b}
	r.ue()
	t := r.ue()
	if r.over {
		return -1
	}
	return int(t % sliceMod5)
}

// bitReader reads bits and Exp-Golomb numbers; over is set once there are no more bits.
type bitReader struct {
	b    []byte
	at   int
	over bool
}

func (r *bitReader) bit() uint32 {
	if r.at >= len(r.b)*8 {
		r.over = true
		return 0
	}
	v := r.b[r.at/8] >> (7 - r.at%8) & 1
	r.at++
	return uint32(v)
}

// bits reads a number of n bits; of more than 32 it is the last ones.
func (r *bitReader) bits(n int) (v uint32) {
	for range n {
		v = v<<1 | r.bit()
	}
	return v
}

func (r *bitReader) ue() uint32 {
	zeros := 0
	for r.bit() == 0 {
		if zeros++; r.over || zeros > 31 {
			r.over = true
			return 0
		}
	}
	v := uint32(1)
	for range zeros {
		v = v<<1 | r.bit()
	}
	return v - 1
}
