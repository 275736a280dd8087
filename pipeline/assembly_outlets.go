package pipeline

import (
	"slices"

	"onair/pipeline/publish"
	"onair/pkg/presentation"
)

// outlet is a publisher, with where it began.
type outlet struct {
	*publish.Publisher
	since int   // number of the edition that it began with
	after int64 // newest segment that the others were given before: it gets none of those
}

// tracks are the renditions of the ladder on air, as manifests show them before any of it was encoded.
func (a *assembly) tracks() (out []presentation.Track) {
	for _, t := range a.now.tracks {
		out = append(out, trackOf(t.Rendition, a.grid.T))
	}
	return out
}

// join has the publisher that build makes for some tracks given everything from the next segment on.
func (a *assembly) join(
	build func([]presentation.Track) (*publish.Publisher, error),
) (*publish.Publisher, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, err := build(a.tracks())
	if err != nil {
		return nil, err
	}
	o := outlet{Publisher: p, since: a.now.number, after: a.given}
	a.acquaint(o)
	p.Expect(a.liveNames())
	a.outlets = append(a.outlets, o)
	return p, nil
}

// acquaint gives a publisher the initializations that there are. The caller holds mu.
func (a *assembly) acquaint(o outlet) {
	if a.now.version == "" {
		return
	}
	for i, t := range a.now.tracks {
		if t.init != nil {
			o.SetInit(a.describe(t, i), t.init)
		}
	}
}

// leave has a publisher given nothing more.
func (a *assembly) leave(p *publish.Publisher) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.outlets = slices.DeleteFunc(a.outlets, func(o outlet) bool { return o.Publisher == p })
}

// give passes a segment on. The caller holds mu.
func (a *assembly) give(s heldSegment) {
	for _, o := range a.outlets {
		if s.K > o.after && s.of.number >= o.since {
			o.Segment(s.Segment)
		}
	}
}
