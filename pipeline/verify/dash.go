package verify

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"onair/pkg/fmp4"
	"onair/pkg/tick"
)

// timings are the UTCTiming schemes that interoperability points allow.
var timings = []string{
	"urn:mpeg:dash:utc:http-head:2014", "urn:mpeg:dash:utc:http-xsdate:2014",
	"urn:mpeg:dash:utc:http-iso:2014", "urn:mpeg:dash:utc:direct:2014",
}

// namedAfter is how many segments a rendition that is new has when the multivariant playlist names it.
const namedAfter = 3

// checkManifest applies the rules for an MPD, and those for its difference to the one before.
func (v *viewing) checkManifest(m *manifest, body []byte) {
	f := v.found
	f.check(dashEpoch, mpdName, m.Start == "1970-01-01T00:00:00Z", "availabilityStartTime %q", m.Start)
	f.check(dashClock, mpdName, len(m.Timings) > 0, "no UTCTiming")
	for _, t := range m.Timings {
		f.check(dashClock, mpdName, slices.Contains(timings, t.Scheme) && t.Value != "", "UTCTiming %q with value %q",
			t.Scheme, t.Value)
	}
	f.check(dashContiguous, mpdName, len(m.holes) == 0, "%s", strings.Join(m.holes, "; "))
	f.check(dashOpen, mpdName, len(m.forbidden) == 0, "%s", strings.Join(m.forbidden, "; "))
	ids := map[string]bool{}
	for i, p := range m.periods {
		f.check(dashPeriod, mpdName+" "+p.id, !ids[p.id], "its id is taken")
		ids[p.id] = true
		if i > 0 {
			before := m.periods[i-1]
			f.check(dashPeriod, mpdName+" "+p.id, p.start >= before.start+before.duration && p.start > before.start,
				"it starts at %v, the one before at %v with duration %v", p.start.Duration(),
				before.start.Duration(), before.duration.Duration())
		}
		v.checkPeriod(p, i == len(m.periods)-1)
	}
	if v.mpd != nil {
		v.checkManifestUpdate(v.mpd, m, bytes.Equal(v.mpdBody, body))
	}
	v.mpd, v.mpdBody = m, body
}

func (v *viewing) checkPeriod(p mpdPeriod, last bool) {
	k, err := strconv.ParseInt(strings.TrimPrefix(p.id, "P"), 10, 64)
	object := mpdName + " " + p.id
	v.found.check(dashPeriod, object, err == nil && p.id == "P"+strconv.FormatInt(k, 10), "its id is not P<K>")
	if v.t > 0 && err == nil {
		want := tick.Tick(k) * v.t
		v.found.check(dashPeriod, object, p.start <= want && want-p.start < tick.Millisecond,
			"it starts %v off segment %d", (p.start - want).Duration(), k)
	}
	for i := range p.tracks {
		v.checkRepresentation(p, k, &p.tracks[i], last)
	}
}

func (v *viewing) checkRepresentation(p mpdPeriod, k int64, r *mpdTrack, last bool) {
	f, object := v.found, mpdName+" "+p.id+" "+r.ID
	offset := tick.FromUnits(int64(r.offset), r.timescale)
	f.check(dashPeriod, object, (offset-p.start).Abs() < tick.Millisecond, "presentationTimeOffset is %v off the start",
		(offset - p.start).Duration())
	first := r.segments[0]
	f.check(dashPeriod, object, first.number >= k && tick.FromUnits(first.time, r.timescale) > p.start-tick.Millisecond,
		"the first segment is number %d", first.number)
	if p.duration > 0 {
		last := r.segments[len(r.segments)-1]
		end := tick.FromUnits(last.time+last.duration, r.timescale)
		f.check(dashPeriod, object, end < p.start+p.duration+tick.Second, "segments end %v after the period",
			(end - p.start - p.duration).Duration())
	}
	t := v.byName[r.ID]
	if t == nil {
		if last { // others were there before: players are not offered them any more
			v.checkUnlisted(object, r)
		}
		return
	}
	t.bandwidth = r.Bandwidth
	for _, s := range r.segments {
		t.inMPD[s.number] = true
		t.mpdInits[s.init] = true
		f.check(dashSameFiles, object, t.media[s.number] == "" || t.media[s.number] == s.media,
			"segment %d is %s, in the playlist %s", s.number, s.media, t.media[s.number])
		if t.header != nil && v.t > 0 {
			start, end := v.span(t, s.number)
			f.check(dashNumber, object, s.time == start.Units(r.timescale) && s.time+s.duration == end.Units(r.timescale),
				"number %d is [%d, %d), it should be [%d, %d)", s.number, s.time, s.time+s.duration,
				start.Units(r.timescale), end.Units(r.timescale))
		}
	}
	if h := t.headers[first.init]; h != nil {
		v.checkDescription(object, r, h)
	}
}

// checkUnlisted bears with a Representation that no media playlist has. One that is added by a reload is in the MPD
// with its first segment, while the multivariant playlist names it when it has three (see docs/decisions/0011). It is
// compared from then on.
func (v *viewing) checkUnlisted(object string, r *mpdTrack) {
	since, known := v.unlisted[object]
	if !known {
		since = r.segments[0].number
		v.unlisted[object] = since
	}
	has := r.segments[len(r.segments)-1].number - since + 1
	v.found.check(dashDescribed, object, has <= namedAfter+1,
		"no media playlist has this rendition, of which %d segments were listed; it should with %d", has, namedAfter)
}

