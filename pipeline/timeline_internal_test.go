package pipeline

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

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
	return &timeline{channel: "news", store: st, event: e.add}, e
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
		tl.keep("main", anchor.Anchor{Gen: gen, PTS: gen * 90_000, Tick: tick.Tick(gen) * tick.Second})
		tl.wg.Wait()
	}
	got, err := tl.anchors(context.Background(), "main")
	if err != nil || len(got) != keepAnchors {
		t.Fatalf("%d anchors, %v; want the newest %d", len(got), err, keepAnchors)
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
	if other, err := tl.anchors(context.Background(), "backup"); err != nil || len(other) != 0 {
		t.Fatalf("another input has %d anchors, %v", len(other), err)
	}
	if events.text() != "" {
		t.Fatal(events.text())
	}
}

func TestAnAnchorThatExistsStays(t *testing.T) {
	tl, _ := newTimeline(store.NewMemory())
	tl.keep("main", anchor.Anchor{Gen: 1, PTS: 1, Tick: tick.Second})
	tl.wg.Wait()
	tl.keep("main", anchor.Anchor{Gen: 1, PTS: 2, Tick: tick.Second})
	tl.wg.Wait()
	if got, err := tl.anchors(context.Background(), "main"); err != nil || got[0].PTS != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestACorrectionIsKeptWithItsAnchor(t *testing.T) {
	tl, _ := newTimeline(store.NewMemory())
	table := anchor.NewTable()
	table.Set(anchor.Anchor{Gen: 1, PTS: 1, Tick: tick.Second})
	first, _ := table.Anchor(1)
	tl.keep("main", first)
	tl.wg.Wait()
	moved, _ := table.Shift(1, 100*tick.Second, tick.Second/25)
	tl.renew("main", moved)
	tl.wg.Wait()
	got, err := tl.anchors(context.Background(), "main")
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	const pts = 200 * 90_000
	if want, _ := table.Map(1, pts); got[0].Map(pts) != want {
		t.Fatalf("read back it maps to %d, want %d", got[0].Map(pts), want)
	}
}

func TestABrokenAnchorIsLeftOutAndReplaced(t *testing.T) {
	st := store.NewMemory()
	tl, _ := newTimeline(st)
	ctx := context.Background()
	tl.keep("main", anchor.Anchor{Gen: 1, PTS: 1})
	tl.wg.Wait()
	for name, body := range map[string]string{"2": "{", "3": `{"generation":7}`, "x": "{}"} {
		o := store.Object{Name: "news/anchors/main/" + name + ".json", Body: []byte(body), Type: "application/json"}
		if err := st.Put(ctx, o); err != nil {
			t.Fatal(err)
		}
	}
	got, err := tl.anchors(ctx, "main")
	if err == nil || len(got) != 1 || got[0].Gen != 1 {
		t.Fatalf("%+v, %v; want generation 1, and an error for the others", got, err)
	}
	tl.keep("main", anchor.Anchor{Gen: 2, PTS: 5})
	tl.wg.Wait()
	if a, err := tl.anchor(ctx, "main", 2); err != nil || a.PTS != 5 {
		t.Fatalf("%+v, %v", a, err)
	}
}

// full is a store that takes nothing.
type full struct{ *store.Memory }

func (full) Create(context.Context, store.Object) error { return fmt.Errorf("no room") }

func TestAnAnchorThatIsNotStoredIsTold(t *testing.T) {
	tl, events := newTimeline(full{store.NewMemory()})
	tl.keep("main", anchor.Anchor{Gen: 4})
	tl.wg.Wait()
	if got := events.text(); !strings.Contains(got, "anchor 4 of input main is not stored") || !strings.Contains(got, "no room") {
		t.Fatalf("events %q", got)
	}
}
