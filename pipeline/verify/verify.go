// Package verify watches an output of onair as a strict viewer would: every playlist, MPD and new segment is fetched
// and
// held against the rules that standards and the project's contract set. It reads playlists and MPD with readers of its
// own,
// so that it cannot share a mistake with what wrote them.
package verify

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"onair/pkg/fmp4"
	"onair/pkg/tick"
)

// Names of a channel's objects.
const (
	indexName = "index.m3u8"
	mpdName   = "manifest.mpd"
)

// Kinds of targets.
const (
	kindHTTP      = "http"
	kindDirectory = "directory"
)

const (
	firstSegments = 3 // segments of each rendition that are read when a viewing starts
	parallel      = 8 // requests at a time
)

// Defaults of a Config's zero fields.
const (
	DefaultFor      = time.Minute
	DefaultInterval = 500 * time.Millisecond
)

// Config says what to watch.
type Config struct {
	Target   string        // URL of a channel's folder, multivariant playlist or MPD; or a folder on disk
	For      time.Duration // how long to watch a URL; 0 means DefaultFor. A folder is checked as it stands
	Interval time.Duration // between two looks at the playlists; 0 means DefaultInterval
	Client   *http.Client  // nil means one with a time limit of 10 s per request
}

// Viewer watches one target once.
type Viewer struct {
	cfg  Config
	from source
}

// New opens nothing but a folder. A target that is neither a URL nor a channel's folder is an error, the caller's
// fault.
func New(cfg Config) (*Viewer, error) {
	cfg.For = cmp.Or(cfg.For, DefaultFor)
	cfg.Interval = cmp.Or(cfg.Interval, DefaultInterval)
	if cfg.For < 0 || cfg.Interval < 0 {
		return nil, fmt.Errorf("watching for %v every %v is not possible", cfg.For, cfg.Interval)
	}
	from, err := open(cfg.Target, cfg.Client)
	return &Viewer{cfg, from}, err
}

// track is one media playlist with its segments.
type track struct {
	name, playlist string
	member         member // the EXT-X-MEDIA that names it, if one does
	list           *mediaList
	headers        map[string]*fmp4.Header // by the names of inits
	header         *fmp4.Header            // of the newest segment that was read
	frame          uint32                  // duration of a frame, in the header's timescale
	inits          map[string][]byte
	media          map[int64]string // names of all that was listed as media
	gaps           map[int64]bool
	wanted         []entry // listed, not read yet
	read           map[int64]facts
	inMPD          map[int64]bool
	mpdInits       map[string]bool
	bandwidth      int64 // of the MPD
	firstK, lastK  int64
	from, to       int64 // numbers that were listed on the last two looks; none if to is less
	settled        bool  // the newest segment has media, and the header that the newest one had on the look before
	shifted        bool  // on the last look it began elsewhere than the others

	requests, updates int
	changed           time.Time     // when the newest segment was first seen listed
	looked            time.Time     // when the playlist was read last
	blind             time.Duration // time since changed in which it was not looked at, because segments were being read
	longest           time.Duration
	latencies         []time.Duration
	left              string // the newest segment that left the playlist, to be asked for
}

// viewing is the state of one run. Everything in it belongs to the goroutine of Run.
type viewing struct {
	cfg        Config
	kind       string
	found      *findings
	index      *multivariant
	indexBody  string
	mpd        *manifest
	mpdBody    []byte
	tracks     []*track
	byName     map[string]*track
	byPlaylist map[string]*track
	target     int64     // EXT-X-TARGETDURATION
	t          tick.Tick // T, once known
	window     tick.Tick
	probed     bool
	steady     bool             // the multivariant playlist is the one of the look before
	unlisted   map[string]int64 // first numbers of Representations that no playlist has, by period and name
}

// Run watches until the time is over, or ctx ends, and reports. The error means that there was nothing to watch: no
// answer
// from the server, no such folder.
func (w *Viewer) Run(ctx context.Context) (Report, error) {
	began := time.Now()
	v := &viewing{
		cfg: w.cfg, kind: kindOf(w.from), found: newFindings(time.Now),
		byName: map[string]*track{}, byPlaylist: map[string]*track{}, unlisted: map[string]int64{},
	}
	ending, cancel := context.WithTimeout(ctx, w.cfg.For)
	defer cancel()
	if err := v.open(ending, w.from); err != nil {
		return Report{}, err
	}
	if v.index != nil {
		v.watch(ctx, ending, w.from)
	}
	return v.report(w, began), nil
}

