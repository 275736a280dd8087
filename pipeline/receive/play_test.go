package receive_test

import (
	"fmt"
	"path"
	"strings"
	"testing"
	"time"

	"onair/pipeline/receive"
	"onair/pkg/store"
)

// TestStalePlaylists: the newest media counts, not that the list was written, nor gaps.
func TestStalePlaylists(t *testing.T) {
	t.Parallel()
	r, _ := start(t, store.NewMemory())
	code := func(name string) int { return r.view("/news/" + name).Code }
	r.put("/news/index.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n")
	if got := code("index.m3u8"); got != 200 {
		t.Errorf("before any media playlist: %d", got)
	}
	r.put("/news/v/7.m4s", "seven")
	r.put("/news/v.m3u8", list(4, "", 6, 7), "X-Onair-Pipeline: studio")
	r.put("/news/manifest.mpd", `<MPD type="dynamic" maxSegmentDuration="PT4S"><SegmentTimeline/></MPD>`)
	r.pass(7 * time.Second)
	w := r.view("/news/v.m3u8")
	for name, want := range map[string]string{
		"X-Onair-Last-K": "7", "X-Onair-Age": "7000", "X-Onair-Pipeline": "studio", "CMSD-Static": "ot=m,sf=h",
		"Access-Control-Allow-Origin": "*", "Content-Type": "application/vnd.apple.mpegurl",
	} {
		if w.Code != 200 || w.Header().Get(name) != want {
			t.Errorf("%d with %s %q, want %q", w.Code, name, w.Header().Get(name), want)
		}
	}
	r.put("/news/v.m3u8", list(4, "", 6, 7, -8))
	r.put("/news/manifest.mpd", `<MPD type="dynamic" maxSegmentDuration="PT4S"><SegmentTimeline/></MPD>`)
	r.pass(time.Millisecond)
	for _, name := range []string{"v.m3u8", "index.m3u8", "manifest.mpd"} {
		w := r.view("/news/" + name)
		if w.Code != 503 || !strings.Contains(w.Body.String(), "stale") || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if got := code("v/7.m4s"); got != 200 {
		t.Errorf("a segment: %d", got)
	}
	if st := r.rc.Status().Channels["news"]; st.Stale != 3 || st.Playing.Stale != 3 {
		t.Errorf("%+v", st)
	}
	if w := r.request("GET", "/news/v.m3u8", "", "X-Onair-Pipeline: studio"); w.Code != 200 {
		t.Errorf("the writer cannot read it back: %d", w.Code)
	}
	r.put("/news/v/9.m4s", "nine")
	r.put("/news/v.m3u8", list(4, "", 6, 7, -8, 9))
	r.put("/news/manifest.mpd", `<MPD type="dynamic" maxSegmentDuration="PT4S"><SegmentTimeline/></MPD>`)
	for _, name := range []string{"v.m3u8", "index.m3u8", "manifest.mpd"} {
		if got := code(name); got != 200 {
			t.Errorf("%s after newer media: %d", name, got)
		}
	}
	r.put("/news/v.m3u8", list(4, "#EXT-X-ENDLIST\n", 6, 7))
	r.put("/news/manifest.mpd", `<MPD type="static"/>`)
	r.pass(time.Hour)
	for _, name := range []string{"v.m3u8", "index.m3u8", "manifest.mpd"} {
		if got := code(name); got != 200 {
			t.Errorf("%s of what has ended: %d", name, got)
		}
	}
}

// TestManifestThatFollowsTheClock is fresh while media comes, as nobody writes it anew.
func TestManifestThatFollowsTheClock(t *testing.T) {
	t.Parallel()
	r, _ := start(t, store.NewMemory())
	r.put("/live/m.mpd", `<MPD type="dynamic"><SegmentTemplate duration="2"/></MPD>`)
	for k := range 5 {
		r.put(fmt.Sprintf("/live/v/%d.cmfv", k), "media")
		r.pass(4 * time.Second)
		if got := r.view("/live/m.mpd").Code; got != 200 {
			t.Errorf("%d", got)
		}
	}
	r.pass(2 * time.Second)
	if got := r.view("/live/m.mpd").Code; got != 503 {
		t.Errorf("without media: %d", got)
	}
}

// TestNumbersThatBeginAnew: an encoder that starts again from 0 is no stale one.
func TestNumbersThatBeginAnew(t *testing.T) {
	t.Parallel()
	r, _ := start(t, store.NewMemory())
	r.put("/live/v.m3u8", list(4, "", 500, 501))
	r.pass(time.Minute)
	r.put("/live/v.m3u8", list(4, "", 0))
	if w := r.view("/live/v.m3u8"); w.Code != 200 || w.Header().Get("X-Onair-Last-K") != "0" {
		t.Errorf("%d, %v", w.Code, w.Header())
	}
}

// TestOthersMediaIsPlayed: names and types that onair does not use, with caching that lets them be written again.
func TestOthersMediaIsPlayed(t *testing.T) {
	t.Parallel()
	r, _ := start(t, store.NewMemory())
	for name, kind := range map[string]string{
		"out0.ts": "video/mp2t", "v/init.cmfv": "video/mp4", "v/1.cmfa": "audio/mp4", "chunk-stream0-00001.m4s": "video/iso.segment",
	} {
		r.put("/live/"+name, "media", "Content-Type: application/octet-stream")
		w := r.view("/live/"+name, "Range: bytes=1-2")
		if w.Code != 206 || w.Body.String() != "ed" || w.Header().Get("Content-Type") != kind {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
		if c := w.Header().Get("Cache-Control"); strings.Contains(c, "immutable") {
			t.Errorf("%s: %s", name, c)
		}
	}
	r.put("/live/grid.json", "{}")
	if w := r.view("/live/grid.json"); w.Code != 404 {
		t.Errorf("what is no viewer's: %d", w.Code)
	}
}

// TestMemoryIsBounded: media that has other names than onair gives leaves memory, and not the store.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	r, _ := start(t, store.NewMemory(), func(c *receive.Config) { c.Limits.Memory = 100_000 })
	for i := range 50 {
		r.put(fmt.Sprintf("/live/out%d.ts", i), strings.Repeat("x", 10_000))
	}
	for i := range 50 {
		if w := r.view(fmt.Sprintf("/live/out%d.ts", i)); w.Code != 200 || w.Body.Len() != 10_000 {
			t.Errorf("%d: %d", i, w.Code)
		}
	}
	if st := r.rc.Status().Channels["live"].Memory; st.Bytes > 100_000 || st.Objects > 10 {
		t.Errorf("%+v", st)
	}
}

// TestRestart: what is in the store is played, listed, counted and gone on with.
func TestRestart(t *testing.T) {
	t.Parallel()
	s := store.NewMemory()
	r, stop := start(t, s)
	r.put("/news/v/7.m4s", "seven")
	r.put("/news/v.m3u8", list(4, "", 7))
	stop()
	q, _ := start(t, s)
	if w := q.view("/news/v.m3u8"); w.Code != 200 || w.Header().Get("X-Onair-Last-K") != "7" {
		t.Errorf("%d, %v", w.Code, w.Header())
	}
	if st := q.rc.Status().Channels["news"]; st.Objects != 2 || st.Bytes != int64(5+len(list(4, "", 7))) {
		t.Errorf("%+v", st)
	}
	q.put("/news/v.m3u8", list(4, "", 7, -8))
	q.pass(8 * time.Second)
	if w := q.view("/news/v.m3u8"); w.Code != 503 {
		t.Errorf("a gap made it fresh: %d", w.Code)
	}
	if w := q.request("PUT", "/news/v/7.m4s", "again", "If-None-Match: *"); w.Code != 412 {
		t.Errorf("created again: %d", w.Code)
	}
}

// TestRetention: segments go by age, the header they need stays while there are newer ones; what nobody writes to any
// more goes, but the clocks of its timeline.
func TestRetention(t *testing.T) {
	t.Parallel()
	s := store.NewMemory()
	r, _ := start(t, s, func(c *receive.Config) { c.Retention = time.Hour })
	all := []string{"v/init-1.mp4", "v/1.m4s", "out1.ts", "v.m3u8", "m.mpd", "grid.json", "anchors/main/1.json"}
	for _, name := range all {
		r.put("/news/"+name, "first")
	}
	names := func() string {
		infos, err := s.List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, i := range infos {
			out = append(out, path.Base(i.Name))
		}
		return strings.Join(out, " ")
	}
	r.pass(50 * time.Minute)
	r.put("/news/v/2.m4s", "second")
	r.pass(50 * time.Minute)
	receive.Sweep(t.Context(), r.rc)
	if got := names(); got != "1.json grid.json m.mpd v.m3u8 2.m4s init-1.mp4" {
		t.Errorf("of two segments: %s", got)
	}
	r.pass(50 * time.Minute)
	receive.Sweep(t.Context(), r.rc)
	if got := names(); got != "1.json grid.json" {
		t.Errorf("of a channel that is over: %s", got)
	}
	if st := r.rc.Status(); st.Expired != 6 || st.Channels["news"].Objects != 2 {
		t.Errorf("%+v", st)
	}
}
