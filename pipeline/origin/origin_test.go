package origin_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"onair/pipeline/origin"
	"onair/pkg/store"
)

// countingStore counts reads and can fail them.
type countingStore struct {
	*store.Memory
	gets    map[string]int
	failing error
	gate    chan struct{}
}

func (s *countingStore) Get(ctx context.Context, name string) (store.Object, error) {
	s.gets[name]++
	if s.failing != nil {
		return store.Object{}, s.failing
	}
	o, err := s.Memory.Get(ctx, name)
	if s.gate != nil {
		<-s.gate
	}
	return o, err
}

type fixture struct {
	t     *testing.T
	store *countingStore
	edge  *origin.Edge
	h     *origin.Handler
	fresh error
}

const (
	listText  = "#EXTM3U\n#EXT-X-VERSION:6\n"
	immutable = "public, max-age=88, immutable"
)

var mpdBody = strings.Repeat("<MPD/>", 100)

var playlistBody = []byte(listText + strings.Repeat("#EXTINF:4.000,\nv/236671200.m4s\n", 50))

func newFixture(t *testing.T, size int64) *fixture {
	t.Helper()
	f := &fixture{t: t, store: &countingStore{Memory: store.NewMemory(), gets: map[string]int{}}}
	var err error
	if f.edge, err = origin.NewEdge(origin.EdgeConfig{Store: f.store, Bytes: size}); err != nil {
		t.Fatal(err)
	}
	f.h, err = origin.New(origin.Config{Channels: []origin.Channel{
		{Name: "news", Edge: f.edge, Fresh: func() error { return f.fresh }},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) put(o store.Object) {
	f.t.Helper()
	if err := f.edge.Put(f.t.Context(), o); err != nil {
		f.t.Fatal(err)
	}
}

// live fills the channel with what a publisher would have written.
func (f *fixture) live() {
	f.put(store.Object{Name: "news/v/init-1.mp4", Body: []byte("init"), Type: "video/mp4", Cache: immutable})
	f.put(store.Object{Name: "news/a/init-1.mp4", Body: []byte("init"), Type: "audio/mp4", Cache: immutable})
	f.put(store.Object{Name: "news/v/100.m4s", Body: []byte("0123456789"), Cache: immutable})
	f.put(store.Object{Name: "news/v.m3u8", Body: playlistBody, Cache: "public, max-age=2"})
	f.put(store.Object{Name: "news/index.m3u8", Body: []byte(listText), Cache: "public, max-age=10"})
	f.put(store.Object{Name: "news/manifest.mpd", Body: []byte(mpdBody), Cache: "public, max-age=0, s-maxage=2"})
}

func (f *fixture) do(method, path string, headers ...string) *http.Response {
	f.t.Helper()
	r := httptest.NewRequestWithContext(f.t.Context(), method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAnswers(t *testing.T) {
	cases := []struct {
		name, method, path string
		headers            []string
		status             int
		want               map[string]string // headers; "-" must be absent
		body               string
	}{
		{"segment", "GET", "/news/v/100.m4s", nil, 200, map[string]string{
			"Content-Type": "video/iso.segment", "Cache-Control": immutable, "Content-Length": "10", "Accept-Ranges": "bytes",
			"Access-Control-Allow-Origin": "*", "Content-Encoding": "-", "Vary": "-",
		}, "0123456789"},
		{"video init", "GET", "/news/v/init-1.mp4", nil, 200, map[string]string{
			"Content-Type": "video/mp4", "Cache-Control": immutable,
		}, "init"},
		{"audio init", "GET", "/news/a/init-1.mp4", nil, 200, map[string]string{"Content-Type": "audio/mp4"}, "init"},
		{"playlist", "GET", "/news/v.m3u8", nil, 200, map[string]string{
			"Content-Type": "application/vnd.apple.mpegurl", "Cache-Control": "public, max-age=2", "Vary": "Accept-Encoding",
			"Content-Encoding": "-",
		}, string(playlistBody)},
		{"playlist, compressed refused", "GET", "/news/v.m3u8", []string{"Accept-Encoding", "gzip;q=0, br"}, 200,
			map[string]string{"Content-Encoding": "-"}, string(playlistBody)},
		{"manifest", "GET", "/news/manifest.mpd", nil, 200, map[string]string{
			"Content-Type": "application/dash+xml", "Cache-Control": "public, max-age=0, s-maxage=2",
		}, mpdBody},
		{"the time", "HEAD", "/news/manifest.mpd", nil, 200, map[string]string{
			"Cache-Control": "no-store", "Content-Length": "600",
		}, ""},
		{"head of a segment", "HEAD", "/news/v/100.m4s", nil, 200, map[string]string{
			"Cache-Control": immutable, "Content-Length": "10",
		}, ""},
		{"range", "GET", "/news/v/100.m4s", []string{"Range", "bytes=2-4"}, 206, map[string]string{
			"Content-Range": "bytes 2-4/10", "Content-Length": "3", "Cache-Control": immutable,
		}, "234"},
		{"suffix range", "GET", "/news/v/100.m4s", []string{"Range", "bytes=-3"}, 206, nil, "789"},
		{"range out of bounds", "GET", "/news/v/100.m4s", []string{"Range", "bytes=20-"}, 416, map[string]string{
			"Content-Range": "bytes */10",
		}, "any"},
		{"range in another unit", "GET", "/news/v/100.m4s", []string{"Range", "items=0-1"}, 200, nil, "0123456789"},
		{"range of the last 0 bytes", "GET", "/news/v/100.m4s", []string{"Range", "bytes=-0"}, 416, map[string]string{
			"Content-Range": "bytes */10",
		}, "any"},
		{"range of the last 0 bytes, and more", "GET", "/news/v/100.m4s", []string{"Range", "bytes=-0, 2-4"}, 206,
			map[string]string{"Content-Range": "bytes 2-4/10"}, "234"},
		{"range of another version", "GET", "/news/v/100.m4s", []string{"Range", "bytes=2-4", "If-Range", `"other"`},
			200, nil, "0123456789"},
		{"range of a playlist is of its plain form", "GET", "/news/v.m3u8",
			[]string{"Range", "bytes=0-6", "Accept-Encoding", "gzip"}, 206, map[string]string{"Content-Encoding": "-"}, "#EXTM3U"},
		{"future segment", "GET", "/news/v/101.m4s", nil, 404, map[string]string{
			"Cache-Control": "public, max-age=1", "Access-Control-Allow-Origin": "*",
		}, "any"},
		{"unknown channel", "GET", "/sport/index.m3u8", nil, 404, nil, "any"},
		{"no object", "GET", "/news/", nil, 404, nil, "any"},
		{"folder", "GET", "/news/v", nil, 404, nil, "any"},
		{"way out", "GET", "/news/../news/v.m3u8", nil, 404, nil, "any"},
		{"hidden", "GET", "/news/.v.m3u8", nil, 404, nil, "any"},
		{"what is not for viewers", "GET", "/news/grid.json", nil, 404, nil, "any"},
		{"preflight", "OPTIONS", "/news/v/100.m4s",
			[]string{"Origin", "http://x", "Access-Control-Request-Headers", "range"}, 204, map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS"}, ""},
		{"writing", "PUT", "/news/v/100.m4s", nil, 405, map[string]string{"Allow": "GET, HEAD, OPTIONS"}, "any"},
	}
	f := newFixture(t, 0)
	f.live()
	f.put(store.Object{Name: "news/grid.json", Body: []byte("{}")})
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := f.do(c.method, c.path, c.headers...)
			if r.StatusCode != c.status {
				t.Fatalf("status %d, want %d", r.StatusCode, c.status)
			}
			for k, v := range c.want {
				if got := r.Header.Get(k); got != v && (v != "-" || got != "") {
					t.Errorf("%s: %q, want %q", k, got, v)
				}
			}
			if b := body(t, r); c.body != "any" && b != c.body {
				t.Errorf("body of %d bytes %.40q", len(b), b)
			}
		})
	}
}

func TestPreflightAllowsWhatPlayersSend(t *testing.T) {
	f := newFixture(t, 0)
	r := f.do("OPTIONS", "/news/v/100.m4s")
	for _, h := range []string{"Range", "CMCD-Object", "CMCD-Request", "CMCD-Session", "CMCD-Status"} {
		if !strings.Contains(r.Header.Get("Access-Control-Allow-Headers"), h) {
			t.Errorf("%s is not allowed", h)
		}
	}
	f.live()
	r = f.do("GET", "/news/v.m3u8")
	for _, h := range []string{"Date", "Content-Length", "Age"} {
		if !strings.Contains(r.Header.Get("Access-Control-Expose-Headers"), h) {
			t.Errorf("%s is not exposed", h)
		}
	}
}

func TestTextIsCompressed(t *testing.T) {
	f := newFixture(t, 0)
	f.live()
	plain := f.do("GET", "/news/v.m3u8")
	for _, accept := range []string{"gzip", "gzip, deflate, br", "br;q=1.0, gzip;q=0.8", "*", "GZIP"} {
		r := f.do("GET", "/news/v.m3u8", "Accept-Encoding", accept)
		if r.Header.Get("Content-Encoding") != "gzip" || r.Header.Get("Etag") == plain.Header.Get("Etag") {
			t.Fatalf("%s: %v", accept, r.Header)
		}
		raw := body(t, r)
		if fmt.Sprint(len(raw)) != r.Header.Get("Content-Length") || len(raw) >= len(playlistBody) {
			t.Errorf("%s: %d bytes, told %s", accept, len(raw), r.Header.Get("Content-Length"))
		}
		z, err := gzip.NewReader(strings.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(z); err != nil || !bytes.Equal(b, playlistBody) {
			t.Errorf("%s: another text, %v", accept, err)
		}
		again := f.do("GET", "/news/v.m3u8", "Accept-Encoding", accept, "If-None-Match", r.Header.Get("Etag"))
		if again.StatusCode != 304 || again.Header.Get("Content-Encoding") != "" || again.Header.Get("Vary") == "" {
			t.Errorf("%s: status %d, %v", accept, again.StatusCode, again.Header)
		}
	}
}

func TestConditions(t *testing.T) {
	f := newFixture(t, 0)
	f.live()
	for _, path := range []string{"/news/v.m3u8", "/news/v/100.m4s"} {
		first := f.do("GET", path)
		tag, changed := first.Header.Get("Etag"), first.Header.Get("Last-Modified")
		if tag == "" || changed == "" {
			t.Fatalf("%s: %v", path, first.Header)
		}
		for name, c := range map[string]struct {
			headers []string
			status  int
		}{
			"same tag":        {[]string{"If-None-Match", tag}, 304},
			"weak tag":        {[]string{"If-None-Match", "W/" + tag}, 304},
			"one of many":     {[]string{"If-None-Match", `"x", ` + tag}, 304},
			"any":             {[]string{"If-None-Match", "*"}, 304},
			"other tag":       {[]string{"If-None-Match", `"x"`}, 200},
			"not changed":     {[]string{"If-Modified-Since", changed}, 304},
			"changed":         {[]string{"If-Modified-Since", time.Unix(0, 0).UTC().Format(http.TimeFormat)}, 200},
			"must be another": {[]string{"If-Match", `"x"`}, 412},
		} {
			r := f.do("GET", path, c.headers...)
			if r.StatusCode != c.status {
				t.Errorf("%s, %s: status %d, want %d", path, name, r.StatusCode, c.status)
			}
			if r.StatusCode == 304 && (r.Header.Get("Etag") != tag || r.Header.Get("Cache-Control") == "" || body(t, r) != "") {
				t.Errorf("%s, %s: %v", path, name, r.Header)
			}
		}
	}
	f.put(store.Object{Name: "news/v.m3u8", Body: []byte(listText)})
	old := f.do("GET", "/news/v/100.m4s").Header.Get("Etag")
	if r := f.do("GET", "/news/v.m3u8", "If-None-Match", old); r.StatusCode != 200 || body(t, r) != listText {
		t.Errorf("a replaced playlist: status %d", r.StatusCode)
	}
}

func TestStalePlaylistsAreRefused(t *testing.T) {
	f := newFixture(t, 0)
	f.live()
	f.fresh = errors.New("the newest media, segment 7, was listed 9s ago")
	for _, path := range []string{"/news/v.m3u8", "/news/index.m3u8", "/news/manifest.mpd"} {
		for _, method := range []string{"GET", "HEAD"} {
			r := f.do(method, path, "Accept-Encoding", "gzip", "If-None-Match", "*")
			if r.StatusCode != 503 || r.Header.Get("Access-Control-Allow-Origin") != "*" || r.Header.Get("Retry-After") == "" {
				t.Errorf("%s %s: status %d, %v", method, path, r.StatusCode, r.Header)
			}
			if c := r.Header.Get("Cache-Control"); c != "public, max-age=1" {
				t.Errorf("%s: Cache-Control %q", path, c)
			}
			kind := r.Header.Get("Content-Type")
			if b := body(t, r); !strings.Contains(b, "segment 7") || !strings.HasPrefix(kind, "text/plain") {
				t.Errorf("%s: %q", path, b)
			}
		}
	}
	if r := f.do("GET", "/news/v/100.m4s"); r.StatusCode != 200 {
		t.Errorf("a segment: status %d; what was listed stays", r.StatusCode)
	}
	f.fresh = nil
	if r := f.do("GET", "/news/v.m3u8"); r.StatusCode != 200 {
		t.Errorf("fresh again: status %d", r.StatusCode)
	}
}

// Over a real connection: the Date that players take the time from is there and right, also on HEAD, and every byte
// arrives.
func TestOverTheWire(t *testing.T) {
	f := newFixture(t, 0)
	f.live()
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<17)
	f.put(store.Object{Name: "news/v/101.m4s", Body: big})
	srv := httptest.NewServer(f.h)
	defer srv.Close()
	r, err := srv.Client().Head(srv.URL + "/news/manifest.mpd")
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	date, err := http.ParseTime(r.Header.Get("Date"))
	if d := time.Since(date); err != nil || d < 0 || d > 3*time.Second {
		t.Errorf("date %v, %v", date, err)
	}
	r, err = srv.Client().Get(srv.URL + "/news/v/101.m4s")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if b := body(t, r); b != string(big) || r.ContentLength != int64(len(big)) {
		t.Errorf("%d bytes, told %d", len(b), r.ContentLength)
	}
}

func TestNewRefusesBadChannels(t *testing.T) {
	e := newFixture(t, 0).edge
	for name, channels := range map[string][]origin.Channel{
		"twice":    {{Name: "a", Edge: e}, {Name: "a", Edge: e}},
		"no name":  {{Edge: e}},
		"no store": {{Name: "a"}},
	} {
		if _, err := origin.New(origin.Config{Channels: channels}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := origin.NewEdge(origin.EdgeConfig{}); err == nil {
		t.Error("an edge without a store: accepted")
	}
}

func BenchmarkPlaylist(b *testing.B) { benchmark(b, "/news/v.m3u8", playlistBody) }
func BenchmarkSegment(b *testing.B)  { benchmark(b, "/news/v/100.m4s", make([]byte, 2_000_000)) }

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

func benchmark(b *testing.B, path string, content []byte) {
	e, err := origin.NewEdge(origin.EdgeConfig{Store: store.NewMemory()})
	if err != nil {
		b.Fatal(err)
	}
	if err := e.Put(b.Context(), store.Object{Name: path[1:], Body: content}); err != nil {
		b.Fatal(err)
	}
	fresh := func() error { return nil }
	h, err := origin.New(origin.Config{Channels: []origin.Channel{{Name: "news", Edge: e, Fresh: fresh}}})
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", "gzip, deflate, br")
	w := discard{h: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.h)
		h.ServeHTTP(w, r)
	}
}

// Whatever is asked however: no panic, no server error, and nothing but what is for viewers.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "/news/v/100.m4s", "bytes=0-3", "gzip;q=0.5", `"x"`)
	f.Add("HEAD", "/news/v.m3u8", "bytes=-1,5-2", "*;q=0, gzip", "W/")
	f.Add("OPTIONS", "//news/../x", "bits=1", ";;,", "*")
	e, err := origin.NewEdge(origin.EdgeConfig{Store: store.NewMemory()})
	if err != nil {
		f.Fatal(err)
	}
	for name, body := range map[string]string{"news/v/100.m4s": "0123456789", "news/v.m3u8": string(playlistBody), "news/grid.json": "secret"} {
		if err := e.Put(f.Context(), store.Object{Name: name, Body: []byte(body)}); err != nil {
			f.Fatal(err)
		}
	}
	h, err := origin.New(origin.Config{Channels: []origin.Channel{{Name: "news", Edge: e}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, path, span, accept, tag string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Method, r.URL.Path = method, path
		r.Header = http.Header{"Range": {span}, "Accept-Encoding": {accept}, "If-None-Match": {tag}, "If-Range": {tag}}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("status %d, %q", w.Code, w.Body)
		}
	})
}
