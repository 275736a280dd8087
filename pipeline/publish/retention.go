package publish

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// trash is the job that removes what no playlist can need any more. What the store holds is known from its listing at
// start and from every write since, so that nothing is deleted by guess.
type trash struct {
	job
	names     []string           // to be deleted
	held      map[int64]uint64   // segment number → tracks, as bits of Publisher.places
	leftovers map[int64][]string // segments of tracks that the channel no longer has
	inits     map[string]int64   // initialization → last number that needs it
	strangers []string           // playlists of tracks that the channel no longer has
	future    []string           // segments whose numbers lie in the future
}

const (
	trashBatch = 64
	maxTrash   = 100_000 // what exceeds it is found again at the next start
	trashPause = 5 * time.Second
)

func (t *trash) use(init string, k int64) {
	if t.inits == nil {
		t.inits = map[string]int64{}
	}
	t.inits[init] = max(t.inits[init], k)
}

// hold notes that the store may have a segment: a write that failed may have arrived all the same.
func (t *trash) hold(k int64, track int) {
	if t.held == nil {
		t.held = map[int64]uint64{}
	}
	t.held[k] |= 1 << track
}

func (t *trash) take() []string {
	n := min(trashBatch, len(t.names))
	out := slices.Clone(t.names[:n])
	t.names = slices.Delete(t.names, 0, n)
	return out
}

func (t *trash) throw(names ...string) {
	t.names = append(t.names, names[:min(len(names), maxTrash-len(t.names))]...)
}

// expire throws away what is older than the presentation still needs (RFC 8216bis §6.2.2). It goes by numbers alone,
// also when nothing can be written: on a full disk that is what makes room again.
func (p *Publisher) expire() {
	oldest := p.window.Snapshot().Oldest()
	for k, tracks := range p.trash.held {
		if k >= oldest {
			continue
		}
		for i, name := range p.places {
			if tracks&(1<<i) != 0 {
				p.trash.throw(p.segmentName(name, k))
			}
		}
		delete(p.trash.held, k)
	}
	for k, names := range p.trash.leftovers {
		if k < oldest {
			p.trash.throw(names...)
			delete(p.trash.leftovers, k)
		}
	}
	for name, k := range p.trash.inits {
		if k < oldest && !p.current(name) {
			p.trash.throw(name)
			delete(p.trash.inits, name)
			delete(p.inits, name)
		}
	}
}

// current tells whether an initialization is the one that new segments need.
func (p *Publisher) current(name string) bool {
	for _, t := range p.known {
		if t.Init != "" && p.objectName(t.Name, t.Init) == name {
			return true
		}
	}
	return false
}

// removeStrangers throws away the playlists of tracks that are gone, and segments of the future, once new playlists
// stand that do not name them. In a shared store a playlist may be the other pipeline's, of a ladder that is newer.
func (p *Publisher) removeStrangers() {
	if p.shared == nil {
		p.trash.throw(p.trash.strangers...)
	}
	p.trash.throw(p.trash.future...)
	p.trash.strangers, p.trash.future = nil, nil
}

// deleteObjects removes a batch; what cannot be removed, or for which there was no time, is tried again later.
func (p *Publisher) deleteObjects(ctx context.Context, names []string) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.RetryFor)
	defer cancel()
	left, last := p.deleteAll(ctx, names)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status.Deleted += uint64(len(names) - len(left))
	p.trash.succeeded()
	p.trash.throw(left...)
	if last != nil {
		p.trash.after = time.Now().Add(trashPause)
		p.failed(fmt.Errorf("removing expired objects: %w", last))
	}
}

// deleteAll removes some at a time, as a store on a network takes long over each. It gives those that are still there,
// and the last error.
func (p *Publisher) deleteAll(ctx context.Context, names []string) (left []string, last error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, writers)
	for _, n := range names {
		slots <- struct{}{}
		if ctx.Err() != nil {
			<-slots
			mu.Lock()
			left = append(left, n)
			mu.Unlock()
			continue
		}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := p.cfg.Store.Delete(ctx, n); err != nil {
				mu.Lock()
				defer mu.Unlock()
				left, last = append(left, n), err
			}
		})
	}
	wg.Wait()
	return left, last
}
