//go:build e2e

package edge_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"onair/test/edge"
)

// objects are one of each kind.
var objects = []string{"/ch/v/1.m4s", "/ch/v/init-1.mp4", "/ch/index.m3u8", "/ch/v.m3u8", "/ch/manifest.mpd"}

// TestTheOtherOriginAnswers: whatever is wrong with the first origin, the same request is answered by the second.
func TestTheOtherOriginAnswers(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*origin) http.HandlerFunc{
		"refuses connections": nil,
		"hangs":               func(o *origin) http.HandlerFunc { return o.hang },
		"breaks off":          func(*origin) http.HandlerFunc { return drop },
		"500":                 func(*origin) http.HandlerFunc { return status(http.StatusInternalServerError) },
		"502":                 func(*origin) http.HandlerFunc { return status(http.StatusBadGateway) },
		"503":                 func(*origin) http.HandlerFunc { return status(http.StatusServiceUnavailable) },
		"403":                 func(*origin) http.HandlerFunc { return status(http.StatusForbidden) },
		"404":                 func(*origin) http.HandlerFunc { return status(http.StatusNotFound) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newOrigin(t, "b")
			b.live()
			address := dead(t)
			if fault != nil {
				a := newOrigin(t, "a")
				a.on("", fault(a))
				address = a.address
			}
			e := edge.Start(t, address, b.address, "EDGE_SEGMENT=4")
			for _, path := range objects {
				got := get(t, e.URL+path)
				if got.status != http.StatusOK || !strings.Contains(got.body, "of b") || got.head.Get("X-Onair-Pipeline") != "b" {
					t.Errorf("%s: %v", path, got)
				}
			}
		})
	}
}

// TestTheFirstOriginIsKept: without a fault the second is never asked.
func TestTheFirstOriginIsKept(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	a.live()
	b.live()
	e := edge.Start(t, a.address, b.address)
	for _, path := range objects {
		if got := get(t, e.URL+path); got.status != http.StatusOK || !strings.Contains(got.body, "of a") {
			t.Errorf("%s: %v", path, got)
		}
		if b.count(path) != 0 {
			t.Errorf("%s: the second origin was asked", path)
		}
	}
}

// TestADeadOriginIsGivenUp: one that hangs costs one request its time, not each.
func TestADeadOriginIsGivenUp(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	a.on("", a.hang)
	b.live()
	e := edge.Start(t, a.address, b.address, "EDGE_SEGMENT=8") // half of it is waited for, then none for 8 s
	begun := time.Now()
	for _, path := range []string{"/ch/v/1.m4s", "/ch/v/2.m4s", "/ch/v/3.m4s", "/ch/w.m3u8", "/ch/x.m3u8", "/ch/y.m3u8"} {
		b.on("/ch/"+path[4:5]+".m3u8", object(ofPlaylist, []byte(list(1, 5))))
		if got := get(t, e.URL+path); got.status != http.StatusOK {
			t.Fatalf("%s: %v", path, got)
		}
	}
	if took := time.Since(begun); took > 15*time.Second {
		t.Errorf("six objects took %v: each waited for the origin that hangs", took)
	}
	if n := len(a.requests()); n > 3 {
		t.Errorf("the origin that hangs was asked %d times", n)
	}
}

// TestAnOriginThatComesBack is asked again after a segment's length.
func TestAnOriginThatComesBack(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	a.on("", drop)
	b.live()
	e := edge.Start(t, a.address, b.address, "EDGE_SEGMENT=1")
	if got := get(t, e.URL+"/ch/v/1.m4s"); !strings.Contains(got.body, "of b") {
		t.Fatal(got)
	}
	a.live()
	k := 0
	if !eventually(10*time.Second, func() bool {
		k++
		return strings.Contains(get(t, e.URL+"/ch/v/1"+strings.Repeat("0", k)+".m4s").body, "of a")
	}) {
		t.Error("the first origin was not asked again")
	}
}

// TestAbsentOnBoth: a segment that is still to come is a 404 when both were asked, and there as soon as one has it.
func TestAbsentOnBoth(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	e := edge.Start(t, a.address, b.address)
	const path = "/ch/v/9.m4s"
	if got := get(t, e.URL+path); got.status != http.StatusNotFound {
		t.Fatal(got)
	}
	if a.count(path) == 0 || b.count(path) == 0 {
		t.Errorf("asked %d and %d times", a.count(path), b.count(path))
	}
	b.live()
	kept := 0
	if !eventually(10*time.Second, func() bool {
		got := get(t, e.URL+path)
		if age, _ := strconv.Atoi(got.head.Get("Age")); got.status == http.StatusNotFound {
			kept = max(kept, age)
		}
		return got.status == http.StatusOK
	}) {
		t.Fatal("the 404 is kept")
	}
	if kept > 2 { // 1 s, of clocks that count whole seconds
		t.Errorf("a 404 was %d s old", kept)
	}
	for _, path := range []string{"/ch/w.m3u8", "/ch/w.mpd"} {
		a.on(path, status(http.StatusNotFound))
		b.on(path, status(http.StatusNotFound))
		if got := get(t, e.URL+path); got.status != http.StatusNotFound || a.count(path) == 0 || b.count(path) == 0 {
			t.Errorf("%s, asked %d and %d times: %v", path, a.count(path), b.count(path), got)
		}
	}
}

// TestBothDead: an error soon, that says so in the log, and media as long as the cache has it.
func TestBothDead(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	a.on("/ch/v/1.m4s", object(ofSlate, []byte("slate")))
	e := edge.Start(t, a.address, b.address)
	first := time.Now()
	if got := get(t, e.URL+"/ch/v/1.m4s"); got.status != http.StatusOK {
		t.Fatal(got)
	}
	a.server.CloseClientConnections()
	a.server.Listener.Close()
	b.on("", drop)
	pass(first, 2100*time.Millisecond)
	if got := get(t, e.URL+"/ch/v/1.m4s"); got.status != http.StatusOK || got.head.Get("X-Cache-Status") != "STALE" {
		t.Errorf("media that the cache has: %v", got)
	}
	for path, want := range map[string]int{
		"/ch/v/2.m4s": http.StatusBadGateway, "/ch/index.m3u8": http.StatusBadGateway,
		"/ch/v.m3u8": http.StatusServiceUnavailable, "/ch/manifest.mpd": http.StatusServiceUnavailable,
	} {
		begun := time.Now()
		got := get(t, e.URL+path)
		if got.status != want && got.status != http.StatusBadGateway {
			t.Errorf("%s: %v", path, got)
		}
		if got.head.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: a page cannot read the error: %v", path, got)
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("%s: the error came after %v", path, took)
		}
	}
	if !eventually(5*time.Second, func() bool { return len(e.Lines("error.log", a.address)) > 0 }) {
		t.Errorf("the log does not name the origin:\n%s", e.Log("error.log"))
	}
}
