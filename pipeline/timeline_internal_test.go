package pipeline

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"onair/pkg/anchor"
	"onair/pkg/store"
	"onair/pkg/tick"
)

// told collects events.
type told struct {
	mu  sync.Mutex
	all []string
}

func (e *told) add(level, message string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, level+": "+message)
}

func (e *told) text() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.all, "\n")
}

func newTimeline(st store.Store) (*timeline, *told) {
	e := &told{}
	return &timeline{channel: "news", store: st, event: e.add, away: usualAway, over: make(chan struct{})}, e
}

func gridAt(t *testing.T, rate string) gridFile {
	t.Helper()
	r, err := tick.ParseRate(rate)
	if err != nil {
		t.Fatal(err)
	}
	g, err := tick.NewGrid(r, 4*tick.Second, 2*tick.Second)
	if err != nil {
		t.Fatal(err)
	}
	return newGridFile(g, tick.Audio{Rate: 48_000, Samples: 1024})
}

func TestTheFirstGridWins(t *testing.T) {
	st := store.NewMemory()
	rates := []string{"25", "30000/1001", "50", "60000/1001"}
	got := make([]gridFile, len(rates))
	var wg sync.WaitGroup
	for i, rate := range rates {
		f := gridAt(t, rate)
		wg.Go(func() {
			tl, _ := newTimeline(st)
			var err error
			if got[i], err = tl.makeGrid(context.Background(), f); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	tl, _ := newTimeline(st)
	stored, ok, err := tl.grid(context.Background())
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	for i := range got {
		if !reflect.DeepEqual(got[i], stored) {
			t.Errorf("%s: got %+v, stored is %+v", rates[i], got[i], stored)
		}
	}
}

func TestGridFilesThatCannotBeUsed(t *testing.T) {
	for name, body := range map[string]string{
		"not JSON":                 "{",
		"no rate and no length":    `{"frame_rate":""}`,
		"a rate that is none":      `{"frame_rate":"26","segment_frames":100,"gop_frames":50,"segment_ticks":2822400000}`,
		"gop and segment disagree": `{"frame_rate":"25","segment_frames":100,"gop_frames":30,"segment_ticks":2822400000}`,
		"length and rate disagree": `{"frame_rate":"25","segment_frames":100,"gop_frames":50,"segment_ticks":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			st := store.NewMemory()
			tl, _ := newTimeline(st)
			ctx := context.Background()
			if err := st.Put(ctx, store.Object{Name: "news/grid.json", Body: []byte(body), Type: "application/json"}); err != nil {
				t.Fatal(err)
			}
			f, _, err := tl.grid(ctx)
			if err == nil {
				_, err = f.grid()
			}
			if err == nil || !strings.Contains(err.Error(), "grid.json") {
				t.Fatalf("error %v, want one that names grid.json", err)
			}
		})
	}
}

func TestAnchorsAreKeptPrunedAndReadBack(t *testing.T) {
	st := store.NewMemory()
	tl, events := newTimeline(st)
	const n = keepAnchors + 5
	for gen := int64(1); gen <= n; gen++ {
		tl.propose("main", anchor.Anchor{Gen: gen, PTS: gen * 90_000, Tick: tick.Tick(gen) * tick.Second}, nobody)
		tl.wg.Wait()
	}
	got, last, err := tl.anchors(context.Background(), "main")
	if err != nil || len(got) != keepAnchors || last != n {
		t.Fatalf("%d anchors up to %d, %v; want the newest %d", len(got), last, err, keepAnchors)
	}
	for i, a := range got {
		if want := int64(n - keepAnchors + 1 + i); a.Gen != want || a.PTS != want*90_000 {
			t.Fatalf("anchor %d: %+v", want, a)
		}
	}
	list, err := st.List(context.Background(), "news/anchors/main/")
	if err != nil || len(list) != keepAnchors {
		t.Fatalf("%d objects, %v", len(list), err)
	}
	if other, _, err := tl.anchors(context.Background(), "backup"); err != nil || len(other) != 0 {
		t.Fatalf("another input has %d anchors, %v", len(other), err)
	}
	if events.text() != "" {
		t.Fatal(events.text())
	}
}

// nobody waits for what was agreed upon.
func nobody(agreement) {}

func TestACorrectionIsKeptUnderTheNextNumber(t *testing.T) {
	tl, _ := newTimeline(store.NewMemory())
	table := anchor.NewTable()
	table.Set(anchor.Anchor{Gen: 1, PTS: 1, Tick: tick.Second})
	first, _ := table.Anchor(1)
	tl.propose("main", first, nobody)
	tl.wg.Wait()
	moved, _ := table.Shift(1, 100*tick.Second, tick.Second/25)
	moved.Gen = 2
	tl.propose("main", moved, nobody)
	tl.wg.Wait()
	got, last, err := tl.anchors(context.Background(), "main")
	if err != nil || len(got) != 2 || last != 2 {
		t.Fatal(got, err)
	}
	const pts = 200 * 90_000
	if want, _ := table.Map(1, pts); got[1].Map(pts) != want || got[0].Map(pts) == want {
		t.Fatalf("read back they map to %d and %d, want another and %d", got[0].Map(pts), got[1].Map(pts), want)
	}
}

func TestABrokenAnchorIsLeftOutAndReplaced(t *testing.T) {
	st := store.NewMemory()
	tl, _ := newTimeline(st)
	ctx := context.Background()
	tl.propose("main", anchor.Anchor{Gen: 1, PTS: 1}, nobody)
	tl.wg.Wait()
	for name, body := range map[string]string{"2": "{", "3": `{"generation":7}`, "x": "{}"} {
		o := store.Object{Name: "news/anchors/main/" + name + ".json", Body: []byte(body), Type: "application/json"}
		if err := st.Put(ctx, o); err != nil {
			t.Fatal(err)
		}
	}
	got, last, err := tl.anchors(ctx, "main")
	if err == nil || len(got) != 1 || got[0].Gen != 1 || last != 3 {
		t.Fatalf("%+v up to %d, %v; want generation 1 of 3, and an error for the others", got, last, err)
	}
	tl.propose("main", anchor.Anchor{Gen: 2, PTS: 5}, nobody)
	tl.wg.Wait()
	if a, err := tl.anchor(ctx, "main", 2); err != nil || a.PTS != 5 {
		t.Fatalf("%+v, %v", a, err)
	}
}

// slow is a store that takes a second to read an object.
type slow struct{ *store.Memory }

func (s slow) Get(ctx context.Context, name string) (store.Object, error) {
	select {
	case <-ctx.Done():
		return store.Object{}, ctx.Err()
	case <-time.After(time.Second):
		return s.Memory.Get(ctx, name)
	}
}

func TestASlowStoreTellsTheNewestAnchors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tl, _ := newTimeline(slow{store.NewMemory()})
		for gen := int64(1); gen <= 20; gen++ {
			tl.propose("main", anchor.Anchor{Gen: gen, PTS: gen}, nobody)
			tl.wg.Wait()
		}
		began := time.Now()
		got, last, err := tl.anchors(t.Context(), "main")
		if err == nil || len(got) < 2 || got[len(got)-1].Gen != 20 || got[0].Gen != int64(21-len(got)) || last != 20 {
			t.Fatalf("%+v up to %d, %v", got, last, err)
		}
		if took := time.Since(began); took > timelineWait {
			t.Fatalf("took %v", took)
		}
	})
}

// unread is a store whose objects cannot be read for now.
type unread struct{ *store.Memory }

func (unread) Get(context.Context, string) (store.Object, error) {
	return store.Object{}, fmt.Errorf("not now")
}

func TestAnAnchorThatCannotBeReadNowIsNotReplaced(t *testing.T) {
	st := store.NewMemory()
	tl, events := newTimeline(unread{st})
	for _, pts := range []int64{1, 2} {
		tl.propose("main", anchor.Anchor{Gen: 1, PTS: pts}, nobody)
		tl.wg.Wait()
	}
	tl.store = st
	if a, err := tl.anchor(t.Context(), "main", 1); err != nil || a.PTS != 1 {
		t.Errorf("%+v, %v", a, err)
	}
	if got := events.text(); !strings.Contains(got, "not now") {
		t.Errorf("events %q", got)
	}
}

// full is a store that takes nothing.
type full struct{ *store.Memory }

func (full) Create(context.Context, store.Object) error { return fmt.Errorf("no room") }

func TestAnAnchorThatIsNotStoredIsTold(t *testing.T) {
	tl, events := newTimeline(full{store.NewMemory()})
	tl.propose("main", anchor.Anchor{Gen: 4}, nobody)
	tl.wg.Wait()
	if got := events.text(); !strings.Contains(got, "anchor 4 of input main is not stored") || !strings.Contains(got, "no room") {
		t.Fatalf("events %q", got)
	}
}
