//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"onair/test/edge"
)

// reader follows a media playlist of an edge as a strict player does: it takes each segment that is new at once, and
// notes everything that a player would suffer from.
type reader struct {
	url    string // of the channel
	name   string // of the rendition
	finish chan struct{}

	mu     sync.Mutex
	first  int64
	last   int64
	from   map[string]int // segments and playlists, by cache status
	faults []string
	media  map[int64][]byte
}

var mediaSequence = regexp.MustCompile(`#EXT-X-MEDIA-SEQUENCE:(\d+)`)

func (r *reader) run() {
	for !wait(r.finish, 200*time.Millisecond) {
		r.look()
	}
}

func (r *reader) note(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// look reads the playlist, and what is new in it.
func (r *reader) look() {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, ok := r.fetch(r.name + ".m3u8")
	m := mediaSequence.FindSubmatch(body)
	if !ok || m == nil {
		return
	}
	first, _ := strconv.ParseInt(string(m[1]), 10, 64)
	listed := listedIn(string(body))
	last := first + int64(len(listed)) - 1
	if first < r.first || last < r.last {
		r.note("%d to %d was followed by %d to %d", r.first, r.last, first, last)
	}
	if r.last != 0 && first > r.last+1 {
		r.note("%d is missing before %d", r.last+1, first)
	}
	for k := max(first, r.last+1); k <= last; k++ {
		gap, ok := listed[k]
		if !ok || gap {
			r.note("%d is a gap, or not listed", k)
			continue
		}
		if body, ok := r.fetch(fmt.Sprintf("%s/%d.m4s", r.name, k)); ok {
			r.media[k] = body
		}
	}
	r.first, r.last = first, last
}

func (r *reader) fetch(name string) ([]byte, bool) {
	resp, err := http.Get(r.url + name)
	if err != nil {
		r.note("%s: %v", name, err)
		return nil, false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		r.note("%s at %s: %s %v %.60s", name, time.Now().Format("05.000"), resp.Status, err, body)
		return nil, false
	}
	r.from[resp.Header.Get("X-Cache-Status")]++
	return body, true
}

// TestTwinsBehindTheEdge: a strict reader follows two pipelines through the edge. One is killed without warning, comes
// back, and the other is killed: it does not notice. (TestRegionLost has players.)
func TestTwinsBehindTheEdge(t *testing.T) {
	t.Parallel()
	file := oneRung + "timeline:\n  dir: " + t.TempDir() + "\n"
	a, start, _ := newTwins(t, file, clip(t, 180, "25"), 0)
	a.wait("segments of the first", 40*time.Second, segments(3))
	b := start()
	b.wait("segments of the second", 40*time.Second, segments(5))
	e := edge.Start(t, a.http, b.http, "EDGE_SEGMENT=2")
	var readers []*reader
	for _, name := range []string{"v180", "a1"} {
		r := &reader{url: e.URL + "/ch/", name: name, finish: make(chan struct{}), from: map[string]int{}, media: map[int64][]byte{}}
		readers = append(readers, r)
		go r.run()
	}
	reached := func(n int64) bool {
		return !slices.ContainsFunc(readers, func(r *reader) bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			return int64(len(r.media)) < n
		})
	}
	on := func(what string, n int64) {
		t.Helper()
		if !eventually(60*time.Second, func() bool { return reached(n) }) {
			t.Fatalf("%s: the readers do not get on", what)
		}
	}
	on("both alive", 5)
	a.kill()
	t.Logf("the first one killed at %s", time.Now().Format("05.000"))
	on("the first one killed", 12)
	a.start()
	a.wait("the first one back", 40*time.Second, segments(4))
	b.kill()
	t.Logf("the second one killed at %s", time.Now().Format("05.000"))
	var n int64
	for _, r := range readers {
		r.mu.Lock()
		n = max(n, int64(len(r.media)))
		r.mu.Unlock()
	}
	on("the second one killed", n+7)
	for _, r := range readers {
		close(r.finish)
		r.mu.Lock()
		defer r.mu.Unlock()
		t.Logf("%s: %d segments, %v", r.name, len(r.media), r.from)
		if len(r.faults) > 0 {
			t.Errorf("%s:\n%s", r.name, strings.Join(r.faults, "\n"))
		}
		decode(t, r.whole(t), "-f", "null")
	}
	if t.Failed() {
		t.Logf("the edge:\n%s", strings.Join(e.Lines("fill.log", ".m3u8"), ""))
	}
}

// whole is all that was read, as one file.
func (r *reader) whole(t *testing.T) []byte {
	t.Helper()
	list, _ := r.fetch(r.name + ".m3u8")
	m := regexp.MustCompile(`#EXT-X-MAP:URI="([^"]+)"`).FindSubmatch(list)
	if m == nil {
		t.Fatalf("%s: no initialization", r.name)
	}
	out, _ := r.fetch(string(m[1]))
	var ks []int64
	for k := range r.media {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	for i, k := range ks {
		if i > 0 && k != ks[i-1]+1 {
			t.Errorf("%s: %d after %d", r.name, k, ks[i-1])
		}
		out = append(out, r.media[k]...)
	}
	return out
}
