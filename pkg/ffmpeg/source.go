package ffmpeg

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// Video is the video track of a source, as ffprobe sees it.
type Video struct {
	Codec          string // ffprobe's name: "h264", "hevc", "mpeg2video"
	Width, Height  int    // coded picture, in pixels
	SARNum, SARDen int    // sample aspect ratio; 1:1 when the source does not say
	Rate           tick.Rate
	Interlaced     bool
	Transfer       string // "bt709", "arib-std-b67", "smpte2084", ...; empty when the source does not say
	Primaries      string
	Matrix         string
	Range          string // "tv" or "pc"; empty when the source does not say
	PixFmt         string // "yuv420p", "yuv420p10le", ...
	Captions       bool   // CEA-608 or CEA-708 data travel in the pictures

	// Services are the captions in use. ffprobe does not tell them: who knows sets them.
	Services []ladder.Caption
}

// AudioTrack is one audio track of a source.
type AudioTrack struct {
	PID        uint16
	Codec      string // ffprobe's name: "aac", "aac_latm", "mp2", "ac3", "eac3"
	SampleRate int    // samples per second
	Channels   int
	Layout     string // "stereo", "5.1(side)", ...
	Language   string // ISO 639-2 code of the stream; empty when it has none
	Profile    string
	Absent     bool // it belongs to the source but does not come now: silence in its place
}

// Source is what a programme carries. A nil Video is a programme without pictures.
type Source struct {
	Video    *Video
	VideoPID uint16
	Audio    []AudioTrack // in PMT order
}

// ProbeArgs are the arguments of an ffprobe that reads a TS on its standard input and prints what ParseProbe reads.
func ProbeArgs() []string {
	return []string{
		"-hide_banner", "-loglevel", "error",
		"-print_format", "json", "-show_streams",
		// Captions and interlacing show in decoded pictures only. This many packets hold at least a second of video.
		"-show_entries", "frame=media_type,interlaced_frame", "-read_intervals", "%+#200",
		"-analyzeduration", "2000000", "-probesize", "10000000", // of media: a live source takes as long to bring it
		"-f", "mpegts", "-i", "pipe:0",
	}
}

type probedStream struct {
	Type      string `json:"codec_type"`
	Codec     string `json:"codec_name"`
	Profile   string `json:"profile"`
	ID        string `json:"id"`
	Width     int    `json:"width"`
	Height    int    `json:"height"`
	SAR       string `json:"sample_aspect_ratio"`
	PixFmt    string `json:"pix_fmt"`
	Range     string `json:"color_range"`
	Matrix    string `json:"color_space"`
	Transfer  string `json:"color_transfer"`
	Primaries string `json:"color_primaries"`
	Field     string `json:"field_order"`
	RFrame    string `json:"r_frame_rate"`
	AvgFrame  string `json:"avg_frame_rate"`
	Captions  int    `json:"closed_captions"`
	Rate      string `json:"sample_rate"`
	Channels  int    `json:"channels"`
	Layout    string `json:"channel_layout"`
	Tags      struct {
		Language string `json:"language"`
	} `json:"tags"`
}

// ParseProbe reads what an ffprobe with ProbeArgs printed. Tracks that it could not make out (a declared PID without
// packets) are left out; a source in which no track is left is an error, the source's fault.
func ParseProbe(b []byte) (Source, error) {
	var doc struct {
		Streams []probedStream `json:"streams"`
		Frames  []struct {
			Type       string `json:"media_type"`
			Interlaced int    `json:"interlaced_frame"`
		} `json:"frames"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return Source{}, fmt.Errorf("reading ffprobe's answer: %w", err)
	}
	var src Source
	for _, s := range doc.Streams {
		pid, err := strconv.ParseUint(s.ID, 0, 16)
		if err != nil || s.Codec == "" || s.Codec == "unknown" {
			continue
		}
		switch {
		case s.Type == "video" && s.Width > 0 && s.Height > 0 && src.Video == nil:
			src.Video, src.VideoPID = s.video(), uint16(pid)
		case s.Type == "audio" && s.Channels > 0:
			src.Audio = append(src.Audio, s.audio(uint16(pid)))
		}
	}
	for _, f := range doc.Frames {
		if f.Type == "video" && f.Interlaced != 0 && src.Video != nil {
			src.Video.Interlaced = true
		}
	}
	if src.Video == nil && len(src.Audio) == 0 {
		return Source{}, fmt.Errorf("the source has no video or audio that ffprobe can decode")
	}
	return src, nil
}

func (s probedStream) video() *Video {
	v := &Video{
		Codec: s.Codec, Width: s.Width, Height: s.Height, PixFmt: s.PixFmt, Captions: s.Captions != 0,
		Transfer: known(s.Transfer), Primaries: known(s.Primaries), Matrix: known(s.Matrix), Range: known(s.Range),
	}
	v.SARNum, v.SARDen = ratio(s.SAR, ":")
	if v.SARNum <= 0 || v.SARDen <= 0 {
		v.SARNum, v.SARDen = 1, 1
	}
	switch s.Field {
	case "tt", "bb", "tb", "bt":
		v.Interlaced = true
	}
	v.Rate = s.rate()
	return v
}

// rate is the first guess of ffprobe that is a standard rate: the average is per picture but wrong where the
// probe was short or the source's clock jumped, the other one counts fields in some interlaced streams. Where neither
// is, it is the average.
func (s probedStream) rate() tick.Rate {
	var guesses []tick.Rate
	for _, text := range []string{s.AvgFrame, s.RFrame} {
		if num, den := ratio(text, "/"); num > 0 && den > 0 && num/den <= 120 {
			guesses = append(guesses, tick.Rate{Num: int64(num), Den: int64(den)})
		}
	}
	if len(guesses) == 2 { // fields: pictures come half as often
		if avg, fields := guesses[0], guesses[1]; 3*avg.Num*fields.Den < 2*fields.Num*avg.Den {
			guesses[1].Den *= 2
		}
	}
	for _, r := range guesses {
		if usual(r) {
			return r
		}
	}
	return append(guesses, tick.Rate{})[0]
}

// usual tells whether r is a standard rate, as exactly as time stamps of 90 kHz over some seconds tell.
func usual(r tick.Rate) bool {
	near := tick.Nearest(r.Num, r.Den)
	off := r.Num*near.Den - near.Num*r.Den
	return max(off, -off)*500 <= near.Num*r.Den
}

func (s probedStream) audio(pid uint16) AudioTrack {
	rate, _ := strconv.Atoi(s.Rate)
	return AudioTrack{
		PID: pid, Codec: s.Codec, SampleRate: rate, Channels: s.Channels,
		Layout: known(s.Layout), Language: s.Tags.Language, Profile: known(s.Profile),
	}
}

func known(s string) string {
	if s == "unknown" {
		return ""
	}
	return s
}

func ratio(s, sep string) (num, den int) {
	a, b, _ := strings.Cut(s, sep)
	num, _ = strconv.Atoi(a)
	den, _ = strconv.Atoi(b)
	return num, den
}
