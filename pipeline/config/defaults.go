package config

import (
	"net/netip"
	"time"
)

// Defaults that more than one place needs.
const (
	defaultAudioBitrate = 64_000 // per channel, bits per second
	defaultPreset       = "veryfast"
)

func (c *Channel) setDefaults() {
	a := Audio{Name: "a1"}
	a.setDefaults()
	a.Bitrate = defaultAudioBitrate * Bitrate(a.Channels)
	c.HTTP = ":8080"
	c.Start = startSlate
	c.Failover = Failover{Loss: 500 * time.Millisecond, ReturnAfter: 30 * time.Second}
	c.Slate = Slate{Hold: time.Second}
	c.Segment = 4 * time.Second
	c.GOP = 2 * time.Second
	c.Preset = defaultPreset
	c.Audio = []Audio{a}
	c.Window = 10 * time.Minute
}

func (in *Input) setDefaults() {
	in.Merge = 200 * time.Millisecond
	in.Timecode = timecodeNone
	in.Monitor = monitorAuto
	in.Allow = []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)}
}

func (v *Video) setDefaults() { v.Codec = codecH264 }

func (a *Audio) setDefaults() {
	a.Channels = 2
	a.Language = "und"
}

// complete fills in what depends on other values of the file.
func (c *Channel) complete() {
	for i := range c.Audio {
		if c.Audio[i].Bitrate == 0 {
			c.Audio[i].Bitrate = defaultAudioBitrate * Bitrate(c.Audio[i].Channels)
		}
	}
	if c.Timeline.IsZero() && len(c.Outputs) > 0 {
		c.Timeline = c.Outputs[0]
	}
}
