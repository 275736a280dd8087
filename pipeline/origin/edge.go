package origin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
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
)

// EdgeConfig describes a live edge.
type EdgeConfig struct {
	Store store.Store // where everything is kept
	Bytes int64       // how much media is kept in memory too; 0 is 32 MiB
	Late  int64       // how much more while the store does not take it; 0 is 64 MiB
	// Shared tells that others write to Store, too, which is a store.Swapper then: what changes is always read from
	// there.
	Shared bool

	Strict bool // what the store does not take is refused, not served from memory
}

// Edge is a store that keeps the newest of what passes through it in memory: playlists, initializations and the last
// segments, ready to be served. What the store behind does not take, or not soon, is served from memory all the same
// and written later, in order: a disk that is full is no business of the viewers of this process. All methods may be
// called from several goroutines.
type Edge struct {
	store  store.Store
	shared store.Swapper // the same; nil: nobody else writes there
	bytes  int64
	late   int64
	strict bool

	objects  atomic.Pointer[map[string]*object] // never changed, only replaced under mu
	newest   atomic.Int64                       // highest segment number seen
	reads    atomic.Uint64                      // objects read from the store behind to be served
	memories atomic.Int64                       // objects whose body is in pages of its own

	mu      sync.Mutex
	queue   []*object // media in the order of arrival
	held    int64     // bytes of the queue
	evicted int64     // highest segment number that did not fit
	loading map[string]*load
	caches  map[string]string // last Cache-Control by extension
	backlog backlog
}

var _ store.Swapper = (*Edge)(nil)

// NewEdge puts a live edge before a store.
func NewEdge(c EdgeConfig) (*Edge, error) {
	if c.Store == nil {
		return nil, errors.New("live edge: no store given")
	}
	if c.Bytes <= 0 {
		c.Bytes = defaultBytes
	}
	if c.Late <= 0 {
		c.Late = defaultLate
	}
	e := &Edge{
		store: c.Store, bytes: c.Bytes, late: c.Late, strict: c.Strict,
		loading: map[string]*load{}, caches: map[string]string{},
	}
	if c.Shared {
		s, ok := c.Store.(store.Swapper)
		if !ok {
			return nil, fmt.Errorf("live edge: store %s cannot be shared", c.Store)
		}
		e.shared = s
	}
	e.objects.Store(&map[string]*object{})
	e.newest.Store(-1)
	return e, nil
}

// Put writes an object to the store behind and keeps it in memory. Its error is that of the name, or of ctx: see Stats
// for whether the store behind has taken the object.
func (e *Edge) Put(ctx context.Context, o store.Object) error {
	if err := errors.Join(ctx.Err(), store.CheckName(o.Name)); err != nil {
		return err
	}
	if e.strict {
		return e.keepWritten(ctx, o, e.store.Put)
	}
	if e.behind() {
		e.postpone(o, nil, nil)
		return nil
	}
	return e.put(ctx, o)
}

// Create writes an object that must not exist yet, else store.ErrExists. It is there when the store behind has it.
func (e *Edge) Create(ctx context.Context, o store.Object) error {
	return e.keepWritten(ctx, o, e.store.Create)
}

// keepWritten writes an object to the store behind, and keeps it when that has it.
func (e *Edge) keepWritten(ctx context.Context, o store.Object, write func(context.Context, store.Object) error) error {
	if err := write(ctx, o); err != nil {
		return err
	}
	e.keep(e.settled(o, e.modified(ctx, o.Name)))
	return nil
}

// settled is an object whose body is where the kernel can send it from.
func (e *Edge) settled(o store.Object, modified time.Time) *object {
	out := newObject(o, modified)
	out.settle()
	if out.memory != nil {
		e.memories.Add(1)
	}
	return out
}

// release gives the memory of an object back that is no longer to be found.
func (e *Edge) release(o *object) {
	if o.memory != nil {
		o.memory.forget()
		e.memories.Add(-1)
	}
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

// Get reads an object, from memory if it is there. What others may have replaced is read from the store behind, and
// served as it is there from then on.
func (e *Edge) Get(ctx context.Context, name string) (store.Object, error) {
	if _, segment := segmentNumber(name); e.shared != nil && !segment {
		return e.getShared(ctx, name)
	}
	if o := e.lookup(name); o != nil {
		if out, err := o.whole(); err == nil {
			return out, ctx.Err()
		}
	}
	return e.store.Get(ctx, name)
}

// List tells the objects of the store behind, and those that it is still to get.
func (e *Edge) List(ctx context.Context, prefix string) ([]store.Info, error) {
	list, err := e.store.List(ctx, prefix)
	if err != nil {
		return nil, err
	}
	return e.withLate(list, prefix), nil
}

// Delete removes an object from memory and from the store behind.
func (e *Edge) Delete(ctx context.Context, name string) error {
	e.drop(name)
	e.unlate(name)
	return e.store.Delete(ctx, name)
}

// Remade is what the store behind tells of itself: how often it had to make again what somebody had removed.
func (e *Edge) Remade() uint64 {
	if s, ok := e.store.(interface{ Remade() uint64 }); ok {
		return s.Remade()
	}
	return 0
}

// String names the store behind.
func (e *Edge) String() string { return e.store.String() }

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
	if k, ok := segmentNumber(o.Name); ok || passing(o.Name) {
		if ok {
			e.newest.Store(max(e.newest.Load(), k))
		}
		e.queue = append(e.queue, o)
		e.held += o.size
		for e.held-e.backlog.media > e.bytes || len(e.queue) > maxObjects {
			i := slices.IndexFunc(e.queue, func(q *object) bool { return !q.late })
			if i < 0 || e.queue[i] == o {
				break
			}
			if k, ok := segmentNumber(e.queue[i].Name); ok {
				e.evicted = max(e.evicted, k)
			}
			e.forget(next, e.queue[i].Name)
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
	e.release(old)
	for i, q := range e.queue {
		if q == old {
			e.held -= q.size
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

// segmentNumber is K of <channel>/<rendition>/<K>.m4s.
func segmentNumber(name string) (int64, bool) {
	base, ok := strings.CutSuffix(name[strings.LastIndexByte(name, '/')+1:], ".m4s")
	if !ok {
		return 0, false
	}
	k, err := strconv.ParseInt(base, 10, 64)
	return k, err == nil
}
