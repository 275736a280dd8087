package fmp4

import (
	"encoding/binary"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4"
)

// Kinds of NAL units that stand before the parameter sets of an access unit.
const (
	avcDelimiter  = 9
	hevcDelimiter = 35
)

// WithParameterSets is a sample of the track that carries the header's parameter sets too, in the place where a decoder
// looks for them: one that goes on over a change of the header, without reading the new one, then decodes what follows.
// A sample of a codec that has none, or that always carries them (AV1), is returned as it is.
func (h Header) WithParameterSets(sample []byte) []byte {
	var sets [][]byte
	var delimiter bool
	switch c := h.codec.(type) {
	case *mp4.CodecH264:
		if len(h.config) < 5 || h.config[4]&3 != 3 {
			return sample
		}
		sets = [][]byte{c.SPS, c.PPS}
		delimiter = len(sample) > 4 && sample[4]&31 == avcDelimiter
	case *mp4.CodecH265:
		if len(h.config) < 22 || h.config[21]&3 != 3 {
			return sample
		}
		sets = [][]byte{c.VPS, c.SPS, c.PPS}
		delimiter = len(sample) > 4 && sample[4]>>1&63 == hevcDelimiter
	default:
		return sample
	}
	at := 0
	if delimiter {
		at = 4 + int(min(uint64(binary.BigEndian.Uint32(sample)), uint64(len(sample)-4)))
	}
	out := append(make([]byte, 0, len(sample)+256), sample[:at]...)
	for _, set := range sets {
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(set))), set...)
	}
	return append(out, sample[at:]...)
}
