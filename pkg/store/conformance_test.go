package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"onair/pkg/store"
)

// backends is every kind of store; the same rules hold for each.
var backends = map[string]func(t *testing.T) store.Store{
	"memory": func(*testing.T) store.Store { return store.NewMemory() },
	"dir": func(t *testing.T) store.Store {
		d, err := store.NewDir(store.DirConfig{Path: t.TempDir() + "/made/on/demand"})
		if err != nil {
			t.Fatal(err)
		}
		return d
	},
	"dir synced": func(t *testing.T) store.Store {
		d, err := store.NewDir(store.DirConfig{Path: t.TempDir(), Sync: true})
		if err != nil {
			t.Fatal(err)
		}
		return d
	},
}

var rules = []struct {
	name  string
	check func(t *testing.T, s store.Store)
}{
	{"an object comes back as it was put", func(t *testing.T, s store.Store) {
		want := store.Object{
			Name: "news/a1/init-1.mp4", Body: []byte("body"), Type: "audio/mp4", Cache: "max-age=7",
			Meta: map[string]string{"input": "main", "generation": "3"},
		}
		put(t, s, want)
		same(t, get(t, s, want.Name), want)
	}},
	{"a type left out follows from the name", func(t *testing.T, s store.Store) {
		put(t, s, store.Object{Name: "news/index.m3u8", Body: []byte("#EXTM3U\n")})
		if got := get(t, s, "news/index.m3u8").Type; got != "application/vnd.apple.mpegurl" {
			t.Errorf("type %q", got)
		}
	}},
	{"an empty object is an object", func(t *testing.T, s store.Store) {
		put(t, s, store.Object{Name: "empty"})
		if got := get(t, s, "empty"); len(got.Body) != 0 {
			t.Errorf("body of %d bytes", len(got.Body))
		}
	}},
	{"put replaces everything", func(t *testing.T, s store.Store) {
		put(t, s, store.Object{Name: "x.mpd", Body: []byte("a longer first version"), Meta: map[string]string{"old": "1"}})
		want := store.Object{Name: "x.mpd", Body: []byte("second"), Type: "application/dash+xml"}
		put(t, s, want)
		same(t, get(t, s, "x.mpd"), want)
	}},
	{"create refuses what exists and changes nothing", func(t *testing.T, s store.Store) {
		put(t, s, store.Object{Name: "a/1.json", Body: []byte("first")})
		err := s.Create(t.Context(), store.Object{Name: "a/1.json", Body: []byte("second")})
		if !errors.Is(err, store.ErrExists) {
			t.Fatalf("error %v, want ErrExists", err)
		}
		if got := get(t, s, "a/1.json"); string(got.Body) != "first" {
			t.Errorf("body %q", got.Body)
		}
	}},
	{"of many creators exactly one wins", oneCreatorWins},
	{"swap replaces only what was read", swaps},
	{"of many who swap exactly one wins each time", oneSwapWins},
	{"what is missing is ErrNotFound", func(t *testing.T, s store.Store) {
		put(t, s, store.Object{Name: "a/b", Body: []byte("x")})
		for _, name := range []string{"nothing", "a", "a/b/c", "a/c"} {
			if _, err := s.Get(t.Context(), name); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("get %s: error %v", name, err)
			}
		}
	}},
	{"delete removes, twice is no error", func(t *testing.T, s store.Store) {
		put(t, s, store.Object{Name: "a/b", Body: []byte("x")})
		for range 2 {
			if err := s.Delete(t.Context(), "a/b"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Get(t.Context(), "a/b"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("error %v after delete", err)
		}
	}},
	{"list goes by prefix and order", listByPrefix},
	{"bad names are refused everywhere", badNames},
	{"a reader never sees half an object", wholeOrNotAtAll},
	{"long names are stored", func(t *testing.T, s store.Store) {
		long := strings.Repeat("x", 230)
		put(t, s, store.Object{Name: long + "/" + long, Body: []byte("x")})
		get(t, s, long+"/"+long)
	}},
	{"a context that is over stops everything", func(t *testing.T, s store.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, getErr := s.Get(ctx, "a")
		_, listErr := s.List(ctx, "")
		for _, err := range []error{
			s.Put(ctx, store.Object{Name: "a"}), s.Create(ctx, store.Object{Name: "a"}), s.Delete(ctx, "a"), getErr, listErr,
		} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		}
	}},
	{"it has a name", func(t *testing.T, s store.Store) {
		if s.String() == "" {
			t.Error("no name")
		}
	}},
}

