package verify

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"onair/pkg/tick"
)

// tag is one line of a playlist that matters: a tag, or a URI.
type tag struct {
	line  int
	name  string // "#EXTINF"; empty for a URI
	value string // after the colon, or the URI
}

// readTags cuts a playlist into tags by the letter of RFC 8216bis §4.1: UTF-8 without byte order mark and control
// characters, EXTM3U first. Comments and empty lines are left out.
func readTags(b []byte) ([]tag, error) {
	switch {
	case !utf8.Valid(b):
		return nil, fmt.Errorf("not UTF-8")
	case bytes.HasPrefix(b, []byte("\xEF\xBB\xBF")):
		return nil, fmt.Errorf("begins with a byte order mark")
	}
	var out []tag
	for i, line := range strings.Split(string(b), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if c := strings.IndexFunc(line, func(r rune) bool { return r < 0x20 || r >= 0x7F && r < 0xA0 }); c >= 0 {
			return nil, fmt.Errorf("line %d: control character %q", i+1, line[c])
		}
		switch {
		case i == 0 && line != "#EXTM3U":
			return nil, fmt.Errorf("line 1 is %.40q, not #EXTM3U", line)
		case line == "" || strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "#EXT"):
		case strings.HasPrefix(line, "#"):
			name, value, _ := strings.Cut(line, ":")
			out = append(out, tag{i + 1, name, value})
		default:
			if strings.TrimSpace(line) != line || strings.ContainsAny(line, " \t") {
				return nil, fmt.Errorf("line %d: white space in URI %q", i+1, line)
			}
			out = append(out, tag{i + 1, "", line})
		}
	}
	return out, nil
}

// attributes is an attribute list: values as written, quotes kept.
type attributes map[string]string

// parseAttributes reads a list by the grammar of RFC 8216bis §4.2.
func parseAttributes(s string) (attributes, error) {
	out := attributes{}
	for s != "" {
		name, rest, ok := strings.Cut(s, "=")
		if !ok || name == "" || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
			return nil, fmt.Errorf("attribute name %.40q", name)
		}
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("attribute %s twice", name)
		}
		end := strings.IndexByte(rest, ',')
		if strings.HasPrefix(rest, `"`) {
			end = strings.IndexByte(rest[1:], '"')
			if end < 0 {
				return nil, fmt.Errorf("attribute %s: string without end", name)
			}
			end += 2
		} else if end < 0 {
			end = len(rest)
		}
		value := rest[:end]
		if value == "" || value[0] != '"' && strings.ContainsAny(value, "\" \t") {
			return nil, fmt.Errorf("attribute %s: value %.40q", name, value)
		}
		out[name] = value
		if rest = rest[end:]; rest == "" {
			break
		}
		if s = rest[1:]; rest[0] != ',' || s == "" {
			return nil, fmt.Errorf("attribute %s: %.40q after its value", name, rest)
		}
	}
	return out, nil
}

// text is a quoted string's content; ok only if it is one.
func (a attributes) text(name string) (string, bool) {
	v := a[name]
	if len(v) < 2 || v[0] != '"' {
		return "", false
	}
	return v[1 : len(v)-1], true
}

// integer is a decimal integer of at most 20 digits.
func (a attributes) integer(name string) (int64, bool) {
	n, err := strconv.ParseUint(a[name], 10, 63)
	return int64(n), err == nil
}

// entry is one segment of a media playlist.
type entry struct {
	number        int64 // media sequence number
	uri           string
	duration      tick.Tick // EXTINF
	date          tick.Tick // PROGRAM-DATE-TIME, given or counted on from the one before
	dated         bool      // given
	gap           bool
	discontinuity bool
	init          string // EXT-X-MAP's URI in force
}

// mediaList is a media playlist.
type mediaList struct {
	version, target, sequence int64
	discontinuities           int64 // EXT-X-DISCONTINUITY-SEQUENCE
	hasDiscontinuities        bool
	hasSequence, independent  bool
	ended                     bool
	kind                      string // EXT-X-PLAYLIST-TYPE
	entries                   []entry
	unknown                   []string // names of tags that this reader does not know
}

func (m *mediaList) last() int64 { return m.sequence + int64(len(m.entries)) - 1 }

// duration is the sum of EXTINF.
func (m *mediaList) duration() (sum tick.Tick) {
	for _, e := range m.entries {
		sum += e.duration
	}
	return sum
}

// mediaReader is the state while reading.
type mediaReader struct {
	list  mediaList
	seen  map[string]bool // tags that may come once
	next  entry
	timed bool // EXTINF of next has come
}

// readMedia reads a media playlist.
func readMedia(b []byte) (*mediaList, error) {
	tags, err := readTags(b)
	if err != nil {
		return nil, err
	}
	r := mediaReader{seen: map[string]bool{}}
	for _, t := range tags {
		if err := r.take(t); err != nil {
			return nil, fmt.Errorf("line %d: %w", t.line, err)
		}
	}
	switch {
	case r.list.target == 0:
		return nil, fmt.Errorf("no EXT-X-TARGETDURATION")
	case r.timed || r.next.gap || r.next.dated || r.next.discontinuity:
		return nil, fmt.Errorf("tags of a segment without its URI at the end")
	}
	return &r.list, nil
}

