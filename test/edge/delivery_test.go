//go:build e2e

package edge_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"onair/test/edge"
)

// TestLifetimes: what never changes is kept, slate and a 404 for a second, playlists no longer than a second, the
// multivariant playlist for ten.
func TestLifetimes(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	a.live()
	a.on("/ch/v/2.m4s", object(ofSlate, []byte("slate")))
	a.on("/ch/v/3.m4s", object("", []byte("media of an origin that does not say")))
	a.on("/ch/v/4.m4s", status(http.StatusNotFound))
	e := edge.Start(t, a.address, b.address)
	kinds := []struct {
		path  string
		fills int // in three requests, of which the last comes after two seconds
	}{
		{"/ch/v/1.m4s", 1}, {"/ch/v/init-1.mp4", 1}, {"/ch/v/2.m4s", 2}, {"/ch/v/3.m4s", 1}, {"/ch/v/4.m4s", 2},
		{"/ch/v.m3u8", 2}, {"/ch/manifest.mpd", 2}, {"/ch/index.m3u8", 1},
	}
	until := time.Now().UnixMilli()/10000*10000 + 10000 // the multivariant playlist's ten seconds end
	if left := until - time.Now().UnixMilli(); left < 6000 {
		pass(time.UnixMilli(until), 0)
	}
	for _, k := range kinds {
		first, second := get(t, e.URL+k.path), get(t, e.URL+k.path)
		if strings.HasSuffix(k.path, ".m4s") && (first.head.Get("X-Cache-Status") != "MISS" || second.head.Get("X-Cache-Status") != "HIT") {
			t.Errorf("%s: %v\n%v", k.path, first, second)
		}
		if first.status == http.StatusOK && first.head.Get("Etag") != second.head.Get("Etag") {
			t.Errorf("%s: two tags: %v\n%v", k.path, first, second)
		}
	}
	pass(time.Now(), 2100*time.Millisecond)
	for _, k := range kinds {
		third := get(t, e.URL+k.path)
		if n := a.count(k.path); n != k.fills && (k.fills == 1 || n > k.fills+1) {
			t.Errorf("%s: %d fills, want %d: %v", k.path, n, k.fills, third)
		}
		age, err := strconv.Atoi(third.head.Get("Age"))
		if err != nil || (k.path == "/ch/v/1.m4s") != (age >= 2) && k.fills != 1 {
			t.Errorf("%s: age %q after two seconds", k.path, third.head.Get("Age"))
		}
	}
}

// TestAgeAndDate: the date is that of the origin's answer, the age counts from there, and what the origin says of
// caching and of itself reaches the client.
func TestAgeAndDate(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	date := time.Now().Add(-30 * time.Second).UTC().Format(http.TimeFormat)
	a.on("/ch/v/1.m4s", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", date)
		w.Header().Set("Age", "7")
		w.Header().Set("X-Onair-Last-K", "9")
		object(ofMedia, []byte("media"))(w, r)
	})
	e := edge.Start(t, a.address, b.address)
	for range 2 {
		got := get(t, e.URL+"/ch/v/1.m4s")
		age, _ := strconv.Atoi(got.head.Get("Age"))
		if len(got.head["Date"]) != 1 || got.head.Get("Date") != date || age < 36 || age > 60 || len(got.head["Age"]) != 1 {
			t.Errorf("want the date %s and an age of 37: %v", date, got)
		}
		if got.head.Get("Cache-Control") != ofMedia || got.head.Get("X-Onair-Last-K") != "9" || got.head.Get("Vary") != "" ||
			got.head.Get("Content-Type") != "video/mp4" || got.head.Get("X-Edge-Origin") != "" {
			t.Errorf("%v", got)
		}
	}
}

// TestTheTime: HEAD on a manifest gives the time now, and is not to be kept.
func TestTheTime(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	a.live()
	e := edge.Start(t, a.address, b.address)
	for range 4 {
		asked := time.Now().Truncate(time.Second)
		got := ask(t, http.DefaultClient, http.MethodHead, e.URL+"/ch/manifest.mpd")
		date, err := http.ParseTime(got.head.Get("Date"))
		if err != nil || date.Before(asked) || date.After(time.Now()) {
			t.Errorf("it is %v: %v", asked, got)
		}
		if got.head.Get("Cache-Control") != "no-store" || got.head.Get("Age") != "" || got.status != http.StatusOK ||
			got.head.Get("Access-Control-Allow-Origin") != "*" || len(got.head["Cache-Control"]) != 1 {
			t.Errorf("%v", got)
		}
		pass(time.Now(), 400*time.Millisecond)
	}
	if n := a.count("/ch/manifest.mpd"); n > 4 {
		t.Errorf("the origin was asked %d times", n)
	}
}

// TestConditions: who has it is told so, from the cache.
func TestConditions(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	a.live()
	e := edge.Start(t, a.address, b.address)
	for _, path := range objects {
		tag := get(t, e.URL+path).head.Get("Etag")
		if got := get(t, e.URL+path, "If-None-Match", tag); got.status != http.StatusNotModified || got.head.Get("Etag") != tag {
			t.Errorf("%s with %s: %v", path, tag, got)
		}
		if got := get(t, e.URL+path, "If-None-Match", `"other"`); got.status != http.StatusOK {
			t.Errorf("%s with another tag: %v", path, got)
		}
	}
}

