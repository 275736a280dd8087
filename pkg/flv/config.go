package flv

import (
	"fmt"

	"onair/pkg/mpegts"
)

// Parameters are what a decoder configuration record holds: the parameter sets, and in how many bytes the length of a
// NAL unit is written.
type Parameters struct {
	Sets       [][]byte
	LengthSize int
}

// maxSets bounds the parameter sets of a record; a standard stream has two or three.
const maxSets = 64

// Configuration reads the record of H.264 (AVCDecoderConfigurationRecord) or HEVC (HEVCDecoderConfigurationRecord,
// ISO/IEC 14496-15 §5.3.3.1, §8.3.3.1). The sets are windows on b.
func Configuration(codec mpegts.Codec, b []byte) (Parameters, error) {
	if codec == mpegts.HEVC {
		return hevcRecord(b)
	}
	const lengthAt, setsAt = 4, 5
	if len(b) <= setsAt || b[0] != 1 {
		return Parameters{}, fmt.Errorf("%w: the configuration of H.264", ErrCut)
	}
	p := Parameters{LengthSize: int(b[lengthAt]&3) + 1}
	rest := b[setsAt:]
	for _, mask := range []byte{0x1F, 0xFF} { // SPS, then PPS; extensions for high profiles follow and are not needed
		if len(rest) == 0 {
			return Parameters{}, ErrCut
		}
		n := int(rest[0] & mask)
		var err error
		if rest, err = p.take(rest[1:], n); err != nil {
			return Parameters{}, err
		}
	}
	return p, nil
}

func hevcRecord(b []byte) (Parameters, error) {
	const lengthAt, arraysAt = 21, 22
	if len(b) <= arraysAt || b[0] > 1 { // 0 is what some encoders write
		return Parameters{}, fmt.Errorf("%w: the configuration of HEVC", ErrCut)
	}
	p := Parameters{LengthSize: int(b[lengthAt]&3) + 1}
	rest := b[arraysAt+1:]
	for range int(b[arraysAt]) {
		if len(rest) < 3 {
			return Parameters{}, ErrCut
		}
		n := int(rest[1])<<8 | int(rest[2])
		var err error
		if rest, err = p.take(rest[3:], n); err != nil {
			return Parameters{}, err
		}
	}
	return p, nil
}

// take reads n sets, each behind its length of two bytes, and returns what follows.
func (p *Parameters) take(b []byte, n int) ([]byte, error) {
	for range n {
		if len(b) < 2 {
			return nil, ErrCut
		}
		size := int(b[0])<<8 | int(b[1])
		if b = b[2:]; size > len(b) || len(p.Sets) >= maxSets {
			return nil, ErrCut
		}
		if size > 0 {
			p.Sets = append(p.Sets, b[:size])
		}
		b = b[size:]
	}
	return b, nil
}
