package tsmux

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	ts "github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
)

const (
	usualDepth       = 4 // pictures out of order, where the SPS does not tell: a pyramid of B pictures needs 2 or 3
	deepest          = 16
	seiRecoveryPoint = 6
)

// avc is H.264 (ITU-T H.264 §7.4.1).
type avc struct{}

var _ kind = avc{}

func (avc) sort(nal []byte) sort {
	if len(nal) < 2 {
		return broken
	}
	switch h264.NALUType(nal[0] & 0x1F) {
	case h264.NALUTypeSPS:
		return set0
	case h264.NALUTypePPS:
		return set1
	case h264.NALUTypeAccessUnitDelimiter:
		return delimiter
	case h264.NALUTypeIDR:
		return keyPart
	case h264.NALUTypeNonIDR, h264.NALUTypeDataPartitionA:
		return slice
	case h264.NALUTypeSEI:
		if recovery(nal[1:]) {
			return comeback
		}
	}
	return other
}

// recovery looks for a recovery point among the messages of an SEI.
func recovery(b []byte) bool {
	for len(b) > 2 {
		var numbers [2]int // type and size, each as 0xFF bytes and a last one (§7.3.2.3.1)
		for i := range numbers {
			for len(b) > 0 && b[0] == 0xFF {
				numbers[i] += 0xFF
				b = b[1:]
			}
			if len(b) == 0 {
				return false
			}
			numbers[i] += int(b[0])
			b = b[1:]
		}
		if numbers[0] == seiRecoveryPoint {
			return true
		}
		b = b[min(numbers[1], len(b)):]
	}
	return false
}

func (avc) sets() int      { return 2 }
func (avc) key() [][]byte  { return [][]byte{{byte(h264.NALUTypeIDR), 0}} }
func (avc) dts() extractor { e := &h264.DTSExtractor{}; e.Initialize(); return e }

func (avc) order(sps []byte) (depth int, unfit bool) {
	var s h264.SPS
	if s.Unmarshal(sps) != nil {
		return usualDepth, true
	}
	depth = usualDepth
	if s.VUI != nil && s.VUI.BitstreamRestriction != nil {
		depth = int(min(s.VUI.BitstreamRestriction.MaxNumReorderFrames, deepest))
	}
	const orderIsDecodingOrder = 2
	return depth, s.PicOrderCntType == 1 || !s.FrameMbsOnlyFlag && s.PicOrderCntType != orderIsDecodingOrder
}

func (avc) write(w *ts.Writer, t *ts.Track, pts, dts int64, au [][]byte) error {
	return w.WriteH264(t, pts, dts, au)
}

// hevc is H.265 (ITU-T H.265 §7.4.2.2).
type hevc struct{}

var _ kind = hevc{}

func (hevc) sort(nal []byte) sort {
	const headerSize, lastSlice, firstKey, lastKey = 2, 31, h265.NALUType_BLA_W_LP, h265.NALUType_RSV_IRAP_VCL23
	if len(nal) <= headerSize {
		return broken
	}
	switch t := h265.NALUType(nal[0] >> 1 & 0x3F); {
	case t == h265.NALUType_VPS_NUT:
		return set0
	case t == h265.NALUType_SPS_NUT:
		return set1
	case t == h265.NALUType_PPS_NUT:
		return set2
	case t == h265.NALUType_AUD_NUT:
		return delimiter
	case t >= firstKey && t <= lastKey:
		return keyPart
	case t <= lastSlice:
		return slice
	case t == h265.NALUType_PREFIX_SEI_NUT && recovery(nal[headerSize:]):
		return comeback
	}
	return other
}

func (hevc) sets() int      { return 3 }
func (hevc) key() [][]byte  { return [][]byte{{byte(h265.NALUType_IDR_W_RADL) << 1, 1, 0}} }
func (hevc) dts() extractor { e := &h265.DTSExtractor{}; e.Initialize(); return e }

func (hevc) order(sps []byte) (depth int, unfit bool) {
	var s h265.SPS
	if s.Unmarshal(sps) != nil || len(s.MaxNumReorderPics) == 0 {
		return usualDepth, true
	}
	depth = int(min(s.MaxNumReorderPics[len(s.MaxNumReorderPics)-1], deepest))
	untimed := s.VUI == nil || s.VUI.TimingInfo == nil || s.VUI.TimingInfo.TimeScale == 0
	return depth, depth > 0 && (untimed || len(s.MaxNumReorderPics) > 1)
}

func (hevc) write(w *ts.Writer, t *ts.Track, pts, dts int64, au [][]byte) error {
	return w.WriteH265(t, pts, dts, au)
}
