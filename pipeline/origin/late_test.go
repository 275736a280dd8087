package origin_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"onair/pipeline/origin"
	"onair/pkg/store"
)

var errFull = errors.New("no space left on device")

// moodyStore fails, hangs or works, and remembers what it took in which order.
type moodyStore struct {
	*store.Memory
	mu    sync.Mutex
	err   error
	gate  chan struct{} // writes wait until it is closed
	tries int
	took  []string
}

func (s *moodyStore) set(err error, gate chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.gate = err, gate
}

func (s *moodyStore) Put(ctx context.Context, o store.Object) error {
	s.mu.Lock()
	s.tries++
	gate := s.gate
	s.mu.Unlock()
	if gate != nil {
		<-gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	err := s.Memory.Put(ctx, o)
	if err == nil {
		s.took = append(s.took, o.Name+"="+string(o.Body[:min(len(o.Body), 8)]))
	}
	return err
}

func (s *moodyStore) tried() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries
}

func (s *moodyStore) wantTaken(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.took, want) {
		t.Errorf("written: %q, want %q", s.took, want)
	}
}

func newMoody(t *testing.T, limit int64) (*moodyStore, *origin.Edge) {
	t.Helper()
	s := &moodyStore{Memory: store.NewMemory()}
	e, err := origin.NewEdge(origin.EdgeConfig{Store: s, Bytes: 1000, Late: limit})
	if err != nil {
		t.Fatal(err)
	}
	return s, e
}

func put(t *testing.T, e *origin.Edge, name, body string) {
	t.Helper()
	if err := e.Put(t.Context(), store.Object{Name: name, Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
}

func wantServed(t *testing.T, e *origin.Edge, name, body string) {
	t.Helper()
	if o, err := e.Get(t.Context(), name); err != nil || string(o.Body) != body {
		t.Errorf("%s: %.20q %v, want %.20q", name, o.Body, err, body)
	}
}

// TestAFullDiskIsServedFromMemory: and gets everything when it has room again, a playlist after what it names, and of
// several only the newest.
func TestAFullDiskIsServedFromMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, e := newMoody(t, 0)
		put(t, e, "news/v/1.m4s", "one")
		put(t, e, "news/v.m3u8", "1")
		s.set(errFull, nil)
		for k := 2; k <= 4; k++ {
			put(t, e, fmt.Sprintf("news/v/%d.m4s", k), "more")
			put(t, e, "news/v.m3u8", fmt.Sprint(k))
			time.Sleep(2 * time.Second)
		}
		wantServed(t, e, "news/v/2.m4s", "more")
		wantServed(t, e, "news/v.m3u8", "4")
		if st := e.Stats(); st.Late != 4 || st.Errors < 5 || !strings.Contains(st.LastError, "no space left") {
			t.Errorf("%+v", st)
		}
		list, err := e.List(t.Context(), "news/")
		if err != nil || len(list) != 5 || list[0].Name != "news/v.m3u8" || list[4].Name != "news/v/4.m4s" {
			t.Errorf("%v %v", list, err)
		}
		s.set(nil, nil)
		if err := e.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		s.wantTaken(t, "news/v/1.m4s=one", "news/v.m3u8=1",
			"news/v/2.m4s=more", "news/v/3.m4s=more", "news/v/4.m4s=more", "news/v.m3u8=4")
		put(t, e, "news/v/5.m4s", "on")
		if st := e.Stats(); st.Late != 0 || st.LastError != "" || st.Lost != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestADiskThatHangsDelaysNobodyForLong: half a second, once. The write that hung is not made twice.
func TestADiskThatHangsDelaysNobodyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, e := newMoody(t, 0)
		gate := make(chan struct{})
		s.set(nil, gate)
		begun := time.Now()
		for k := range 4 {
			put(t, e, fmt.Sprintf("news/v/%d.m4s", k), "media")
			put(t, e, "news/v.m3u8", fmt.Sprint(k))
		}
		if took := time.Since(begun); took != time.Second/2 {
			t.Errorf("it took %v", took)
		}
		time.Sleep(7 * time.Second)
		if st := e.Stats(); st.Errors != 3 || !strings.Contains(st.LastError, "hangs") || s.tried() != 1 {
			t.Errorf("%+v, %d tries", st, s.tried())
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := e.Drain(ctx); err == nil || !strings.Contains(err.Error(), "5 objects") {
			t.Errorf("drained: %v", err)
		}
		s.set(nil, nil)
		close(gate)
		if err := e.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		s.wantTaken(t, "news/v/0.m4s=media", "news/v/1.m4s=media", "news/v/2.m4s=media", "news/v/3.m4s=media", "news/v.m3u8=3")
	})
}