func TestStores(t *testing.T) {
	all := maps.Clone(backends)
	maps.Copy(all, s3Backends())
	maps.Copy(all, httpBackends())
	for name, open := range all {
		t.Run(name, func(t *testing.T) {
			for _, r := range rules {
				t.Run(r.name, func(t *testing.T) { r.check(t, open(t)) })
			}
		})
	}
}

func oneCreatorWins(t *testing.T, s store.Store) {
	const creators = 16
	var wins atomic.Int32
	var winner atomic.Value
	var wg sync.WaitGroup
	for i := range creators {
		wg.Go(func() {
			body := fmt.Sprintf("creator %d", i)
			err := s.Create(t.Context(), store.Object{Name: "anchors/main/1.json", Body: []byte(body)})
			switch {
			case err == nil:
				wins.Add(1)
				winner.Store(body)
			case !errors.Is(err, store.ErrExists):
				t.Errorf("error %v, want ErrExists", err)
			}
		})
	}
	wg.Wait()
	if wins.Load() != 1 {
		t.Fatalf("%d winners", wins.Load())
	}
	if got := get(t, s, "anchors/main/1.json"); string(got.Body) != winner.Load() {
		t.Errorf("stored %q, the winner wrote %q", got.Body, winner.Load())
	}
}

// swapper is a store that is one, or the test has nothing to see.
func swapper(t *testing.T, s store.Store) store.Swapper {
	t.Helper()
	out, ok := s.(store.Swapper)
	if !ok {
		if _, folder := s.(*store.Dir); !folder { // which is one process's, by its lock
			t.Fatalf("%T cannot swap", s)
		}
		t.Skip("a folder has one writer")
	}
	return out
}

func swaps(t *testing.T, s store.Store) {
	w := swapper(t, s)
	o := store.Object{Name: "a/v.m3u8", Body: []byte("first"), Cache: "max-age=1"}
	if _, err := w.Swap(t.Context(), o, "of nothing"); !errors.Is(err, store.ErrChanged) {
		t.Errorf("nothing is there: %v", err)
	}
	first, err := w.Swap(t.Context(), o, "")
	if err != nil || first == "" {
		t.Fatalf("tag %q, %v", first, err)
	}
	if _, err := w.Swap(t.Context(), o, ""); !errors.Is(err, store.ErrChanged) {
		t.Errorf("something is there: %v", err)
	}
	if got := get(t, s, o.Name); got.Tag != first {
		t.Errorf("read with tag %q, written as %q", got.Tag, first)
	}
	o.Body = []byte("second")
	second, err := w.Swap(t.Context(), o, first)
	if err != nil || second == "" || second == first {
		t.Fatalf("tag %q after %q, %v", second, first, err)
	}
	o.Body = []byte("third")
	if _, err := w.Swap(t.Context(), o, first); !errors.Is(err, store.ErrChanged) {
		t.Errorf("the second is there: %v", err)
	}
	if got := get(t, s, o.Name); string(got.Body) != "second" || got.Tag != second || got.Cache != "max-age=1" {
		t.Errorf("%+v", got)
	}
	if err := store.CheckSwap(t.Context(), w, "a"); err != nil {
		t.Error(err)
	}
}

// ignorant is a store that takes every write.
type ignorant struct{ *store.Memory }

func (s ignorant) Swap(ctx context.Context, o store.Object, _ string) (string, error) {
	return "new", s.Put(ctx, o)
}

// TestCheckSwapFindsOut: a server that ignores the condition would let pipelines undo each other's playlists.
func TestCheckSwapFindsOut(t *testing.T) {
	t.Parallel()
	s := ignorant{store.NewMemory()}
	if err := store.CheckSwap(t.Context(), s, "a"); !errors.Is(err, store.ErrNotSwapped) {
		t.Error(err)
	}
	if list, err := s.List(t.Context(), ""); err != nil || len(list) != 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
}

