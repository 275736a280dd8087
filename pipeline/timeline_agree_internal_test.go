package pipeline

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"onair/pipeline/control"
	"onair/pkg/anchor"
	"onair/pkg/store"
	"onair/pkg/tick"
)

const agreedFrame = tick.Second / 25

// ruling collects what a proposal came to.
type ruling struct {
	mu  sync.Mutex
	all []agreement
}

func (r *ruling) take(a agreement) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, a)
}

// TestTheFirstAnchorRules: of many pipelines that propose an anchor of the same feed at the same time, all place it where
// one of them has, and one object is stored.
func TestTheFirstAnchorRules(t *testing.T) {
	t.Parallel()
	st := store.NewMemory()
	const pipelines = 16
	var got [pipelines]ruling
	var wg sync.WaitGroup
	for i := range pipelines {
		wg.Go(func() {
			tl, _ := newTimeline(st)
			own := anchor.Anchor{Gen: 1, PTS: int64(i) * 3600, Tick: 1000*tick.Second + tick.Tick(2*i)*agreedFrame}
			tl.propose("main", own, got[i].take)
			tl.end()
		})
	}
	wg.Wait()
	own := 0
	first := got[0].all[0].anchor
	for i := range got {
		a := got[i].all[0]
		if len(got[i].all) != 1 || a.err != nil || a.stored != 1 || a.lock() != control.Locked {
			t.Fatalf("pipeline %d: %+v", i, got[i].all)
		}
		if a.anchor.Map(90_000) != first.Map(90_000) {
			t.Errorf("pipeline %d places it elsewhere: %+v, %+v", i, a.anchor, first)
		}
		if !a.others {
			own++
		}
	}
	list, err := st.List(context.Background(), "")
	if own != 1 || err != nil || len(list) != 1 {
		t.Errorf("%d are the first, %d objects, %v", own, len(list), err)
	}
}

// TestAnotherClocksNumberIsPassedOver: what does not fit the feed is left as it is, and the next number taken.
func TestAnotherClocksNumberIsPassedOver(t *testing.T) {
	t.Parallel()
	tl, events := newTimeline(store.NewMemory())
	other := anchor.Anchor{Gen: 1, PTS: 5, Tick: 5000 * tick.Second}
	tl.propose("main", other, nobody)
	tl.wg.Wait()
	var got ruling
	own := anchor.Anchor{Gen: 1, PTS: 7, Tick: 1000 * tick.Second}
	tl.propose("main", own, got.take)
	tl.wg.Wait()
	if a := got.all[0]; a.stored != 2 || a.others || a.err != nil || a.anchor.Tick != own.Tick || a.anchor.Gen != 1 {
		t.Errorf("%+v", a)
	}
	if known, last, err := tl.anchors(t.Context(), "main"); err != nil || last != 2 || known[0].PTS != 5 || known[1].PTS != 7 {
		t.Errorf("%+v up to %d, %v", known, last, err)
	}
	if events.text() != "" {
		t.Error(events.text())
	}
}

// tardy is a store that takes three seconds less one to create an object.
type tardy struct{ *store.Memory }

func (s tardy) Create(ctx context.Context, o store.Object) error {
	time.Sleep(2 * time.Second)
	return s.Memory.Create(ctx, o)
}

// TestASlowStoreIsNotWaitedFor: the proposal rules meanwhile, and what was agreed upon is told later.
func TestASlowStoreIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.NewMemory()
		other, _ := newTimeline(st)
		other.propose("main", anchor.Anchor{Gen: 1, PTS: 0, Tick: 1000 * tick.Second}, nobody)
		other.wg.Wait()
		tl, _ := newTimeline(tardy{st})
		var got ruling
		began := time.Now()
		own := anchor.Anchor{Gen: 1, PTS: 0, Tick: 1000*tick.Second + agreedFrame}
		tl.propose("main", own, func(a agreement) {
			if len(got.all) == 0 && time.Since(began) != agreeFor {
				t.Errorf("told after %v", time.Since(began))
			}
			got.take(a)
		})
		tl.wg.Wait()
		if len(got.all) != 2 || got.all[0].anchor.Tick != own.Tick || got.all[0].lock() != control.Unlocked ||
			got.all[1].anchor.Tick != 1000*tick.Second || !got.all[1].others || got.all[1].lock() != control.Locked {
			t.Errorf("%+v", got.all)
		}
	})
}

// TestWhatAnotherHasStoredMeanwhileIsTold: a store that was away comes back with another's anchor.
func TestWhatAnotherHasStoredMeanwhileIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := newFar()
		other, _ := newTimeline(far.Store)
		other.propose("main", anchor.Anchor{Gen: 1, PTS: 0, Tick: 1000 * tick.Second}, nobody)
		other.wg.Wait()
		far.away.Store(true)
		tl, events := newTimeline(far)
		var got ruling
		tl.propose("main", anchor.Anchor{Gen: 1, PTS: 0, Tick: 1001 * tick.Second}, got.take)
		time.Sleep(time.Minute)
		far.away.Store(false)
		tl.wg.Wait()
		if len(got.all) != 2 || got.all[0].err == nil || !got.all[1].others || got.all[1].anchor.Tick != 1000*tick.Second {
			t.Errorf("%+v", got.all)
		}
		if !strings.Contains(events.text(), "is not stored") {
			t.Errorf("events %q", events.text())
		}
	})
}
