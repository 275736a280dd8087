// Package flv reads the video and audio messages of RTMP, which are those of FLV files (Adobe's FLV specification 10.1
// annex E, Veovera's Enhanced RTMP v2), and makes MPEG-TS of them.
package flv

import (
	"errors"
	"fmt"

	"onair/pkg/mpegts"
)

// Content says what a message brings.
type Content uint8

// What a message may bring. Nothing is what needs no attention: ends of sequences, metadata, commands.
const (
	Nothing Content = iota
	Config          // the codec's configuration
	Frames          // an access unit, or frames of sound
)

// Tag is one message of video or audio.
type Tag struct {
	Codec   mpegts.Codec
	Content Content
	Key     bool  // video: a key frame
	Offset  int32 // video: how much later than its timestamp it is shown, in ms (composition time)
	Data    []byte
}

// ErrCut tells of a message that ends too early.
var ErrCut = errors.New("a message that is cut short")

// ErrUnsupported tells of what cannot be made MPEG-TS of.
var ErrUnsupported = errors.New("not supported")

// Kinds of enhanced packets, of video and audio alike.
const (
	sequenceStart = 0
	codedFrames   = 1
	sequenceEnd   = 2
	codedFramesX  = 3 // video: without composition time
	multitrackV   = 6
	multitrackA   = 5
	modEx         = 7 // something stands before
)

// Video reads a video message.
func Video(b []byte) (Tag, error) {
	const keyFrame, command = 1, 5
	if len(b) == 0 {
		return Tag{}, ErrCut
	}
	t := Tag{Key: b[0]>>4&7 == keyFrame}
	if b[0]>>4&7 == command {
		return Tag{}, nil
	}
	if b[0]&0x80 != 0 {
		return enhancedVideo(t, b)
	}
	switch id := b[0] & 0x0F; id {
	case 7:
		t.Codec = mpegts.H264
	case 12: // what encoders wrote before there was Enhanced RTMP
		t.Codec = mpegts.HEVC
	default:
		return Tag{}, fmt.Errorf("%w: video codec %d of FLV, what is supported is H.264 and HEVC", ErrUnsupported, id)
	}
	const header = 5
	if len(b) < header {
		return Tag{}, ErrCut
	}
	t.Offset, t.Data = int24(b[2:]), b[header:]
	switch b[1] {
	case 0:
		t.Content = Config
	case 1:
		t.Content = Frames
	}
	return t, nil
}

// enhancedVideo reads a message that names its codec by four characters.
func enhancedVideo(t Tag, b []byte) (Tag, error) {
	kind, b, err := beyond(b)
	if err != nil {
		return Tag{}, err
	}
	if kind == multitrackV {
		return Tag{}, fmt.Errorf("%w: several video tracks", ErrUnsupported)
	}
	code, b, err := fourCC(b)
	if err != nil {
		return Tag{}, err
	}
	switch code {
	case "avc1":
		t.Codec = mpegts.H264
	case "hvc1":
		t.Codec = mpegts.HEVC
	default:
		return Tag{}, fmt.Errorf("%w: video codec %q, what is supported is H.264 and HEVC", ErrUnsupported, code)
	}
	switch kind {
	case sequenceStart:
		t.Content = Config
	case codedFrames:
		if len(b) < 3 {
			return Tag{}, ErrCut
		}
		t.Content, t.Offset, b = Frames, int24(b), b[3:]
	case codedFramesX:
		t.Content = Frames
	}
	t.Data = b
	return t, nil
}

// beyond is the kind of an enhanced packet and what follows it, extensions skipped (ModEx).
func beyond(b []byte) (kind byte, rest []byte, err error) {
	kind, b = b[0]&0x0F, b[1:]
	for kind == modEx {
		if len(b) == 0 {
			return 0, nil, ErrCut
		}
		size := int(b[0]) + 1
		if b = b[1:]; size == 256 {
			if len(b) < 2 {
				return 0, nil, ErrCut
			}
			size, b = (int(b[0])<<8|int(b[1]))+1, b[2:]
		}
		if len(b) <= size {
			return 0, nil, ErrCut
		}
		kind, b = b[size]&0x0F, b[size+1:]
	}
	return kind, b, nil
}

func fourCC(b []byte) (string, []byte, error) {
	if len(b) < 4 {
		return "", nil, ErrCut
	}
	return string(b[:4]), b[4:], nil
}

// int24 is a signed number of three bytes.
func int24(b []byte) int32 { return int32(uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8) >> 8 }
