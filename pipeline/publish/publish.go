// Package publish writes a channel's output to one store: initializations, segments, playlists and manifest in the
// order that keeps every playlist true, with bounded retries, retention and read-back at start.
//
// Nothing here ever blocks the encoder or another store. What a store does not take within a bound becomes a gap there.
package publish

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"onair/pkg/presentation"
	"onair/pkg/store"
	"onair/pkg/tick"
)

// Config describes a publisher.
type Config struct {
	Store        store.Store
	Presentation presentation.Config // channel, grid, window and tracks; playlists are written from it
	RetryFor     time.Duration       // how long a segment's write is tried before it becomes a gap; 0 is T, at least 2 s
	Late         time.Duration       // how long a rendition is waited for beyond its usual lag behind the first; 0 is 1 s
	Queue        int                 // segment numbers that may wait for the store; 0 is 32
	QueueBytes   int64               // their media; 0 is 64 MiB
	Flush        time.Duration       // how long Run goes on writing what is complete after its end was asked; 0 is 5 s
	Log          zerolog.Logger
	Now          func() tick.Tick // nil: the host's clock
	// Shared tells that another pipeline of the channel publishes to the same Store, which must be a store.Swapper
	// then.
	Shared bool
	// Event is told what was found wrong in the store, at start or when something had been removed: "warning" or
	// "error". It must not call the Publisher.
	Event func(level, message string)
	// OnListed is called from one of Run's goroutines for each segment number when viewers can see it.
	OnListed func(k int64, listed tick.Tick)
}

// Defaults and fixed bounds.
const (
	leastRetry   = 2 * time.Second
	defaultLate  = time.Second
	defaultQueue = 32
	defaultBytes = 64 << 20
	defaultFlush = 5 * time.Second
	firstBackOff = 100 * time.Millisecond
	maxBackOff   = time.Second
	writers      = 4 // writes of segments and initializations at a time
)

// Segment is a complete segment of one track. Body is kept and shared, never changed.
type Segment struct {
	Track      string
	K          int64
	Start, End tick.Tick // zero: by the grid
	Slate      bool
	Standby    bool              // not as good as the other pipeline's: if that one does not bring it
	Meta       map[string]string // kept with it where the store can, see store.Object
	Body       []byte
}

// Publisher publishes to one store.
type Publisher struct {
	cfg     Config
	limit   tick.Tick // age at which the newest media is stale
	caching string    // Cache-Control of media
	wake    chan struct{}
	fresh   atomic.Pointer[listing]

	jobs sync.WaitGroup

	mu       sync.Mutex
	queue    *queue
	inits    map[string]*initObject // by object name
	window   *presentation.Window
	tracks   []presentation.Track          // those that there are, in their order
	known    map[string]presentation.Track // the same, as last described
	changes  []change                      // that the window has yet to see
	places   []string                      // tracks by their bit in trash.held
	lists    map[string]bool               // tracks whose playlists are written
	applied  map[string]presentation.Track // as the window has them
	restored bool
	reading  job
	manifest manifest
	trash    trash
	flights  flights
	look     look
	shared   *sharing // nil: the store is this publisher's alone
	status   counters
}

// listing is the newest media that viewers can see, and since when.
type listing struct {
	k  int64
	at tick.Tick
}

// job is something done at most once at a time and retried.
type job struct {
	running bool
	tries   int
	after   time.Time // not before
}

// initObject is an initialization on its way to the store or there.
type initObject struct {
	job
	object store.Object
	stored bool
}

