package fmp4

import (
	"encoding/binary"
	"fmt"
	"math"

	"onair/pkg/tick"
)

// Sample is one frame of a segment. Duration and CTO (composition time minus decode time, may be negative) are in
// units of the track's timescale.
type Sample struct {
	Duration uint32
	CTO      int32
	Sync     bool
	Data     []byte
}

// Prft ties media time to the wall clock (ISO/IEC 14496-12 §8.16.5).
type Prft struct {
	Flags     uint32
	NTP       uint64 // 64-bit NTP time; see NTP
	MediaTime uint64 // in the track's timescale
}

// PrftCaptured says that the time is that at which the frame was captured.
const PrftCaptured = 24

// NTP is t in the 64-bit format of RFC 5905 §6: seconds since 1900 modulo 2^32, and a binary fraction.
func NTP(t tick.Tick) uint64 {
	const unix = 2_208_988_800 // 1970-01-01 in NTP seconds
	sec := t.Units(1)
	rest := int64(t) - sec*int64(tick.Second)
	return uint64(uint32(sec+unix))<<32 | uint64(tick.MulDiv(rest, 1<<32, int64(tick.Second)))
}

// Segment is one CMAF segment of one fragment and one chunk.
type Segment struct {
	Brands   []string // of the styp, the first is the major brand; no styp when empty
	Sequence uint32
	BaseTime uint64 // tfdt; below 2^53, since players count in JavaScript numbers
	Samples  []Sample
	Prft     *Prft // nil: none
}

// maxBaseTime is the largest tfdt that a JavaScript player holds exactly.
const maxBaseTime = 1 << 53

// Marshal writes styp, prft, moof and mdat into one new slice of exactly the right size; each sample's data is copied
// once. The traf repeats every default (cmf2), trun is version 1 and tfdt 64 bits wide. The error means that the
// segment itself is impossible: no samples, a brand of other than four letters, too many bytes.
func (s Segment) Marshal() ([]byte, error) {
	l, err := s.layout()
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, l.total)
	b = s.appendHead(b)
	b = s.appendMoof(b, l)
	b = binary.BigEndian.AppendUint32(b, uint32(8+l.data))
	b = append(b, "mdat"...)
	for i := range s.Samples {
		b = append(b, s.Samples[i].Data...)
	}
	return b, nil
}

// layout is what Marshal must know before it writes.
type layout struct {
	tfhd, trun, moof, data, total int // bytes; data: of mdat's payload
	flags                         uint32
	duration, sampleFlags         uint32 // defaults, in tfhd
}

func (s Segment) layout() (layout, error) {
	if len(s.Samples) == 0 || len(s.Samples) > maxSamples {
		return layout{}, fmt.Errorf("segment %d has %d samples", s.Sequence, len(s.Samples))
	}
	if s.BaseTime >= maxBaseTime {
		return layout{}, fmt.Errorf("segment %d: decode time %d does not fit 53 bits", s.Sequence, s.BaseTime)
	}
	l := layout{flags: trunDataOffset | trunSize, duration: s.Samples[0].Duration}
	last := &s.Samples[len(s.Samples)-1]
	l.sampleFlags = sampleFlags(last.Sync)
	rest := true // all samples but the first have the default flags
	for i := range s.Samples {
		v := &s.Samples[i]
		l.data += len(v.Data)
		if v.Duration != l.duration {
			l.flags |= trunDuration
		}
		if v.CTO != 0 {
			l.flags |= trunCTO
		}
		if v.Sync != last.Sync && i > 0 {
			rest = false
		}
	}
	entry := 4
	switch {
	case !rest:
		l.flags |= trunFlags
		entry += 4
	case s.Samples[0].Sync != last.Sync:
		l.flags |= trunFirstFlags
	}
	if l.flags&trunDuration != 0 {
		entry += 4
	}
	if l.flags&trunCTO != 0 {
		entry += 4
	}
	l.tfhd = 24
	l.trun = 20 + entry*len(s.Samples)
	if l.flags&trunFirstFlags != 0 {
		l.trun += 4
	}
	l.moof = 8 + 16 + 8 + l.tfhd + 20 + l.trun
	if int64(l.data) > math.MaxInt32 {
		return layout{}, fmt.Errorf("segment %d holds %d bytes, too many", s.Sequence, l.data)
	}
	head, err := s.headSize()
	l.total = head + l.moof + 8 + l.data
	return l, err
}

