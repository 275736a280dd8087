package verify

import (
	"context"
	"fmt"
	"slices"

	"onair/pkg/fmp4"
	"onair/pkg/likeness"
)

// pair is one rendition of two outputs.
type pair struct {
	name, playlist string
	next, readFrom int64 // the number to judge next; the first whose media is read
	begun          bool
	seen           [2]map[int64]seenEntry // listed, not judged: the other is not as far
	wanted         []twinEntry
	init           [2]*likeness.Header // of the newest segment that was compared
	splice         *splice             // under way; nil: none
	sum            TwinRendition
	compared       [2]string // their names
}

// twinEntry is a segment that both list as media.
type twinEntry struct {
	number  int64
	entries [2]entry
	same    bool // as far as the playlists say
}

func newPair(playlist string) *pair {
	name := renditionName(playlist)
	return &pair{name: name, playlist: playlist, sum: TwinRendition{Name: name},
		seen: [2]map[int64]seenEntry{{}, {}}}
}

// object is the name of a segment in findings.
func (p *pair) object(k int64) string { return fmt.Sprintf("%s %d", p.name, k) }

// seenEntry is what a playlist said about a number when it first listed it.
type seenEntry struct {
	entry
	breaks int64 // its discontinuity sequence number
	first  bool  // it was the first of its playlist: its EXT-X-DISCONTINUITY may have gone before it (RFC 8216bis §6.2.2)
}

// judge compares what both playlists say about the numbers that both have reached by now. What one has listed until
// then, and the other never, is in one only.
func (c *comparison) judge(p *pair) {
	a, b := c.sides[0].lists[p.playlist], c.sides[1].lists[p.playlist]
	if a == nil || b == nil {
		return
	}
	low, high := max(a.sequence, b.sequence), min(a.last(), b.last())
	if !p.begun && low > high {
		return
	}
	c.found.check(twinTarget, p.playlist, a.target == b.target, "EXT-X-TARGETDURATION is %d in A and %d in B", a.target,
		b.target)
	if !p.begun {
		p.begun, p.next, p.readFrom = true, low, low
		if c.live {
			p.readFrom = max(low, high-firstSegments+1)
		}
	}
	p.see(0, a)
	p.see(1, b)
	for ; p.next <= high; p.next++ {
		c.judgeNumber(p, p.next)
		delete(p.seen[0], p.next)
		delete(p.seen[1], p.next)
	}
}

// see notes what a playlist lists that has not been judged.
func (p *pair) see(side int, m *mediaList) {
	breaks := m.discontinuities
	for i, e := range m.entries {
		if e.discontinuity {
			breaks++
		}
		if _, known := p.seen[side][e.number]; !known && e.number >= p.next {
			p.seen[side][e.number] = seenEntry{e, breaks, i == 0}
		}
	}
}

func (c *comparison) judgeNumber(p *pair, k int64) {
	a, inA := p.seen[0][k]
	b, inB := p.seen[1][k]
	isA, isB := inA && !a.gap, inB && !b.gap
	one := func(r *rule, has, lacks, how string, count *int) {
		*count++
		c.found.check(r, p.object(k), false, "%s has it as media, %s %s", has, lacks, how)
	}
	switch {
	case isA && !inB:
		one(twinListed, "A", "B", "does not list it", &p.sum.OnlyA)
	case isB && !inA:
		one(twinListed, "B", "A", "does not list it", &p.sum.OnlyB)
	}
	if !inA || !inB {
		return
	}
	c.found.check(twinListed, p.object(k), true, "")
	same := c.compareEntries(p, k, a, b)
	switch {
	case isA && isB:
		c.found.check(twinGap, p.object(k), true, "")
		if k >= p.readFrom {
			p.wanted = append(p.wanted, twinEntry{k, [2]entry{a.entry, b.entry}, same})
		}
	case isA:
		one(twinGap, "A", "B", "has a gap", &p.sum.OnlyA)
	case isB:
		one(twinGap, "B", "A", "has a gap", &p.sum.OnlyB)
	default:
		p.sum.Gaps++
	}
}

// compareEntries compares what two playlists say about a number. A gap has a name and a length, too.
func (c *comparison) compareEntries(p *pair, k int64, a, b seenEntry) bool {
	same := c.apply(p.object(k), where.Entries(a.compared(), b.compared()))
	c.found.check(twinBreaks, p.playlist, a.breaks == b.breaks,
		"segment %d has the discontinuity sequence number %d in A and %d in B", k, a.breaks, b.breaks)
	return same
}

