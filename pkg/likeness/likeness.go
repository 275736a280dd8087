// Package likeness tells in what segments of one number differ, of two pipelines of one channel, that are to stand in
// for each other.
package likeness

// Aspect is one thing in which both have to be the same.
type Aspect string

// Aspects, in the order in which they are compared: that of a segment's entry in its playlist, of its initialization,
// and of its media. Coded bytes are none: encoders may make others of the same frames.
const (
	Name          Aspect = "name"
	Extinf        Aspect = "extinf"
	Date          Aspect = "program-date-time"
	Discontinuity Aspect = "discontinuity"

	Init  Aspect = "init"
	KeyID Aspect = "key-id"

	Readable     Aspect = "segment" // it can be read at all
	Start        Aspect = "tfdt"
	Sequence     Aspect = "sequence-number"
	Samples      Aspect = "samples"
	Durations    Aspect = "durations"
	Presentation Aspect = "presentation-time"
	RandomAccess Aspect = "random-access"
)

// Aspects are all of them.
var Aspects = []Aspect{
	Name, Extinf, Date, Discontinuity, Init, KeyID, Readable, Start, Sequence, Samples, Durations, Presentation,
	RandomAccess,
}

// Verdict is what came of comparing one aspect.
type Verdict struct {
	Aspect Aspect
	Same   bool
	Text   string // what both have
}

// Where says in texts which of the two is meant: with "in A" and "in B" a text is "tfdt is 1 in A and 2 in B".
type Where [2]string

// Difference is the first verdict that something differs; ok is false if nothing does.
func Difference(verdicts []Verdict) (first Verdict, ok bool) {
	for _, v := range verdicts {
		if !v.Same {
			return v, true
		}
	}
	return Verdict{}, false
}

// Whose fault it is when two outputs of one channel differ.
const (
	Config   = "config"
	Pipeline = "pipeline"
)

// What to do about it.
const (
	AdviseConfig = "the two pipelines do not run the same channel file: compare frame_rate, segment, gop, video and " +
		"audio (onair check prints what is derived), and the versions of onair and FFmpeg"
	AdviseGrid = "the two pipelines count segments on different grids: give both the same channel file and the same " +
		"timeline: store, which keeps the grid of the channel's first start"
	AdviseKeys  = "the two pipelines use different keys: both have to ask for them with the same content id and key ids"
	AdviseMedia = "one of the two files is damaged, or a pipeline has made other frames than its grid says: keep " +
		"both files, and look at the events of both pipelines around that time"
	AdviseReload = "one pipeline has been reloaded or started anew since the other: reload both, and verify again when " +
		"the window has passed"
)

// Fault is whose fault a difference in an aspect is, most likely, and what to do about it.
func (a Aspect) Fault() (cause, advice string) {
	switch a {
	case Name:
		return Pipeline, AdviseConfig
	case Init, Presentation:
		return Config, AdviseConfig
	case Extinf, Date, Start:
		return Config, AdviseGrid
	case KeyID:
		return Config, AdviseKeys
	case Discontinuity:
		return Pipeline, AdviseReload
	case Readable, Sequence, Samples, Durations, RandomAccess:
	}
	return Pipeline, AdviseMedia
}
