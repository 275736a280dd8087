package mpegts

import (
	"bytes"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"onair/pkg/timecode"
)

// SEI payload types that carry time labels.
const (
	seiPictureTiming = 1   // ITU-T H.264 §D.1.3
	seiTimeCode      = 136 // ITU-T H.265 §D.2.27
)

// dropFrame is the counting_type of labels with dropped numbers (ITU-T H.264 table D-2, H.265 table D.11).
const dropFrame = 4

// Labels finds the time labels in the pictures of one PID: the picture timing of H.264, the time code of HEVC. It looks
// at the first picture that begins in a PES packet.
type Labels struct {
	units   units
	visit   func([]byte) bool
	scratch [unitCap]byte

	set    []byte // the SPS that timing is of
	timing timing
	last   timecode.Label // of the picture before: what a label leaves out is as there
	found  bool           // since the last Push
}

// timing is how the picture timing messages of an H.264 stream are laid out, by its SPS.
type timing struct {
	delays  int  // bits before pic_struct
	labels  bool // pic_struct_present_flag
	offsets int  // bits of time_offset
}

// NewLabels returns a finder for a stream of codec c; it finds nothing in a codec other than H.264 and HEVC.
func NewLabels(c Codec) *Labels {
	f := &Labels{}
	f.units.codec = c
	f.visit = visitorFor(c, f.avc, f.hevc, nil)
	return f
}

// Push takes the next packet of the PID. found tells that the label of the PES packet under way has just come.
func (f *Labels) Push(p Packet) (l timecode.Label, found bool) {
	if f.visit == nil || p.TransportError() {
		return l, false
	}
	if p.Start() {
		f.units.open = false // what was not whole is not looked at any more
	}
	f.found = false
	f.units.push(p, f.visit)
	return f.last, f.found
}

func (f *Labels) avc(unit []byte) bool {
	switch unit[0] & 0x1F {
	case avcSPS:
		f.take(unit)
	case avcSEI:
		seiMessages(unit[1:], &f.scratch, func(kind int, b []byte) {
			if kind == seiPictureTiming && f.timing.labels {
				f.pictureTiming(bitReader{b: b})
			}
		})
	}
	return f.found
}

func (f *Labels) hevc(unit []byte) bool {
	if unit[0]>>1&0x3F == hevcSEI && len(unit) > 2 {
		seiMessages(unit[2:], &f.scratch, func(kind int, b []byte) {
			if kind == seiTimeCode {
				f.timeCode(bitReader{b: b})
			}
		})
	}
	return f.found
}

// take learns from an SPS how picture timing is laid out (ITU-T H.264 §D.1.3, §E.1.2).
func (f *Labels) take(set []byte) {
	if bytes.Equal(set, f.set) {
		return
	}
	f.set, f.timing = append(f.set[:0], set...), timing{}
	var sps h264.SPS
	if sps.Unmarshal(set) != nil || sps.VUI == nil {
		return
	}
	f.timing = timing{labels: sps.VUI.PicStructPresentFlag, offsets: 24} // the length where there is no HRD
	hrd := sps.VUI.NalHRD
	if hrd == nil {
		hrd = sps.VUI.VclHRD
	}
	if hrd != nil {
		f.timing.delays = int(hrd.CpbRemovalDelayLengthMinus1) + int(hrd.DpbOutputDelayLengthMinus1) + 2
		f.timing.offsets = int(hrd.TimeOffsetLength)
	}
}

// clocks is NumClockTS of each pic_struct (ITU-T H.264 table D-1).
var clocks = [...]int{1, 1, 1, 2, 2, 3, 3, 2, 3}

func (f *Labels) pictureTiming(r bitReader) {
	r.bits(f.timing.delays)
	n := 0
	if s := int(r.bits(4)); s < len(clocks) {
		n = clocks[s]
	}
	for range n {
		if r.bit() == 0 {
			continue
		}
		r.bits(3) // ct_type, nuit_field_based_flag
		if f.label(&r, 8, func() { r.bits(f.timing.offsets) }) {
			return
		}
	}
}

func (f *Labels) timeCode(r bitReader) {
	for n := r.bits(2); n > 0; n-- {
		if r.bit() == 0 {
			continue
		}
		r.bits(1) // units_field_based_flag
		if f.label(&r, 9, func() { r.bits(int(r.bits(5))) }) {
			return
		}
	}
}

// label reads a label from counting_type to time_offset, with n_frames of so many bits. It tells whether that was one.
func (f *Labels) label(r *bitReader, frames int, offset func()) bool {
	l := f.last
	l.Drop = r.bits(5) == dropFrame
	full := r.bit() == 1
	r.bits(2) // discontinuity_flag, cnt_dropped_flag
	l.Frames = int(r.bits(frames))
	if full {
		l.Seconds, l.Minutes, l.Hours = int(r.bits(6)), int(r.bits(6)), int(r.bits(5))
	} else if r.bit() == 1 {
		if l.Seconds = int(r.bits(6)); r.bit() == 1 {
			if l.Minutes = int(r.bits(6)); r.bit() == 1 {
				l.Hours = int(r.bits(5))
			}
		}
	}
	offset()
	if r.over || !l.Valid() {
		return false
	}
	f.last, f.found = l, true
	return true
}
