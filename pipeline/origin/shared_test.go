package origin_test

import (
	"errors"
	"testing"

	"onair/pipeline/origin"
	"onair/pkg/store"
)

// TestWhatOthersReplaceIsServed: viewers of a store that another pipeline writes to as well get what is there, once it was
// read; and nothing of it is undone.
func TestWhatOthersReplaceIsServed(t *testing.T) {
	f := newFixture(t, 0)
	var err error
	if f.edge, err = origin.NewEdge(origin.EdgeConfig{Store: f.store, Shared: true}); err != nil {
		t.Fatal(err)
	}
	f.h, err = origin.New(origin.Config{Channels: []origin.Channel{
		{Name: "news", Edge: f.edge, Fresh: func() error { return nil }},
	}})
	if err != nil {
		t.Fatal(err)
	}
	o := store.Object{Name: "news/v.m3u8", Body: []byte("ours")}
	tag, err := f.edge.Swap(t.Context(), o, "")
	if err != nil {
		t.Fatal(err)
	}
	if b := body(t, f.do("GET", "/news/v.m3u8")); b != "ours" {
		t.Errorf("served %q", b)
	}
	if err := f.store.Put(t.Context(), store.Object{Name: o.Name, Body: []byte("theirs")}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.edge.Swap(t.Context(), o, tag); !errors.Is(err, store.ErrChanged) {
		t.Errorf("theirs is replaced: %v", err)
	}
	there, err := f.edge.Get(t.Context(), o.Name)
	if err != nil || string(there.Body) != "theirs" || there.Tag == tag {
		t.Errorf("read %q %q, %v", there.Body, there.Tag, err)
	}
	if b := body(t, f.do("GET", "/news/v.m3u8")); b != "theirs" {
		t.Errorf("served %q", b)
	}
	if _, err := f.edge.Swap(t.Context(), o, there.Tag); err != nil {
		t.Error(err)
	}
	// What never changes is kept in memory as ever.
	segment := store.Object{Name: "news/v/100.m4s", Body: []byte("media")}
	if err := f.edge.Create(t.Context(), segment); err != nil {
		t.Fatal(err)
	}
	if err := f.edge.Create(t.Context(), segment); !errors.Is(err, store.ErrExists) {
		t.Error(err)
	}
	before := f.store.gets[segment.Name]
	if b := body(t, f.do("GET", "/news/v/100.m4s")); b != "media" || f.store.gets[segment.Name] != before {
		t.Errorf("served %q, read %d times", b, f.store.gets[segment.Name]-before)
	}
}

// TestAStoreOfOnesOwnIsNotSwapped: there is nothing to wait for, and what is late could not be told.
func TestAStoreOfOnesOwnIsNotSwapped(t *testing.T) {
	f := newFixture(t, 0)
	if _, err := f.edge.Swap(t.Context(), store.Object{Name: "news/v.m3u8"}, ""); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}
