package verify

import (
	"fmt"
	"slices"

	"onair/pkg/fmp4"
)

// slateBrand marks segments of slate (DASH-IF Live Media Ingest).
const slateBrand = "slat"

// compareMedia compares two segments of one number, sample by sample. Their bits may differ.
func (c *comparison) compareMedia(p *pair, k int64, got [2]object, infos [2]fmp4.SegmentInfo) bool {
	f, object, a, b := c.found, p.object(k), infos[0], infos[1]
	same := f.check(twinStart, object, a.BaseTime == b.BaseTime, "tfdt is %d in A and %d in B%s", a.BaseTime, b.BaseTime,
		p.apart(a.BaseTime, b.BaseTime))
	same = f.check(twinSequence, object, a.Sequence == b.Sequence, "mfhd says %d in A and %d in B", a.Sequence,
		b.Sequence) && same
	if f.check(twinSamples, object, len(a.Samples) == len(b.Samples), "%d samples in A and %d in B", len(a.Samples),
		len(b.Samples)) {
		at := firstDifference(a.Samples, b.Samples)
		same = f.check(twinDurations, object, at < 0, "sample %d lasts %d units in A and %d in B", at,
			durationAt(a.Samples, at), durationAt(b.Samples, at)) && same
	} else {
		same = false
	}
	same = f.check(twinPresented, object, offset(a) == offset(b) && lead(a) == lead(b),
		"after its decode time the first sample is presented by %d units in A and %d in B, the earliest by %d and %d",
		offset(a), offset(b), lead(a), lead(b)) && same
	same = c.compareSync(p, object, got, infos) && same
	slateA, slateB := slices.Contains(a.Brands, slateBrand), slices.Contains(b.Brands, slateBrand)
	if slateA {
		p.sum.SlatesA++
	}
	if slateB {
		p.sum.SlatesB++
	}
	f.check(twinSlate, object, slateA == slateB, "slate: A %t, B %t", slateA, slateB)
	return same
}

// apart is how far two times of a rendition lie apart, in words; empty if that is not known.
func (p *pair) apart(a, b uint64) string {
	h := p.init[0].header
	if h == nil || a == b {
		return ""
	}
	return fmt.Sprintf(", %.3f s later", float64(int64(b-a))/float64(h.Timescale))
}

// firstDifference is the first sample whose duration differs; -1: none.
func firstDifference(a, b []fmp4.SampleInfo) int {
	for i := range a {
		if a[i].Duration != b[i].Duration {
			return i
		}
	}
	return -1
}

func durationAt(s []fmp4.SampleInfo, i int) uint32 {
	if i < 0 {
		return 0
	}
	return s[i].Duration
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

// compareSync wants both segments to begin with a sample at which decoding can begin.
func (c *comparison) compareSync(p *pair, object string, got [2]object, infos [2]fmp4.SegmentInfo) bool {
	var begins [2]bool
	for i, info := range infos {
		s := info.Samples[0]
		begins[i] = s.Sync
		if h := p.init[i].header; h != nil && h.Kind == fmp4.Video {
			idr, known := refresh(h.Codec, got[i].body[s.Offset:s.Offset+s.Size])
			begins[i] = s.Sync && (idr || !known)
		}
	}
	return c.found.check(twinSync, object, begins[0] && begins[1], "decoding can begin with it: A %t, B %t", begins[0],
		begins[1])
}
