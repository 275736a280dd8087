//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"onair/pipeline/control"
	"onair/pkg/hls"
	"onair/test/weborigin"
)

// webList is a playlist as a viewer of a web server gets it.
func webList(t testing.TB, w *weborigin.Server, rendition string) hls.Playlist {
	t.Helper()
	res, err := http.Get(w.URL + "/live/ch/" + rendition + ".m3u8")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return hls.Playlist{}
	}
	p, err := hls.ReadMedia(body)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// writesOf puts a handler before the writes of a web server that has no listing.
func writesOf(do http.HandlerFunc) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		plain := weborigin.Plain(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut {
				do(w, r)
				return
			}
			plain.ServeHTTP(w, r)
		})
	}
}

// TestWebServerBesideAFolder: a server that knows PUT, GET and DELETE only gets what the folder gets. While it refuses or
// hangs, the folder misses nothing; afterwards it is gone on with, and so it is after a restart, by its playlists.
func TestWebServerBesideAFolder(t *testing.T) {
	t.Parallel()
	w := weborigin.New()
	t.Cleanup(w.Close)
	w.Wrap(weborigin.Plain)
	port := freePort(t, "udp")
	s := newStationOf(t, channel+fmt.Sprintf("  - {http: %q, token: correcthorsebattery}\n", w.URL+"/live"), rtpInput(port)).answering()
	play(t, clip(t, 180, "25"), port)
	newest := func() (int, bool) {
		list := webList(t, w, "v180").Segments
		return len(list), len(list) > 0 && !list[len(list)-1].Gap
	}
	s.wait("segments in both", 40*time.Second, func(st control.Status) bool { n, _ := newest(); return st.Segments >= 4 && n >= 4 })
	first := webList(t, w, "v180").First
	if got := w.LastPut("live/ch/v180.m3u8"); got.Get("Authorization") != "Bearer correcthorsebattery" || got.Get("Cache-Control") == "" {
		t.Errorf("%v", got)
	}
	hang := make(chan struct{})
	for name, fault := range map[string]http.HandlerFunc{
		"refuses": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "full", http.StatusInsufficientStorage) },
		"hangs":   func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-hang },
		"breaks":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		before := s.status().Stores[1]
		w.Wrap(writesOf(fault))
		s.wait("what "+name+" to be told", 20*time.Second, func(st control.Status) bool {
			return st.Stores[1].Errors > before.Errors && st.Stores[1].LastError != ""
		})
		s.wantOn(2)
		w.Wrap(weborigin.Plain)
		after := s.status().Segments
		s.wait("the server after it "+name, 20*time.Second, func(st control.Status) bool {
			_, media := newest()
			return st.Segments > after && media && st.Stores[1].LastError == ""
		})
	}
	close(hang)
	if st := s.status(); st.Stores[0].Gaps != 0 || st.Stores[0].Errors != 0 || st.Renditions[0].Gaps != 0 {
		t.Errorf("the folder suffered: %+v", st.Stores[0])
	}
	before, _ := newest()
	s.kill()
	s.start()
	s.wait("the server after a restart", 40*time.Second, func(control.Status) bool { n, media := newest(); return media && n > before })
	if got := webList(t, w, "v180").First; got != first {
		t.Errorf("begins at %d, began at %d", got, first)
	}
	if log := s.log.String(); strings.Contains(log, "correcthorsebattery") {
		t.Error("the log has a secret")
	}
}
