package presentation

import (
	"slices"

	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// Snapshot is the presentation at one moment. It never changes; what it returns is shared and must not be changed
// either.
type Snapshot struct {
	cfg             Config
	size, kept      int64
	tracks          []Track
	live            int
	added           map[string]bool
	rows            [][]Segment
	first, last     int64
	discontinuities int64
	stretches       []Stretch
}

// Stretch is a run of segments through which the same tracks have media with the same init: a Period of DASH. One that
// goes on for long is ended on the hour, so that pipelines that differ, as only one had something missing, agree again.
type Stretch struct {
	ID          int64 // number of its first segment, also when that has left the window, or was never listed
	First, Last int64 // the segments of it that are listed
	tracks      []Track
	present     uint64
}

// All are the tracks that the channel had then.
func (s Stretch) All() []Track { return s.tracks }

// Tracks are those that have media throughout the stretch, as they were described then.
func (s Stretch) Tracks() []Track {
	out := make([]Track, 0, len(s.tracks))
	for i, t := range s.tracks {
		if s.present&(1<<i) != 0 {
			out = append(out, t)
		}
	}
	return out
}

// Snapshot is the presentation as it is now. It copies no segments.
func (w *Window) Snapshot() *Snapshot {
	s := &Snapshot{
		cfg: w.cfg, size: w.size, kept: w.kept(), tracks: w.tracks, live: w.live, added: w.added,
		first: w.first, last: w.last, discontinuities: w.discontinuities,
		rows: make([][]Segment, len(w.rows)), stretches: slices.Clone(w.stretches),
	}
	for i, r := range w.rows {
		s.rows[i] = r[:len(r):len(r)]
	}
	for i := range s.stretches {
		s.stretches[i].First = max(s.stretches[i].First, w.first)
	}
	return s
}

// Channel is the channel's name.
func (s *Snapshot) Channel() string { return s.cfg.Channel }

// Grid is the channel's segment grid.
func (s *Snapshot) Grid() tick.Grid { return s.cfg.Grid }

// Audio is the channel's audio frame grid; zero without audio.
func (s *Snapshot) Audio() tick.Audio { return s.cfg.Audio }

// Tracks are the channel's tracks in the configured order.
func (s *Snapshot) Tracks() []Track { return s.tracks[:s.live:s.live] }

// All are the channel's tracks, and those that are gone while some of their media is listed.
func (s *Snapshot) All() []Track { return s.tracks }

// Track is the track of that name.
func (s *Snapshot) Track(name string) (Track, bool) {
	i := indexOf(s.tracks, name)
	if i < 0 {
		return Track{}, false
	}
	return s.tracks[i], true
}

// First is the number of the first listed segment.
func (s *Snapshot) First() int64 { return s.first }

// Last is the number of the last listed segment, First()-1 if there is none.
func (s *Snapshot) Last() int64 { return s.last }

// Len is the number of listed segments, gaps included.
func (s *Snapshot) Len() int { return int(s.last - s.first + 1) }

// Size is the number of segments that a full window lists.
func (s *Snapshot) Size() int64 { return s.size }

// Segments are the listed segments of a track, ascending without holes; nil for an unknown track.
func (s *Snapshot) Segments(track string) []Segment {
	i := indexOf(s.tracks, track)
	if i < 0 {
		return nil
	}
	return s.rows[i]
}

// Stretches are the listed runs of segments without a gap or a change of init, ascending.
func (s *Snapshot) Stretches() []Stretch { return s.stretches }

// NewestMedia is the last segment in which any track has media (slate is media); false if none has.
func (s *Snapshot) NewestMedia() (k int64, ok bool) {
	for n := s.Len() - 1; n >= 0; n-- {
		if s.media(n) {
			return s.first + int64(n), true
		}
	}
	return 0, false
}

func (s *Snapshot) media(n int) bool {
	for _, row := range s.rows {
		if !row[n].Gap {
			return true
		}
	}
	return false
}

// Ready tells that the playlists may appear: at least 3 segments with media are listed.
func (s *Snapshot) Ready() bool {
	count := 0
	for n := s.Len() - 1; n >= 0 && count < readySegments; n-- {
		if s.media(n) {
			count++
		}
	}
	return count >= readySegments
}

// DiscontinuitySequence is the number of discontinuities that have left the window (RFC 8216bis §4.4.3.3).
func (s *Snapshot) DiscontinuitySequence() int64 { return s.discontinuities }

// Longest is the longest possible segment: T, and one audio frame where there is audio.
func (s *Snapshot) Longest() tick.Tick {
	t := s.cfg.Grid.T
	if s.cfg.Audio.Rate > 0 && slices.ContainsFunc(s.tracks, func(t Track) bool { return t.Kind == ladder.Audio }) {
		t += s.cfg.Audio.Frame()
	}
	return t
}

// TargetDuration is EXT-X-TARGETDURATION in seconds: the longest segment as EXTINF can print it (a difference of
// floored milliseconds, so up to the next whole one), rounded. It is the same in every track and never changes.
func (s *Snapshot) TargetDuration() int64 {
	ms := (s.Longest() + tick.Millisecond - 1).FloorMs()
	return max(1, (ms+500)/1000)
}

// Published is the instant at which the newest listed segment can have become available: its end. Manifests carry it as
// their time of publication, so that it is a function of their content alone.
func (s *Snapshot) Published() tick.Tick { return s.cfg.Grid.Start(s.last + 1) }

// Oldest is the lowest segment number whose files a store must still have. A segment that left the window stays for the
// duration of the longest playlist that listed it and one segment more (RFC 8216bis §6.2.2); one further segment
// covers what a playlist's last audio frames reach over the grid.
func (s *Snapshot) Oldest() int64 { return s.last - 2*s.kept - 1 }
