package presentation

import (
	"fmt"
	"maps"
	"slices"

	"onair/pkg/ladder"
)

// Window is the moving list of segments of one store. It is not safe for concurrent use.
type Window struct {
	cfg    Config
	size   int64
	tracks []Track          // those that there are, in their order, then those that are gone
	live   int              // how many there are
	rows   [][]Segment      // per track, one entry per K from first to last; entries are never changed, only appended
	added  map[string]bool  // tracks that came later than the first; never changed, only replaced
	ends   map[string]int64 // last media of each track that is gone
	keep   longer

	first, last     int64 // listed K's; last < first when empty
	discontinuities int64 // that left the window (EXT-X-DISCONTINUITY-SEQUENCE)
	stretches       []Stretch
	changed         bool // an init changed since the last Append
	expired         int64
	known           bool // expired is set
}

// New makes an empty window.
func New(cfg Config) (*Window, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("presentation of channel %q: %w", cfg.Channel, err)
	}
	w := &Window{cfg: cfg, size: cfg.segments(), last: -1}
	w.tracks, w.live = slices.Clone(cfg.Tracks), len(cfg.Tracks)
	w.rows = make([][]Segment, len(w.tracks))
	return w, nil
}

// SetTrack replaces the description of the track of that name: codecs and init become known with the first run. An init
// that differs from the one before makes the next segment a discontinuity in every track.
func (w *Window) SetTrack(t Track) error {
	i := w.index(t.Name)
	if i < 0 {
		return fmt.Errorf("track %q is not part of channel %q", t.Name, w.cfg.Channel)
	}
	t.Kind = w.tracks[i].Kind
	old := w.tracks[i].Init
	w.tracks = slices.Clone(w.tracks) // snapshots share the slice
	w.tracks[i] = t
	w.describe(t)
	if old != "" && t.Init != old && w.last >= w.first {
		w.changed = true
	}
	return nil
}

// describe renews what is told of the track where it had that very init: after a restart only its name was known.
func (w *Window) describe(t Track) {
	for n := range w.stretches {
		s := &w.stretches[n]
		if i := indexOf(s.tracks, t.Name); i >= 0 && s.tracks[i].Init == t.Init {
			s.tracks = slices.Clone(s.tracks)
			t.Set = s.tracks[i].Set
			s.tracks[i] = t
		}
	}
}

func (w *Window) index(name string) int { return indexOf(w.tracks, name) }

func indexOf(tracks []Track, name string) int {
	return slices.IndexFunc(tracks, func(t Track) bool { return t.Name == name })
}

// Append lists segment k. A track that segs lacks, or has as a gap, gets a gap there; numbers skipped since the last
// one become gaps in every track. Start, End and Init may be left empty; if given they must be those of the grid and
// the track. Nothing listed ever changes: k at or before the last is refused with ErrListed.
func (w *Window) Append(k int64, segs map[string]Segment) error {
	if w.last >= w.first && k <= w.last {
		return fmt.Errorf("segment %d after %d: %w", k, w.last, ErrListed)
	}
	for _, name := range slices.Sorted(maps.Keys(segs)) {
		if err := w.check(name, k, segs[name]); err != nil {
			return err
		}
	}
	if w.last < w.first {
		w.first, w.last = k, k-1
	}
	w.skip(k)
	w.add(k, segs)
	w.trim()
	return nil
}

func (w *Window) check(name string, k int64, s Segment) error {
	i := w.index(name)
	if i < 0 {
		return fmt.Errorf("segment %d of track %q, which is not part of channel %q", k, name, w.cfg.Channel)
	}
	if s.Gap {
		return nil
	}
	start, end := w.cfg.span(w.tracks[i].Kind, k)
	if (s.Start != 0 || s.End != 0) && (s.Start != start || s.End != end) {
		return fmt.Errorf("segment %d of track %q spans %d to %d, on the grid it is %d to %d",
			k, name, s.Start, s.End, start, end)
	}
	if s.Init == "" && w.tracks[i].Init == "" {
		return fmt.Errorf("segment %d of track %q has no init yet", k, name)
	}
	return nil
}

// skip lists gaps up to k. After an outage longer than the window it starts afresh: all that was listed would leave
// anyway.
func (w *Window) skip(k int64) {
	if k-w.last > w.size {
		w.drop(w.last + 1)
		for i := range w.rows {
			w.rows[i] = nil
		}
		w.first = k - w.size + 1
		w.last = w.first - 1
	}
	for n := w.last + 1; n < k; n++ {
		w.add(n, nil)
	}
}

func (w *Window) add(k int64, segs map[string]Segment) {
	var present uint64
	for i, t := range w.tracks {
		s, ok := segs[t.Name]
		s.Gap = s.Gap || !ok
		s.K = k
		s.Start, s.End = w.cfg.span(t.Kind, k)
		s.Discontinuity = w.changed
		if s.Init == "" {
			s.Init = t.Init
		}
		if s.Gap {
			s.Slate, s.Bytes = false, 0
		} else {
			present |= 1 << i
		}
		w.rows[i] = append(w.rows[i], s)
	}
	w.extend(k, present)
	w.changed = false
	w.last = k
}

// extend continues the last stretch, or closes it and opens the next. With nothing listed before it, where that would
// have begun is a matter of time alone: two pipelines that were started at different times have the same stretches.
func (w *Window) extend(k int64, present uint64) {
	if !w.playable(present) {
		return
	}
	id, planned := k, w.cfg.planned(k)
	if n := len(w.stretches); n > 0 && !w.changed && k != planned {
		s := &w.stretches[n-1]
		if s.Last == k-1 && w.same(*s, present) {
			s.Last = k
			return
		}
	}
	if k == w.first {
		id = planned
	}
	w.stretches = append(w.stretches, Stretch{ID: id, First: k, Last: k, tracks: w.tracks, present: present})
}

// playable: media of every kind that the channel has. Players cannot hold a period in which all sound is missing.
func (w *Window) playable(present uint64) bool {
	var have, want [3]bool
	for i, t := range w.tracks {
		want[t.Kind] = want[t.Kind] || i < w.live
		if present&(1<<i) != 0 {
			have[t.Kind] = true
		}
	}
	return present != 0 && have[ladder.Video] == want[ladder.Video] && have[ladder.Audio] == want[ladder.Audio]
}

// trim drops what exceeds the window.
func (w *Window) trim() {
	if over := w.last - w.first + 1 - w.size; over > 0 {
		w.drop(w.first + over)
	}
}

// drop removes everything before k.
func (w *Window) drop(k int64) {
	n := int(k - w.first)
	for i := range w.rows {
		if i == 0 {
			for _, s := range w.rows[0][:n] {
				if s.Discontinuity {
					w.discontinuities++
				}
			}
		}
		w.rows[i] = w.rows[i][n:]
	}
	w.first = k
	gone := 0
	for gone < len(w.stretches) && w.stretches[gone].Last < k {
		gone++
	}
	w.stretches = w.stretches[gone:]
	w.forget()
}
