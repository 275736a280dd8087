package ffmpeg

import "encoding/binary"

// The silent track of a feed without audio. FFmpeg's own generators of silence do not end with the feed; a track in the
// feed does.
const (
	SilencePID        = 0x1FF0 // PID of the track
	SilenceStreamType = 0x03   // its stream_type in the PMT: MPEG-1 audio
	SilenceFrame      = 2160   // duration of a frame in units of 90 kHz: 1152 samples at 48 kHz
)

// mp2Silence is the start of an MPEG-1 layer II frame: 48 kHz, mono, 32 kb/s, no CRC. The frame is 96 bytes; without
// any
// bits allocated, all of the rest is zero.
var mp2Silence = [4]byte{0xFF, 0xFD, 0x14, 0xC0}

const mp2FrameSize = 96

// Silence makes the TS packets of a silent audio track, one frame of 24 ms in each.
type Silence struct {
	next int64
	cc   uint8
}

// NewSilence makes silence from the frame at or before pts on: 90 kHz units, unwrapped, as in the feed.
func NewSilence(pts int64) *Silence {
	return &Silence{next: pts - ((pts%SilenceFrame)+SilenceFrame)%SilenceFrame}
}

// Until emits the frames that start before pts. The packet is valid during the call.
func (s *Silence) Until(pts int64, emit func(packet []byte)) {
	var b [188]byte
	for ; s.next < pts; s.next += SilenceFrame {
		s.packet(&b)
		emit(b[:])
	}
}

func (s *Silence) packet(b *[188]byte) {
	const (
		pesHeader  = 14
		payload    = pesHeader + mp2FrameSize
		adaptation = 188 - 4 - 1 - payload // bytes after adaptation_field_length
	)
	*b = [188]byte{0x47, 0x40 | SilencePID>>8, SilencePID & 0xFF, 0x30 | s.cc, adaptation, 0x40} // random_access_indicator
	s.cc = (s.cc + 1) & 0xF
	for i := 6; i < 5+adaptation; i++ {
		b[i] = 0xFF
	}
	pes := b[5+adaptation:]
	copy(pes, []byte{0, 0, 1, 0xC0, 0, 0, 0x84, 0x80, 5}) // data_alignment_indicator, PTS only
	binary.BigEndian.PutUint16(pes[4:], payload-6)
	t := uint64(s.next) & (1<<33 - 1)
	pes[9] = 0x21 | byte(t>>29)&0x0E
	binary.BigEndian.PutUint16(pes[10:], uint16(t>>15<<1)|1)
	binary.BigEndian.PutUint16(pes[12:], uint16(t<<1)|1)
	copy(pes[pesHeader:], mp2Silence[:])
}
