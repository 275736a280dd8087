package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"onair/pkg/anchor"
	"onair/pkg/store"
	"onair/pkg/tick"
)

// farStore is a store on a network that may be away.
type farStore struct {
	store.Store
	away  atomic.Bool
	tries atomic.Int64 // to create something
}

var errGone = fmt.Errorf("nobody answers: %w", store.ErrAway)

func (f *farStore) Get(ctx context.Context, name string) (store.Object, error) {
	if f.away.Load() {
		return store.Object{}, errGone
	}
	return f.Store.Get(ctx, name)
}

func (f *farStore) Create(ctx context.Context, o store.Object) error {
	f.tries.Add(1)
	if f.away.Load() {
		return errGone
	}
	return f.Store.Create(ctx, o)
}

func newFar() *farStore { return &farStore{Store: store.NewMemory()} }

// TestAStartWaitsForTheStoredGrid: a store that comes back in time is asked again, as often as it takes.
func TestAStartWaitsForTheStoredGrid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := newFar()
		tl, _ := newTimeline(far)
		want, err := tl.makeGrid(t.Context(), gridAt(t, "50"))
		if err != nil {
			t.Fatal(err)
		}
		far.away.Store(true)
		time.AfterFunc(usualAway.wait-2*usualAway.pause, func() { far.away.Store(false) })
		got, ok, err := tl.storedGrid(t.Context())
		if err != nil || !ok || !got.same(want) {
			t.Errorf("%+v, %v, %v", got, ok, err)
		}
	})
}

// TestAStoreThatStaysAwayKeepsNobodyOffAir: the channel goes on with a grid of its own, and stores it when it can.
func TestAStoreThatStaysAwayKeepsNobodyOffAir(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := newFar()
		far.away.Store(true)
		tl, events := newTimeline(far)
		if _, ok, err := tl.storedGrid(t.Context()); ok || err != nil {
			t.Fatalf("%v, %v", ok, err)
		}
		own := gridAt(t, "25")
		if made, err := tl.makeGrid(t.Context(), own); !errors.Is(err, store.ErrAway) || !made.same(own) {
			t.Fatalf("%+v, %v", made, err)
		}
		tl.propose("main", anchor.Anchor{Gen: 1, PTS: 5, Tick: 7}, nobody)
		time.Sleep(time.Hour) // virtual
		far.away.Store(false)
		time.Sleep(2 * usualAway.pause)
		synctest.Wait()
		if got, ok, err := tl.grid(t.Context()); err != nil || !ok || !got.same(own) {
			t.Errorf("grid %+v, %v, %v", got, ok, err)
		}
		if known, _, err := tl.anchors(t.Context(), "main"); err != nil || len(known) != 1 || known[0].PTS != 5 {
			t.Errorf("anchors %+v, %v", known, err)
		}
		tl.end()
		for _, want := range []string{"going on air without the stored grid", "the grid is stored, after"} {
			if !strings.Contains(events.text(), want) {
				t.Errorf("no event says %q:\n%s", want, events.text())
			}
		}
	})
}

// TestAnotherGridIsTold: what another pipeline has stored meanwhile is never replaced, and this one says so.
func TestAnotherGridIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := newFar()
		other, _ := newTimeline(far)
		theirs := gridAt(t, "50")
		if _, err := other.makeGrid(t.Context(), theirs); err != nil {
			t.Fatal(err)
		}
		far.away.Store(true)
		tl, events := newTimeline(far)
		if _, err := tl.makeGrid(t.Context(), gridAt(t, "25")); !errors.Is(err, store.ErrAway) {
			t.Fatal(err)
		}
		far.away.Store(false)
		time.Sleep(2 * usualAway.pause)
		synctest.Wait()
		tl.end()
		if got, _, err := tl.grid(t.Context()); err != nil || !got.same(theirs) {
			t.Errorf("%+v, %v", got, err)
		}
		if !strings.Contains(events.text(), "error: news/grid.json") {
			t.Errorf("events:\n%s", events.text())
		}
	})
}

