package origin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"onair/pipeline/origin"
	"onair/pkg/store"
)

func TestLiveEdgeIsNeverReadFromTheStore(t *testing.T) {
	f := newFixture(t, 0)
	f.live()
	for range 3 {
		for _, path := range []string{
			"/news/v/100.m4s", "/news/v.m3u8", "/news/index.m3u8", "/news/manifest.mpd", "/news/a/init-1.mp4",
		} {
			if r := f.do("GET", path); r.StatusCode != 200 {
				t.Errorf("%s: status %d", path, r.StatusCode)
			}
		}
	}
	if len(f.store.gets) != 0 || f.edge.Stats().Reads != 0 {
		t.Errorf("read from the store: %v", f.store.gets)
	}
}

func TestAfterARestartTheLiveEdgeIsReadOnce(t *testing.T) {
	f := newFixture(t, 0)
	for _, name := range []string{"news/v/100.m4s", "news/v/101.m4s", "news/v/init-1.mp4", "news/v.m3u8"} {
		if err := f.store.Put(t.Context(), store.Object{Name: name, Body: []byte(name)}); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		for _, name := range []string{"news/v/101.m4s", "news/v/100.m4s", "news/v/init-1.mp4", "news/v.m3u8"} {
			if r := f.do("GET", "/"+name); r.StatusCode != 200 || body(t, r) != name {
				t.Errorf("%s: status %d", name, r.StatusCode)
			}
		}
	}
	for name, n := range f.store.gets {
		if n != 1 {
			t.Errorf("%s was read %d times", name, n)
		}
	}
}

func TestManyAskAtOnceTheStoreIsReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 0)
		if err := f.store.Put(t.Context(), store.Object{Name: "news/v/100.m4s", Body: []byte("media")}); err != nil {
			t.Fatal(err)
		}
		f.store.gate = make(chan struct{})
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if r := f.do("GET", "/news/v/100.m4s"); r.StatusCode != 200 {
					t.Errorf("status %d", r.StatusCode)
				}
			})
		}
		synctest.Wait()
		close(f.store.gate)
		wg.Wait()
		if n := f.store.gets["news/v/100.m4s"]; n != 1 {
			t.Errorf("read %d times", n)
		}
	})
}

// A read that was under way when the object was replaced must not bring the old one back.
func TestReadOvertakenByAWriteIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 0)
		if err := f.store.Put(t.Context(), store.Object{Name: "news/v.m3u8", Body: []byte("old")}); err != nil {
			t.Fatal(err)
		}
		f.store.gate = make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() { f.do("GET", "/news/v.m3u8") })
		synctest.Wait()
		f.put(store.Object{Name: "news/v.m3u8", Body: []byte("new")})
		close(f.store.gate)
		wg.Wait()
		if b := body(t, f.do("GET", "/news/v.m3u8")); b != "new" {
			t.Errorf("served %q", b)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	f := newFixture(t, 100_000)
	for k := range 50 {
		f.put(store.Object{Name: fmt.Sprintf("news/v/%d.m4s", k), Body: make([]byte, 10_000)})
		f.put(store.Object{Name: "news/v.m3u8", Body: fmt.Appendf(nil, "%d", k)})
	}
	if st := f.edge.Stats(); st.Bytes > 100_000 || st.Objects != 11 {
		t.Errorf("%+v", st)
	}
	// Larger than all: the newest is kept all the same.
	f.put(store.Object{Name: "news/v/50.m4s", Body: make([]byte, 200_000)})
	if st := f.edge.Stats(); st.Objects != 2 {
		t.Errorf("%+v", st)
	}
	for k := range 51 {
		if r := f.do("GET", fmt.Sprintf("/news/v/%d.m4s", k)); r.StatusCode != 200 {
			t.Errorf("segment %d: status %d", k, r.StatusCode)
		}
	}
	if st := f.edge.Stats(); st.Bytes > 200_000 {
		t.Errorf("%+v", st)
	}
}

// What did not fit is sent from the store: reading it into memory would push out what the next viewer wants.
func TestLiveEdgeThatDoesNotFit(t *testing.T) {
	f := newFixture(t, 100_000)
	for k := range 10 {
		f.put(store.Object{Name: fmt.Sprintf("news/v/%d.m4s", k), Body: make([]byte, 30_000)})
	}
	for _, k := range []int{4, 5, 6, 5} {
		if r := f.do("GET", fmt.Sprintf("/news/v/%d.m4s", k)); r.StatusCode != 200 {
			t.Errorf("segment %d: status %d", k, r.StatusCode)
		}
	}
	before := f.edge.Stats()
	for _, k := range []int{7, 8, 9} {
		if r := f.do("GET", fmt.Sprintf("/news/v/%d.m4s", k)); r.StatusCode != 200 {
			t.Errorf("segment %d: status %d", k, r.StatusCode)
		}
	}
	if st := f.edge.Stats(); st.Reads != before.Reads || st.Bytes != 90_000 {
		t.Errorf("%d reads from the store for the newest segments; %+v", st.Reads-before.Reads, st)
	}
}

