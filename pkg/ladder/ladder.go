// Package ladder describes the renditions of a channel: what is encoded, at which size and rate, and what is declared
// of it.
package ladder

import (
	"cmp"
	"strings"

	"onair/pkg/tick"
)

// Kind tells what a rendition carries.
type Kind uint8

// Kinds of renditions.
const (
	Video Kind = iota + 1
	Audio
)

// String is "video" or "audio".
func (k Kind) String() string {
	switch k {
	case Video:
		return "video"
	case Audio:
		return "audio"
	}
	return "unknown"
}

// Codecs that a rendition may have.
const (
	H264 = "h264"
	HEVC = "hevc"
	AV1  = "av1"
	AAC  = "aac"
)

// Caption is one closed-caption service that travels inside a video rendition's pictures.
type Caption struct {
	Channel  string // CC1 to CC4 (CEA-608), SERVICE1 to SERVICE63 (CEA-708): the INSTREAM-ID of HLS
	Language string // BCP 47 tag; empty is "und"
	Name     string // what a player's menu shows; empty is the channel
}

// Is608 tells a CEA-608 channel from a CEA-708 service.
func (c Caption) Is608() bool { return strings.HasPrefix(c.Channel, "CC") }

// Rendition is one encoded track of the ladder.
type Rendition struct {
	Name    string // a-z 0-9 -; file and folder name
	Kind    Kind
	Codec   string // H264, HEVC, AV1 for video; AAC for audio; empty is H264 or AAC
	Encoder string // FFmpeg's name of the encoder; empty is the software encoder of the codec
	Preset  string // the encoder's own presets; empty is the channel's
	Bitrate int64  // target, bits per second

	Width, Height int       // video: pixels of the box that the picture is fitted into; 0 is the source's own size
	Rate          tick.Rate // video: picture rate
	Captions      []Caption // video: captions that survive in this rendition

	Channels   int    // audio: 1, 2, 6 or 8; 0 is 2
	SampleRate int64  // audio: samples per second; 0 is 48000
	Language   string // audio: as configured; empty is "und"
	Source     int    // audio: which of the input's chosen audio tracks feeds this, from 0
}

// WithDefaults is r with the documented default in every field that is empty.
func (r Rendition) WithDefaults() Rendition {
	switch r.Kind {
	case Video:
		r.Codec = cmp.Or(r.Codec, H264)
	case Audio:
		r.Codec = cmp.Or(r.Codec, AAC)
		r.Channels = cmp.Or(r.Channels, 2)
		r.SampleRate = cmp.Or(r.SampleRate, 48_000)
		r.Language = cmp.Or(r.Language, "und")
		r.Bitrate = cmp.Or(r.Bitrate, 64_000*int64(r.Channels))
	}
	return r
}

// FrameSamples is the number of samples in one coded frame of an audio codec: 1024 for AAC-LC.
func FrameSamples(codec string) int64 {
	if codec == "" || codec == AAC {
		return 1024
	}
	return 0
}

// Timescale is the media timescale of the rendition: the picture rate's for video, the sample rate for audio.
func (r Rendition) Timescale() int64 {
	if r.Kind == Audio {
		return r.WithDefaults().SampleRate
	}
	return r.Rate.Timescale()
}
