//go:build e2e

package edge_test

import (
	"fmt"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"onair/test/edge"
)

const crowd = 50

// rush asks for a URL with many clients at once, and lets the origins answer when all have asked.
func rush(t *testing.T, url string, answering chan struct{}) []answer {
	t.Helper()
	var asked, got sync.WaitGroup
	answers := make([]answer, crowd)
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: crowd}}
	defer client.CloseIdleConnections()
	asked.Add(crowd)
	for i := range crowd {
		got.Go(func() {
			req, _ := http.NewRequest(http.MethodGet, url, nil)
			trace := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { asked.Done() }}
			resp, err := client.Do(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			answers[i] = answer{status: resp.StatusCode, head: resp.Header}
		})
	}
	asked.Wait()
	close(answering)
	got.Wait()
	return answers
}

// when has an answer wait.
func when(ready chan struct{}, answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			<-ready
		}
		answer(w, r)
	}
}

func wantAll(t *testing.T, answers []answer, statuses ...int) {
	t.Helper()
	for i, a := range answers {
		if !slices.Contains(statuses, a.status) {
			t.Errorf("client %d: %v", i, a)
			return
		}
	}
}

// TestOneFillForMany: however many ask at once, an origin is asked once for each object; where that fails, all get what
// the other one answers.
func TestOneFillForMany(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	b.live()
	e := edge.Start(t, a.address, b.address)
	for i, c := range []struct {
		path   string
		answer http.HandlerFunc
		most   int // of fills; 2 where it is one for each second, which may end meanwhile
		of     string
	}{
		{"/ch/v/1.m4s", object(ofMedia, []byte("media")), 1, "a"},
		{"/ch/v/init-1.mp4", object(ofMedia, []byte("media")), 1, "a"},
		{"/ch/index.m3u8", object(ofPlaylist, []byte("#EXTM3U\n")), 2, "a"},
		{"/ch/v.m3u8", object(ofPlaylist, []byte(list(1, 5))), 2, "a"},
		{"/ch/manifest.mpd", object(ofPlaylist, []byte(mpd(5)+"</MPD>")), 2, "a"},
		{"/ch/v/2.m4s", status(http.StatusNotFound), 1, "b"},
		{"/ch/v/3.m4s", status(http.StatusInternalServerError), 1, "b"},
		{"/ch/w.m3u8", status(http.StatusServiceUnavailable), 2, "b"},
	} {
		ready, begun := make(chan struct{}), time.Now()
		a.on(c.path, when(ready, c.answer))
		b.on("/ch/w.m3u8", object(ofPlaylist, []byte(list(1, 5))))
		answers := rush(t, e.URL+c.path, ready)
		wantAll(t, answers, http.StatusOK)
		if c.most > 1 {
			c.most += int(time.Since(begun).Seconds())
		}
		if n := a.count(c.path); n > c.most {
			t.Errorf("%d. %s: the first origin was asked %d times", i, c.path, n)
		}
		if n := b.count(c.path); n > c.most || (c.of == "b") != (n > 0) {
			t.Errorf("%d. %s: the second origin was asked %d times", i, c.path, n)
		}
		if got := answers[0].head.Get("X-Onair-Pipeline"); got != c.of {
			t.Errorf("%d. %s came from %q", i, c.path, got)
		}
	}
}

// TestOneRefillForMany: the same for what was there and is out of date.
func TestOneRefillForMany(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	e := edge.Start(t, a.address, b.address)
	const slate, future = "/ch/v/1.m4s", "/ch/v/2.m4s"
	a.on(slate, object(ofSlate, []byte("slate")))
	at := time.Now()
	if got := get(t, e.URL+slate); got.status != http.StatusOK {
		t.Fatal(got)
	}
	if got := get(t, e.URL+future); got.status != http.StatusNotFound {
		t.Fatal(got)
	}
	for _, path := range []string{slate, future} {
		pass(at, 2100*time.Millisecond)
		before, ready, begun := a.count(path), make(chan struct{}), time.Now()
		a.on(path, when(ready, object(ofMedia, []byte("media"))))
		wantAll(t, rush(t, e.URL+path, ready), http.StatusOK)
		if n, most := a.count(path)-before, 2+int(time.Since(begun).Seconds()); n > most {
			t.Errorf("%s was asked for %d times, more than once a second", path, n)
		}
	}
}