func TestDeletedIsGone(t *testing.T) {
	f := newFixture(t, 0)
	f.live()
	before := f.edge.Stats()
	if err := f.edge.Delete(t.Context(), "news/v/100.m4s"); err != nil {
		t.Fatal(err)
	}
	if r := f.do("GET", "/news/v/100.m4s"); r.StatusCode != 404 {
		t.Errorf("status %d", r.StatusCode)
	}
	if st := f.edge.Stats(); st.Objects != before.Objects-1 || st.Bytes != 0 {
		t.Errorf("%+v", st)
	}
}

// TestWhatTheStoreRefusesIsNotServed: a name that cannot be, and what several may want to make, which only a store can
// decide.
func TestWhatTheStoreRefusesIsNotServed(t *testing.T) {
	bad := refusingStore{store.NewMemory()}
	e, err := origin.NewEdge(origin.EdgeConfig{Store: bad})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"news/../1.m4s", "news/v/refused.m4s"} {
		if err := e.Put(t.Context(), store.Object{Name: name}); !errors.Is(err, store.ErrName) {
			t.Errorf("put: %v", err)
		}
	}
	if err := e.Create(t.Context(), store.Object{Name: "news/v/1.m4s"}); !errors.Is(err, errRefused) {
		t.Errorf("create: %v", err)
	}
	if _, err := e.Get(t.Context(), "news/v/1.m4s"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("get: %v", err)
	}
}

var errRefused = errors.New("refused")

type refusingStore struct{ *store.Memory }

func (refusingStore) Put(context.Context, store.Object) error    { return store.ErrName }
func (refusingStore) Create(context.Context, store.Object) error { return errRefused }

func TestFailingStoreIsA503(t *testing.T) {
	f := newFixture(t, 0)
	f.store.failing = errors.New("i/o error at /secret/path")
	r := f.do("GET", "/news/v/100.m4s")
	if b := body(t, r); r.StatusCode != 503 || bytes.Contains([]byte(b), []byte("secret")) {
		t.Errorf("status %d, %q", r.StatusCode, b)
	}
	if f.h.Stats().Errors != 1 {
		t.Errorf("%+v", f.h.Stats())
	}
}

// serving serves an edge as the channel news.
func serving(t *testing.T, c origin.EdgeConfig) (*origin.Edge, *httptest.Server) {
	t.Helper()
	e, err := origin.NewEdge(c)
	if err != nil {
		t.Fatal(err)
	}
	h, err := origin.New(origin.Config{Channels: []origin.Channel{{Name: "news", Edge: e}}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h)
	srv.Listener = spliced{srv.Listener}
	srv.Start()
	t.Cleanup(srv.Close)
	return e, srv
}

// spliced is a listener whose connections send segments as those of the program do.
type spliced struct{ net.Listener }

func (l spliced) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return origin.NewConn(tcp), err
	}
	return c, err
}

// Older segments of a folder store go from file to socket, with the tag and age that they had in memory.
func TestOldSegmentsOfAFolder(t *testing.T) {
	d, err := store.NewDir(store.DirConfig{Path: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	e, srv := serving(t, origin.EdgeConfig{Store: d, Bytes: 1})
	const cache = "public, max-age=88, immutable"
	tags := map[int]string{}
	for k := range 20 {
		o := store.Object{Name: fmt.Sprintf("news/v/%d.m4s", k), Body: []byte("0123456789"), Cache: cache}
		if err := e.Put(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		tags[k] = fetch(t, srv, k, "").Header.Get("Etag")
	}
	for k := range 20 {
		r := fetch(t, srv, k, "bytes=2-4")
		if r.StatusCode != 206 || body(t, r) != "234" || r.Header.Get("Etag") != tags[k] ||
			r.Header.Get("Content-Type") != "video/iso.segment" || r.Header.Get("Cache-Control") != cache {
			t.Errorf("segment %d: status %d, %v, tag was %s", k, r.StatusCode, r.Header, tags[k])
		}
	}
	if st := e.Stats(); st.Objects > 2 {
		t.Errorf("reading old segments filled the memory: %+v", st)
	}
}

func fetch(t *testing.T, srv *httptest.Server, k int, span string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("%s/news/v/%d.m4s", srv.URL, k), nil)
	if err != nil {
		t.Fatal(err)
	}
	if span != "" {
		req.Header.Set("Range", span)
	}
	r, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Body.Close() })
	return r
}

// Anybody can ask for a name that no file can have: that is no trouble of the store.
func TestNameThatIsTooLongIsNotFound(t *testing.T) {
	dir, err := store.NewDir(store.DirConfig{Path: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	e, err := origin.NewEdge(origin.EdgeConfig{Store: dir})
	if err != nil {
		t.Fatal(err)
	}
	h, err := origin.New(origin.Config{Channels: []origin.Channel{{Name: "news", Edge: e}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Put(t.Context(), store.Object{Name: "news/index.m3u8"}); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{250, 300, 600} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/news/"+strings.Repeat("a", n)+".m4s", nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusNotFound || h.Stats().Errors != 0 {
			t.Errorf("a name of %d bytes: status %d, %+v", n, w.Code, h.Stats())
		}
	}
}
