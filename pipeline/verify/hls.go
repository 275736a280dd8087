package verify

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"onair/pkg/tick"
)

// mapVersion is the least EXT-X-VERSION that allows EXT-X-MAP in a playlist that is none of I-frames.
const mapVersion = 6

// checkMedia applies the rules that hold for a media playlist on its own.
func (v *viewing) checkMedia(t *track, m *mediaList) {
	f, name := v.found, t.playlist
	longest := tick.Tick(0)
	for _, e := range m.entries {
		longest = max(longest, e.duration)
	}
	limit := tick.Tick(m.target)*tick.Second + tick.Second/2
	f.check(hlsTarget, name, longest < limit, "a segment of %v with EXT-X-TARGETDURATION:%d", longest.Duration(), m.target)
	f.check(hlsLive, name, !m.ended && m.kind == "", "ENDLIST %t, PLAYLIST-TYPE %q", m.ended, m.kind)
	f.check(hlsIndependent, name, m.independent || v.index.independent,
		"EXT-X-INDEPENDENT-SEGMENTS is in neither playlist")
	f.check(hlsVersion, name, m.version == mapVersion, "EXT-X-VERSION:%d, EXT-X-MAP needs %d and nothing else more",
		m.version, mapVersion)
	f.check(hlsDiscontin, name, m.hasDiscontinuities, "no EXT-X-DISCONTINUITY-SEQUENCE")
	f.check(hlsSyntax, name, len(m.unknown) == 0, "unknown tags %s", strings.Join(m.unknown, ", "))
	// Audio segments are up to a frame shorter than T, in turn longer: three of them may be.
	f.check(hlsLength, name, m.duration() >= 3*tick.Tick(m.target)*tick.Second-50*tick.Millisecond,
		"%v listed, 3 target durations are %d s", m.duration().Duration(), 3*m.target)
	f.check(hlsSix, name, len(m.entries) >= 6, "%d segments", len(m.entries))
	if v.target == 0 {
		v.target = m.target
	}
	f.check(hlsTargetSame, name, m.target == v.target, "EXT-X-TARGETDURATION:%d, %d before or elsewhere", m.target,
		v.target)
	for i, e := range m.entries {
		v.checkEntry(t, m, i, e)
	}
}

// checkEntry applies the rules for one listed segment.
func (v *viewing) checkEntry(t *track, m *mediaList, i int, e entry) {
	f, object := v.found, fmt.Sprintf("%s %d", t.playlist, e.number)
	if i == 0 || e.discontinuity {
		f.check(hlsDate, object, e.dated, "no EXT-X-PROGRAM-DATE-TIME")
	}
	if i > 0 && e.dated {
		before := m.entries[i-1]
		gap := (e.date - before.date - before.duration).Abs()
		f.check(hlsDate, object, gap <= tick.Millisecond, "the date is %v off the one before and its EXTINF", gap.Duration())
	}
	if k, ok := numberInName(e.uri); ok {
		f.check(hlsName, object, k == e.number, "URI %s has media sequence number %d", e.uri, e.number)
	} else {
		f.check(hlsName, object, false, "URI %s is not <K>.m4s", e.uri)
	}
	f.check(hlsMap, object, e.init != "", "no EXT-X-MAP before it")
	if i > 0 {
		f.check(hlsMap, object, e.init == m.entries[i-1].init || e.discontinuity,
			"EXT-X-MAP changes to %s without EXT-X-DISCONTINUITY", e.init)
	}
	f.check(hlsGap, object, !e.gap, "EXT-X-GAP")
}

// numberInName is K of ".../<K>.m4s".
func numberInName(uri string) (int64, bool) {
	text, ok := strings.CutSuffix(path.Base(uri), ".m4s")
	k, err := strconv.ParseInt(text, 10, 64)
	return k, ok && err == nil
}

