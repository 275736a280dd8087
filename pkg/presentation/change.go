package presentation

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// Change gives the channel other tracks from the next segment on. If they have another init, that one is a
// discontinuity in every track. A track that is new gets gaps for what is listed already, so that all lists begin with
// the same number and have their discontinuities in common; one that is gone goes on as gaps until none of its media is
// listed. What a track that stays was before is kept where it was.
func (w *Window) Change(tracks []Track) error {
	cfg := w.cfg
	cfg.Tracks = tracks
	if err := cfg.validate(); err != nil {
		return fmt.Errorf("presentation of channel %q: %w", w.cfg.Channel, err)
	}
	listed := w.last >= w.first
	was, rows, live := w.tracks, w.rows, w.live
	before, after := initOf(was[:live]), initOf(tracks)
	w.changed = w.changed || listed && before != "" && after != "" && before != after
	w.tracks, w.live, w.rows = slices.Clone(tracks), len(tracks), nil
	w.added, w.ends = maps.Clone(w.added), map[string]int64{}
	if w.added == nil {
		w.added = map[string]bool{}
	}
	for _, t := range tracks {
		i := indexOf(was, t.Name)
		if i < 0 || was[i].Kind != t.Kind {
			w.rows = append(w.rows, w.absent(t, rows[0]))
		} else {
			w.rows = append(w.rows, rows[i])
		}
		if (i < 0 || i >= live) && listed {
			w.added[t.Name] = true
		}
	}
	for i, t := range was {
		if w.index(t.Name) < 0 && len(w.tracks) < maxTracks {
			w.tracks, w.rows = append(w.tracks, t), append(w.rows, rows[i])
		}
	}
	w.findEnds()
	w.forget()
	return nil
}

// initOf is the init that tracks have in common; empty before any is known.
func initOf(tracks []Track) string {
	for _, t := range tracks {
		if t.Init != "" {
			return t.Init
		}
	}
	return ""
}

// absent is a row of gaps beside another row.
func (w *Window) absent(t Track, beside []Segment) []Segment {
	out := make([]Segment, 0, len(beside))
	for _, s := range beside {
		start, end := w.cfg.span(t.Kind, s.K)
		out = append(out, Segment{
			K: s.K, Start: start, End: end, Gap: true, Discontinuity: s.Discontinuity, Init: t.Init,
		})
	}
	return out
}

// findEnds looks where the media of the tracks that are gone ends.
func (w *Window) findEnds() {
	for i := w.live; i < len(w.tracks); i++ {
		end := w.first - 1
		for n, s := range slices.Backward(w.rows[i]) {
			if !s.Gap {
				end = w.first + int64(n)
				break
			}
		}
		w.ends[w.tracks[i].Name] = end
	}
}

// forget lets go the tracks that are gone and of which no media is listed any more.
func (w *Window) forget() {
	for i := len(w.tracks) - 1; i >= w.live; i-- {
		name := w.tracks[i].Name
		if w.ends[name] >= w.first {
			continue
		}
		w.tracks = slices.Delete(slices.Clone(w.tracks), i, i+1) // snapshots share the slices
		w.rows = slices.Delete(slices.Clone(w.rows), i, i+1)
		delete(w.ends, name)
	}
}

// same tells whether the tracks that have media are those of a stretch.
func (w *Window) same(s Stretch, present uint64) bool {
	if bits.OnesCount64(present) != bits.OnesCount64(s.present) {
		return false
	}
	for i, t := range s.tracks {
		j := w.index(t.Name)
		if s.present&(1<<i) != 0 && (j < 0 || present&(1<<j) == 0) {
			return false
		}
	}
	return true
}

// longer is the size of a window that was larger before: what has left it is needed for as long as such a list was.
type longer struct {
	size  int64
	until int64 // number up to which it counts
}

// kept is the number of segments that retention goes by.
func (w *Window) kept() int64 {
	if w.last > w.keep.until {
		return w.size
	}
	return max(w.size, w.keep.size)
}

// Resize makes the window list more, or less, from the next segment on. What has left it does not come back.
func (w *Window) Resize(length tick.Tick) {
	w.cfg.Window = length
	if w.last >= w.first {
		if kept := w.kept(); kept > w.cfg.segments() {
			w.keep = longer{kept, max(w.last+kept+1, w.keep.until)}
		}
	}
	w.size = w.cfg.segments()
}

// Offered are the tracks that a player may choose when it begins: one that came later only when it has as much media as
// a player stays behind, unless there is no other of its kind.
func (s *Snapshot) Offered() []Track {
	var out []Track
	least := [3]int{ladder.Video: s.enough(ladder.Video), ladder.Audio: s.enough(ladder.Audio)}
	for i, t := range s.Tracks() {
		if !s.added[t.Name] || s.mediaOf(i, least[t.Kind]) {
			out = append(out, t)
		}
	}
	return out
}

// enough is how much media a track of a kind that came later needs to be offered.
func (s *Snapshot) enough(kind ladder.Kind) int {
	for least := readySegments; least > 0; least-- {
		for i, t := range s.Tracks() {
			if t.Kind == kind && (!s.added[t.Name] || s.mediaOf(i, least)) {
				return least
			}
		}
	}
	return 0
}

// mediaOf tells whether a track has that many segments of media.
func (s *Snapshot) mediaOf(i, least int) bool {
	n := 0
	for _, seg := range slices.Backward(s.rows[i]) {
		if n >= least {
			return true
		}
		if !seg.Gap {
			n++
		}
	}
	return n >= least
}
