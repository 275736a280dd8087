package verify

import (
	"bytes"
	"context"

	"onair/pkg/fmp4"
	"onair/pkg/likeness"
	"onair/pkg/tick"
)

const (
	spliceSegments = 16       // segments that are decoded in one go
	spliceLive     = 6        // likewise, while more may come: the decoder is to have done most before the end
	spliceBytes    = 32 << 20 // of both outputs; more are decoded in several goes
)

// splice is a stretch of one rendition without a hole, of both outputs. It is decoded twice, as A, B, A, ... and as
// B, A, B, ...: every seam in both directions, and what both show at the same time side by side.
type splice struct {
	rendition string
	header    *fmp4.Header
	init      []byte
	first     int64 // number
	media     [][2][]byte
	carried   bool // the first segment was decoded with the splice before: every seam is decoded once
	bytes     int
	samples   []int
	length    tick.Tick
	uneven    bool // slate in one only: they show different things
}

// last is the number of the last segment.
func (s *splice) last() int64 { return s.first + int64(len(s.media)) - 1 }

// fresh is how many segments were not in the splice before.
func (s *splice) fresh() int {
	if s.carried {
		return len(s.media) - 1
	}
	return len(s.media)
}

// frames is how many samples it has.
func (s *splice) frames() (sum int64) {
	for _, n := range s.samples {
		sum += int64(n)
	}
	return sum
}

// parts are the pieces of the splice that begins with A (0) or B (1).
func (s *splice) parts(begin int) [][]byte {
	out := [][]byte{s.init}
	for i, both := range s.media {
		out = append(out, both[(begin+i)%2])
	}
	return out
}

// add appends a segment that both have alike.
func (c *comparison) add(ctx context.Context, p *pair, k int64, got [2]object, infos [2]fmp4.SegmentInfo) {
	h := p.init[0].Track
	if h == nil {
		p.sum.Decode.Skipped++
		p.sum.Decode.Reason = "it is encrypted"
		return
	}
	if s := p.splice; s != nil && (s.last()+1 != k || !bytes.Equal(s.init, p.init[0].Body)) {
		c.flush(ctx, p, false)
	}
	if p.splice == nil {
		p.splice = &splice{rendition: p.name, header: h, init: p.init[0].Body, first: k}
	}
	s := p.splice
	s.media = append(s.media, [2][]byte{got[0].body, got[1].body})
	s.samples = append(s.samples, len(infos[0].Samples))
	s.bytes += len(got[0].body) + len(got[1].body)
	s.length += tick.FromUnits(int64(min(infos[0].Duration, 60*uint64(h.Timescale))), int64(h.Timescale)) // none is longer
	slate := func(i fmp4.SegmentInfo) bool { return likeness.Segment{Info: i}.Slate() }
	s.uneven = s.uneven || slate(infos[0]) != slate(infos[1])
	most := spliceSegments
	if c.live {
		most = spliceLive
	}
	if len(s.media) >= most || s.bytes >= spliceBytes && len(s.media) > 1 {
		c.flush(ctx, p, true)
	}
}

// flush hands the splice under way to the decoder. The next one begins with its last segment if the stretch goes on.
func (c *comparison) flush(ctx context.Context, p *pair, goesOn bool) {
	s := p.splice
	p.splice = nil
	if s == nil || s.fresh() == 0 {
		return
	}
	// While an output is live, looking at it comes first: what the decoder has no room for is not decoded.
	c.decoder.push(ctx, s, !c.live || c.ending)
	if n := len(s.media); goesOn {
		p.splice = &splice{rendition: s.rendition, header: s.header, init: s.init, first: s.last(), carried: true,
			media: s.media[n-1:], samples: s.samples[n-1:], uneven: s.uneven}
	}
}