// checkUpdate compares a media playlist with the one that was read before.
func (v *viewing) checkUpdate(t *track, now *mediaList) {
	before, f, name := t.list, v.found, t.playlist
	if before == nil {
		return
	}
	removed := now.sequence - before.sequence
	if !f.check(hlsRegress, name, removed >= 0 && now.last() >= before.last(),
		"numbers %d to %d after %d to %d", now.sequence, now.last(), before.sequence, before.last()) {
		return
	}
	dropped := int64(0)
	for i, e := range before.entries {
		at := int64(i) - removed
		if at < 0 {
			if e.discontinuity {
				dropped++
			}
			continue
		}
		if at < int64(len(now.entries)) {
			v.checkSame(t, e, now.entries[at], at == 0)
		}
	}
	f.check(hlsRegress, name, now.discontinuities == before.discontinuities+dropped ||
		removed > int64(len(before.entries)),
		"EXT-X-DISCONTINUITY-SEQUENCE went from %d to %d while %d discontinuities left",
		before.discontinuities, now.discontinuities, dropped)
}

// checkSame holds what is listed of a segment against what was. An EXT-X-DISCONTINUITY of the first one may go on its
// own.
func (v *viewing) checkSame(t *track, was, is entry, first bool) {
	object := fmt.Sprintf("%s %d", t.playlist, is.number)
	is.dated, was.dated = false, false
	if first && was.discontinuity {
		is.discontinuity = true
	}
	v.found.check(hlsChanged, object, was == is, "it was %+v and is %+v", was, is)
}

// checkRenditions compares the media playlists of one round with each other.
func (v *viewing) checkRenditions() {
	var first *track
	for _, t := range v.tracks {
		if t.list == nil {
			continue
		}
		if first == nil {
			first = t
			continue
		}
		a, b := first.list, t.list
		lag := max(a.last()-b.last(), b.last()-a.last())
		// A window that becomes shorter moves all of them far at once, maybe between two requests of one look.
		shifted := max(a.sequence-b.sequence, b.sequence-a.sequence) > 1
		astray := shifted && (t.shifted || v.kind == kindDirectory)
		t.shifted = shifted
		v.found.check(hlsAligned, t.playlist, lag <= 1 && !astray, "lists %d to %d, %s lists %d to %d", b.sequence, b.last(),
			first.playlist, a.sequence, a.last())
		for _, e := range b.entries {
			if i := e.number - a.sequence; i >= 0 && i < int64(len(a.entries)) {
				v.found.check(hlsAligned, fmt.Sprintf("%s %d", t.playlist, e.number), a.entries[i].discontinuity == e.discontinuity,
					"discontinuity %t, in %s %t", e.discontinuity, first.playlist, a.entries[i].discontinuity)
			}
		}
	}
}

// checkIndex applies the rules for the multivariant playlist.
func (v *viewing) checkIndex(m *multivariant) {
	f := v.found
	f.check(hlsSyntax, indexName, len(m.unknown) == 0, "unknown tags %s", strings.Join(m.unknown, ", "))
	f.check(hlsIndependent, indexName, m.independent, "no EXT-X-INDEPENDENT-SEGMENTS")
	f.check(hlsIFrames, indexName, m.iframes > 0, "no EXT-X-I-FRAME-STREAM-INF")
	video, none, declared := 0, 0, 0
	for _, x := range m.variants {
		v.checkVariant(m, x)
		if _, ok := x.attrs["RESOLUTION"]; ok {
			video++
			switch group, quoted := x.attrs.text("CLOSED-CAPTIONS"); {
			case x.attrs["CLOSED-CAPTIONS"] == "NONE":
				none++
			case quoted:
				declared++
				f.check(hlsCaptions, group, len(m.group("CLOSED-CAPTIONS", group)) > 0,
					"CLOSED-CAPTIONS group %q has no members", group)
			}
		}
	}
	f.check(hlsCaptions, indexName, none == 0 && (declared > 0 || video == 0) || none == video,
		"%d of %d video variants say NONE and %d name a group", none, video, declared)
	names := map[string]bool{}
	defaults := map[string]int{}
	for _, e := range m.members {
		v.checkMember(e, names, defaults)
	}
}

