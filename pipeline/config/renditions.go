package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"onair/pkg/ffmpeg"
)

// Bounds of renditions.
const (
	minSide         = 64
	maxSide         = 8192
	minVideoBitrate = 30_000
	maxVideoBitrate = 200_000_000
	minAudioBitrate = 16_000
	maxAudioChannel = 288_000 // 6144 bits a channel in 1024 samples at 48 kHz (ISO/IEC 14496-3 §4.5.3.1)
	maxRenditions   = 16      // of a kind
)

// x264Presets are the speeds of libx264 and libx265.
var x264Presets = []string{
	"ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo",
}

// defaultName matches what the default ladder calls its renditions.
var defaultName = regexp.MustCompile(`^(?i)v[0-9]*$`)

// softwareEncoders are those that a codec has unless the file names a hardware one.
var softwareEncoders = map[string]string{codecH264: "libx264", codecHEVC: "libx265", codecAV1: "libaom-av1"}

func (r *reader) renditions(c *Channel) {
	seen := map[string]string{}
	if c.Video != nil && len(c.Video) == 0 && len(c.Audio) == 0 && !r.bad["video"] && !r.bad["audio"] {
		r.wrong("video", "is empty and so is audio", "needed is at least one rendition")
	}
	r.most("video", len(c.Video), maxRenditions)
	r.most("audio", len(c.Audio), maxRenditions)
	for i, v := range c.Video {
		r.video(fmt.Sprintf("video[%d]", i), v, seen)
	}
	for i, a := range c.Audio {
		if r.given("audio") && !r.bad["audio"] {
			r.audio(fmt.Sprintf("audio[%d]", i), a, c, seen)
		} else if first, ok := seen[a.Name]; ok {
			r.wrong(first+".name", fmt.Sprintf("%q is also the name of the audio rendition that there is by default", a.Name),
				"write an audio list or take another name")
		}
	}
	if !r.bad["preset"] {
		r.preset(c)
	}
}

func (r *reader) most(path string, n, most int) {
	if n > most {
		r.wrong(path, fmt.Sprintf("has %d renditions", n), fmt.Sprintf("allowed are %d", most))
	}
}

func (r *reader) video(path string, v Video, seen map[string]string) {
	if r.bad[path] {
		return
	}
	r.name(path+".name", v.Name, seen)
	if r.need(path+".size", "allowed is WIDTHxHEIGHT in pixels, like 1280x720") {
		w, h := v.Size.Width, v.Size.Height
		r.check(min(w, h) >= minSide && max(w, h) <= maxSide, path+".size", "is out of bounds",
			fmt.Sprintf("allowed is %dx%d to %dx%d", minSide, minSide, maxSide, maxSide))
		r.check(w%2 == 0 && h%2 == 0, path+".size", "has an odd side",
			"allowed are even numbers (colour is at half resolution)")
	}
	if r.need(path+".bitrate", "allowed is bits per second, like 800k or 3M") {
		r.check(v.Bitrate >= minVideoBitrate && v.Bitrate <= maxVideoBitrate, path+".bitrate", "is out of bounds",
			fmt.Sprintf("allowed is %v to %v", Bitrate(minVideoBitrate), Bitrate(maxVideoBitrate)))
	}
	r.oneOf(path+".codec", v.Codec, codecH264, codecHEVC, codecAV1)
	if !r.bad[path+".codec"] {
		_, err := ffmpeg.Encoder(v.rendition())
		r.check(err == nil, path+".encoder", "is no encoder of "+v.Codec,
			fmt.Sprintf("allowed is %s, %[2]s_nvenc, %[2]s_vaapi or %[2]s_qsv", softwareEncoders[v.Codec], v.Codec))
	}
}

func (r *reader) audio(path string, a Audio, c *Channel, seen map[string]string) {
	if r.bad[path] {
		return
	}
	r.name(path+".name", a.Name, seen)
	r.check(c.Video != nil || !defaultName.MatchString(a.Name), path+".name", "is a name of the default video ladder",
		"allowed is another name, or a video list")
	r.check(slices.Contains([]int{1, 2, 6}, a.Channels), path+".channels", "is no layout that every player knows",
		"allowed is 1 (mono), 2 (stereo) or 6 (5.1)")
	if r.given(path+".bitrate") && !r.bad[path+".channels"] {
		most := Bitrate(maxAudioChannel * a.Channels)
		r.check(a.Bitrate >= minAudioBitrate && a.Bitrate <= most, path+".bitrate", "is out of bounds",
			fmt.Sprintf("allowed is %v to %v (AAC-LC, channels: %d)", Bitrate(minAudioBitrate), most, a.Channels))
	}
	r.check(language.MatchString(a.Language), path+".language", "is no language code",
		"allowed is an ISO 639 code of two or three letters, like en or deu, or und")
}

// preset checks the name where it is known to which encoder it goes; others have names of their own.
func (r *reader) preset(c *Channel) {
	known := !slices.ContainsFunc(c.Video, func(v Video) bool {
		return v.Codec == codecAV1 || (v.Encoder != "" && v.Encoder != softwareEncoders[v.Codec])
	})
	if known {
		r.check(slices.Contains(x264Presets, c.Preset), "preset", "is no preset of x264 and x265",
			"allowed is "+strings.Join(x264Presets, ", "))
		return
	}
	r.check(pathName.MatchString(c.Preset), "preset", "is no preset", "allowed is a word that the encoder knows")
}
