package origin

import (
	"context"
	"os"
	"path"
	"time"

	"onair/pkg/store"
)

// loadTimeout bounds one read of the store behind.
const loadTimeout = 5 * time.Second

// load is one read from the store behind that several requests wait for.
type load struct {
	done   chan struct{}
	object *object
	err    error
	stale  bool // the name was written or deleted meanwhile
}

// live tells whether name belongs in memory: everything but segments well behind the newest one, those for which there
// was no room, and those without a number: reading them again would only push others out, so they are sent from the
// store behind.
func (e *Edge) live(name string) bool {
	k, ok := segmentNumber(name)
	if !ok {
		return !passing(name)
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
	if err == nil && keep && !l.stale && made.size <= maxLive {
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
