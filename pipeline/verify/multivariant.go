package verify

import (
	"fmt"
	"strings"
)

// member is an EXT-X-MEDIA.
type member struct {
	line  int
	kind  string // TYPE
	group string
	name  string
	uri   string
	attrs attributes
}

// variant is an EXT-X-STREAM-INF.
type variant struct {
	line  int
	uri   string
	attrs attributes
}

// multivariant is a multivariant playlist.
type multivariant struct {
	version     int64
	independent bool
	iframes     int
	members     []member
	variants    []variant
	unknown     []string
}

// readMultivariant reads a multivariant playlist.
func readMultivariant(b []byte) (*multivariant, error) {
	tags, err := readTags(b)
	if err != nil {
		return nil, err
	}
	m := &multivariant{}
	var open *variant
	for _, t := range tags {
		if open != nil && t.name != "" {
			return nil, fmt.Errorf("line %d: %s between EXT-X-STREAM-INF and its URI", t.line, t.name)
		}
		if t.name == "" {
			if open == nil {
				return nil, fmt.Errorf("line %d: URI %s without EXT-X-STREAM-INF", t.line, t.value)
			}
			open.uri = t.value
			m.variants, open = append(m.variants, *open), nil
			continue
		}
		if open, err = m.take(t); err != nil {
			return nil, fmt.Errorf("line %d: %w", t.line, err)
		}
	}
	if open != nil || len(m.variants) == 0 {
		return nil, fmt.Errorf("no variant, or one without its URI")
	}
	return m, nil
}

// take reads one tag; a STREAM-INF waits for its URI.
func (m *multivariant) take(t tag) (*variant, error) {
	switch t.name {
	case "#EXTM3U":
	case "#EXT-X-VERSION":
		if m.version != 0 {
			return nil, fmt.Errorf("%s twice", t.name)
		}
		var err error
		m.version, err = decimal(t)
		return nil, err
	case "#EXT-X-INDEPENDENT-SEGMENTS":
		m.independent = true
	case "#EXT-X-I-FRAME-STREAM-INF":
		m.iframes++
	case "#EXT-X-MEDIA", "#EXT-X-STREAM-INF":
		a, err := parseAttributes(t.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
		if t.name == "#EXT-X-STREAM-INF" {
			return &variant{line: t.line, attrs: a}, nil
		}
		e := member{line: t.line, kind: a["TYPE"], attrs: a}
		e.group, _ = a.text("GROUP-ID")
		e.name, _ = a.text("NAME")
		e.uri, _ = a.text("URI")
		m.members = append(m.members, e)
	case "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE", "#EXTINF", "#EXT-X-ENDLIST":
		return nil, fmt.Errorf("%s of a media playlist", t.name)
	default:
		m.unknown = append(m.unknown, t.name)
	}
	return nil, nil
}

// group are the members of one group.
func (m *multivariant) group(kind, id string) (out []member) {
	for _, e := range m.members {
		if e.kind == kind && e.group == id {
			out = append(out, e)
		}
	}
	return out
}

// playlists are the URIs of all media playlists, in order, each once.
func (m *multivariant) playlists() (out []string) {
	seen := map[string]bool{}
	add := func(uri string) {
		if uri != "" && !seen[uri] {
			seen[uri] = true
			out = append(out, uri)
		}
	}
	for _, v := range m.variants {
		add(v.uri)
	}
	for _, e := range m.members {
		add(e.uri)
	}
	return out
}

// renditionName is the name of the rendition of a playlist: its URI without folder and ending.
func renditionName(uri string) string {
	uri = uri[strings.LastIndexByte(uri, '/')+1:]
	return strings.TrimSuffix(uri, ".m3u8")
}
