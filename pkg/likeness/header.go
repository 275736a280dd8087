package likeness

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"

	"onair/pkg/fmp4"
)

// Header is the initialization of a segment.
type Header struct {
	Name  string
	Body  []byte
	Track *fmp4.Header // nil when it cannot be read, as that of an encrypted track
	KIDs  [][16]byte   // of an encrypted track
}

// ReadHeader reads an initialization. With an error it can be compared all the same, byte by byte.
func ReadHeader(name string, body []byte) (Header, error) {
	h := Header{Name: name, Body: body}
	kids, err := fmp4.DefaultKIDs(body)
	if err != nil || len(kids) > 0 {
		h.KIDs = kids
		return h, err
	}
	track, err := fmp4.ParseInit(body)
	if err != nil {
		return h, err
	}
	h.Track = &track
	return h, nil
}

// Same tells whether two initializations have the same name and the same bytes.
func (h Header) Same(other Header) bool {
	return h.Name == other.Name && bytes.Equal(h.Body, other.Body)
}

// Parse reads a segment; one whose header cannot be read repeats its defaults, or cannot be read either.
func (h Header) Parse(segment []byte) (fmp4.SegmentInfo, error) {
	if h.Track == nil {
		return fmp4.ParseSegment(segment)
	}
	return h.Track.ParseSegment(segment)
}

// Headers compares two initializations.
func (w Where) Headers(a, b Header) []Verdict {
	out := []Verdict{{Init, a.Same(b), fmt.Sprintf("%s of %d bytes %s (hash %.8x), %s of %d bytes %s (hash %.8x)",
		a.Name, len(a.Body), w[0], sha256.Sum256(a.Body), b.Name, len(b.Body), w[1], sha256.Sum256(b.Body))}}
	if len(a.KIDs)+len(b.KIDs) > 0 {
		out = append(out, Verdict{KeyID, slices.Equal(a.KIDs, b.KIDs),
			fmt.Sprintf("default_KID %x %s and %x %s", a.KIDs, w[0], b.KIDs, w[1])})
	}
	return out
}
