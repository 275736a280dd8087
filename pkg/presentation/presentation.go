// Package presentation keeps what a channel has on offer: its tracks and the window of segments that playlists list.
//
// A Window is changed by its one owner; a Snapshot of it never changes and may be read by anyone. Everything is a
// function of segment numbers and media time: no clock, no counters of its own.
package presentation

import (
	"errors"
	"fmt"

	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// Track is one rendition as manifests describe it.
type Track struct {
	Name          string // folder and playlist name
	Kind          ladder.Kind
	Codecs        string // RFC 6381, from the bitstream
	Peak, Average int64  // bits per second, container included
	Width, Height int    // video, pixels
	Rate          tick.Rate
	Timescale     int64 // media timescale, units per second; 0: by Rate or SampleRate
	SampleRate    int64
	Channels      int
	Language      string // audio; BCP 47
	Default       bool   // audio: the one that plays unless the viewer chooses
	Captions      []ladder.Caption
	Init          string // file name init-<v>.mp4 in the track's folder; empty until the first run has made it
	Set           uint32 // AdaptationSet that it was in, where that was read back; 0: by its place
}

// Segment is one listed position of one track.
type Segment struct {
	K             int64
	Start, End    tick.Tick
	Gap           bool   // no media: the player skips it
	Slate         bool   // media, but generated
	Discontinuity bool   // the init changed here
	Init          string // the initialization that it needs; empty for a gap before any was known
	Bytes         int64
}

// Config describes a channel's presentation.
type Config struct {
	Channel string
	Grid    tick.Grid
	Audio   tick.Audio // zero: no audio tracks
	Window  tick.Tick  // how much is listed; at least 6 segments are (Apple's authoring rule 8.11); 0 is 10 minutes
	Tracks  []Track    // video first by convention; the order is kept in manifests
}

// Limits of a presentation.
const (
	defaultWindow = 600 * tick.Second
	periodLength  = 3600 * tick.Second // after which a stretch ends as planned
	leastSegments = 6
	readySegments = 3
	maxTracks     = 64 // presence is kept as a bit mask
)

// ErrListed refuses a segment number that has been listed or passed over already: what is listed never changes.
var ErrListed = errors.New("segment number is already listed")

func (c Config) validate() error {
	if c.Grid.T <= 0 {
		return errors.New("the grid has no segment length")
	}
	if len(c.Tracks) == 0 || len(c.Tracks) > maxTracks {
		return fmt.Errorf("%d tracks: 1 to %d are possible", len(c.Tracks), maxTracks)
	}
	seen := make(map[string]bool, len(c.Tracks))
	for _, t := range c.Tracks {
		switch {
		case t.Name == "" || seen[t.Name]:
			return fmt.Errorf("track name %q is empty or used twice", t.Name)
		case t.Kind == ladder.Audio && (c.Audio.Rate <= 0 || c.Audio.Samples <= 0):
			return fmt.Errorf("audio track %q without an audio grid", t.Name)
		case t.Kind != ladder.Audio && t.Kind != ladder.Video:
			return fmt.Errorf("track %q is neither video nor audio", t.Name)
		}
		seen[t.Name] = true
	}
	return nil
}

// span is the interval of segment k of a track: the grid's, for audio from its first frame to the next segment's.
func (c Config) span(kind ladder.Kind, k int64) (start, end tick.Tick) {
	if kind == ladder.Audio {
		return c.Audio.At(c.Audio.First(c.Grid, k)), c.Audio.At(c.Audio.First(c.Grid, k+1))
	}
	return c.Grid.Start(k), c.Grid.Start(k + 1)
}

// segments is the number of segments that the window lists.
func (c Config) segments() int64 {
	w := c.Window
	if w <= 0 {
		w = defaultWindow
	}
	return max(leastSegments, int64((w+c.Grid.T-1)/c.Grid.T))
}

// planned is the number of the segment from which the stretch that holds k was to go, had nothing been missing: that of
// the full hour before it, in whole segments since the epoch.
func (c Config) planned(k int64) int64 {
	return k - k%max(1, int64((periodLength+c.Grid.T/2)/c.Grid.T))
}
