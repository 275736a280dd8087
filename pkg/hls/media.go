// Package hls writes a presentation as HLS playlists (RFC 8216bis) and reads them back.
package hls

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/grafov/m3u8"

	"onair/pkg/presentation"
)

// Versions that the playlists need and declare (RFC 8216bis §8): EXT-X-MAP, and SERVICE in an INSTREAM-ID.
const (
	versionMap     = 6
	versionService = 7
)

// segmentText is about what a segment's lines take beside the track's name.
const segmentText = 88

// FileName is the name of the multivariant playlist.
const FileName = "index.m3u8"

// MediaName is the name of a track's media playlist.
func MediaName(track string) string { return track + ".m3u8" }

// Media is the media playlist of a track. Missing media is a gap with the grid's duration; every segment has its date.
func Media(s *presentation.Snapshot, track string) ([]byte, error) {
	segs := s.Segments(track)
	if len(segs) == 0 {
		return nil, fmt.Errorf("media playlist of track %q: nothing is listed", track)
	}
	n := uint(len(segs))
	p, err := m3u8.NewMediaPlaylist(n, n)
	if err != nil {
		return nil, fmt.Errorf("media playlist of track %q: %w", track, err)
	}
	p.SeqNo = uint64(segs[0].K)
	p.SetCustomTag(header(s))
	p.Encode().Grow(len(segs) * (len(track) + segmentText)) // the buffer stays p's; appending only empties it
	if err := fill(p, track, segs); err != nil {
		return nil, fmt.Errorf("media playlist of track %q: %w", track, err)
	}
	p.SetVersion(versionMap)
	p.TargetDuration = float64(s.TargetDuration()) // after the segments: m3u8 raises it to their ceiling
	return p.Encode().Bytes(), nil
}

// fill appends the segments. They, their names and their tags are allocated together: a window has thousands.
func fill(p *m3u8.MediaPlaylist, track string, segs []presentation.Segment) error {
	names, ends := uris(track, segs)
	tags := map[string]m3u8.CustomTag{dateTag: &dates{segs: segs}}
	entries := make([]m3u8.MediaSegment, len(segs))
	from, init := 0, ""
	for i := range segs {
		seg, e := &segs[i], &entries[i]
		e.URI, from = names[from:ends[i]], ends[i]
		e.Duration = float64(seg.End.FloorMs()-seg.Start.FloorMs()) / 1000
		e.Discontinuity = seg.Discontinuity
		e.Custom = tags
		if seg.Init != init && seg.Init != "" {
			init = seg.Init
			e.Map = &m3u8.Map{URI: track + "/" + init}
		}
		if err := p.AppendSegment(e); err != nil {
			return err
		}
	}
	return nil
}

func uris(track string, segs []presentation.Segment) (names string, ends []int) {
	var b strings.Builder
	b.Grow(len(segs) * (len(track) + 16))
	ends = make([]int, len(segs))
	var digits [20]byte
	for i := range segs {
		b.WriteString(track)
		b.WriteByte('/')
		b.Write(strconv.AppendInt(digits[:0], segs[i].K, 10))
		b.WriteString(".m4s")
		ends[i] = b.Len()
	}
	return b.String(), ends
}

// header holds the tags of a media playlist that m3u8 lacks, or that it leaves out at zero: the discontinuity sequence
// must always be there if there may ever be a discontinuity (Apple's authoring rule 8.17).
func header(s *presentation.Snapshot) m3u8.CustomTag {
	t := &lines{name: "#EXT-X-INDEPENDENT-SEGMENTS"}
	t.buf.WriteString("#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-DISCONTINUITY-SEQUENCE:")
	t.buf.WriteString(strconv.FormatInt(s.DiscontinuitySequence(), 10))
	return t
}

// lines is one or more whole lines that m3u8 has no field for. They are one tag because m3u8 keeps tags in a map and
// would write several in random order.
type lines struct {
	name string
	buf  bytes.Buffer
}

var _ m3u8.CustomTag = (*lines)(nil)

// TagName implements m3u8.CustomTag.
func (l *lines) TagName() string { return l.name }

// Encode implements m3u8.CustomTag.
func (l *lines) Encode() *bytes.Buffer { return &l.buf }

// String implements m3u8.CustomTag.
func (l *lines) String() string { return l.buf.String() }
