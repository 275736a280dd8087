package ffmpeg

import (
	"fmt"
	"slices"

	"onair/pkg/ladder"
)

// Unlike says why a run of another channel would not go on where runs of c have left off: what shapes the
// initialization of a rendition differs. The rendition is empty when the ladder as a whole does; both are when nothing
// does: bitrates within a level and most presets of x264 and x265 differ in nothing that shows.
func (c Channel) Unlike(other Channel) (rendition, why string) {
	if c.Grid != other.Grid || c.Audio != other.Audio || len(c.Renditions) != len(other.Renditions) {
		return "", "the ladder or its grid is another one"
	}
	for i, was := range c.Renditions {
		was, is := was.WithDefaults(), other.Renditions[i].WithDefaults()
		if why := unlike(was, is); why != "" {
			return is.Name, why
		}
		from, to := c.preset(was, "veryfast"), other.preset(is, "veryfast")
		if is.Kind == ladder.Video && from != to && !alike(family(is), from, to) {
			return is.Name, fmt.Sprintf("preset %s makes another header than %s", to, from)
		}
	}
	return "", ""
}

// unlike compares two renditions, presets aside.
func unlike(was, is ladder.Rendition) string {
	before, after := was.Level(), is.Level()
	was.Bitrate = is.Bitrate
	was.Preset, was.Captions = is.Preset, is.Captions
	switch {
	case was.Name != is.Name || was.Kind != is.Kind || was.Codec != is.Codec || was.Encoder != is.Encoder ||
		was.Width != is.Width || was.Height != is.Height || was.Rate != is.Rate || was.Channels != is.Channels ||
		was.SampleRate != is.SampleRate || was.Language != is.Language || was.Source != is.Source:
		return "more than its bitrate differs"
	case is.Kind == ladder.Video && before != after:
		return fmt.Sprintf("level %s is needed instead of %s", after, before)
	}
	return ""
}

// alike tells whether two presets of a family make the same initialization.
func alike(family, a, b string) bool {
	known := func(name string) bool {
		return slices.ContainsFunc(presets[family], func(p preset) bool { return p.name == name })
	}
	return known(a) && known(b) && (family != libx264 || slices.Contains(psychic, a) == slices.Contains(psychic, b))
}