// headers may come once, before the first segment.
var headers = map[string]bool{
	"#EXTM3U": true, "#EXT-X-VERSION": true, "#EXT-X-TARGETDURATION": true, "#EXT-X-MEDIA-SEQUENCE": true,
	"#EXT-X-DISCONTINUITY-SEQUENCE": true, "#EXT-X-PLAYLIST-TYPE": true, "#EXT-X-INDEPENDENT-SEGMENTS": true,
}

func (r *mediaReader) take(t tag) error {
	if headers[t.name] {
		if r.seen[t.name] {
			return fmt.Errorf("%s twice", t.name)
		}
		r.seen[t.name] = true
		if (t.name == "#EXT-X-MEDIA-SEQUENCE" || t.name == "#EXT-X-DISCONTINUITY-SEQUENCE") && (len(r.list.entries) > 0 ||
			r.timed) {
			return fmt.Errorf("%s after a segment", t.name)
		}
		return r.header(t)
	}
	if r.list.ended {
		return fmt.Errorf("%s after EXT-X-ENDLIST", t.name+t.value)
	}
	return r.segment(t)
}

func (r *mediaReader) header(t tag) (err error) {
	switch t.name {
	case "#EXT-X-VERSION":
		r.list.version, err = decimal(t)
	case "#EXT-X-TARGETDURATION":
		r.list.target, err = decimal(t)
		if err == nil && r.list.target < 1 {
			err = fmt.Errorf("EXT-X-TARGETDURATION %d", r.list.target)
		}
	case "#EXT-X-MEDIA-SEQUENCE":
		r.list.sequence, err = decimal(t)
		r.list.hasSequence = true
	case "#EXT-X-DISCONTINUITY-SEQUENCE":
		r.list.discontinuities, err = decimal(t)
		r.list.hasDiscontinuities = true
	case "#EXT-X-PLAYLIST-TYPE":
		r.list.kind = t.value
	case "#EXT-X-INDEPENDENT-SEGMENTS":
		r.list.independent = true
	}
	return err
}

func decimal(t tag) (int64, error) {
	n, err := strconv.ParseUint(t.value, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is no decimal integer", t.name, t.value)
	}
	return int64(n), nil
}

func (r *mediaReader) segment(t tag) (err error) {
	switch t.name {
	case "":
		return r.uri(t.value)
	case "#EXTINF":
		if r.timed {
			return fmt.Errorf("EXTINF twice for a segment")
		}
		r.timed = true
		text, _, ok := strings.Cut(t.value, ",")
		if !ok {
			return fmt.Errorf("EXTINF:%s has no comma", t.value)
		}
		r.next.duration, err = decimalSeconds(text)
	case "#EXT-X-PROGRAM-DATE-TIME":
		r.next.date, err = date(t.value)
		r.next.dated = true
	case "#EXT-X-GAP":
		r.next.gap = true
	case "#EXT-X-DISCONTINUITY":
		r.next.discontinuity = true
	case "#EXT-X-ENDLIST":
		r.list.ended = true
	case "#EXT-X-MAP":
		a, aErr := parseAttributes(t.value)
		if aErr != nil {
			return fmt.Errorf("EXT-X-MAP: %w", aErr)
		}
		uri, ok := a.text("URI")
		if !ok || uri == "" {
			return fmt.Errorf("EXT-X-MAP without a quoted URI")
		}
		r.next.init = uri
	default:
		r.list.unknown = append(r.list.unknown, t.name)
	}
	return err
}

func (r *mediaReader) uri(uri string) error {
	if !r.timed {
		return fmt.Errorf("segment %s without EXTINF", uri)
	}
	e := r.next
	e.uri, e.number = uri, r.list.sequence+int64(len(r.list.entries))
	if n := len(r.list.entries); n > 0 && !e.dated && r.list.entries[n-1].date != 0 {
		before := r.list.entries[n-1]
		e.date = before.date + before.duration
	}
	r.list.entries = append(r.list.entries, e)
	r.next, r.timed = entry{init: e.init}, false
	return nil
}

// decimalSeconds reads a decimal floating point number exactly, to the nanosecond.
func decimalSeconds(s string) (tick.Tick, error) {
	whole, part, dotted := strings.Cut(s, ".")
	n, err := strconv.ParseUint(whole, 10, 31)
	if err != nil || dotted && (part == "" || len(part) > 9 || strings.Trim(part, "0123456789") != "") {
		return 0, fmt.Errorf("%q is no decimal number of seconds", s)
	}
	ns, _ := strconv.ParseInt((part + "000000000")[:9], 10, 64)
	return tick.Tick(n)*tick.Second + tick.FromDuration(time.Duration(ns)), nil
}

// date reads PROGRAM-DATE-TIME: ISO 8601 with zone, at least milliseconds (RFC 8216bis §4.4.4.6).
func date(s string) (tick.Tick, error) {
	t, err := time.Parse("2006-01-02T15:04:05.999999999Z07:00", s)
	if err != nil {
		return 0, fmt.Errorf("EXT-X-PROGRAM-DATE-TIME: %q is no date with zone", s)
	}
	if !strings.Contains(s, ".") {
		return 0, fmt.Errorf("EXT-X-PROGRAM-DATE-TIME: %q has no milliseconds", s)
	}
	return tick.FromTime(t), nil
}