// TestWhatIsDeletedMeanwhileIsNotWritten: nor does it stay when the write was under way.
func TestWhatIsDeletedMeanwhileIsNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, e := newMoody(t, 0)
		gate := make(chan struct{})
		s.set(nil, gate)
		for k := range 3 {
			put(t, e, fmt.Sprintf("news/v/%d.m4s", k), "media")
		}
		for k := range 2 {
			if err := e.Delete(t.Context(), fmt.Sprintf("news/v/%d.m4s", k)); err != nil {
				t.Fatal(err)
			}
		}
		s.set(nil, nil)
		close(gate)
		if err := e.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		s.wantTaken(t, "news/v/0.m4s=media", "news/v/2.m4s=media")
		list, err := e.List(t.Context(), "")
		if err != nil || len(list) != 1 || list[0].Name != "news/v/2.m4s" {
			t.Errorf("%v %v", list, err)
		}
	})
}

// TestAStoreThatStaysAwayTakesTheOldestAlong: memory is bounded, and the live edge is served whatever that takes.
func TestAStoreThatStaysAwayTakesTheOldestAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, e := newMoody(t, 20_000)
		s.set(errFull, nil)
		large := strings.Repeat("x", 1000)
		for k := range 100 {
			put(t, e, fmt.Sprintf("news/v/%d.m4s", k), large)
			put(t, e, "news/v.m3u8", fmt.Sprint(k))
		}
		if st := e.Stats(); st.Bytes != 20_000 || st.Late != 21 || st.Lost != 80 {
			t.Errorf("%+v", st)
		}
		if n := e.Kept(); n > 22 { // what is late, and the one that is just being tried
			t.Errorf("%d objects are kept although 21 are late", n)
		}
		wantServed(t, e, "news/v/80.m4s", large)
		if _, err := e.Get(t.Context(), "news/v/79.m4s"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("what was given up: %v", err)
		}
		put(t, e, "news/v/100.m4s", strings.Repeat("y", 30_000)) // more than the bound
		for k := 93; k < 100; k++ {
			wantServed(t, e, fmt.Sprintf("news/v/%d.m4s", k), large)
		}
		s.set(nil, nil)
		if err := e.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if st := e.Stats(); st.Late != 0 || st.Lost != 93 {
			t.Errorf("%+v", st)
		}
	})
}

// The publisher asks the edge whether the folder behind it was removed.
func TestEdgeTellsThatTheFolderWasMadeAgain(t *testing.T) {
	path := t.TempDir()
	dir, err := store.NewDir(store.DirConfig{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	e, err := origin.NewEdge(origin.EdgeConfig{Store: dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"news/v/1.m4s", "news/v/2.m4s"} {
		if n := e.Remade(); n != 0 {
			t.Errorf("%d folders were made again before %s", n, name)
		}
		if err := e.Put(t.Context(), store.Object{Name: name, Body: []byte("media")}); err != nil {
			t.Fatal(err)
		}
		if err := e.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	if n := e.Remade(); n != 1 {
		t.Errorf("%d folders were made again, want 1", n)
	}
}
