package origin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"onair/pkg/store"
)

// A store that does not take what it is given: a full disk, a network mount that hangs.
const (
	patience    = time.Second / 2 // then viewers are served from memory, and the write goes on by itself
	slowAfter   = 2 * time.Second // then it is an error, and another after as long
	tryFor      = 10 * time.Second
	leastPause  = time.Second / 10
	mostPause   = time.Second
	defaultLate = 64 << 20
)

var errSlow = fmt.Errorf("a write takes longer than %v: the destination is slow, or hangs", slowAfter)

// put writes an object, and gives up waiting for that when it fails or takes long: from then on the object is late.
func (e *Edge) put(ctx context.Context, o store.Object) error {
	trial := e.try(context.WithoutCancel(ctx), o)
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case err := <-trial:
		if err == nil {
			e.keep(e.settled(o, e.modified(ctx, o.Name)))
			return nil
		}
		if errors.Is(err, store.ErrName) {
			return err // no later try will be better
		}
		e.postpone(o, nil, err)
	case <-t.C:
		e.postpone(o, trial, nil)
	}
	return nil
}

// try begins to write an object; how it ends is sent.
func (e *Edge) try(ctx context.Context, o store.Object) chan error {
	trial := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, tryFor)
		defer cancel()
		trial <- e.store.Put(ctx, o)
	}()
	return trial
}

// await waits for the end of a try, and counts what it takes too long.
func (e *Edge) await(trial chan error) error {
	slow := time.NewTicker(slowAfter)
	defer slow.Stop()
	for {
		select {
		case err := <-trial:
			return err
		case <-slow.C:
			e.failed(errSlow)
		}
	}
}

func (e *Edge) failed(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.backlog.failed(err)
}

// behind tells whether the store behind lacks something.
func (e *Edge) behind() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.backlog.done != nil
}

// postpone has an object served from memory and written when the store takes it.
func (e *Edge) postpone(o store.Object, trial chan error, err error) {
	made := newObject(o, time.Now())
	made.late = true
	e.mu.Lock()
	defer e.mu.Unlock()
	b := &e.backlog
	if err != nil {
		b.failed(err)
	}
	for _, l := range b.items {
		if l.object.Name == o.Name {
			b.void(l)
		}
	}
	l := &late{object: made, trial: trial}
	b.items = append(b.items, l)
	b.media += l.media()
	if l := e.loading[o.Name]; l != nil {
		l.stale = true
	}
	e.keepLocked(made)
	e.giveUp()
	b.sweep()
	if b.done == nil {
		b.done = make(chan struct{})
		go e.catchUp()
	}
}

// giveUp lets the oldest segments go when too much is late, but never the live edge: viewers of that are most, and a
// store that is away for so long may never come back. The caller holds mu.
func (e *Edge) giveUp() {
	b := &e.backlog
	for _, l := range b.items {
		k, segment := segmentNumber(l.object.Name)
		if b.media <= e.late {
			return
		}
		if l.void || !segment || k > e.newest.Load()-liveSegments {
			continue
		}
		b.void(l)
		b.lost++
		next := maps.Clone(*e.objects.Load())
		e.forget(next, l.object.Name)
		e.objects.Store(&next)
	}
}

// catchUp writes what is late until nothing is.
func (e *Edge) catchUp() {
	pause := leastPause
	for {
		l := e.oldest()
		if l == nil {
			return
		}
		err := e.write(l)
		if err == nil || errors.Is(err, store.ErrName) {
			pause = leastPause
			e.written(l)
			continue
		}
		e.failed(err)
		<-time.After(pause)
		pause = min(2*pause, mostPause)
	}
}

// oldest is what is to be written next; nil: nothing is late any more.
func (e *Edge) oldest() *late {
	e.mu.Lock()
	defer e.mu.Unlock()
	b := &e.backlog
	if len(b.items) > 0 {
		return b.items[0]
	}
	close(b.done)
	b.done, b.items, b.last = nil, nil, ""
	return nil
}

// write tries once to store what is late.
func (e *Edge) write(l *late) error {
	if l.trial != nil {
		err := e.await(l.trial)
		if l.trial = nil; err == nil {
			return nil
		}
		e.failed(err)
	}
	e.mu.Lock()
	void := l.void
	e.mu.Unlock()
	if void {
		return nil
	}
	return e.await(e.try(context.Background(), l.object.Object))
}

// written takes an item, which is the first, out of the backlog.
func (e *Edge) written(l *late) {
	ctx, cancel := context.WithTimeout(context.Background(), tryFor)
	defer cancel()
	is := e.settled(l.object.Object, e.modified(ctx, l.object.Name))
	e.mu.Lock()
	deleted := l.deleted
	if e.backlog.items = e.backlog.items[1:]; !l.void {
		e.backlog.void(l)
		e.confirm(l.object, is)
	} else {
		e.release(is)
	}
	e.mu.Unlock()
	if deleted {
		_ = e.store.Delete(ctx, l.object.Name) // what is left of it is found at the next start
	}
}

// confirm puts the same object, as the store has it, in the place of one that was late. The caller holds mu.
func (e *Edge) confirm(was, is *object) {
	if e.lookup(was.Name) != was {
		e.release(is)
		return
	}
	is.cache = was.cache
	next := maps.Clone(*e.objects.Load())
	next[is.Name] = is
	if i := slices.Index(e.queue, was); i >= 0 {
		e.queue[i] = is
	}
	e.objects.Store(&next)
}

// unlate takes a name that is deleted out of the backlog.
func (e *Edge) unlate(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.backlog.items {
		if l.object.Name == name {
			e.backlog.void(l)
			l.deleted = true
		}
	}
	e.backlog.sweep()
}

// withLate adds what is late to a list of the store behind.
func (e *Edge) withLate(list []store.Info, prefix string) []store.Info {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.backlog.items {
		if l.void || !strings.HasPrefix(l.object.Name, prefix) {
			continue
		}
		info := store.Info{Name: l.object.Name, Size: l.object.size, Modified: l.object.modified}
		i, found := slices.BinarySearchFunc(list, info, func(a, b store.Info) int { return strings.Compare(a.Name, b.Name) })
		if found {
			list[i] = info
		} else {
			list = slices.Insert(list, i, info)
		}
	}
	return list
}

// Drain waits until the store behind has everything, or ctx ends; then its error tells what is lost with the process.
func (e *Edge) Drain(ctx context.Context) error {
	e.mu.Lock()
	done := e.backlog.done
	e.mu.Unlock()
	if done == nil {
		return nil
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	st := e.Stats()
	return fmt.Errorf("%s: %d objects that were served from memory are not written: %s", e, st.Late, st.LastError)
}
