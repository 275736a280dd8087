package mpegts

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
)

// maxSide is the largest width or height that is believed.
const maxSide = 1 << 14

// Size is the width and height of the pictures in pixels, by the newest SPS or sequence header; 0, 0 before any, or if
// that cannot be read.
func (d *Detector) Size() (width, height int) {
	if len(d.set) == 0 {
		return 0, 0
	}
	switch d.units.codec {
	case H264:
		var sps h264.SPS
		if sps.Unmarshal(d.set) == nil {
			width, height = sps.Width(), sps.Height()
		}
	case HEVC:
		var sps h265.SPS
		if sps.Unmarshal(d.set) == nil {
			width, height = sps.Width(), sps.Height()
		}
	case MPEG1Video, MPEG2Video:
		if len(d.set) >= 4 {
			width = int(d.set[1])<<4 | int(d.set[2]>>4)
			height = int(d.set[2]&0x0F)<<8 | int(d.set[3])
		}
	}
	if width <= 0 || height <= 0 || width > maxSide || height > maxSide {
		return 0, 0
	}
	return width, height
}
