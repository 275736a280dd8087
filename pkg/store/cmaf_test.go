package store_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"onair/pkg/store"
)

// cmafReceiver takes what is sent, but what refuse names.
type cmafReceiver struct {
	mu     sync.Mutex
	got    []string // method, path and type
	bodies map[string]string
	refuse string
}

func (r *cmafReceiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, q.Method+" "+q.URL.Path+" "+q.Header.Get("Content-Type"))
	r.bodies[q.URL.Path] = string(body)
	if q.URL.Path == r.refuse {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// TestCMAFIngest: headers, segments and the MPD are sent by the names of CMAF, and nothing else is.
func TestCMAFIngest(t *testing.T) {
	r := &cmafReceiver{bodies: map[string]string{}, refuse: "/in/ch/v/2.cmfv"}
	srv := httptest.NewServer(r)
	defer srv.Close()
	s, err := store.NewCMAF(store.HTTPConfig{URL: srv.URL + "/in"})
	if err != nil {
		t.Fatal(err)
	}
	put := func(name, kind, body string) error {
		return s.Put(t.Context(), store.Object{Name: name, Type: kind, Body: []byte(body)})
	}
	if put("ch/v/1.m4s", "", "x") == nil {
		t.Error("a segment was sent before its header")
	}
	mpd := `<MPD><AdaptationSet id="1" contentType="video"><SegmentTemplate media="$RepresentationID$/$Number$.m4s" initialization="$RepresentationID$/init-1.mp4"/>` +
		`</AdaptationSet><AdaptationSet contentType="audio"><SegmentTemplate media="$RepresentationID$/$Number$.m4s" initialization="$RepresentationID$/init-1.mp4"/></AdaptationSet></MPD>`
	for _, o := range [][3]string{
		{"ch/v/init-1.mp4", "video/mp4", "v"},
		{"ch/a/init-1.mp4", "audio/mp4", "a"},
		{"ch/v/1.m4s", "video/iso.segment", "1"},
		{"ch/a/1.m4s", "video/iso.segment", "1"},
		{"ch/v.m3u8", "", "#EXTM3U"},
		{"ch/manifest.mpd", "", mpd},
	} {
		if err := put(o[0], o[1], o[2]); err != nil {
			t.Errorf("%s: %v", o[0], err)
		}
	}
	if put("ch/v/2.m4s", "", "2") == nil {
		t.Error("a segment that was refused is no error")
	}
	r.mu.Lock()
	r.refuse = ""
	r.mu.Unlock()
	if err := put("ch/v/2.m4s", "", "2"); err != nil {
		t.Error(err)
	}
	if err := s.Delete(t.Context(), "ch/v/1.m4s"); err != nil {
		t.Error(err)
	}
	want := []string{
		"PUT /in/ch/v/init-1.cmfv video/mp4",
		"PUT /in/ch/a/init-1.cmfa audio/mp4",
		"PUT /in/ch/v/1.cmfv video/mp4",
		"PUT /in/ch/a/1.cmfa audio/mp4",
		"PUT /in/ch/manifest.mpd application/dash+xml",
		"PUT /in/ch/v/2.cmfv video/mp4",
		"PUT /in/ch/v/init-1.cmfv video/mp4", // it may have been lost
		"PUT /in/ch/v/2.cmfv video/mp4",
	}
	if !slices.Equal(r.got, want) {
		t.Errorf("sent:\n%s", strings.Join(r.got, "\n"))
	}
	sent := r.bodies["/in/ch/manifest.mpd"]
	if strings.Count(sent, "$Number$.cmfv") != 1 || strings.Count(sent, "init-1.cmfa") != 1 || strings.Contains(sent, ".m4s") {
		t.Error(sent)
	}
	if infos, err := s.List(t.Context(), "ch/"); err != nil || len(infos) != 0 {
		t.Errorf("%v, %v", infos, err)
	}
}
