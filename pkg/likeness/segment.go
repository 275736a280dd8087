package likeness

import (
	"fmt"
	"slices"

	"onair/pkg/fmp4"
)

// slateBrand marks segments of slate (DASH-IF Live Media Ingest).
const slateBrand = "slat"

// Segment is a segment that could be read.
type Segment struct {
	Header Header
	Body   []byte
	Info   fmp4.SegmentInfo // of the body, as Header.Parse gives it
}

// Slate tells whether it is slate.
func (s Segment) Slate() bool { return slices.Contains(s.Info.Brands, slateBrand) }

// Segments compares the media of one number, sample by sample. Their coded bytes may differ.
func (w Where) Segments(a, b Segment) []Verdict {
	x, y := a.Info, b.Info
	out := []Verdict{
		{Start, x.BaseTime == y.BaseTime, fmt.Sprintf("tfdt is %d %s and %d %s%s", x.BaseTime, w[0], y.BaseTime, w[1],
			apart(a.Header, x.BaseTime, y.BaseTime))},
		{Sequence, x.Sequence == y.Sequence,
			fmt.Sprintf("mfhd says %d %s and %d %s", x.Sequence, w[0], y.Sequence, w[1])},
		{Samples, len(x.Samples) == len(y.Samples),
			fmt.Sprintf("%d samples %s and %d %s", len(x.Samples), w[0], len(y.Samples), w[1])},
	}
	if len(x.Samples) == len(y.Samples) {
		out = append(out, w.durations(x.Samples, y.Samples))
	}
	begins := [2]bool{a.begins(), b.begins()}
	return append(out,
		Verdict{Presentation, offset(x) == offset(y) && lead(x) == lead(y), fmt.Sprintf(
			"after its decode time the first sample is presented by %d units %s and %d %s, the earliest by %d and %d",
			offset(x), w[0], offset(y), w[1], lead(x), lead(y))},
		Verdict{RandomAccess, begins[0] && begins[1],
			fmt.Sprintf("decoding can begin with it: %s %t, %s %t", w[0], begins[0], w[1], begins[1])})
}

// durations compares as many samples of one as of the other.
func (w Where) durations(a, b []fmp4.SampleInfo) Verdict {
	for i := range a {
		if a[i].Duration != b[i].Duration {
			return Verdict{Durations, false, fmt.Sprintf("sample %d lasts %d units %s and %d %s", i, a[i].Duration, w[0],
				b[i].Duration, w[1])}
		}
	}
	return Verdict{Aspect: Durations, Same: true}
}

// apart is how far two times of a rendition lie apart, in words; empty if that is not known.
func apart(h Header, a, b uint64) string {
	if h.Track == nil || a == b {
		return ""
	}
	return fmt.Sprintf(", %.3f s later", float64(int64(b-a))/float64(h.Track.Timescale))
}

// offset is the composition offset of the first sample.
func offset(s fmp4.SegmentInfo) int64 { return s.Samples[0].PTS - s.Samples[0].DTS }

// lead is how long after the segment's decode time its earliest sample is presented.
func lead(s fmp4.SegmentInfo) int64 {
	earliest := s.Samples[0].PTS
	for _, x := range s.Samples {
		earliest = min(earliest, x.PTS)
	}
	return earliest - int64(s.BaseTime)
}

// begins tells whether decoding can begin with it: with a sync sample, which for video is an IDR picture.
func (s Segment) begins() bool {
	first := s.Info.Samples[0]
	if h := s.Header.Track; h != nil && h.Kind == fmp4.Video {
		idr, known := fmp4.Refresh(h.Codec, s.Body[first.Offset:first.Offset+first.Size])
		return first.Sync && (idr || !known)
	}
	return first.Sync
}
