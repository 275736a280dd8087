package verify

import (
	"fmt"
	"net/http"
	"time"

	"onair/pkg/likeness"
)

var sideNames = [2]string{"A", "B"}

// side is one of two outputs that are compared.
type side struct {
	name, target string
	from         source
	index        *multivariant // nil: none was read
	indexBody    string
	changed      time.Time // when the multivariant playlist was last seen to have changed; zero: never
	looked       time.Time
	mpd          *manifest
	lists        map[string]*mediaList // newest ones, by URI
	headers      map[string]*likeness.Header
	first, last  int64 // of all numbers that were listed
}

func newSide(i int, target string, from source) *side {
	return &side{name: sideNames[i], target: target, from: from, lists: map[string]*mediaList{},
		headers: map[string]*likeness.Header{}}
}

// settle is how long after a change of its ladder an output is not compared in it: a reload, and what it makes, reach
// two pipelines one after the other.
const settle = 10 * time.Second

// steady tells whether the ladder has not changed for a while.
func (s *side) steady() bool { return s.changed.IsZero() || s.looked.Sub(s.changed) >= settle }

// playlists are the URIs of the media playlists that the newest multivariant playlist names.
func (s *side) playlists() []string {
	if s.index == nil {
		return nil
	}
	return s.index.playlists()
}

// span is what a playlist lists, in words.
func (s *side) span(playlist string) string {
	m := s.lists[playlist]
	if m == nil {
		return "nothing"
	}
	return fmt.Sprintf("%d to %d", m.sequence, m.last())
}

// object is the name of an object of this side in findings.
func (s *side) object(name string) string { return s.name + " " + name }

// arrived tells whether an object came. An output that does not answer, or that has nothing fresh, is told; an object
// that is listed and missing is a fault.
func (c *comparison) arrived(s *side, o object) bool {
	away := o.err != nil || o.status >= http.StatusInternalServerError
	if !c.found.check(twinAnswers, s.name, !away, "%s: %s", o.name, failureOf(o)) {
		return false
	}
	return c.found.check(httpStatus, s.object(o.name), o.ok(), "%s", failureOf(o))
}

// failureOf says why an object did not come.
func failureOf(o object) string {
	if o.err != nil {
		return o.err.Error()
	}
	return fmt.Sprintf("status %d%s", o.status, reason(o))
}

// readIndex takes a multivariant playlist.
func (c *comparison) readIndex(s *side, o object) {
	if !c.arrived(s, o) {
		return
	}
	s.looked = o.at
	if s.index != nil && s.indexBody == string(o.body) {
		return
	}
	m, err := readMultivariant(o.body)
	if !c.found.check(hlsSyntax, s.object(o.name), err == nil, "%v", err) {
		return
	}
	if s.index != nil {
		s.changed = o.at
	}
	s.index, s.indexBody = m, string(o.body)
	c.pairUp()
}

// read takes what one look has brought of an output: the multivariant playlist, the MPD, the media playlists.
func (c *comparison) read(s *side, got []object) {
	c.readIndex(s, got[0])
	if o := got[1]; c.arrived(s, o) {
		m, err := readManifest(o.body)
		if c.found.check(dashSyntax, s.object(o.name), err == nil, "%v", err) {
			s.mpd = m
		}
	}
	for _, o := range got[2:] {
		if !c.arrived(s, o) {
			continue
		}
		m, err := readMedia(o.body)
		if !c.found.check(hlsSyntax, s.object(o.name), err == nil, "%v", err) || len(m.entries) == 0 {
			continue
		}
		s.lists[o.name] = m
		if s.first == 0 || m.sequence < s.first {
			s.first = m.sequence
		}
		s.last = max(s.last, m.last())
	}
}

// readInit takes an init segment, once.
func (c *comparison) readInit(s *side, o object) {
	if s.headers[o.name] != nil || !c.arrived(s, o) {
		return
	}
	h, err := likeness.ReadHeader(o.name, o.body)
	c.found.check(mediaInit, s.object(o.name), err == nil, "%v", err)
	s.headers[o.name] = &h
}

// pairUp makes a pair of every rendition that both outputs name now.
func (c *comparison) pairUp() {
	a, b := c.sides[0].index, c.sides[1].index
	if a == nil || b == nil {
		return
	}
	theirs := map[string]bool{}
	for _, uri := range b.playlists() {
		theirs[uri] = true
	}
	for _, p := range c.pairs {
		delete(theirs, p.playlist)
	}
	for _, uri := range a.playlists() {
		if theirs[uri] {
			c.pairs = append(c.pairs, newPair(uri))
		}
	}
}