// open waits for the multivariant playlist: a channel that has just started has none yet.
func (v *viewing) open(ctx context.Context, from source) error {
	for first := true; ; first = false {
		o := from.get(ctx, indexName)
		if o.err != nil && first {
			return fmt.Errorf("opening %s: %w", redact(v.cfg.Target), o.err)
		}
		if o.ok() || !from.live() || !pause(ctx, v.cfg.Interval) {
			v.readIndex(o)
			return nil
		}
	}
}

// pause waits until it is time for the next look; false at the end.
func pause(ctx context.Context, interval time.Duration) bool {
	timer := time.NewTimer(interval)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// watch looks again and again until ending is done. Requests use ctx: what was begun is finished.
func (v *viewing) watch(ctx, ending context.Context, from source) {
	for {
		v.round(ctx, from)
		if !from.live() || !pause(ending, v.cfg.Interval) || ctx.Err() != nil {
			break
		}
	}
	if s, ok := from.(*server); ok && ctx.Err() == nil {
		v.finish(ctx, s)
	}
	v.checkSameFiles()
	v.checkAverages(v.watched())
}

// finish checks at the end of a live viewing what needs its whole length.
func (v *viewing) finish(ctx context.Context, s *server) {
	v.checkTiming(ctx, s)
	now := time.Now()
	for _, t := range v.tracks {
		t.look(now, v.cfg.Interval)
		v.checkCadence(t, now.Sub(t.changed)-t.blind)
		for name, was := range t.inits {
			if o := s.get(ctx, name); o.ok() {
				v.found.check(mediaInit, name, bytes.Equal(o.body, was), "its content has changed")
			}
		}
		for k, was := range t.read { // any one
			o := s.get(ctx, beside(t.playlist, t.media[k]))
			if o.ok() {
				v.found.check(mediaImmutable, o.name, hashOf(o.body) == was.hash, "its content has changed")
			}
			break
		}
	}
}

// round fetches all playlists and the MPD at once, then the segments that are new.
func (v *viewing) round(ctx context.Context, from source) {
	names, tracks := []string{indexName, mpdName}, slices.Clone(v.tracks)
	for _, t := range tracks {
		names = append(names, t.playlist)
	}
	got := fetchAll(ctx, from, names)
	if ctx.Err() != nil {
		return
	}
	v.readIndex(got[0])
	for i, o := range got[2:] {
		if t := tracks[i]; v.byPlaylist[t.playlist] == t { // it is still offered
			v.readPlaylist(t, o)
		}
	}
	v.checkRenditions()
	v.readSegments(ctx, from)
	v.checkVariants()
	v.readManifest(got[1])
	s, ok := from.(*server)
	if !ok {
		return
	}
	for _, t := range v.tracks {
		if t.left != "" {
			v.checkRetained(ctx, s, t, t.left)
			t.left = ""
		}
		for k := range t.read {
			if !v.probed {
				v.probed = true
				v.probeHTTP(ctx, s, beside(t.playlist, t.media[k]))
			}
			break
		}
	}
}

// request is an object of a source.
type request struct {
	from source
	name string
}

// fetchAll fetches objects side by side; results are in the order of names.
func fetchAll(ctx context.Context, from source, names []string) []object {
	wanted := make([]request, len(names))
	for i, name := range names {
		wanted[i] = request{from, name}
	}
	return fetchEach(ctx, wanted)
}

// fetchEach is fetchAll from any number of sources.
func fetchEach(ctx context.Context, wanted []request) []object {
	out := make([]object, len(wanted))
	var g errgroup.Group
	g.SetLimit(parallel)
	for i, w := range wanted {
		g.Go(func() error {
			out[i] = w.from.get(ctx, w.name)
			return nil
		})
	}
	_ = g.Wait()
	return out
}
