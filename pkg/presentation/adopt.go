package presentation

import "slices"

// Adopt is a window of the same channel that lists what another writer of its store has listed, and not what w lists.
// The tracks, what is known of them in stretches that both list, and retention are those of w, which stays as it is.
func (w *Window) Adopt(l Listed) (*Window, error) {
	out := &Window{
		cfg: w.cfg, size: w.size, tracks: slices.Clone(w.tracks[:w.live]), live: w.live, rows: make([][]Segment, w.live),
		added: w.added, keep: w.keep, last: -1, expired: w.expired, known: w.known,
	}
	l.Gone, l.Periods, l.Described = w.tracks[w.live:], nil, map[string][]Track{}
	for _, s := range w.stretches {
		l.Periods = append(l.Periods, s.ID)
		l.Described[initOf(s.Tracks())] = s.tracks
	}
	if err := out.Restore(l); err != nil {
		return nil, err
	}
	return out, nil
}