// TestNoErrorForACrowd: both fail, all are told so, and neither is asked by each.
func TestNoErrorForACrowd(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	e := edge.Start(t, a.address, b.address)
	ready := make(chan struct{})
	a.on("", when(ready, status(http.StatusInternalServerError)))
	b.on("", status(http.StatusServiceUnavailable))
	wantAll(t, rush(t, e.URL+"/ch/v/1.m4s", ready), http.StatusInternalServerError, http.StatusServiceUnavailable,
		http.StatusBadGateway) // which is the answer for one that is given up
	if na, nb := a.count("/ch/v/1.m4s"), b.count("/ch/v/1.m4s"); na > 2 || nb > 2 || nb == 0 {
		t.Errorf("asked %d and %d times", na, nb)
	}
}

// TestMediaBeforeSlate: a segment that is slate at one origin is taken from the other, if it has media.
func TestMediaBeforeSlate(t *testing.T) {
	t.Parallel()
	media, slate, none := object(ofMedia, []byte("media")), object(ofSlate, []byte("slate")), status(http.StatusNotFound)
	for i, c := range []struct {
		a, b http.HandlerFunc
		want string
	}{
		{slate, media, "media"}, {media, slate, "media"}, {slate, slate, "slate"}, {slate, none, "slate"}, {none, slate, "slate"},
	} {
		a, b := newOrigin(t, "a"), newOrigin(t, "b")
		a.on("", c.a)
		b.on("", c.b)
		e := edge.Start(t, a.address, b.address)
		if got := get(t, e.URL+"/ch/v/1.m4s"); got.status != http.StatusOK || got.body != c.want {
			t.Errorf("%d: %v", i, got)
		}
	}
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	a.on("", slate)
	b.on("", media)
	e := edge.Start(t, a.address, b.address, "EDGE_LOOK=off")
	if got := get(t, e.URL+"/ch/v/1.m4s"); got.body != "slate" || len(a.requests()) != 1 {
		t.Errorf("after %d requests: %v", len(a.requests()), got)
	}
}

// TestWhatOriginsSee is the path: nothing of a client, and connections that are kept.
func TestWhatOriginsSee(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	a.live()
	e := edge.Start(t, a.address, b.address, "EDGE_ORIGIN_HOST=origin.example", "EDGE_WORKERS=1")
	for _, path := range objects {
		get(t, e.URL+path+"?_=1&CMCD=br%3D1", "Cookie", "own=1", "CMCD-Session", "sid=1", "Range", "bytes=0-1",
			"If-None-Match", `"x"`, "Authorization", "Basic x", "Accept-Encoding", "gzip")
	}
	var peers []string
	for _, r := range a.requests() {
		if r.URL.RawQuery != "" || r.Host != "origin.example" || len(r.Header) != 0 {
			t.Errorf("%s %s of %s: %v", r.Method, r.URL, r.Host, r.Header)
		}
		peers = append(peers, r.RemoteAddr)
	}
	slices.Sort(peers)
	if n := len(slices.Compact(peers)); n > 3 { // one for each list of origins
		t.Errorf("%d connections for %d requests", n, len(a.requests()))
	}
	for _, path := range []string{"/", "/ch", "/ch/", "/ch/grid.json", "/api/v1/channels", "/_a/ch/v.m3u8", "/../etc/passwd",
		"/ch/anchors/main/0.json", "/metrics", "/_media_a/ch/v/1.m4s"} {
		if got := get(t, e.URL+path); got.status < 400 {
			t.Errorf("%s: %v", path, got)
		}
	}
	for _, r := range a.requests() {
		if !strings.HasPrefix(r.URL.Path, "/ch/") || strings.HasSuffix(r.URL.Path, ".json") {
			t.Errorf("the origin was asked for %s", r.URL)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		if got := ask(t, http.DefaultClient, method, e.URL+"/ch/v/1.m4s"); got.status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %v", method, got)
		}
	}
}

// TestTheLog tells for each request where its answer came from and what that took.
func TestTheLog(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	b.live()
	e := edge.Start(t, a.address, b.address)
	get(t, e.URL+"/ch/v/1.m4s")
	get(t, e.URL+"/ch/v/1.m4s")
	want := []string{
		`"path":"/ch/v/1.m4s","status":200`, `"cache":"MISS","origin":"` + b.address,
		`"cache":"HIT"`, `"fill_time":"0.`,
	}
	for _, w := range want {
		if !eventually(5*time.Second, func() bool { return len(e.Lines("access.log", w)) > 0 }) {
			t.Errorf("no %s in\n%s", w, e.Log("access.log"))
		}
	}
	fill := fmt.Sprintf(`"origins":"%s","origin_status":"200"`, b.address)
	if !eventually(5*time.Second, func() bool { return len(e.Lines("fill.log", fill)) > 0 }) { // written after the answer
		t.Errorf("no %s in\n%s", fill, e.Log("fill.log"))
	}
}
