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
	return wrapAAC(c)
}

func wrapAAC(c *ts.CodecMPEG4Audio) (track, error) {
	if c.FrameLengthFlag || c.DependsOnCoreCoder {
		return track{}, errors.New("aac with frames of 960 samples or a core coder cannot be muxed: ADTS has no word for it")
	}
	probe := mpeg4audio.ADTSPackets{{Type: c.Type, SampleRate: c.SampleRate, ChannelCount: c.ChannelCount, AU: []byte{0}}}
	if _, err := probe.Marshal(); err != nil {
		return track{}, fmt.Errorf("aac cannot be muxed: %w", err)
	}
	return track{out: &ts.Track{Codec: c}, write: writeAAC}, nil
}

// newLATM muxes elements with their configuration as they are, and others as AAC with ADTS.
func newLATM(config []byte) (track, error) {
	if len(config) == 0 {
		return track{out: &ts.Track{Codec: &ts.CodecMPEG4AudioLATM{}}, write: (*ts.Writer).WriteMPEG4AudioLATM}, nil
	}
	mux := &mpeg4audio.StreamMuxConfig{}
	if err := mux.Unmarshal(config); err != nil {
		return track{}, fmt.Errorf("aac in latm: the StreamMuxConfig cannot be used: %w", err)
	}
	if len(mux.Programs) != 1 || len(mux.Programs[0].Layers) != 1 {
		return track{}, errors.New("aac in latm with several programmes or layers cannot be muxed")
	}
	t, err := wrapAAC(&ts.CodecMPEG4Audio{Config: *mux.Programs[0].Layers[0].AudioSpecificConfig})
	if err != nil {
		return t, err
	}
	t.write = func(w *ts.Writer, out *ts.Track, pts int64, elements [][]byte) error {
		var frames [][]byte
		for _, b := range elements {
			e := mpeg4audio.AudioMuxElement{StreamMuxConfig: mux}
			if err := e.Unmarshal(b); err != nil {
				return fmt.Errorf("an aac element that is not as announced: %w", err)
			}
			for _, sub := range e.Payloads {
				frames = append(frames, sub[0][0])
			}
		}
		return writeAAC(w, out, pts, frames)
	}
	return t, nil
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
