//go:build e2e

package edge_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// origin is an origin whose answers a test writes by hand.
type origin struct {
	name    string
	address string
	server  *httptest.Server

	mu      sync.Mutex
	answers map[string]http.HandlerFunc // by path; "" answers for all others
	asked   map[string]int              // GET, by path
	seen    []*http.Request
	release chan struct{} // ends what hangs
}

func newOrigin(t *testing.T, name string) *origin {
	t.Helper()
	o := &origin{name: name, answers: map[string]http.HandlerFunc{}, asked: map[string]int{}, release: make(chan struct{})}
	o.server = httptest.NewServer(o)
	o.address = o.server.Listener.Addr().String()
	t.Cleanup(func() {
		close(o.release)
		o.server.Close()
	})
	return o
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	if r.Method == http.MethodGet {
		o.asked[r.URL.Path]++
	}
	o.seen = append(o.seen, r.Clone(r.Context()))
	answer := o.answers[r.URL.Path]
	if answer == nil {
		answer = o.answers[""]
	}
	o.mu.Unlock()
	w.Header().Set("X-Onair-Pipeline", o.name)
	if answer == nil {
		status(http.StatusNotFound)(w, r)
		return
	}
	answer(w, r)
}

// on has a path answered from now on; "" is every other path.
func (o *origin) on(path string, answer http.HandlerFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answers[path] = answer
}

func (o *origin) count(path string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked[path]
}

// requests are all that came.
func (o *origin) requests() []*http.Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen
}

// status answers as an origin does that has nothing to give.
func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=1")
		http.Error(w, "no such object here", code)
	}
}

// hang answers nothing until the test ends.
func (o *origin) hang(http.ResponseWriter, *http.Request) { <-o.release }

// drop breaks the connection off.
func drop(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

const (
	ofMedia    = "public, max-age=600, immutable"
	ofSlate    = "public, max-age=1"
	ofPlaylist = "public, max-age=1"
)

// object answers with a body that caches may keep as an origin says.
func object(cache string, body []byte) http.HandlerFunc {
	first := time.Now().Add(-time.Second)
	return func(w http.ResponseWriter, r *http.Request) {
		made := first
		if kind(r.URL.Path) != "video/mp4" {
			made = time.Now() // what a test means to be stale is so by what it lists
		}
		w.Header().Set("Cache-Control", cache)
		w.Header().Set("Etag", fmt.Sprintf("%q", fmt.Sprintf("%x-%x", len(body), body[:min(8, len(body))])))
		w.Header().Set("Content-Type", kind(r.URL.Path))
		http.ServeContent(w, r, "", made, bytes.NewReader(body))
	}
}

func kind(path string) string {
	switch {
	case strings.HasSuffix(path, ".m3u8"):
		return "application/vnd.apple.mpegurl"
	case strings.HasSuffix(path, ".mpd"):
		return "application/dash+xml"
	}
	return "video/mp4"
}

// live answers like a channel on air: for each kind of object, with the origin's name in it.
func (o *origin) live() {
	o.on("", object(ofMedia, []byte("media of "+o.name)))
	o.on("/ch/index.m3u8", object("public, max-age=10", []byte("#EXTM3U\n# of "+o.name+"\n")))
	o.on("/ch/v.m3u8", object(ofPlaylist, []byte(list(1, 5)+"# of "+o.name+"\n")))
	o.on("/ch/manifest.mpd", object(ofPlaylist, []byte(mpd(5)+"<!-- of "+o.name+" -->\n</MPD>\n")))
}

// list is a media playlist.
func list(first, last int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-DISCONTINUITY-SEQUENCE:2\n#EXT-X-MEDIA-SEQUENCE:%d\n", first)
	fmt.Fprintf(&b, "#EXT-X-TARGETDURATION:1\n#EXT-X-MAP:URI=\"v/init-1.mp4\"\n")
	for k := first; k <= last; k++ {
		fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:%02d:%02d.000Z\n#EXTINF:1.000,\nv/%d.m4s\n", k/60, k%60, k)
	}
	return b.String()
}

// mpd is a manifest that is not closed, whose newest segment ends at a second.
func mpd(last int) string {
	return fmt.Sprintf("<?xml version=\"1.0\"?>\n<MPD type=\"dynamic\" publishTime=\"2026-01-01T00:00:%02dZ\">\n", last)
}

// dead is an address where nobody listens.
func dead(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// answer is what a client got.
type answer struct {
	status int
	head   http.Header
	body   string
}

func (a answer) String() string { return fmt.Sprintf("%d %v\n%.400s", a.status, a.head, a.body) }

// get asks with headers in pairs, without decoding anything.
func get(t *testing.T, url string, head ...string) answer {
	t.Helper()
	return ask(t, http.DefaultClient, http.MethodGet, url, head...)
}

func ask(t *testing.T, client *http.Client, method, url string, head ...string) answer {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "identity")
	for i := 0; i+1 < len(head); i += 2 {
		req.Header.Set(head[i], head[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// eventually polls a condition every 50 ms.
func eventually(most time.Duration, cond func() bool) bool {
	deadline := time.Now().Add(most)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			return false
		}
		<-tick.C
	}
	return true
}

// pass waits until a time has passed since an instant: for what an age decides.
func pass(since time.Time, d time.Duration) { <-time.After(time.Until(since.Add(d))) }
