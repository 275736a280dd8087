package verify

import (
	"cmp"
	"fmt"
	"time"
)

// TwinReport is what comparing two outputs found: the JSON of `onair verify --twin --json`.
type TwinReport struct {
	OK      bool      `json:"ok"` // every hard rule held and there was something to compare: they are interchangeable
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"` // how long it took

	A TwinOutput `json:"a"`
	B TwinOutput `json:"b"`

	Renditions []TwinRendition `json:"renditions"` // that both have, in the order of A's multivariant playlist
	Findings   []Finding       `json:"findings"`   // hard ones first
	Rules      []Tally         `json:"rules"`      // every rule that was applied
}

// TwinOutput is one of two outputs.
type TwinOutput struct {
	Target   string `json:"target"` // as given, without user information
	Kind     string `json:"kind"`   // "http" or "directory"
	FirstK   int64  `json:"first_k"`
	LastK    int64  `json:"last_k"` // of everything that was listed
	Requests int64  `json:"requests"`
	Bytes    int64  `json:"bytes"` // of bodies
}

// TwinRendition is a rendition of two outputs.
type TwinRendition struct {
	Name       string     `json:"name"`
	Kind       string     `json:"kind"` // "video" or "audio"; empty while its init segment is unknown, or encrypted
	Codecs     string     `json:"codecs"`
	Compared   int        `json:"compared"`    // segments of both that were read and compared
	Differing  int        `json:"differing"`   // of these, how many are not interchangeable
	OnlyA      int        `json:"only_a"`      // that A has as media and B as a gap, or not at all, where both list
	OnlyB      int        `json:"only_b"`      // the other way round
	Gaps       int        `json:"gaps"`        // that both have as gaps
	SlatesA    int        `json:"slates_a"`    // segments with the brand slat, of those that were compared
	SlatesB    int        `json:"slates_b"`    //
	MatchRatio float64    `json:"match_ratio"` // how many of the compared are interchangeable: 0 to 1; 0 without any
	Decode     TwinDecode `json:"decode"`
}

// TwinDecode is what came of decoding segments of both in turns, in both orders.
type TwinDecode struct {
	Segments int    `json:"segments"` // that were decoded
	Skipped  int    `json:"skipped"`  // that were compared and not decoded
	Reason   string `json:"reason"`   // why; empty when none was skipped
	Frames   int64  `json:"frames"`   // that came out of the decoder
	Expected int64  `json:"expected"` // samples that went in
}

// checkDecoded takes what the decoder has found of a rendition.
func (c *comparison) checkDecoded(p *pair) {
	sum, failed := &p.sum.Decode, map[*rule]bool{}
	for _, m := range []map[string]*decoded{c.decoder.results, c.decoder.dropped} {
		r := m[p.name]
		if r == nil {
			continue
		}
		sum.Segments, sum.Skipped = sum.Segments+r.segments, sum.Skipped+r.skipped
		sum.Frames, sum.Expected = sum.Frames+r.frames, sum.Expected+r.expected
		sum.Reason = cmp.Or(r.reason, sum.Reason)
		for _, f := range r.faults {
			failed[f.rule] = true
			c.found.check(f.rule, f.object, false, "%s", f.message)
		}
	}
	if p.sum.Compared == p.sum.Differing {
		return
	}
	c.found.check(twinDecoded, p.name, sum.Skipped == 0, "%d segments were not decoded: %s", sum.Skipped, sum.Reason)
	for _, r := range []*rule{twinDecode, twinContent, twinAlike} {
		if sum.Segments > 0 && !failed[r] {
			c.found.check(r, p.name, true, "")
		}
	}
}

// report sums up.
func (c *comparison) report(began time.Time) TwinReport {
	r := TwinReport{
		OK: c.found.clean() && len(c.pairs) > 0, Started: began.UTC(), Seconds: time.Since(began).Seconds(),
		A: c.sides[0].report(), B: c.sides[1].report(),
		Renditions: []TwinRendition{}, Findings: c.found.list(), Rules: c.found.counts(),
	}
	for _, p := range c.pairs {
		if p.sum.Compared > 0 {
			p.sum.MatchRatio = float64(p.sum.Compared-p.sum.Differing) / float64(p.sum.Compared)
		}
		r.Renditions = append(r.Renditions, p.sum)
	}
	return r
}

func (s *side) report() TwinOutput {
	out := TwinOutput{Target: s.target, Kind: kindOf(s.from), FirstK: s.first, LastK: s.last}
	if server, ok := s.from.(*server); ok {
		out.Target, out.Requests, out.Bytes = redact(s.target), server.requests.Load(), server.bytes.Load()
	}
	return out
}

// String is "34 frames of 34", and what was left out.
func (d TwinDecode) String() string {
	if d.Segments == 0 {
		return "-"
	}
	text := fmt.Sprintf("%d frames of %d", d.Frames, d.Expected)
	if d.Skipped > 0 {
		text += fmt.Sprintf(", %d segments skipped", d.Skipped)
	}
	return text
}
