package control

import "github.com/prometheus/client_golang/prometheus"

// What is not looked at has no sample.
var (
	pictureFamilies = []family[Content]{
		gauge("input_black_seconds", "How long the picture has been black; 0: it is not", ofInput,
			func(c *Content) float64 { return c.BlackSeconds }),
		gauge("input_freeze_seconds", "How long the picture has stood still; 0: it does not", ofInput,
			func(c *Content) float64 { return c.FreezeSeconds }),
	}
	soundFamilies = []family[Content]{
		gauge("input_mute_seconds", "How long the sound has been silent; 0: it is not", ofInput,
			func(c *Content) float64 { return c.SilenceSeconds }),
	}
	inputLoudness = desc("input_loudness_lufs", "Short-term loudness (EBU R 128), -70 at least", ofInput)
	inputAVOffset = desc("input_av_offset_seconds", "Sound arrives so much later than its picture", ofInput)
)

func (s sink) content(c *Content, labels ...string) {
	if c.Picture {
		sendAll(s, pictureFamilies, c, labels...)
	}
	if c.Sound {
		sendAll(s, soundFamilies, c, labels...)
	}
	if c.LoudnessLUFS != nil {
		s.send(inputLoudness, prometheus.GaugeValue, *c.LoudnessLUFS, labels...)
	}
	if c.AVOffsetMs != nil {
		s.send(inputAVOffset, prometheus.GaugeValue, *c.AVOffsetMs/1000, labels...)
	}
}
