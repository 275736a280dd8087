package ffmpeg

import (
	"slices"

	"onair/pkg/ladder"
)

// preset is one of an encoder's own.
type preset struct {
	name string
	work float64 // times that of the fastest
	stop bool    // where an encoder that has to be faster goes on
}

// presets are those of a family that differ in nothing that the initialization shows, given the options that every run
// has (a test holds that), from the slowest to the fastest.
var presets = map[string][]preset{
	libx264: {
		{"placebo", 60, false}, {"veryslow", 25, false}, {"slower", 14, false}, {"slow", 7, false}, {"medium", 5, false},
		{"fast", 4, false}, {"faster", 3, false}, {"veryfast", 2, true}, {"superfast", 1.5, true}, {"ultrafast", 1, true},
	},
	libx265: { // superfast and ultrafast make smaller coding units, which the initialization shows
		{"slow", 7, false}, {"medium", 3, false}, {"fast", 2, false}, {"faster", 1.5, false}, {"veryfast", 1.4, true},
	},
}

// faster are the presets that a rendition may be hurried to, one after the other.
func (c Channel) faster(r ladder.Rendition) []string {
	var out []string
	all, from := presets[family(r)], c.preset(r, "veryfast")
	i := slices.IndexFunc(all, func(x preset) bool { return x.name == from })
	for n := i + 1; i >= 0 && n < len(all); n++ {
		if all[n].stop {
			out = append(out, all[n].name)
		}
	}
	return out
}

// hurriedPreset is the preset that a rendition is encoded with.
func (c Channel) hurriedPreset(r ladder.Rendition) string {
	if faster := c.faster(r); c.Haste > 0 && len(faster) > 0 {
		return faster[min(c.Haste, len(faster))-1]
	}
	return c.preset(r, "veryfast")
}

// psychic are x264's presets that optimise for the eye: they offset chroma by two steps, which the init shows.
var psychic = []string{"placebo", "veryslow", "slower", "slow", "medium", "fast"}

// chroma is the offset that a hurried x264 needs so as to make what it made before.
func (c Channel) chroma(r ladder.Rendition) string {
	if slices.Contains(psychic, c.preset(r, "veryfast")) && !slices.Contains(psychic, c.hurriedPreset(r)) {
		return ":chroma-qp-offset=-2"
	}
	return ""
}

// Hurries is how many values of Haste beyond 0 make a difference.
func (c Channel) Hurries() int {
	most := 0
	for _, r := range c.Renditions {
		if r.Kind == ladder.Video {
			most = max(most, len(c.faster(r.WithDefaults())))
		}
	}
	return most
}

// Without is the channel without some of its renditions.
func (c Channel) Without(names []string) Channel {
	c.Renditions = slices.DeleteFunc(slices.Clone(c.Renditions), func(r ladder.Rendition) bool {
		return slices.Contains(names, r.Name)
	})
	return c
}

// Presets are those that the video renditions are encoded with, each once; empty: encoders that have others.
func (c Channel) Presets() []string {
	var out []string
	for _, r := range c.Renditions {
		r = r.WithDefaults()
		if p := c.hurriedPreset(r); r.Kind == ladder.Video && presets[family(r)] != nil && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// decoding is the work beside the encoders, in pixels of the fastest preset.
const decoding = 500_000

// Work is what encoding the channel takes, roughly and in no unit: for comparison with itself hurried, or without some.
func (c Channel) Work() float64 {
	sum := float64(decoding)
	for _, r := range c.Renditions {
		if r.Kind != ladder.Video {
			continue
		}
		work, name := 2.0, c.hurriedPreset(r.WithDefaults())
		for _, x := range presets[family(r.WithDefaults())] {
			if x.name == name {
				work = x.work
			}
		}
		sum += float64(r.Width*r.Height) * work
	}
	return sum
}

// Memory is more than a run of the channel ever takes of a machine's memory, in bytes: a limit for one that leaks.
func (c Channel) Memory() int64 {
	sum := int64(baseMemory)
	for _, r := range c.Renditions {
		if r.Kind == ladder.Video {
			sum += int64(r.Width) * int64(r.Height) * pixelMemory
		}
	}
	return sum
}

// A run's memory is bounded by so much, and so many bytes for each pixel of its video renditions.
const (
	baseMemory  = 1 << 30
	pixelMemory = 600
)