func (s Segment) headSize() (int, error) {
	n := 0
	for _, b := range s.Brands {
		if len(b) != 4 {
			return 0, fmt.Errorf("segment %d: brand %q is not four letters", s.Sequence, b)
		}
	}
	if len(s.Brands) > 0 {
		n += 16 + 4*len(s.Brands)
	}
	if s.Prft != nil {
		n += 32
	}
	return n, nil
}

// appendHead writes styp and prft.
func (s Segment) appendHead(b []byte) []byte {
	be := binary.BigEndian
	if len(s.Brands) > 0 {
		b = be.AppendUint32(b, uint32(16+4*len(s.Brands)))
		b = append(b, "styp"...)
		b = append(b, s.Brands[0]...)
		b = be.AppendUint32(b, 0)
		for _, brand := range s.Brands {
			b = append(b, brand...)
		}
	}
	if s.Prft != nil {
		b = be.AppendUint32(b, 32)
		b = append(b, "prft"...)
		b = be.AppendUint32(b, 1<<24|s.Prft.Flags&0xffffff)
		b = be.AppendUint32(b, TrackID)
		b = be.AppendUint64(b, s.Prft.NTP)
		b = be.AppendUint64(b, s.Prft.MediaTime)
	}
	return b
}

func (s Segment) appendMoof(b []byte, l layout) []byte {
	be := binary.BigEndian
	b = append(be.AppendUint32(b, uint32(l.moof)), "moof"...)
	b = append(be.AppendUint32(b, 16), "mfhd"...)
	b = be.AppendUint32(b, 0)
	b = be.AppendUint32(b, s.Sequence)
	b = append(be.AppendUint32(b, uint32(8+l.tfhd+20+l.trun)), "traf"...)
	b = append(be.AppendUint32(b, uint32(l.tfhd)), "tfhd"...)
	b = be.AppendUint32(b, tfhdDefaultBaseMoof|tfhdDuration|tfhdFlags)
	b = be.AppendUint32(b, TrackID)
	b = be.AppendUint32(b, l.duration)
	b = be.AppendUint32(b, l.sampleFlags)
	b = append(be.AppendUint32(b, 20), "tfdt"...)
	b = be.AppendUint32(b, 1<<24)
	b = be.AppendUint64(b, s.BaseTime)
	return s.appendTrun(b, l)
}

func (s Segment) appendTrun(b []byte, l layout) []byte {
	be := binary.BigEndian
	b = append(be.AppendUint32(b, uint32(l.trun)), "trun"...)
	b = be.AppendUint32(b, 1<<24|l.flags)
	b = be.AppendUint32(b, uint32(len(s.Samples)))
	b = be.AppendUint32(b, uint32(l.moof+8))
	if l.flags&trunFirstFlags != 0 {
		b = be.AppendUint32(b, sampleFlags(s.Samples[0].Sync))
	}
	for i := range s.Samples {
		v := &s.Samples[i]
		if l.flags&trunDuration != 0 {
			b = be.AppendUint32(b, v.Duration)
		}
		b = be.AppendUint32(b, uint32(len(v.Data)))
		if l.flags&trunFlags != 0 {
			b = be.AppendUint32(b, sampleFlags(v.Sync))
		}
		if l.flags&trunCTO != 0 {
			b = be.AppendUint32(b, uint32(v.CTO))
		}
	}
	return b
}

func sampleFlags(sync bool) uint32 {
	if sync {
		return flagsSync
	}
	return flagsNonSync
}
