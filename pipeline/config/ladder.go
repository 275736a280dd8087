package config

import (
	"time"

	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// The audio grid of every channel.
const (
	audioRate    = 48_000
	audioSamples = 1024 // AAC-LC (ISO/IEC 14496-3)
)

// Picture is what the ladder needs to know of the source's video. The zero value is a source without video.
type Picture struct {
	Width  int `json:"width"` // coded, in pixels
	Height int `json:"height"`
	SARNum int `json:"sar_num"` // sample aspect ratio; 0:0 is square
	SARDen int `json:"sar_den"`
}

// Ladder is the channel's renditions for a source, video first: those of the file, each fitted into its box, or the
// default ladder. rate is the picture rate of the channel's grid. A channel has video renditions for a source without
// video only when the file lists some.
func (c *Channel) Ladder(p Picture, rate tick.Rate) []ladder.Rendition {
	var out []ladder.Rendition
	if c.Video == nil {
		out = ladder.Default(p.Width, p.Height, p.SARNum, p.SARDen)
	}
	for _, v := range c.Video {
		r := v.rendition()
		if p.Width > 0 {
			r.Width, r.Height = ladder.Fit(r, p.Width, p.Height, p.SARNum, p.SARDen)
		}
		out = append(out, r)
	}
	for i := range out {
		out[i].Rate = rate
	}
	for i, a := range c.Audio {
		out = append(out, ladder.Rendition{
			Name: a.Name, Kind: ladder.Audio, Codec: ladder.AAC, Bitrate: int64(a.Bitrate),
			Channels: a.Channels, SampleRate: audioRate, Language: a.Language, Source: i,
		})
	}
	return out
}

// SoundOnly tells whether the file asks for a channel without pictures.
func (c *Channel) SoundOnly() bool { return c.Video != nil && len(c.Video) == 0 }

func (v Video) rendition() ladder.Rendition {
	return ladder.Rendition{
		Name: v.Name, Kind: ladder.Video, Codec: v.Codec, Encoder: v.Encoder, Bitrate: int64(v.Bitrate),
		Width: v.Size.Width, Height: v.Size.Height,
	}
}

// Grid is the channel's segment grid at a picture rate: Segment and GOP rounded to whole frames. The zero rate is that
// of a channel without video.
func (c *Channel) Grid(rate tick.Rate) (tick.Grid, error) {
	return tick.NewGrid(rate, ticks(c.Segment), ticks(c.GOP))
}

func ticks(d time.Duration) tick.Tick { return tick.FromDuration(d) }

// AudioGrid is the grid of the channel's audio renditions.
func (c *Channel) AudioGrid() tick.Audio { return tick.Audio{Rate: audioRate, Samples: audioSamples} }

// Tracks is the input's choice of audio tracks as the planner of FFmpeg takes it.
func (in Input) Tracks() []string {
	var out []string
	for _, s := range in.Audio {
		out = append(out, s.String())
	}
	return out
}
