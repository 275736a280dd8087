// Package twin looks, while a channel is on air, whether what the channel's other pipeline publishes to a store of its
// own can stand in for what is published here.
//
// It is light, and a proof only of what it looks at: for each number one rendition, in turns, is read from both, at an
// average of at most a megabyte a second. `onair verify --twin` compares everything. Nothing waits for it: what the
// other store does is known a little later, or not at all.
package twin

import (
	"context"
	"sync"
	"time"

	"onair/pkg/likeness"
	"onair/pkg/store"
	"onair/pkg/tick"
)

// Bounds of what the looking costs, and of how long is waited for whom.
const (
	grace   = 3 * tick.Second // that the other pipeline may be behind, beyond a segment's length
	rate    = 1 << 20         // bytes read from its store in a second, on average
	behind  = 8               // numbers that wait to be looked at; older ones are left out
	readFor = 5 * time.Second // longest that an object may take
	retry   = 5 * tick.Second // pause after one that could not be read
	keep    = 100             // compared segments of which the ratio tells
	idle    = time.Second     // shortest time between two looks
)

// Code says what an event is about.
type Code string

// Codes of events.
const (
	Away    Code = "twin_away"    // its store cannot be read
	Missing Code = "twin_missing" // it lacks media that is here
	Back    Code = "twin_back"    // neither is true any more
	Differs Code = "twin_differs" // a segment of it cannot stand in for that of here
	Alike   Code = "twin_alike"   // those that followed can
)

// Event is what may concern the channel's operator.
type Event struct {
	Code    Code
	Warning bool
	Message string
}

// State is what the channel is like at one moment.
type State struct {
	Segment    tick.Tick // length
	Newest     int64     // newest number that is listed with media
	Renditions []string  // on air, in order
	Locked     bool      // false: another pipeline has another clock than this one
}

// Reader is what is needed of a store.
type Reader interface {
	Get(ctx context.Context, name string) (store.Object, error)
	String() string
}

// Config is what a Watch needs.
type Config struct {
	Channel string
	Own     Reader                     // where viewers are served from
	State   func() (st State, ok bool) // not ok: the channel lists nothing yet
	Now     func() tick.Tick
	Event   func(Event)
}

// Watch compares a channel with its twin. Status and Point may be called from any goroutine, everything else belongs to
// Run's.
type Watch struct {
	cfg   Config
	own   reader
	other reader

	next   int64               // to be looked at
	turn   int                 // counts the renditions
	listed map[int64]tick.Tick // when newer numbers were first seen listed here
	rest   tick.Tick           // nothing is read before
	alarms alarms
	heads  map[string][2]likeness.Header // by rendition: of the newest segment that was compared

	mu     sync.Mutex
	target Reader // that is to be looked at; nil: none
	status Status
	ring   ring
}

// New makes a Watch that has nothing to look at.
func New(c Config) *Watch {
	return &Watch{cfg: c, own: reader{store: c.Own}}
}

// Point has the Watch look at another store from now on; nil: at none. Counters go on.
func (w *Watch) Point(other Reader) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.target, w.ring = other, ring{}
	w.status.Store, w.status.LastError, w.status.Last = "", "", ""
	if other != nil {
		w.status.Store = other.String()
	}
}

// Run looks until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		timer.Reset(w.Look(ctx))
	}
}

// Look looks once, and tells after which time it is worth it again.
func (w *Watch) Look(ctx context.Context) time.Duration {
	if !w.pointed() {
		return idle
	}
	st, ok := w.cfg.State()
	if !ok || len(st.Renditions) == 0 {
		return idle
	}
	if !st.Locked {
		w.forget()
		return idle
	}
	w.note(st)
	for w.next <= st.Newest && w.cfg.Now() >= w.rest && ctx.Err() == nil {
		if !w.lookAt(ctx, st) {
			break
		}
	}
	return max(idle, st.Segment.Duration()/2)
}

// pointed takes what Point has said, and tells whether there is something to look at.
func (w *Watch) pointed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.target != w.other.store {
		w.other, w.alarms, w.heads, w.rest = reader{store: w.target}, alarms{}, map[string][2]likeness.Header{}, 0
		w.listed, w.next = nil, 0
	}
	return w.target != nil
}

// forget begins anew: the segments of a pipeline that is not locked show other moments, whatever their boxes say.
func (w *Watch) forget() {
	w.listed, w.next = nil, 0
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ring = ring{}
}

// note notes when numbers were first seen, and leaves out what there was no time for.
func (w *Watch) note(st State) {
	now := w.cfg.Now()
	if w.listed == nil {
		w.listed, w.next = map[int64]tick.Tick{}, st.Newest
	}
	if first := st.Newest - behind + 1; w.next < first {
		w.count(func(s *Status) { s.Skipped += uint64(first - w.next) })
		w.next = first
	}
	for k := range w.listed {
		if k < w.next {
			delete(w.listed, k)
		}
	}
	for k := w.next; k <= st.Newest; k++ {
		if _, known := w.listed[k]; !known {
			w.listed[k] = now
		}
	}
}

func (w *Watch) count(f func(*Status)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.status)
}
