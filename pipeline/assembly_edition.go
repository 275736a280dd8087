package pipeline

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"onair/pipeline/packager"
	"onair/pipeline/publish"
	"onair/pkg/ladder"
	"onair/pkg/presentation"
)

// edition is one ladder of the channel with what its runs have brought. A channel has one, until a reload changes more
// than bitrates: then a run of the next edition works beside that of the one on air for a moment, with cutters of its
// own, so that nothing is lost if it comes to nothing.
type edition struct {
	number  int
	from    int64 // first segment
	until   int64 // its segments from there on are not wanted
	tracks  []*track
	byName  map[string]*track
	version string // of the initializations; empty until every rendition has one
	told    bool   // the publishers know its tracks
}

// heldSegment is a segment that waits for the others of its number.
type heldSegment struct {
	publish.Segment
	of *edition
}

// keepRuns is how many runs are remembered: more than can have frames on their way.
const keepRuns = 64

func (a *assembly) newEdition(number int, of []ladder.Rendition) (*edition, error) {
	ed := &edition{number: number, until: math.MaxInt64, byName: map[string]*track{}}
	for _, r := range of {
		cutter, err := packager.NewCutter(packager.CutterConfig{
			Rendition: r.Name, Video: r.Kind == ladder.Video, Grid: a.grid, Audio: a.audio, Timescale: r.Timescale(),
		})
		if err != nil {
			return nil, err
		}
		t := &track{Rendition: r, of: ed, cutter: cutter, timescale: r.Timescale(), declared: r.Bitrate}
		ed.tracks = append(ed.tracks, t)
		ed.byName[r.Name] = t
	}
	return ed, nil
}

// offer makes the renditions of a ladder known of which a run may come.
func (a *assembly) offer(number int, of []ladder.Rendition) error {
	if _, err := a.newEdition(number, of); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.offers, func(n int, _ []ladder.Rendition) bool { return n < a.now.number })
	a.offers[number] = of
	return nil
}

// current are the tracks of the ladder on air.
func (a *assembly) current() []*track {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now.tracks
}

// editionOf is what a run encodes: the ladder on air, if it has no place.
func (a *assembly) editionOf(run int) *edition {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ed := a.runs[run]; ed != nil {
		return ed
	}
	return a.now
}

// assign finds the edition of a run that is given its place, which makes one that was to come before void.
func (a *assembly) assign(run, number int, from int64) *edition {
	a.mu.Lock()
	defer a.mu.Unlock()
	if old := a.coming; old != nil {
		a.coming, old.until = nil, 0
		a.held = slices.DeleteFunc(a.held, func(s heldSegment) bool { return s.of == old })
		a.release()
	}
	ed := a.now
	if number != a.now.number {
		next, err := a.newEdition(number, a.offers[number])
		if err != nil || len(next.tracks) == 0 { // it was offered: it cannot be
			a.event("error", fmt.Sprintf("ladder %d of run %d is not known: %v", number, run, err))
			return nil
		}
		next.from = from
		a.coming, ed = next, next
	}
	a.runs[run] = ed
	maps.DeleteFunc(a.runs, func(r int, _ *edition) bool { return r <= run-keepRuns })
	return ed
}

// turnOver puts the edition that was to come on air. The caller holds mu.
func (a *assembly) turnOver() {
	old, ed := a.now, a.coming
	a.now, a.coming = ed, nil
	old.until = ed.from
	a.held = slices.DeleteFunc(a.held, func(s heldSegment) bool { return s.of == old && s.K >= old.until })
	for _, t := range ed.tracks {
		if was := old.byName[t.Name]; was != nil && was.Kind == t.Kind {
			t.inherit(was)
			a.sinkLater(t, was)
		}
	}
}

// inherit makes a track count on from where that of the same name has ended.
func (t *track) inherit(was *track) {
	was.mu.Lock()
	stats, cut := was.stats, was.counted()
	was.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	stats.Codecs = t.stats.Codecs
	t.stats, t.before = stats, cut
}

// sinkLater has a track declare what that of the same name did while segments that took it are listed. The caller holds
// mu.
func (a *assembly) sinkLater(t, was *track) {
	if was.declared <= t.declared {
		return
	}
	sinks := t.of.from + a.listed
	if was.sinks != 0 && was.target() <= t.declared {
		sinks = was.sinks // they are older than the ladder that ends
	}
	t.declared, t.sinks = was.declared, sinks
}

// counted is what the cutters of a rendition have counted. The caller holds mu.
func (t *track) counted() packager.CutterStats {
	s := t.cutter.Stats()
	s.Frames += t.before.Frames
	s.Segments += t.before.Segments
	s.Holes += t.before.Holes
	return s
}

// tell gives the publishers the tracks of an edition, before its first segment. The caller holds mu.
func (a *assembly) tell(ed *edition) {
	ed.told = true
	var tracks []presentation.Track
	inits := map[string][]byte{}
	for i, t := range ed.tracks {
		tracks = append(tracks, a.describe(t, i))
		if t.init != nil {
			t.announced, inits[t.Name] = true, t.init
		}
	}
	for _, p := range a.outlets {
		if p.since < ed.number {
			p.Change(ed.from, tracks, inits)
		} else {
			a.acquaint(p)
		}
	}
	a.tellLive()
	if a.changed != nil {
		a.changed(fmt.Sprintf("another ladder from segment %d on (%s): %s", ed.from, ed.version,
			strings.Join(namesOf(ed.tracks), ", ")))
	}
}

func namesOf(tracks []*track) []string {
	out := make([]string, 0, len(tracks))
	for _, t := range tracks {
		out = append(out, t.Name)
	}
	return out
}

// repeatSets puts the parameter sets into the first segment that a track has after a change of the ladder: FFmpeg's own
// player of HLS, and what is built on it, does not read a second initialization.
func (a *assembly) repeatSets(t *track, seg *packager.Segment) {
	a.mu.Lock()
	first, h := t.of.from != 0 && t.emitted == 0, t.header
	a.mu.Unlock()
	if !first || t.Kind != ladder.Video || len(seg.Samples) == 0 {
		return
	}
	s := &seg.Samples[0]
	seg.Bytes -= len(s.Data)
	s.Data = h.WithParameterSets(s.Data)
	seg.Bytes += len(s.Data)
}