// checkDescription holds a Representation against the init segment.
func (v *viewing) checkDescription(object string, r *mpdTrack, h *fmp4.Header) {
	f := v.found
	f.check(dashDescribed, object, r.Codecs == h.CodecString(), "codecs %q, the init segment says %q", r.Codecs,
		h.CodecString())
	f.check(dashDescribed, object, r.timescale == int64(h.Timescale), "timescale %d, the init segment says %d",
		r.timescale, h.Timescale)
	f.check(dashDescribed, object, r.Mime == h.Kind.String()+"/mp4", "mimeType %q for %s", r.Mime, h.Kind)
	if h.Kind == fmp4.Video {
		f.check(dashDescribed, object, r.Width == h.Width && r.Height == h.Height && r.Rate != "",
			"%dx%d at %q, the init segment says %dx%d",
			r.Width, r.Height, r.Rate, h.Width, h.Height)
		return
	}
	f.check(dashDescribed, object, r.Sampling == strconv.Itoa(h.SampleRate),
		"audioSamplingRate %q, the init segment says %d", r.Sampling, h.SampleRate)
}

func (v *viewing) checkManifestUpdate(was, is *manifest, same bool) {
	f := v.found
	f.check(dashPublish, mpdName, !is.published.Before(was.published), "publishTime went from %s to %s", was.Published,
		is.Published)
	f.check(dashPublish, mpdName, same || is.published.After(was.published), "the MPD changed, publishTime %s did not",
		is.Published)
	f.check(dashFixed, mpdName, is.Start == was.Start && is.Profiles == was.Profiles,
		"attributes of the MPD changed")
	i := slices.IndexFunc(was.periods, func(p mpdPeriod) bool { return p.id == is.periods[0].id })
	if !f.check(dashFixed, mpdName, i >= 0 || is.periods[0].start > was.periods[len(was.periods)-1].start,
		"period %s came before older ones", is.periods[0].id) || i < 0 {
		return
	}
	for j, p := range was.periods[i:] {
		if !f.check(dashFixed, mpdName, j < len(is.periods) && is.periods[j].id == p.id, "period %s is gone or has moved",
			p.id) {
			return
		}
		v.checkPeriodUpdate(p, is.periods[j], i+j == len(was.periods)-1)
	}
}

func (v *viewing) checkPeriodUpdate(was, is mpdPeriod, wasLast bool) {
	f, object := v.found, mpdName+" "+was.id
	f.check(dashFixed, object, is.start == was.start && (is.duration == was.duration || wasLast && was.duration == 0),
		"start or duration changed")
	if !f.check(dashFixed, object, len(is.tracks) == len(was.tracks), "%d representations, %d before", len(is.tracks),
		len(was.tracks)) {
		return
	}
	for i, r := range is.tracks {
		b := was.tracks[i]
		changes := differences(b, r)
		f.check(dashFixed, object+" "+b.ID, len(changes) == 0, "%s", strings.Join(changes, ", "))
		listed := map[int64]mpdSegment{}
		for _, s := range b.segments {
			listed[s.number] = s
		}
		first, last := b.segments[0].number, b.segments[len(b.segments)-1].number
		for _, s := range r.segments {
			old, ok := listed[s.number]
			f.check(dashFixed, object, ok && old == s || !ok && s.number > last && wasLast,
				"segment %d of %s was %+v and is %+v", s.number, r.ID, old, s)
		}
		f.check(dashFixed, object, r.segments[0].number >= first, "representation %s begins at %d, before at %d", r.ID,
			r.segments[0].number, first)
	}
}

// differences are the properties of a Representation that must stay and did not. Its bandwidth is none of them: it is
// what the segments take that are listed (ISO/IEC 23009-1 §5.3.5.2), and those change with every update. A reload
// raises it before dearer segments come, and lowers it when the last one has gone (see docs/decisions/0010).
func differences(was, is mpdTrack) (out []string) {
	for _, c := range []struct {
		name    string
		was, is any
	}{
		{"id", was.ID, is.ID},
		{"set", was.set.ID, is.set.ID},
		{"codecs", was.Codecs, is.Codecs},
		{"presentationTimeOffset", was.offset, is.offset},
		{"timescale", was.timescale, is.timescale},
	} {
		if c.was != c.is {
			out = append(out, fmt.Sprintf("%s was %v and is %v", c.name, c.was, c.is))
		}
	}
	return out
}

// checkSameFiles compares all that the MPD and the playlists ever listed, apart from what may have come between two
// looks.
func (v *viewing) checkSameFiles() {
	whole := map[int64]bool{} // segments that every rendition had as media
	for _, t := range v.tracks {
		for k := range t.media {
			whole[k] = true
		}
	}
	for _, t := range v.tracks {
		for k := range whole {
			if t.media[k] == "" {
				delete(whole, k)
			}
		}
	}
	for _, t := range v.tracks {
		object := mpdName + " " + t.name
		if !v.found.check(dashSameFiles, object, len(t.inMPD) > 0, "the MPD does not list the rendition") {
			continue
		}
		low, high := bounds(t.inMPD)
		for k := range t.inMPD {
			inside := k >= t.firstK && k < t.lastK
			v.found.check(dashSameFiles, object, !inside || t.media[k] != "",
				"segment %d is in the MPD, but no media in the playlist", k)
		}
		for k := range whole {
			v.found.check(dashSameFiles, object, t.inMPD[k] || k <= low || k >= high,
				"segment %d is in the playlist, but not in the MPD", k)
		}
		for init := range t.mpdInits {
			v.found.check(dashSameFiles, object, t.inits[init] != nil || v.kind == kindHTTP,
				"init segment %s is in the MPD only", init)
		}
	}
}

func bounds(set map[int64]bool) (low, high int64) {
	first := true
	for k := range set {
		if first || k < low {
			low = k
		}
		if first || k > high {
			high = k
		}
		first = false
	}
	return low, high
}
