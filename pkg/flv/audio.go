package flv

import (
	"fmt"

	"onair/pkg/mpegts"
)

const supportedAudio = "what is supported is AAC, MP3, AC-3 and Opus"

// Audio reads an audio message.
func Audio(b []byte) (Tag, error) {
	if len(b) == 0 {
		return Tag{}, ErrCut
	}
	const mp3, mp3At8k, enhanced, aac = 2, 14, 9, 10
	switch format := b[0] >> 4; format {
	case enhanced:
		return enhancedAudio(b)
	case mp3, mp3At8k:
		return Tag{Codec: mpegts.MP2, Content: Frames, Data: b[1:]}, nil
	case aac:
		if len(b) < 2 {
			return Tag{}, ErrCut
		}
		t := Tag{Codec: mpegts.AAC, Content: Frames, Data: b[2:]}
		if b[1] == 0 {
			t.Content = Config
		}
		return t, nil
	default:
		return Tag{}, fmt.Errorf("%w: audio codec %d of FLV, %s", ErrUnsupported, format, supportedAudio)
	}
}

// enhancedAudio reads a message that names its codec by four characters.
func enhancedAudio(b []byte) (Tag, error) {
	kind, b, err := beyond(b)
	if err != nil {
		return Tag{}, err
	}
	if kind == multitrackA {
		return Tag{}, fmt.Errorf("%w: several audio tracks", ErrUnsupported)
	}
	code, b, err := fourCC(b)
	if err != nil {
		return Tag{}, err
	}
	codec, known := map[string]mpegts.Codec{
		"mp4a": mpegts.AAC, ".mp3": mpegts.MP2, "ac-3": mpegts.AC3, "Opus": mpegts.Opus,
	}[code]
	if !known {
		return Tag{}, fmt.Errorf("%w: audio codec %q, %s", ErrUnsupported, code, supportedAudio)
	}
	t := Tag{Codec: codec, Data: b}
	switch kind {
	case sequenceStart:
		t.Content = Config
	case codedFrames:
		t.Content = Frames
	}
	return t, nil
}