// oneSwapWins has many count in one object.
func oneSwapWins(t *testing.T, s store.Store) {
	w := swapper(t, s)
	const writers, rounds = 8, 4
	put(t, s, store.Object{Name: "n.json", Body: []byte("0")})
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for won := 0; won < rounds; {
				o, err := w.Get(t.Context(), "n.json")
				if err != nil {
					t.Error(err)
					return
				}
				n, _ := strconv.Atoi(string(o.Body))
				_, err = w.Swap(t.Context(), store.Object{Name: "n.json", Body: []byte(strconv.Itoa(n + 1))}, o.Tag)
				switch {
				case err == nil:
					won++
				case !errors.Is(err, store.ErrChanged):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := get(t, s, "n.json"); string(got.Body) != strconv.Itoa(writers*rounds) {
		t.Errorf("%d writes, and %s were counted", writers*rounds, got.Body)
	}
}

func listByPrefix(t *testing.T, s store.Store) {
	if infos, err := s.List(t.Context(), "news/"); err != nil || len(infos) != 0 {
		t.Fatalf("an empty store lists %v, %v", infos, err)
	}
	before := time.Now().Add(-2 * time.Second)
	for _, name := range []string{"news/v/10.m4s", "news/v/9.m4s", "news/v.m3u8", "newsroom/v/1.m4s", "news/a/9.m4s"} {
		put(t, s, store.Object{Name: name, Body: []byte(name)})
	}
	for prefix, want := range map[string]string{
		"":        "news/a/9.m4s news/v.m3u8 news/v/10.m4s news/v/9.m4s newsroom/v/1.m4s",
		"news/":   "news/a/9.m4s news/v.m3u8 news/v/10.m4s news/v/9.m4s",
		"news/v/": "news/v/10.m4s news/v/9.m4s",
		"news/v":  "news/v.m3u8 news/v/10.m4s news/v/9.m4s",
		"other/":  "",
	} {
		infos, err := s.List(t.Context(), prefix)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, i := range infos {
			names = append(names, i.Name)
			if i.Size != int64(len(i.Name)) || i.Modified.Before(before) || i.Modified.After(time.Now().Add(2*time.Second)) {
				t.Errorf("%s: size %d, modified %v", i.Name, i.Size, i.Modified)
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("prefix %q lists %q, want %q", prefix, got, want)
		}
	}
}

func badNames(t *testing.T, s store.Store) {
	for _, name := range []string{
		"", "/", "/etc/passwd", "..", "../x", "a/../../x", "a/..", "a//b", "a/", ".hidden", "a/.hidden", "a\\b", "a\x00b",
		"a\nb", strings.Repeat("x", 600), strings.Repeat("x", 231), "a/" + strings.Repeat("x", 231) + "/b",
	} {
		_, getErr := s.Get(t.Context(), name)
		for op, err := range map[string]error{
			"put":    s.Put(t.Context(), store.Object{Name: name, Body: []byte("x")}),
			"create": s.Create(t.Context(), store.Object{Name: name, Body: []byte("x")}),
		} {
			if !errors.Is(err, store.ErrName) {
				t.Errorf("%s %.40q: error %v, want ErrName", op, name, err)
			}
		}
		if getErr == nil {
			t.Errorf("get %.40q succeeded", name)
		}
	}
	if infos, err := s.List(t.Context(), ""); err != nil || len(infos) != 0 {
		t.Errorf("something was stored: %v, %v", infos, err)
	}
	err := s.Put(t.Context(), store.Object{Name: "a", Meta: map[string]string{"Bad Key": "x"}})
	if !errors.Is(err, store.ErrName) {
		t.Errorf("bad metadata key: error %v", err)
	}
}

// wholeOrNotAtAll replaces one object over and over while others read it.
func wholeOrNotAtAll(t *testing.T, s store.Store) {
	version := func(i int) []byte { return []byte(strings.Repeat(string(rune('a'+i%26)), 10_000+i)) }
	put(t, s, store.Object{Name: "p.m3u8", Body: version(0)})
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				o, err := s.Get(t.Context(), "p.m3u8")
				if err != nil {
					t.Errorf("reading while it is replaced: %v", err)
					return
				}
				if want := version(len(o.Body) - 10_000); string(o.Body) != string(want) {
					t.Error("a mixed or cut object was read")
					return
				}
			}
		})
	}
	for i := range 100 {
		put(t, s, store.Object{Name: "p.m3u8", Body: version(i)})
	}
	close(done)
	wg.Wait()
}

func put(t *testing.T, s store.Store, o store.Object) {
	t.Helper()
	if err := s.Put(t.Context(), o); err != nil {
		t.Fatalf("put %s: %v", o.Name, err)
	}
}

func get(t *testing.T, s store.Store, name string) store.Object {
	t.Helper()
	o, err := s.Get(t.Context(), name)
	if err != nil {
		t.Fatalf("get %s: %v", name, err)
	}
	return o
}

func same(t *testing.T, got, want store.Object) {
	t.Helper()
	if got.Name != want.Name || string(got.Body) != string(want.Body) || got.Type != want.Type || got.Cache != want.Cache {
		t.Errorf("got %q %q %q %q", got.Name, got.Body, got.Type, got.Cache)
	}
	if fmt.Sprint(got.Meta) != fmt.Sprint(want.Meta) {
		t.Errorf("metadata %v, want %v", got.Meta, want.Meta)
	}
}