// New makes a publisher; nothing is read or written before Run.
func New(c Config) (*Publisher, error) {
	if c.Store == nil {
		return nil, errors.New("publish: no store given")
	}
	w, err := presentation.New(c.Presentation)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	t := c.Presentation.Grid.T
	c = c.withDefaults(t.Duration())
	p := &Publisher{
		cfg: c, limit: max(t*3/2, t+3*tick.Second), caching: caching(w.Snapshot().Size(), t),
		wake: make(chan struct{}, 1), window: w,
		inits: map[string]*initObject{}, lists: map[string]bool{}, tracks: c.Presentation.Tracks,
		known: map[string]presentation.Track{}, applied: map[string]presentation.Track{},
	}
	names := make([]string, 0, len(c.Presentation.Tracks))
	for _, t := range c.Presentation.Tracks {
		names = append(names, t.Name)
		p.place(t.Name)
		p.applied[t.Name] = t
		p.known[t.Name] = t
	}
	if c.Shared {
		s, ok := c.Store.(store.Swapper)
		if !ok {
			return nil, fmt.Errorf("publish: store %s cannot be shared: nothing can be replaced there on a condition", c.Store)
		}
		p.shared = newSharing(s)
	}
	p.queue = newQueue(queueConfig{
		tracks: names, longest: t.Duration(), retry: c.RetryFor, late: c.Late, entries: c.Queue, bytes: c.QueueBytes,
	})
	p.manifest.written = map[string][]byte{}
	p.flights.began = map[*time.Time]struct{}{}
	p.status.tracks = make(map[string]*TrackStatus, len(names))
	for _, n := range names {
		p.status.tracks[n] = &TrackStatus{Name: n, LastK: -1}
	}
	return p, nil
}

func (c Config) withDefaults(t time.Duration) Config {
	if c.RetryFor <= 0 {
		c.RetryFor = max(t, leastRetry)
	}
	if c.Late <= 0 {
		c.Late = defaultLate
	}
	if c.Queue <= 0 {
		c.Queue = defaultQueue
	}
	if c.QueueBytes <= 0 {
		c.QueueBytes = defaultBytes
	}
	if c.Flush <= 0 {
		c.Flush = defaultFlush
	}
	if c.Now == nil {
		start := time.Now() // its monotonic reading keeps a step of the host's clock out
		c.Now = func() tick.Tick { return tick.FromTime(start) + tick.FromDuration(time.Since(start)) }
	}
	return c
}

// SetInit describes a track anew and gives the initialization of the segments that follow; track.Init is its file name.
func (p *Publisher) SetInit(track presentation.Track, body []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.known[track.Name]; !ok || track.Init == "" {
		p.failed(fmt.Errorf("track %q with init %q: no such track, or no name: the packager's fault", track.Name, track.Init))
		return
	}
	p.known[track.Name] = track
	p.writeInit(track, body)
}

// writeInit has an initialization stored that is not yet. The caller holds mu.
func (p *Publisher) writeInit(track presentation.Track, body []byte) {
	o := p.initObject(track, body)
	if old, ok := p.inits[o.Name]; !ok || string(old.object.Body) != string(body) {
		p.inits[o.Name] = &initObject{object: o}
		p.signal()
	}
}

// Segment takes a segment. It never blocks: when too much waits for the store, the oldest segment number that is not
// listed yet is dropped whole, and counted.
func (p *Publisher) Segment(s Segment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	track, ok := p.known[s.Track]
	if !ok || track.Init == "" {
		p.failed(fmt.Errorf("segment %d of track %q came before its init: the packager's fault", s.K, s.Track))
		return
	}
	if !p.queue.add(s, track, time.Now()) {
		if p.shared.listed(s.K) {
			p.status.Twins++
		} else {
			p.status.Late++
		}
		return
	}
	if p.shared != nil && (s.Slate || s.Standby) {
		p.queue.entries[s.K].items[s.Track].hold(p.graceEnd(time.Now(), s.K), p.cfg.RetryFor)
	}
	for p.queue.full() {
		e := p.queue.dropOldest()
		p.status.Dropped++
		p.status.Untaken += uint64(len(e.items))
		p.warn(fmt.Errorf("segment %d is dropped: %d numbers wait for the store already", e.k, p.queue.len()+1))
		if p.restored && p.shared == nil { // else what is there of it is looked for, with the next one
			p.append(e.k, nil)
		}
	}
	p.signal()
}

// Expect tells which tracks are live: the others are not waited for. Until it is called all are.
func (p *Publisher) Expect(tracks []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue.expect(tracks)
	p.signal()
}

// signal makes Run look again.
func (p *Publisher) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}
