// Package content tells what a picture and a sound are like, out of what FFmpeg's detectors find: how long a picture
// has been black or still, how long a sound silent, how loud it is. Times are those of the media, not of the reading.
package content

import (
	"math"
	"strconv"
	"strings"

	"onair/pkg/tick"
)

// Content is what is known of an input's picture and sound now. What is not looked at (Picture or Sound false) has no
// condition: unknown counts as healthy.
type Content struct {
	Picture bool      // the picture is being looked at
	Sound   bool      // the sound is being listened to
	Black   tick.Tick // how long the picture has been black so far; 0: it is not
	Freeze  tick.Tick // how long it has stood still so far; 0: it does not
	Silence tick.Tick // how long the sound has been silent so far; 0: it is not

	// LoudnessLUFS is the short-term loudness of EBU R 128 (EBU Tech 3341: the last 3 s), Quietest at least; valid with
	// Loud.
	LoudnessLUFS float64
	Loud         bool

	// AVOffset is how much later sound arrives than the picture of the same time; valid with Offset.
	AVOffset tick.Tick
	Offset   bool
}

// Quietest is the least loudness that is told: the absolute gate of ITU-R BS.1770.
const Quietest = -70.0

// shortTerm is how much sound the short-term loudness is measured over.
const shortTerm = 3 * tick.Second

// maxHole is the longest time between two looks that a condition outlasts: what was before it says nothing of now.
const maxHole = 5 * tick.Second

// condition is one that lasts or does not.
type condition struct {
	on    bool
	since tick.Tick
}

func (c *condition) begin(at tick.Tick) { c.on, c.since = true, at }

func (c *condition) lasts(until tick.Tick) tick.Tick {
	if !c.on {
		return 0
	}
	return max(0, until-c.since)
}

// Watch follows one picture and one sound. Its zero value has seen nothing.
type Watch struct {
	// FreezeLeast and SilenceLeast are how long FFmpeg waits before it tells of a still picture or a silent sound.
	FreezeLeast, SilenceLeast tick.Tick

	black, freeze, silence condition
	pictureAt, soundAt     tick.Tick
	soundFrom              tick.Tick
	picture, sound         bool
	loudness               float64
}

// Picture takes one property of a picture at that time of the media, as FFmpeg prints it. Unknown ones are counted as a
// look at the picture.
func (w *Watch) Picture(at tick.Tick, key, _ string) {
	if w.picture && (at-w.pictureAt).Abs() > maxHole {
		restart(at, &w.black, &w.freeze)
	}
	w.picture, w.pictureAt = true, at
	switch key {
	case "lavfi.black_start":
		w.black.begin(at)
	case "lavfi.black_end":
		w.black.on = false
	case "lavfi.freezedetect.freeze_start":
		w.freeze.begin(at - w.FreezeLeast)
	case "lavfi.freezedetect.freeze_end":
		w.freeze.on = false
	}
}

// Sound is Picture for the sound.
func (w *Watch) Sound(at tick.Tick, key, value string) {
	if !w.sound || (at-w.soundAt).Abs() > maxHole {
		restart(at, &w.silence)
		w.soundFrom = at
	}
	w.sound, w.soundAt = true, at
	switch key {
	case "lavfi.silence_start":
		w.silence.begin(at - w.SilenceLeast)
	case "lavfi.silence_end":
		w.silence.on = false
	case "lavfi.r128.S":
		w.loudness = loudness(value)
	}
}

func restart(at tick.Tick, conditions ...*condition) {
	for _, c := range conditions {
		c.since = at
	}
}

// loudness reads a measure in LUFS; what is no number is as quiet as can be.
func loudness(text string) float64 {
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return Quietest
	}
	return max(v, Quietest)
}

// Content is what was seen and heard last.
func (w *Watch) Content() Content {
	c := Content{Picture: w.picture, Sound: w.sound}
	if w.picture {
		c.Black, c.Freeze = w.black.lasts(w.pictureAt), w.freeze.lasts(w.pictureAt)
	}
	if w.sound {
		c.Silence = w.silence.lasts(w.soundAt)
		c.LoudnessLUFS, c.Loud = w.loudness, w.soundAt-w.soundFrom >= shortTerm
	}
	return c
}
