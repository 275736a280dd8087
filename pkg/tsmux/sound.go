package tsmux

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	ts "github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
)

// newAAC reads an AudioSpecificConfig and finds out whether ADTS can say the same (ISO/IEC 14496-3 §1.A.3).
func newAAC(config []byte) (track, error) {
	c := &ts.CodecMPEG4Audio{}
	if err := c.Unmarshal(config); err != nil {
		return track{}, fmt.Errorf("aac: the AudioSpecificConfig cannot be used: %w", err)
	}
	if c.FrameLengthFlag || c.DependsOnCoreCoder {
		return track{}, errors.New("aac with frames of 960 samples or a core coder cannot be muxed: ADTS has no word for it")
	}
	probe := mpeg4audio.ADTSPackets{{Type: c.Type, SampleRate: c.SampleRate, ChannelCount: c.ChannelCount, AU: []byte{0}}}
	if _, err := probe.Marshal(); err != nil {
		return track{}, fmt.Errorf("aac cannot be muxed: %w", err)
	}
	return track{out: &ts.Track{Codec: c}, write: writeAAC}, nil
}

// maxADTS is what the 13 bits of a frame's length in ADTS can say, header included.
const maxADTS = 1<<13 - 1 - 7

func writeAAC(w *ts.Writer, t *ts.Track, pts int64, frames [][]byte) error {
	for _, frame := range frames {
		if len(frame) > maxADTS {
			return fmt.Errorf("an aac frame of %d bytes: ADTS has room for %d", len(frame), maxADTS)
		}
	}
	return w.WriteMPEG4Audio(t, pts, frames)
}

func writeAC3(w *ts.Writer, t *ts.Track, pts int64, frames [][]byte) error {
	var all []byte
	for _, frame := range frames {
		all = append(all, frame...)
	}
	return w.WriteAC3(t, pts, all)
}
