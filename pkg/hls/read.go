package hls

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/grafov/m3u8"

	"onair/pkg/presentation"
)

// Playlist is what a media playlist lists.
type Playlist struct {
	First           int64                  // number of the first segment
	Segments        []presentation.Segment // K, Gap, Discontinuity and Init are set
	Discontinuities int64                  // discontinuity sequence
}

// maxPlaylist bounds what is read: a week of two-second segments takes 25 megabytes.
const maxPlaylist = 64 << 20

// ReadMedia reads a media playlist that Media wrote, so that a window can be restored from it.
func ReadMedia(data []byte) (Playlist, error) {
	if len(data) > maxPlaylist {
		return Playlist{}, fmt.Errorf("media playlist of %d bytes is too long", len(data))
	}
	if err := known(data); err != nil {
		return Playlist{}, fmt.Errorf("reading media playlist: %w", err)
	}
	p, err := decode(data)
	if err != nil {
		return Playlist{}, fmt.Errorf("reading media playlist: %w", err)
	}
	out := Playlist{First: int64(p.SeqNo), Discontinuities: int64(p.DiscontinuitySeq)}
	init := ""
	for i, seg := range p.GetAllSegments() {
		if seg.Map != nil {
			init = path.Base(seg.Map.URI)
		}
		s := presentation.Segment{K: out.First + int64(i), Init: init, Discontinuity: seg.Discontinuity}
		_, s.Gap = seg.Custom[gapTag]
		if want := fmt.Sprintf("/%d.m4s", s.K); !strings.HasSuffix(seg.URI, want) {
			return Playlist{}, fmt.Errorf("reading media playlist: segment %d is named %q", s.K, seg.URI)
		}
		if !s.Gap && init == "" {
			return Playlist{}, fmt.Errorf("reading media playlist: segment %d has no EXT-X-MAP", s.K)
		}
		out.Segments = append(out.Segments, s)
	}
	return out, nil
}

// tags are the beginnings of the lines that Media writes.
var tags = []string{
	"#EXTM3U", "#EXT-X-VERSION:", "#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-DISCONTINUITY-SEQUENCE:",
	"#EXT-X-MEDIA-SEQUENCE:",
	"#EXT-X-TARGETDURATION:", `#EXT-X-MAP:URI="`, "#EXT-X-DISCONTINUITY", dateTag, gapTag, "#EXTINF:",
}

// known refuses what Media does not write: m3u8 panics on some of it (a map or key line before any segment).
func known(data []byte) error {
	n, segment := 0, false
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimRight(line, "\r\n")
		switch {
		case n == 1 && line != tags[0]:
			return errors.New("line 1: not a playlist")
		case strings.HasPrefix(line, "#EXTINF:"):
			segment = true
		case strings.HasPrefix(line, "#"):
			if !slices.ContainsFunc(tags, func(t string) bool { return strings.HasPrefix(line, t) }) {
				return fmt.Errorf("line %d: %.40q is not written here", n, line)
			}
		case !segment:
			return fmt.Errorf("line %d: %.40q without EXTINF", n, line)
		default:
			segment = false
		}
	}
	if segment || !bytes.HasSuffix(data, []byte("\n")) {
		return errCutOff
	}
	return nil
}

var errCutOff = errors.New("it is empty, or cut off")

// variantTag begins the line before one that names a variant's playlist.
const variantTag = "#EXT-X-STREAM-INF:"

// CheckMultivariant refuses what cannot be a whole multivariant playlist that Multivariant wrote.
func CheckMultivariant(data []byte) error {
	if err := variants(data); err != nil {
		return fmt.Errorf("reading multivariant playlist: %w", err)
	}
	return nil
}

func variants(data []byte) error {
	n, count, wantName := 0, 0, false
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimRight(line, "\r\n")
		switch {
		case n == 1 && line != tags[0]:
			return errors.New("line 1: not a playlist")
		case strings.HasPrefix(line, "#") == wantName:
			return fmt.Errorf("line %d: %.40q is not written here", n, line)
		}
		wantName = strings.HasPrefix(line, variantTag)
		if wantName {
			count++
		}
	}
	if count == 0 || wantName || !bytes.HasSuffix(data, []byte("\n")) {
		return errCutOff
	}
	return nil
}

func decode(data []byte) (*m3u8.MediaPlaylist, error) {
	list, kind, err := m3u8.DecodeWith(bytes.NewReader(data), false, []m3u8.CustomDecoder{gapDecoder{}})
	if err != nil {
		return nil, err
	}
	p, ok := list.(*m3u8.MediaPlaylist)
	if kind != m3u8.MEDIA || !ok {
		return nil, errors.New("not a media playlist")
	}
	return p, nil
}

// gapDecoder keeps EXT-X-GAP, which m3u8 does not know.
type gapDecoder struct{}

// TagName implements m3u8.CustomDecoder.
func (gapDecoder) TagName() string { return gapTag }

// Decode implements m3u8.CustomDecoder.
func (gapDecoder) Decode(string) (m3u8.CustomTag, error) { return &lines{name: gapTag}, nil }

// SegmentTag implements m3u8.CustomDecoder.
func (gapDecoder) SegmentTag() bool { return true }
