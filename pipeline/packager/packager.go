// Package packager cuts the frames of encoder runs into segments on the channel's grid.
//
// A Cutter serves one rendition. It is where runs meet: per slot of the grid it takes the frame of the run that owns
// the slot, so that a hand-over between two encoders leaves neither a hole nor an overlap.
package packager

import (
	"errors"
	"fmt"

	"onair/pkg/fmp4"
	"onair/pkg/tick"
)

// Frame is one coded frame on the channel's timeline.
type Frame struct {
	Run      int // the run that encoded it; any number that is unique in a channel's life
	PTS, DTS tick.Tick
	Sync     bool
	Data     []byte // kept, not copied
}

// Segment is a complete segment of one rendition: every slot of the grid filled.
type Segment struct {
	Rendition  string
	K          int64
	Start, End tick.Tick // of the media: an audio segment starts at its first frame, up to one frame after K*T
	Samples    []fmp4.Sample
	Bytes      int    // of all samples' data
	Runs       []int  // the runs whose frames it holds, in order
	Slate      bool   // left to the caller, who knows what its runs encode
	Input      string // likewise
}

// NTP of a prft and the styp brands follow from K and media time alone, so that twins write the same.
var (
	brands      = []string{"msdh", "cmfs"}
	slateBrands = []string{"msdh", "cmfs", "slat"}
)

// Marshal writes seg as a CMAF segment: sequence number K modulo 2^32, decode time on the epoch's timeline, and a prft
// that says that the first frame was captured at the instant its media time names. Each frame's data is copied once.
func Marshal(seg Segment, timescale int64) ([]byte, error) {
	if timescale <= 0 || seg.Start < 0 {
		return nil, fmt.Errorf("segment %d of %s: timescale %d, start %d", seg.K, seg.Rendition, timescale, seg.Start)
	}
	base := uint64(seg.Start.Units(timescale))
	out := fmp4.Segment{
		Brands:   brands,
		Sequence: uint32(seg.K),
		BaseTime: base,
		Samples:  seg.Samples,
		Prft:     &fmp4.Prft{Flags: fmp4.PrftCaptured, NTP: fmp4.NTP(seg.Start), MediaTime: base},
	}
	if seg.Slate {
		out.Brands = slateBrands
	}
	b, err := out.Marshal()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", seg.Rendition, err)
	}
	return b, nil
}

// Errors that Push wraps. They say what went wrong on the way here and need no reaction: the cutter has dealt with it.
var (
	// ErrHole: the run that owns the expected slot went on after it; the encoder's fault, or lost input.
	ErrHole = errors.New("frames are missing")
	// ErrNoKey: a segment, or a run taking over inside one, begins with a frame that cannot be decoded by itself.
	ErrNoKey = errors.New("no key frame where one must be")
	// ErrOrder: the pictures of a segment are not those of its slots; it is cut all the same.
	ErrOrder = errors.New("presentation times leave the segment or repeat")
	// ErrAhead: a run waiting for its turn is so far ahead that the one before it is given up.
	ErrAhead = errors.New("the run before does not finish")
)
