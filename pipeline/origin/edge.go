package origin

import (
	"context"
	"errors"
	"maps"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"onair/pkg/store"
)

// Defaults of an edge.
const (
	defaultBytes = 32 << 20
	maxObjects   = 1024
	liveSegments = 8 // segments behind the newest that count as the live edge
	maxLive      = 64 << 20
	loadTimeout  = 5 * time.Second
)

// EdgeConfig describes a live edge.
type EdgeConfig struct {
	Store store.Store // where everything is kept
	Bytes int64       // how much media is kept in memory too; 0 is 32 MiB
}

// Edge is a store that keeps the newest of what passes through it in memory: playlists, initializations and the last
// segments, ready to be served. An object is served from memory only after the store behind has confirmed it. All
// methods may be called from several goroutines.
type Edge struct {
	store store.Store
	bytes int64

	objects atomic.Pointer[map[string]*object] // never changed, only replaced under mu
	newest  atomic.Int64                       // highest segment number seen
	reads   atomic.Uint64                      // objects read from the store behind to be served

	mu      sync.Mutex
	queue   []*object // media in the order of arrival
	held    int64     // bytes of the queue
	evicted int64     // highest segment number that did not fit
	loading map[string]*load
	caches  map[string]string // last Cache-Control by extension
}

// load is one read from the store behind that several requests wait for.
type load struct {
	done   chan struct{}
	object *object
	err    error
	stale  bool // the name was written or deleted meanwhile
}

var _ store.Store = (*Edge)(nil)

// NewEdge puts a live edge before a store.
func NewEdge(c EdgeConfig) (*Edge, error) {
	if c.Store == nil {
		return nil, errors.New("live edge: no store given")
	}
	if c.Bytes <= 0 {
		c.Bytes = defaultBytes
	}
	e := &Edge{store: c.Store, bytes: c.Bytes, loading: map[string]*load{}, caches: map[string]string{}}
	e.objects.Store(&map[string]*object{})
	e.newest.Store(-1)
	return e, nil
}

// Put writes an object to the store behind and then keeps it in memory.
func (e *Edge) Put(ctx context.Context, o store.Object) error {
	if err := e.store.Put(ctx, o); err != nil {
		return err
	}
	e.keep(newObject(o, e.modified(ctx, o.Name)))
	return nil
}

// Create writes an object that must not exist yet, else store.ErrExists.
func (e *Edge) Create(ctx context.Context, o store.Object) error {
	if err := e.store.Create(ctx, o); err != nil {
		return err
	}
	e.keep(newObject(o, e.modified(ctx, o.Name)))
	return nil
}

// modified asks the store behind, so that an object has the same age and tag when it is served from there later.
func (e *Edge) modified(ctx context.Context, name string) time.Time {
	if s, ok := e.store.(interface {
		Stat(ctx context.Context, name string) (store.Info, error)
	}); ok {
		if info, err := s.Stat(ctx, name); err == nil {
			return info.Modified
		}
	}
	return time.Now()
}

// Get reads an object, from memory if it is there.
func (e *Edge) Get(ctx context.Context, name string) (store.Object, error) {
	if o := e.lookup(name); o != nil {
		return o.Object, ctx.Err()
	}
	return e.store.Get(ctx, name)
}

// List tells the objects of the store behind.
func (e *Edge) List(ctx context.Context, prefix string) ([]store.Info, error) {
	return e.store.List(ctx, prefix)
}

// Delete removes an object from memory and from the store behind.
func (e *Edge) Delete(ctx context.Context, name string) error {
	e.drop(name)
	return e.store.Delete(ctx, name)
}

// String names the store behind.
func (e *Edge) String() string { return e.store.String() }

// EdgeStats tells what an edge holds and how often the store behind was read for a viewer.
type EdgeStats struct {
	Objects int
	Bytes   int64 // media
	Reads   uint64
}

// Stats tells the edge's state.
func (e *Edge) Stats() EdgeStats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return EdgeStats{Objects: len(*e.objects.Load()), Bytes: e.held, Reads: e.reads.Load()}
}

func (e *Edge) lookup(name string) *object { return (*e.objects.Load())[name] }

