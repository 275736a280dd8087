package presentation

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// Listed is what a store's playlists say when a process starts again.
type Listed struct {
	First           int64                // number of the first listed segment (EXT-X-MEDIA-SEQUENCE)
	Segments        map[string][]Segment // per track, from First on: Gap, Discontinuity, Init; a missing one is a gap
	Discontinuities int64                // EXT-X-DISCONTINUITY-SEQUENCE
	Periods         []int64              // ID of each stretch (DASH Period); those that are not given are made anew
	Gone            []Track              // tracks that the channel no longer has, and of which media is listed
	Described       map[string][]Track   // by init: how the tracks that had it were described
}

// Restore fills an empty window with what was listed before, unchanged, so that playlists go on where they stopped.
func (w *Window) Restore(l Listed) error {
	if w.last >= w.first {
		return errors.New("window is not empty")
	}
	n := 0
	for name, segs := range l.Segments {
		if w.index(name) < 0 {
			continue // a track that the channel no longer has
		}
		n = max(n, len(segs))
	}
	if n == 0 {
		return nil
	}
	for _, t := range l.Gone {
		if w.index(t.Name) < 0 && len(w.tracks) < maxTracks {
			w.tracks, w.rows = append(w.tracks, t), append(w.rows, nil)
		}
	}
	w.first, w.last = l.First, l.First-1
	w.discontinuities = l.Discontinuities
	for i := range n {
		if err := w.restoreRow(l, i); err != nil {
			return err
		}
	}
	w.restorePeriods(l.Periods)
	w.restoreTracks(l.Described)
	w.ends = map[string]int64{}
	w.findEnds()
	w.forget()
	w.trim()
	return nil
}

// restoreTracks lets stretches have their tracks as they were described then.
func (w *Window) restoreTracks(described map[string][]Track) {
	for i := range w.stretches {
		s := &w.stretches[i]
		now := s.Tracks()
		tracks := described[initOf(now)]
		present := uint64(0)
		for j, t := range tracks {
			if indexOf(now, t.Name) >= 0 {
				present |= 1 << j
			}
		}
		if len(tracks) <= maxTracks && bits.OnesCount64(present) == len(now) && len(now) > 0 {
			s.tracks, s.present = tracks, present
		}
	}
}

func (w *Window) restoreRow(l Listed, i int) error {
	k := l.First + int64(i)
	row := make(map[string]Segment, len(w.tracks))
	for _, t := range w.tracks {
		segs := l.Segments[t.Name]
		if i >= len(segs) {
			continue
		}
		s := segs[i]
		if !s.Gap && s.Init == "" {
			return fmt.Errorf("segment %d of track %q was listed without an init", k, t.Name)
		}
		w.changed = w.changed || s.Discontinuity
		row[t.Name] = s
	}
	w.adoptInits(row)
	w.add(k, row)
	return nil
}

// adoptInits lets the tracks of the row's stretch have the inits that were listed.
func (w *Window) adoptInits(row map[string]Segment) {
	for i, t := range w.tracks {
		if s, ok := row[t.Name]; ok && s.Init != "" && s.Init != t.Init {
			w.tracks = slices.Clone(w.tracks)
			w.tracks[i].Init = s.Init
		}
	}
}

// restorePeriods gives the first stretch the number it began with, which may lie before the window.
func (w *Window) restorePeriods(ids []int64) {
	if len(w.stretches) == 0 {
		return
	}
	s := &w.stretches[0]
	if s.First != w.first {
		return
	}
	newest, any := int64(0), false
	for _, id := range ids { // an older list may name stretches that have left the window since
		if id <= s.First && (!any || id > newest) {
			newest, any = id, true
		}
	}
	if any {
		s.ID = newest
	}
}

// Expired is the range of segment numbers whose files may go since the last call: from > to if there are none. The
// first call after a start begins as far back as a full window of leftovers reaches.
func (w *Window) Expired() (from, to int64) {
	if w.last < w.first {
		return 0, -1
	}
	to = w.last - 2*w.kept() - 2
	if !w.known {
		w.expired, w.known = to-w.size, true
	}
	from = w.expired
	if to >= from {
		w.expired = to + 1
	}
	return from, to
}
