package verify

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"onair/pkg/tick"
)

// Listing is what a media playlist or an MPD lists of one rendition, for whoever follows an output on his own.
type Listing struct {
	Segments []Listed // in the order of their numbers
}

// Listed is one segment of a Listing.
type Listed struct {
	Number   int64
	URI      string // relative to the playlist or MPD, or absolute
	Init     string // likewise
	Duration time.Duration
	Gap      bool // it is told that there is none
}

// Variant is a choice of a multivariant playlist, or of an MPD.
type Variant struct {
	URI   string // of its media playlist; of an MPD the id of its Representation
	Audio string // of the sound beside it; empty: it is in the variant, or there is none
}

// ReadPlaylist reads a media playlist strictly.
func ReadPlaylist(b []byte) (Listing, error) {
	m, err := readMedia(b)
	if err != nil {
		return Listing{}, err
	}
	var out Listing
	for _, e := range m.entries {
		out.Segments = append(out.Segments, Listed{e.number, e.uri, e.init, e.duration.Duration(), e.gap})
	}
	return out, nil
}

// ReadIndex reads the variants of a multivariant playlist strictly, each with the first rendition of its sound.
func ReadIndex(b []byte) ([]Variant, error) {
	m, err := readMultivariant(b)
	if err != nil {
		return nil, err
	}
	var out []Variant
	for _, v := range m.variants {
		found := Variant{URI: v.uri}
		if id, ok := v.attrs.text("AUDIO"); ok {
			for _, e := range m.group("AUDIO", id) {
				if e.uri != "" {
					found.Audio = e.uri
					break
				}
			}
		}
		out = append(out, found)
	}
	return out, nil
}

// ReadMPD reads what an MPD lists of each Representation, and the choices it gives. A number that no Period has between
// two that one has is a gap.
func ReadMPD(b []byte) ([]Variant, map[string]Listing, error) {
	m, err := readManifest(b)
	if err != nil {
		return nil, nil, err
	}
	lists := map[string]Listing{}
	var pictures, sounds []string
	for _, p := range m.periods {
		for _, t := range p.tracks {
			l, known := lists[t.ID]
			if !known && strings.HasPrefix(t.Mime, "audio/") {
				sounds = append(sounds, t.ID)
			} else if !known {
				pictures = append(pictures, t.ID)
			}
			if l, err = l.add(t); err != nil {
				return nil, nil, fmt.Errorf("period %q, representation %q: %w", p.id, t.ID, err)
			}
			lists[t.ID] = l
		}
	}
	if len(pictures) == 0 {
		pictures, sounds = sounds, nil
	}
	var out []Variant
	for _, id := range pictures {
		v := Variant{URI: id}
		if len(sounds) > 0 {
			v.Audio = sounds[0]
		}
		out = append(out, v)
	}
	return out, lists, nil
}

// mostMissing bounds the numbers that are taken for a gap between two Periods.
const mostMissing = 100_000

var errNumbers = errors.New("its numbers do not go on from those of the period before")

// add goes on with what a Period has.
func (l Listing) add(t mpdTrack) (Listing, error) {
	for _, s := range t.segments {
		length := tick.FromUnits(s.duration, t.timescale).Duration()
		if n := len(l.Segments); n > 0 {
			next := l.Segments[n-1].Number + 1
			if s.number < next || s.number-next > mostMissing {
				return l, errNumbers
			}
			for ; next < s.number; next++ {
				l.Segments = append(l.Segments, Listed{Number: next, Duration: length, Gap: true})
			}
		}
		l.Segments = append(l.Segments, Listed{Number: s.number, URI: s.media, Init: s.init, Duration: length})
	}
	return l, nil
}
