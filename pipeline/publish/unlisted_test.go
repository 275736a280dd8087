package publish_test

import (
	"context"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"onair/pkg/store"
)

// noList is a store that cannot tell what it holds.
func noList() *testStore {
	s := newTestStore()
	s.trouble(func(_ context.Context, op, _ string) error {
		if op == "list" {
			return store.ErrNoList
		}
		return nil
	})
	return s
}

// TestStoreWithoutAListIsGoneOnWith by what its playlists say.
func TestStoreWithoutAListIsGoneOnWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := noList()
		r := start(t, s, nil)
		r.play(5)
		mustStop(t, r)
		was := playlist(t, s, "v")
		if err := s.Delete(t.Context(), segmentName("a", r.k-1)); err != nil {
			t.Fatal(err)
		}
		q := start(t, s, nil)
		if last, any, done := q.p.Resumed(); last != r.k-1 || !any || !done {
			t.Errorf("resumed at %d %v %v", last, any, done)
		}
		if err := q.p.Fresh(); err != nil {
			t.Errorf("4 s after the last segment: %v", err)
		}
		q.play(2)
		mustStop(t, q)
		q.expect(map[string]string{"v": "mmmmmmm", "a": "mmmm-mm"})
		if now := playlist(t, s, "v"); now.First != was.First {
			t.Errorf("media sequence %d, was %d", now.First, was.First)
		}
	})
}

// TestStoreWithoutAListIsKeptClean: what an earlier process left goes in its time, whether it was listed or not.
func TestStoreWithoutAListIsKeptClean(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := noList()
		r := start(t, s, nil)
		r.play(15)
		mustStop(t, r)
		unlisted := segmentName("v", r.k)
		if err := s.Memory.Put(t.Context(), store.Object{Name: unlisted, Body: mdat("x")}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * segmentLength)
		q := start(t, s, nil)
		q.play(40)
		mustStop(t, q)
		list, err := s.Memory.List(t.Context(), "news/")
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range list {
			k, err := strconv.ParseInt(strings.TrimSuffix(path.Base(i.Name), ".m4s"), 10, 64)
			if err == nil && k <= r.k+3 {
				t.Errorf("%s is still there", i.Name)
			}
		}
	})
}

// TestStoreWithoutAListThatIsAway is asked again: nothing begins anew because a playlist could not be read.
func TestStoreWithoutAListThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := noList()
		r := start(t, s, nil)
		r.play(5)
		mustStop(t, r)
		was := playlist(t, s, "v")
		away := &awayStore{testStore: s}
		q := start(t, away, nil)
		if _, _, done := q.p.Resumed(); done {
			t.Error("it was read although it is away")
		}
		away.back.Store(true)
		time.Sleep(10 * time.Second)
		q.play(1)
		mustStop(t, q)
		if now := playlist(t, s, "v"); now.First != was.First {
			t.Errorf("media sequence %d, was %d", now.First, was.First)
		}
	})
}

// awayStore can be read only when it is back.
type awayStore struct {
	*testStore
	back atomic.Bool
}

func (s *awayStore) Get(ctx context.Context, name string) (store.Object, error) {
	if !s.back.Load() {
		return store.Object{}, store.ErrAway
	}
	return s.testStore.Get(ctx, name)
}
