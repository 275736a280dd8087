package hls

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"

	"onair/pkg/ladder"
	"onair/pkg/presentation"
)

// mediaTags are the EXT-X-MEDIA lines. m3u8's own lack CHANNELS and INSTREAM-ID.
func mediaTags(audio []presentation.Track, captions [][]ladder.Caption, withVideo bool) *lines {
	t := &lines{name: "#EXT-X-MEDIA:"}
	if grouped(audio, withVideo) {
		first := defaultAudio(audio)
		for i, a := range audio {
			audioTag(&t.buf, a, i == first)
		}
	}
	for g, set := range captions {
		for _, c := range set {
			captionTag(&t.buf, captionName(g), c)
		}
	}
	t.buf.Truncate(max(0, t.buf.Len()-1)) // m3u8 ends the line
	return t
}

func audioTag(b *bytes.Buffer, t presentation.Track, first bool) {
	b.WriteString(`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="` + audioGroup + `"`)
	attribute(b, "NAME", t.Name)
	attribute(b, "LANGUAGE", ladder.LanguageTag(t.Language))
	if first {
		b.WriteString(",DEFAULT=YES,AUTOSELECT=YES")
	} else {
		b.WriteString(",DEFAULT=NO,AUTOSELECT=YES")
	}
	if t.Channels > 0 {
		attribute(b, "CHANNELS", strconv.Itoa(t.Channels))
	}
	attribute(b, "URI", MediaName(t.Name))
	b.WriteByte('\n')
}

func captionTag(b *bytes.Buffer, group string, c ladder.Caption) {
	b.WriteString(`#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="` + group + `"`)
	attribute(b, "NAME", cmp.Or(c.Name, c.Channel))
	attribute(b, "LANGUAGE", ladder.LanguageTag(c.Language))
	b.WriteString(",DEFAULT=NO,AUTOSELECT=YES")
	attribute(b, "INSTREAM-ID", c.Channel)
	b.WriteByte('\n')
}

// attribute writes a quoted string; a quote or line end, which it cannot carry, is left out (RFC 8216bis §4.2).
func attribute(b *bytes.Buffer, name, value string) {
	b.WriteByte(',')
	b.WriteString(name)
	b.WriteString(`="`)
	for _, r := range value {
		if r != '"' && r != '\n' && r != '\r' {
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}

// captionGroups are the distinct sets of captions that video tracks carry.
func captionGroups(video []presentation.Track) [][]ladder.Caption {
	var out [][]ladder.Caption
	for _, t := range video {
		if len(t.Captions) > 0 && captionSet(out, t) < 0 {
			out = append(out, t.Captions)
		}
	}
	return out
}

func captionSet(groups [][]ladder.Caption, t presentation.Track) int {
	return slices.IndexFunc(groups, func(g []ladder.Caption) bool { return slices.Equal(g, t.Captions) })
}

func captionName(i int) string {
	if i == 0 {
		return captionGroup
	}
	return captionGroup + strconv.Itoa(i+1)
}

// captionAttribute is the group of the track's captions. NONE is for channels in which no variant has any: if one says
// NONE, all must (RFC 8216bis §4.4.6.2), so among others a variant without captions says nothing.
func captionAttribute(t presentation.Track, groups [][]ladder.Caption) string {
	switch {
	case len(groups) == 0:
		return "NONE"
	case len(t.Captions) == 0:
		return ""
	}
	return captionName(captionSet(groups, t))
}
