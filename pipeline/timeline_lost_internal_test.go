package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onair/pkg/anchor"
	"onair/pkg/store"
)

// A folder that is removed on air takes grid and anchors with it; a restart finds them all the same.
func TestTheTimelineComesBackWithItsFolder(t *testing.T) {
	path := t.TempDir()
	st, err := store.NewDir(store.DirConfig{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	tl, told := newTimeline(st)
	grid, err := tl.makeGrid(t.Context(), gridAt(t, "25"))
	if err != nil {
		t.Fatal(err)
	}
	for gen := range int64(2) {
		tl.propose("main", anchor.Anchor{Gen: gen + 1, PTS: 90_000 * gen}, nobody)
		tl.wg.Wait()
	}
	publish := func() {
		if err := st.Put(t.Context(), store.Object{Name: "news/v/1.m4s"}); err != nil {
			t.Fatal(err)
		}
		tl.look()
		tl.wg.Wait()
	}
	publish()
	if text := told.text(); text != "" {
		t.Errorf("told %q, and nothing was removed", text)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	publish()
	again, _ := newTimeline(st)
	if got, ok, err := again.grid(t.Context()); err != nil || !ok || got.FrameRate != grid.FrameRate {
		t.Errorf("grid %+v %v, %v", got, ok, err)
	}
	known, last, err := again.anchors(t.Context(), "main")
	if err != nil || len(known) != 1 || last != 2 || known[0].PTS != 90_000 {
		t.Errorf("anchors %+v up to %d, %v", known, last, err)
	}
	if text := told.text(); !strings.HasPrefix(text, "warning: somebody removed news/anchors/main/2.json, news/grid.json in ") {
		t.Errorf("told %q", text)
	}
}

// Whoever removes grid.json alone wants a new timeline.
func TestAGridThatIsRemovedAloneStaysAway(t *testing.T) {
	path := t.TempDir()
	st, err := store.NewDir(store.DirConfig{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	tl, _ := newTimeline(st)
	if _, err := tl.makeGrid(t.Context(), gridAt(t, "25")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(path, "news", "grid.json")); err != nil {
		t.Fatal(err)
	}
	if err := st.Put(t.Context(), store.Object{Name: "news/v.m3u8"}); err != nil {
		t.Fatal(err)
	}
	tl.look()
	tl.wg.Wait()
	if _, ok, err := tl.grid(t.Context()); ok || err != nil {
		t.Errorf("it is back: %v, %v", ok, err)
	}
}