func (v *viewing) checkVariant(m *multivariant, x variant) {
	f, object := v.found, indexName+" "+x.uri
	peak, okPeak := x.attrs.integer("BANDWIDTH")
	average, okAverage := x.attrs.integer("AVERAGE-BANDWIDTH")
	f.check(hlsVariant, object, okPeak && okAverage && average > 0 && peak >= average, "BANDWIDTH=%s AVERAGE-BANDWIDTH=%s",
		x.attrs["BANDWIDTH"], x.attrs["AVERAGE-BANDWIDTH"])
	codecs, ok := x.attrs.text("CODECS")
	f.check(hlsVariant, object, ok && codecs != "", "CODECS=%s", x.attrs["CODECS"])
	if isVideo(codecs) {
		var w, h int
		n, _ := fmt.Sscanf(x.attrs["RESOLUTION"], "%dx%d", &w, &h)
		f.check(hlsVariant, object, n == 2 && w > 0 && h > 0, "RESOLUTION=%s", x.attrs["RESOLUTION"])
		whole, part, _ := strings.Cut(x.attrs["FRAME-RATE"], ".")
		_, err := strconv.Atoi(whole)
		f.check(hlsVariant, object, err == nil && len(part) == 3, "FRAME-RATE=%s, wanted with 3 decimals",
			x.attrs["FRAME-RATE"])
	}
	for _, kind := range []string{"AUDIO", "SUBTITLES", "VIDEO"} {
		if group, ok := x.attrs.text(kind); ok {
			f.check(hlsGroups, object, len(m.group(kind, group)) > 0, "%s group %q has no members", kind, group)
		}
	}
}

func (v *viewing) checkMember(e member, names map[string]bool, defaults map[string]int) {
	f, object := v.found, fmt.Sprintf("%s %s %s", indexName, e.kind, e.name)
	f.check(hlsGroups, object, e.group != "" && e.name != "", "GROUP-ID %q and NAME %q", e.group, e.name)
	key := e.kind + "\x00" + e.group
	f.check(hlsGroups, object, !names[key+"\x00"+e.name], "NAME %q twice in group %q", e.name, e.group)
	names[key+"\x00"+e.name] = true
	if e.attrs["DEFAULT"] == "YES" {
		defaults[key]++
		f.check(hlsGroups, object, defaults[key] == 1, "a second DEFAULT=YES in group %q", e.group)
		f.check(hlsGroups, object, e.attrs["AUTOSELECT"] == "YES", "DEFAULT=YES without AUTOSELECT=YES")
	}
	_, language := e.attrs.text("LANGUAGE")
	f.check(hlsGroups, object, language || e.kind == "VIDEO", "no LANGUAGE (Apple 8.10)")
	switch e.kind {
	case "AUDIO":
		_, channels := e.attrs.text("CHANNELS")
		f.check(hlsGroups, object, channels, "no CHANNELS")
	case "CLOSED-CAPTIONS":
		id, ok := e.attrs.text("INSTREAM-ID")
		f.check(hlsCaptions, object, ok && captionChannel(id) && e.uri == "", "INSTREAM-ID %q, URI %q", id, e.uri)
	case "SUBTITLES":
		f.check(hlsGroups, object, e.uri != "", "no URI")
	default:
		f.check(hlsGroups, object, e.kind == "VIDEO", "TYPE %q", e.kind)
	}
}

// captionChannel tells CC1 to CC4 and SERVICE1 to SERVICE63.
func captionChannel(id string) bool {
	number, limit := strings.TrimPrefix(id, "CC"), 4
	if strings.HasPrefix(id, "SERVICE") {
		number, limit = strings.TrimPrefix(id, "SERVICE"), 63
	}
	n, err := strconv.Atoi(number)
	return err == nil && number != id && n >= 1 && n <= limit && number[0] != '0'
}

// isVideo tells whether a CODECS list names a video codec.
func isVideo(codecs string) bool {
	for c := range strings.SplitSeq(codecs, ",") {
		switch kind, _, _ := strings.Cut(strings.TrimSpace(c), "."); kind {
		case "avc1", "avc3", "hvc1", "hev1", "av01", "dvh1", "dvhe", "vvc1":
			return true
		}
	}
	return false
}
