package verify

import (
	"onair/pkg/fmp4"
	"onair/pkg/likeness"
)

// compareMedia compares two segments of one number, sample by sample. Their bits may differ.
func (c *comparison) compareMedia(p *pair, k int64, got [2]object, infos [2]fmp4.SegmentInfo) bool {
	var of [2]likeness.Segment
	for i := range of {
		of[i] = likeness.Segment{Header: *p.init[i], Body: got[i].body, Info: infos[i]}
	}
	same := c.apply(p.object(k), where.Segments(of[0], of[1]))
	slateA, slateB := of[0].Slate(), of[1].Slate()
	if slateA {
		p.sum.SlatesA++
	}
	if slateB {
		p.sum.SlatesB++
	}
	c.found.check(twinSlate, p.object(k), slateA == slateB, "slate: A %t, B %t", slateA, slateB)
	return same
}