// TestRanges: the whole is fetched from one origin, whatever part is asked for first, and each part is of that.
func TestRanges(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	whole := bytes.Repeat([]byte("0123456789abcdef"), 20000)
	other := bytes.Repeat([]byte("x"), len(whole))
	const path = "/ch/v/1.m4s"
	a.on(path, object(ofMedia, whole))
	b.on(path, object(ofMedia, other))
	e := edge.Start(t, a.address, b.address)
	want := func(head string, from, to int) {
		t.Helper()
		got := get(t, e.URL+path, "Range", head)
		if got.status != http.StatusPartialContent || got.body != string(whole[from:to]) ||
			got.head.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(whole)) {
			t.Errorf("%s: %d %v, %d bytes", head, got.status, got.head, len(got.body))
		}
	}
	want("bytes=100-199", 100, 200)
	a.on(path, status(http.StatusNotFound)) // a second fill would be of the other origin
	want("bytes=0-0", 0, 1)
	want("bytes=200000-", 200000, len(whole))
	want("bytes=-7", len(whole)-7, len(whole))
	if got := get(t, e.URL+path, "Range", "bytes=9999999-"); got.status != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("behind the end: %v", got)
	}
	if got := get(t, e.URL+path); got.body != string(whole) {
		t.Errorf("the whole has %d bytes", len(got.body))
	}
	if n := a.count(path) + b.count(path); n != 1 {
		t.Errorf("%d fills", n)
	}
	for _, r := range a.requests() {
		if r.Header.Get("Range") != "" {
			t.Errorf("the origin was asked for %s", r.Header.Get("Range"))
		}
	}
}

// TestBrokenOff: a segment that ends early is not kept, nor made whole with what another origin has.
func TestBrokenOff(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	const path = "/ch/v/1.m4s"
	a.on(path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		w.Header().Set("Cache-Control", ofMedia)
		if r.Method == http.MethodGet {
			_, _ = w.Write(make([]byte, 500000))
			panic(http.ErrAbortHandler)
		}
	})
	e := edge.Start(t, a.address, b.address)
	resp, err := http.Get(e.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("%d of 1000000 bytes, and no error", len(body))
	}
	b.on(path, object(ofMedia, []byte("media of b")))
	a.on(path, status(http.StatusNotFound))
	if got := get(t, e.URL+path); got.body != "media of b" {
		t.Error(got)
	}
}

// TestTextIsCompressed, and nothing else.
func TestTextIsCompressed(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	text := list(1, 100)
	a.on("/ch/v.m3u8", object(ofPlaylist, []byte(text)))
	a.on("/ch/manifest.mpd", object(ofPlaylist, []byte(mpd(5)+strings.Repeat(" ", 1000)+"</MPD>")))
	a.on("/ch/v/1.m4s", object(ofMedia, []byte(text)))
	e := edge.Start(t, a.address, b.address)
	for _, path := range []string{"/ch/v.m3u8", "/ch/manifest.mpd"} {
		got := get(t, e.URL+path, "Accept-Encoding", "gzip, br")
		if got.head.Get("Content-Encoding") != "gzip" || got.head.Get("Vary") != "Accept-Encoding" {
			t.Fatalf("%s: %v", path, got.head)
		}
		z, err := gzip.NewReader(strings.NewReader(got.body))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := io.ReadAll(z); err != nil || len(plain) < 1000 || !strings.HasPrefix(got.head.Get("Etag"), `W/"`) {
			t.Errorf("%s: %d bytes, %v, %v", path, len(plain), err, got.head)
		}
		tag := got.head.Get("Etag")
		if got := get(t, e.URL+path, "If-None-Match", tag, "Accept-Encoding", "gzip"); got.status != http.StatusNotModified {
			t.Errorf("%s: %v", path, got)
		}
		if got := get(t, e.URL+path); got.head.Get("Content-Encoding") != "" {
			t.Errorf("%s is compressed without being asked: %v", path, got.head)
		}
	}
	got := get(t, e.URL+"/ch/v/1.m4s", "Accept-Encoding", "gzip")
	if got.head.Get("Content-Encoding") != "" || got.body != text {
		t.Errorf("a segment: %v", got.head)
	}
}

// TestPages of other sites may read what comes, errors included, once.
func TestPages(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	a.on("", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", "Date")
		object(ofMedia, []byte("media"))(w, r)
	})
	a.on("/ch/v/9.m4s", status(http.StatusNotFound))
	e := edge.Start(t, a.address, b.address)
	for _, path := range []string{"/ch/v/1.m4s", "/ch/v/9.m4s", "/nothing"} {
		got := get(t, e.URL+path, "Origin", "https://page.example")
		if all := got.head["Access-Control-Allow-Origin"]; len(all) != 1 || all[0] != "*" {
			t.Errorf("%s: %v", path, got)
		}
		if all := strings.Join(got.head["Access-Control-Expose-Headers"], ", "); !strings.Contains(all, "Age") {
			t.Errorf("%s: exposes %q", path, all)
		}
	}
	got := ask(t, http.DefaultClient, http.MethodOptions, e.URL+"/ch/v/1.m4s", "Origin", "https://page.example",
		"Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "range,cmcd-session")
	all := strings.Join(got.head["Access-Control-Allow-Headers"], ", ")
	if got.status != http.StatusNoContent || !strings.Contains(all, "Range") || !strings.Contains(all, "CMCD-Session") {
		t.Error(got)
	}
}
