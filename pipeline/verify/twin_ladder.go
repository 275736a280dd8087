package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// compareLadders compares the multivariant playlists while neither has changed lately; at the end, if they never were.
func (c *comparison) compareLadders() {
	a, b := c.sides[0], c.sides[1]
	now := a.steady() && b.steady() && !c.ending
	if a.index == nil || b.index == nil || !now && (!c.ending || c.laddered) {
		return
	}
	c.laddered = true
	c.compareRenditions(a.index.playlists(), b.index.playlists())
	c.compareIndexes(a.index, b.index)
}

func (c *comparison) compareRenditions(a, b []string) {
	for _, uri := range a {
		c.found.check(twinRenditions, renditionName(uri), slices.Contains(b, uri), "A has the playlist %s, B has not", uri)
	}
	for _, uri := range b {
		c.found.check(twinRenditions, renditionName(uri), slices.Contains(a, uri), "B has the playlist %s, A has not", uri)
	}
}

// compareIndexes compares what is declared of the variants and group members that both have.
func (c *comparison) compareIndexes(a, b *multivariant) {
	of := func(m *multivariant) map[string]attributes {
		out := map[string]attributes{}
		for _, v := range m.variants {
			group, _ := v.attrs.text("AUDIO")
			out[v.uri+" "+group] = v.attrs
		}
		for _, e := range m.members {
			out[e.kind+" "+e.group+" "+e.name] = e.attrs
		}
		return out
	}
	declaredA, declaredB := of(a), of(b)
	for _, key := range slices.Sorted(maps.Keys(declaredA)) {
		is, both := declaredB[key]
		if !c.found.check(twinVariants, indexName+" "+key, both, "only A declares it") {
			continue
		}
		for _, d := range differing(declaredA[key], is) {
			c.found.check(twinVariants, indexName+" "+key, false, "%s", d)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(declaredB)) {
		_, both := declaredA[key]
		c.found.check(twinVariants, indexName+" "+key, both, "only B declares it")
	}
	c.found.check(twinVariants, indexName, a.version == b.version && a.independent == b.independent,
		"EXT-X-VERSION:%d and %d, EXT-X-INDEPENDENT-SEGMENTS %t and %t", a.version, b.version, a.independent, b.independent)
}

// differing are the attributes that differ, in words.
func differing(a, b attributes) (out []string) {
	all := maps.Clone(a)
	maps.Copy(all, b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if a[name] != b[name] {
			out = append(out, fmt.Sprintf("%s is %s in A and %s in B", name, orNone(a[name]), orNone(b[name])))
		}
	}
	return out
}

func orNone(value string) string {
	if value == "" {
		return "not given"
	}
	return value
}

// compareManifests compares the MPDs: what a number is, and how it is described. Their Periods may differ, as those are
// cut by gaps that one may have; bandwidths, too, as those are of what is listed.
func (c *comparison) compareManifests() {
	a, b := c.sides[0].mpd, c.sides[1].mpd
	if a == nil || b == nil {
		return
	}
	c.found.check(twinMPD, mpdName, a.Start == b.Start && a.Profiles == b.Profiles,
		"availabilityStartTime %q and %q, profiles %q and %q", a.Start, b.Start, a.Profiles, b.Profiles)
	theirs := listings(b)
	for id, ours := range listings(a) {
		object, seen := mpdName+" "+id, map[[2]*mpdTrack]bool{}
		for number, is := range ours {
			was, both := theirs[id][number]
			if !both {
				continue
			}
			s, t := is.segment, was.segment
			c.found.check(twinNumber, object, s == t, "number %d is %s at %d for %d units in A, %s at %d for %d in B", number,
				s.media, s.time, s.duration, t.media, t.time, t.duration)
			if both := [2]*mpdTrack{is.track, was.track}; !seen[both] {
				seen[both] = true
				d := describedOtherwise(*is.track, *was.track)
				c.found.check(twinMPD, object, len(d) == 0, "%s", strings.Join(d, ", "))
			}
		}
	}
}

// comparePresence wants both MPDs to have the same Representations in the end.
func (c *comparison) comparePresence() {
	a, b := c.sides[0], c.sides[1]
	if a.mpd == nil || b.mpd == nil || !a.steady() || !b.steady() {
		return
	}
	ids := func(m *manifest) map[string]bool {
		out := map[string]bool{}
		for _, t := range m.periods[len(m.periods)-1].tracks {
			out[t.ID] = true
		}
		return out
	}
	inA, inB := ids(a.mpd), ids(b.mpd)
	for _, id := range keys(inA) {
		c.found.check(twinMPD, mpdName+" "+id, inB[id], "only A has the Representation")
	}
	for _, id := range keys(inB) {
		c.found.check(twinMPD, mpdName+" "+id, inA[id], "only B has the Representation")
	}
}

// listing is what an MPD says about a number of a Representation.
type listing struct {
	segment mpdSegment
	track   *mpdTrack
}

// listings are all numbers of all Representations, over all Periods.
func listings(m *manifest) map[string]map[int64]listing {
	out := map[string]map[int64]listing{}
	for i := range m.periods {
		for j := range m.periods[i].tracks {
			t := &m.periods[i].tracks[j]
			if out[t.ID] == nil {
				out[t.ID] = map[int64]listing{}
			}
			for _, s := range t.segments {
				out[t.ID][s.number] = listing{s, t}
			}
		}
	}
	return out
}

// describedOtherwise are the properties of a Representation that differ, in words.
func describedOtherwise(a, b mpdTrack) (out []string) {
	ta, tb := a.template(), b.template()
	for _, p := range []struct {
		name string
		a, b any
	}{
		{"AdaptationSet@id", a.set.ID, b.set.ID},
		{"contentType", a.set.Content, b.set.Content},
		{"lang", a.set.Lang, b.set.Lang},
		{"mimeType", a.set.Mime + a.Mime, b.set.Mime + b.Mime},
		{"codecs", a.Codecs, b.Codecs},
		{"width", a.Width, b.Width},
		{"height", a.Height, b.Height},
		{"frameRate", a.Rate, b.Rate},
		{"audioSamplingRate", a.Sampling, b.Sampling},
		{"media", ta.Media, tb.Media},
		{"initialization", ta.Init, tb.Init},
		{"timescale", a.timescale, b.timescale},
	} {
		if p.a != p.b {
			out = append(out, fmt.Sprintf("%s is %v in A and %v in B", p.name, p.a, p.b))
		}
	}
	return out
}

// template is the SegmentTemplate in force.
func (t mpdTrack) template() templateXML {
	switch {
	case t.representationXML.Template != nil:
		return *t.representationXML.Template
	case t.set.Template != nil:
		return *t.set.Template
	}
	return templateXML{}
}
