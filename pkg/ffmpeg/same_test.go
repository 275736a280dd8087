package ffmpeg_test

import (
	"slices"
	"strings"
	"testing"

	"onair/pkg/ffmpeg"
	"onair/pkg/ladder"
)

func TestUnlike(t *testing.T) {
	for name, c := range map[string]struct {
		codec, preset   string
		change          func(*ffmpeg.Channel)
		rendition, want string // part of why; empty: a run goes on
	}{
		"nothing":                       {"h264", "", func(*ffmpeg.Channel) {}, "", ""},
		"bitrates":                      {"h264", "", func(c *ffmpeg.Channel) { c.Renditions[0].Bitrate /= 2; c.Renditions[1].Bitrate = 64_000 }, "", ""},
		"a bitrate of another level":    {"h264", "", func(c *ffmpeg.Channel) { c.Renditions[0].Bitrate = 90_000_000 }, "v", "level"},
		"a fast preset":                 {"h264", "ultrafast", func(c *ffmpeg.Channel) { c.Preset = "veryfast" }, "", ""},
		"two slow presets":              {"h264", "slow", func(c *ffmpeg.Channel) { c.Preset = "medium" }, "", ""},
		"a preset with psychic tuning":  {"h264", "veryfast", func(c *ffmpeg.Channel) { c.Preset = "medium" }, "v", "preset medium makes another header"},
		"presets of x265":               {"hevc", "veryfast", func(c *ffmpeg.Channel) { c.Preset = "medium" }, "", ""},
		"other coding units of x265":    {"hevc", "veryfast", func(c *ffmpeg.Channel) { c.Preset = "ultrafast" }, "v", "preset ultrafast"},
		"an encoder in hardware":        {"h264", "", func(c *ffmpeg.Channel) { c.Renditions[0].Encoder = "h264_nvenc" }, "v", "more than"},
		"a size":                        {"h264", "", func(c *ffmpeg.Channel) { c.Renditions[0].Width = 640 }, "v", "more than"},
		"a rendition less":              {"h264", "", func(c *ffmpeg.Channel) { c.Renditions = c.Renditions[:1] }, "", "the ladder"},
		"channels of sound":             {"h264", "", func(c *ffmpeg.Channel) { c.Renditions[1].Channels = 6 }, "a", "more than"},
		"captions, which are the files": {"h264", "", func(c *ffmpeg.Channel) { c.Renditions[0].Captions = []ladder.Caption{{Channel: "CC1"}} }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			was := hurriedChannel(t, c.codec, c.preset)
			is := was
			is.Renditions = slices.Clone(was.Renditions)
			c.change(&is)
			rendition, why := was.Unlike(is)
			if rendition != c.rendition || (why == "") != (c.want == "") || !strings.Contains(why, c.want) {
				t.Errorf("%q %q, want %q %q", rendition, why, c.rendition, c.want)
			}
		})
	}
}