// TestOnlyTheNewestAnchorWaits: a source whose clock jumps all the time while the store is away leaves one writer behind,
// and another clock's anchor that is there afterwards is passed over.
func TestOnlyTheNewestAnchorWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := newFar()
		other, _ := newTimeline(far)
		other.propose("main", anchor.Anchor{Gen: 50, PTS: 1, Tick: tick.Second * 100}, nobody)
		synctest.Wait()
		far.away.Store(true)
		tl, events := newTimeline(far)
		for gen := int64(1); gen <= 50; gen++ {
			tl.propose("main", anchor.Anchor{Gen: gen, PTS: 7}, nobody)
		}
		time.Sleep(usualAway.pause * 3 / 2) // the others have seen by then that there is a newer one
		synctest.Wait()
		before := far.tries.Load()
		time.Sleep(10 * usualAway.pause)
		if n := far.tries.Load() - before; n != 10 {
			t.Errorf("the store is asked %d times in ten pauses", n)
		}
		far.away.Store(false)
		time.Sleep(2 * usualAway.pause)
		synctest.Wait()
		tl.end()
		known, last, err := tl.anchors(t.Context(), "main")
		if err != nil || len(known) != 2 || last != 51 || known[0].PTS != 1 || known[1].PTS != 7 {
			t.Errorf("%+v up to %d, %v", known, last, err)
		}
		if n := strings.Count(events.text(), "is not stored"); n != 50 {
			t.Errorf("%d events:\n%s", n, events.text())
		}
	})
}

// TestAStoreThatComesBackIsTried: one that was away at the start is found out when it overwrites what it should keep.
func TestAStoreThatComesBackIsTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := newFar()
		far.away.Store(true)
		tl, events := newTimeline(far)
		if _, err := tl.makeGrid(t.Context(), gridAt(t, "25")); !errors.Is(err, store.ErrAway) {
			t.Fatal(err)
		}
		far.Store = careless{far.Store}
		far.away.Store(false)
		time.Sleep(2 * usualAway.pause)
		synctest.Wait()
		tl.end()
		if !strings.Contains(events.text(), "If-None-Match") {
			t.Errorf("events:\n%s", events.text())
		}
	})
}

// TestAChannelEndsWhileItsStoreIsAway: what is tried again is given up.
func TestAChannelEndsWhileItsStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := newFar()
		far.away.Store(true)
		tl, _ := newTimeline(far)
		_, err := tl.makeGrid(t.Context(), gridAt(t, "25"))
		tl.propose("main", anchor.Anchor{Gen: 1}, nobody)
		began := time.Now()
		if tl.end(); time.Since(began) > usualAway.pause || !errors.Is(err, store.ErrAway) {
			t.Errorf("ended after %v, error %v", time.Since(began), err)
		}
	})
}

// TestAStoreThatOverwritesIsNoTimeline: pipelines could not agree there.
func TestAStoreThatOverwritesIsNoTimeline(t *testing.T) {
	t.Parallel()
	tl, _ := newTimeline(careless{store.NewMemory()})
	if err := tl.check(t.Context()); !errors.Is(err, store.ErrNotExclusive) {
		t.Errorf("error %v", err)
	}
	far := newFar()
	far.away.Store(true)
	tl, events := newTimeline(far)
	if err := tl.check(t.Context()); err != nil || !strings.Contains(events.text(), "cannot be asked") {
		t.Errorf("away: %v, %s", err, events.text())
	}
}

// careless is a store that takes Create for Put.
type careless struct{ store.Store }

func (c careless) Create(ctx context.Context, o store.Object) error { return c.Put(ctx, o) }

// unlisted is a store that cannot tell what it holds.
type unlisted struct{ store.Store }

func (unlisted) List(context.Context, string) ([]store.Info, error) { return nil, store.ErrNoList }

// TestAStoreWithoutAListIsNoTimeline: a restart would not find the anchors.
func TestAStoreWithoutAListIsNoTimeline(t *testing.T) {
	t.Parallel()
	tl, _ := newTimeline(unlisted{store.NewMemory()})
	if err := tl.check(t.Context()); !errors.Is(err, store.ErrNoList) {
		t.Errorf("error %v", err)
	}
}