func (e seenEntry) compared() likeness.Entry {
	return likeness.Entry{URI: e.uri, Duration: e.duration, Date: e.date, Discontinuity: e.discontinuity, First: e.first}
}

// where names the two in texts.
var where = likeness.Where{"in A", "in B"}

// apply takes verdicts as what rules have found of an object, and tells whether all are good.
func (c *comparison) apply(object string, verdicts []likeness.Verdict) bool {
	same := true
	for _, v := range verdicts {
		same = c.found.check(twinAspects[v.Aspect], object, v.Same, "%s", v.Text) && same
	}
	return same
}

// compareEdges tells, at the end, who lists further than the other.
func (c *comparison) compareEdges(p *pair) {
	a, b := c.sides[0].lists[p.playlist], c.sides[1].lists[p.playlist]
	if a == nil || b == nil {
		return
	}
	ahead := a.last() - b.last()
	c.found.check(twinHead, p.playlist, ahead >= -1 && ahead <= 1, "A lists up to %d, B up to %d", a.last(), b.last())
}

// readSegments reads what is wanted, init segments first, some of each rendition in turns: what runs out of time has
// seen a part of all of them.
func (c *comparison) readSegments(ctx context.Context) {
	for more := true; more && ctx.Err() == nil; {
		more = false
		for _, p := range c.pairs {
			for range spliceSegments / batch {
				some := p.wanted[:min(batch, len(p.wanted))]
				if len(some) == 0 || ctx.Err() != nil {
					break
				}
				p.wanted = p.wanted[len(some):]
				c.readSome(ctx, p, some)
			}
			more = more || len(p.wanted) > 0
		}
	}
}

// batch is how many segments of a rendition are read from both at a time.
const batch = parallel / 2

func (c *comparison) readSome(ctx context.Context, p *pair, some []twinEntry) {
	c.readInits(ctx, p, some)
	var wanted []request
	for _, w := range some {
		for i, s := range c.sides {
			wanted = append(wanted, request{s.from, beside(p.playlist, w.entries[i].uri)})
		}
	}
	got := fetchEach(ctx, wanted)
	if ctx.Err() != nil {
		return
	}
	for i, w := range some {
		c.compareSegment(ctx, p, w, [2]object(got[2*i:2*i+2]))
	}
}

func (c *comparison) readInits(ctx context.Context, p *pair, some []twinEntry) {
	var wanted []request
	var whose []*side
	for _, w := range some {
		for i, s := range c.sides {
			r := request{s.from, beside(p.playlist, w.entries[i].init)}
			if w.entries[i].init != "" && s.headers[r.name] == nil && !slices.Contains(wanted, r) {
				wanted, whose = append(wanted, r), append(whose, s)
			}
		}
	}
	got := fetchEach(ctx, wanted)
	for i, o := range got {
		if ctx.Err() == nil {
			c.readInit(whose[i], o)
		}
	}
}

// compareInits compares the headers of a segment, each pair of names once.
func (c *comparison) compareInits(p *pair, w twinEntry) bool {
	names := [2]string{beside(p.playlist, w.entries[0].init), beside(p.playlist, w.entries[1].init)}
	a, b := c.sides[0].headers[names[0]], c.sides[1].headers[names[1]]
	if a == nil || b == nil {
		return false
	}
	p.init = [2]*likeness.Header{a, b}
	if p.compared == names {
		return a.Same(*b)
	}
	p.compared = names
	if h := a.Track; h != nil {
		p.sum.Kind, p.sum.Codecs = h.Kind.String(), h.CodecString()
	}
	c.apply(p.object(w.number), where.Headers(*a, *b))
	return a.Same(*b)
}

// compareSegment compares the media of one number, and hands it on to be decoded.
func (c *comparison) compareSegment(ctx context.Context, p *pair, w twinEntry, got [2]object) {
	var infos [2]fmp4.SegmentInfo
	for i, s := range c.sides {
		if !c.arrived(s, got[i]) {
			return
		}
	}
	same := c.compareInits(p, w) && w.same
	if p.init[0] == nil {
		return
	}
	for i, s := range c.sides {
		var err error
		if infos[i], err = p.init[i].Parse(got[i].body); !c.found.check(mediaSegment, s.object(got[i].name), err == nil, "%v",
			err) {
			same = false
		}
	}
	p.sum.Compared++
	if infos[0].Fragments > 0 && infos[1].Fragments > 0 {
		same = c.compareMedia(p, w.number, got, infos) && same
	}
	if !same {
		p.sum.Differing++
		c.flush(ctx, p, false)
		return
	}
	c.add(ctx, p, w.number, got, infos)
}