// keep takes an object into memory in place of one of the same name.
func (e *Edge) keep(o *object) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if l := e.loading[o.Name]; l != nil {
		l.stale = true
	}
	e.keepLocked(o)
}

// keepLocked is keep; mu is held.
func (e *Edge) keepLocked(o *object) {
	if o.Cache != "" {
		e.caches[path.Ext(o.Name)] = o.Cache
	} else if c := e.caches[path.Ext(o.Name)]; c != "" {
		o.setCache(c)
	}
	next := maps.Clone(*e.objects.Load())
	e.forget(next, o.Name)
	next[o.Name] = o
	if k, ok := segmentNumber(o.Name); ok {
		e.newest.Store(max(e.newest.Load(), k))
		e.queue = append(e.queue, o)
		e.held += int64(len(o.Body))
		for len(e.queue) > 1 && (e.held > e.bytes || len(e.queue) > maxObjects) {
			if k, ok := segmentNumber(e.queue[0].Name); ok {
				e.evicted = max(e.evicted, k)
			}
			e.forget(next, e.queue[0].Name)
		}
	}
	e.objects.Store(&next)
}

// forget removes a name from the map that is being made and from the queue; mu is held.
func (e *Edge) forget(next map[string]*object, name string) {
	old, ok := next[name]
	if !ok {
		return
	}
	delete(next, name)
	for i, q := range e.queue {
		if q == old {
			e.held -= int64(len(q.Body))
			e.queue[i] = nil
			e.queue = append(e.queue[:i], e.queue[i+1:]...)
			return
		}
	}
}

func (e *Edge) drop(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if l := e.loading[name]; l != nil {
		l.stale = true
	}
	if e.lookup(name) == nil {
		return
	}
	next := maps.Clone(*e.objects.Load())
	e.forget(next, name)
	e.objects.Store(&next)
}

// live tells whether name belongs in memory: everything but segments well behind the newest one, and those for which
// there was no room: reading them again would only push others out, so they are sent from the store behind.
func (e *Edge) live(name string) bool {
	k, ok := segmentNumber(name)
	if !ok {
		return true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return k > e.evicted && k > e.newest.Load()-liveSegments
}

// load reads a live object from the store behind, once for all who ask at the same time, and keeps it.
func (e *Edge) load(ctx context.Context, name string) (*object, error) {
	e.mu.Lock()
	if o := e.lookup(name); o != nil {
		e.mu.Unlock()
		return o, nil
	}
	l, running := e.loading[name]
	if !running {
		l = &load{done: make(chan struct{})}
		e.loading[name] = l
	}
	e.mu.Unlock()
	if !running {
		e.read(ctx, name, l)
	}
	select {
	case <-l.done:
		return l.object, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// read does the load in the goroutine of the request that came first; others depend on it, so it outlives that request.
func (e *Edge) read(ctx context.Context, name string, l *load) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
	defer cancel()
	e.reads.Add(1)
	o, err := e.store.Get(ctx, name)
	var made *object
	if err == nil {
		made = newObject(o, e.modified(ctx, name))
	}
	keep := e.live(name)
	e.mu.Lock()
	delete(e.loading, name)
	if err == nil && keep && !l.stale && len(o.Body) <= maxLive {
		e.keepLocked(made)
	}
	e.mu.Unlock()
	l.object, l.err = made, err
	close(l.done)
}

// open gives the file of an object if the store behind has files.
func (e *Edge) open(ctx context.Context, name string) (*os.File, store.Info, bool, error) {
	s, ok := e.store.(interface {
		Open(ctx context.Context, name string) (*os.File, store.Info, error)
	})
	if !ok {
		return nil, store.Info{}, false, nil
	}
	e.reads.Add(1)
	f, info, err := s.Open(ctx, name)
	return f, info, true, err
}

// cache is the Cache-Control of objects like name, as far as one was stored since the start.
func (e *Edge) cache(name string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.caches[path.Ext(name)]
}

// segmentNumber is K of <channel>/<rendition>/<K>.m4s.
func segmentNumber(name string) (int64, bool) {
	base, ok := strings.CutSuffix(name[strings.LastIndexByte(name, '/')+1:], ".m4s")
	if !ok {
		return 0, false
	}
	k, err := strconv.ParseInt(base, 10, 64)
	return k, err == nil
}
