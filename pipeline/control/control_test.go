package control_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"onair/pipeline/control"
)

// fake is a channel whose state a test sets.
type fake struct {
	mu     sync.Mutex
	status control.Status
	stale  error
	asked  []string
	refuse error
	query  control.EventQuery // the newest one
	events control.Events
}

func (f *fake) Status() control.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

func (f *fake) Reload() (control.Reloaded, error) {
	if f.refuse != nil {
		return control.Reloaded{}, control.ReloadRefused{Problems: []string{"f.yaml:3: http: needs a restart"}}
	}
	return control.Reloaded{Changes: []control.Change{{Key: "failover.loss", Change: "1s instead of 500ms"}}}, nil
}

func (f *fake) Fresh() error { return f.stale }

func (f *fake) SwitchInput(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, in := range f.status.Inputs {
		if in.Name == name {
			f.asked = append(f.asked, name)
			return f.refuse
		}
	}
	return fmt.Errorf("%w: %q, there are main and backup", control.ErrNoInput, name)
}

func (f *fake) Events(q control.EventQuery) control.Events {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.query = q
	return f.events
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// full is a status in which nothing is zero, so that a field that is printed nowhere shows.
func full(name string) control.Status {
	return control.Status{
		Channel: name, State: control.OnAir, Since: noon, Now: noon.Add(time.Hour), Version: "v1.2.3",
		Grid:        &control.Grid{FrameRate: "25", SegmentFrames: 100, SegmentSeconds: 4, GOPFrames: 50, AudioRate: 48000, AudioFrame: 1024},
		ActiveInput: "main", Choice: "auto", Lock: "alone", RunRestarts: 1, RunsStarted: 3, Segments: 900,
		Switches: map[string]uint64{"start": 1, "loss": 2}, SlateSeconds: 7.5, Reloads: map[string]uint64{"ok": 2, "refused": 1},
		Inputs: []control.Input{fullInput(), {Name: "backup", State: control.InputWaiting, LastPacketMs: -1, Lock: control.NoLock,
			Legs: []control.Leg{{URL: "srt://0.0.0.0:9000?mode=listener", State: control.LegFailed, Error: "port in use"}}}},
		Runs: []control.Run{{ID: 3, PID: 4711, Input: "main", State: control.RunActive, From: noon, Speed: 1.01, FPS: 25.1,
			Frames: 90000, Dup: 2, Drop: 3, Behind: 0.8, Reason: "start", Command: []string{"ffmpeg", "-copyts"}},
			{ID: 2, PID: 4700, Input: "main", State: control.RunEnding, From: noon, Reason: "planned rotation"}},
		Renditions: []control.Rendition{{Name: "v720", Kind: control.Video, Codecs: "avc1.64001f", Width: 1280, Height: 720,
			FrameRate: "25", Channels: 0, TargetBitrate: 3e6, Bitrate: 2.9e6, LastK: 443_000_900, Bytes: 1e9, Segments: 900,
			Gaps: 1, Frames: 90000, Holes: 2, SegmentSeconds: 4, PublishLatencyMs: 812.5},
			{Name: "a1", Kind: control.Audio, Codecs: "mp4a.40.2", Language: "eng", Channels: 2, TargetBitrate: 128_000}},
		Stores: []control.Store{{Name: "dir:./origin", LastK: 443_000_900, ListedAt: noon, Writes: 5000, Errors: 2, Gaps: 1,
			Queue: 3, LatencyMs: 12.5, LastError: "no space left on device", Shared: true, TwinSegments: 7, TwinListed: 2}},
		Events: []control.Event{{Seq: 12, Time: noon, Level: control.Warning, Stage: "run", Input: "main", Code: "run_restart",
			Message: "encoder restarted"}},
		Twin: &control.Twin{Store: "https://b.example/live", MatchRatio: new(0.75), Segments: 40, Compared: 40, Mismatched: 10,
			Mismatches: map[string]uint64{"tfdt": 9, "samples": 1}, Missing: 3, Skipped: 2, Errors: 4, LastK: 443_000_899,
			LastError: "it did not answer", LastFinding: "segment 443000899 of v720: tfdt is 1 here and 2 there"},
		Webhook: &control.Webhook{Target: "https://hooks.example", Delivered: 9, Dropped: 1, Queue: 2, Requests: 7, Failures: 3,
			DeliveredAt: noon, LastError: "it answers 503 Service Unavailable"},
	}
}

func fullInput() control.Input {
	leg := control.Leg{URL: "rtp://239.0.0.1:5000", State: control.LegReceiving, Error: "last: reset", Peer: "10.0.0.1:5000",
		Packets: 1e6, Bytes: 1e9, Bitrate: 10e6, Lost: 7, Recovered: 6, Late: 1, Duplicates: 2, Reordered: 3, WrongType: 4,
		Rejected: 5, Rejections: map[string]uint64{"rate": 2, "credentials": 3}, Foreign: 6, FECPackets: 12, FECRecovered: 13, FECUnrecoverable: 14, FECColumns: 8, FECRows: 4, PathDifferenceMs: 12.5,
		SRT: &control.SRT{RTTMs: 20.5, Loss: 8, Drop: 9, Retransmitted: 10, Undecrypted: 11}}
	return control.Input{Name: "main", State: control.InputReceiving, Error: "none", Active: true,
		Fault: "black", TakeIn: new(12.5),
		Program: &control.Program{Number: 1, PMTPID: 4096, PCRPID: 256, Streams: []control.Stream{
			{PID: 256, Kind: control.Video, Codec: "h264"}, {PID: 257, Kind: control.Audio, Codec: "aac", Language: "eng"}}},
		Video:   &control.Picture{Codec: "h264", Width: 1920, Height: 1080, Rate: "25", Interlaced: true},
		Bitrate: 10e6, TS: control.TS{Packets: 7e6, Null: 5, Continuity: 1, Transport: 2, CRC: 3, Scrambled: 4, SyncLosses: 6,
			JunkBytes: 188, PESWithoutPTS: 7},
		Checks: []control.Check{{Check: "1.4", Name: "Continuity_count_error", Priority: 1, Errors: 9, Last: noon}}, LastSecond: 2,
		Content: &control.Content{Picture: true, Sound: true, BlackSeconds: 1.5, FreezeSeconds: 2.5, SilenceSeconds: 3.5,
			LoudnessLUFS: new(-23.1), AVOffsetMs: new(40.5)}, Restarts: 1,
		Lost: 1, Unmerged: true, Generation: 2, Generations: 3, Lock: control.Locked, ClockOffsetMs: -12.5, LastPacketMs: 3.5,
		Timecode: &control.Timecode{Label: "10:20:30;12", AgeMs: 40.5, Rules: true, OffsetMs: new(16.5)},
		Spool:    control.Spool{Seconds: 30, Bytes: 37_500_000}, Legs: []control.Leg{leg, {URL: "rtp://239.0.1.1:5000", State: control.LegListening}}}
}

// site is a handler over fakes with a page and an origin that tells what it was asked for.
func site(t *testing.T, token string, channels ...*fake) http.Handler {
	t.Helper()
	c := control.Config{Version: "v1.2.3", Token: token,
		Origin: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "origin ", r.URL.Path) }),
		Page: fstest.MapFS{
			"index.html":      {Data: []byte(`<html><base href="./"><title>page</title></html>`)},
			"_assets/app.js":  {Data: []byte(strings.Repeat("export {};\n", 100))},
			"_assets/app.css": {Data: []byte("a{}")},
		}}
	for _, f := range channels {
		c.Channels = append(c.Channels, f)
	}
	c.CertificateEnd = func() time.Time { return time.Unix(1_800_000_000, 0) }
	c.Connections = func() (held, refused int64) { return 12, 3 }
	h, err := control.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ask(h http.Handler, method, url string, edit ...func(*http.Request)) *http.Response {
	r := httptest.NewRequest(method, url, nil)
	r.Host, r.RemoteAddr = "localhost:8080", "127.0.0.1:40000"
	for _, e := range edit {
		e(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func body(s string) func(*http.Request) {
	return func(r *http.Request) {
		r.Body = io.NopCloser(strings.NewReader(s))
		if r.Header.Get("Content-Type") == "" {
			r.Header.Set("Content-Type", "application/json")
		}
	}
}

func TestPathsLeadWhereTheyShould(t *testing.T) {
	h := site(t, "", &fake{status: full("news")})
	for _, c := range []struct {
		name, method, path string
		code               int
		want               string
	}{
		{"root is the page", "GET", "/", 200, `<base href="./">`},
		{"a channel is the page, one level down", "GET", "/news/", 200, `<base href="../">`},
		{"a channel without slash is sent on", "GET", "/news", 301, "/news/"},
		{"assets", "GET", "/_assets/app.js", 200, "export {};"},
		{"playlist goes to the origin", "GET", "/news/index.m3u8", 200, "origin /news/index.m3u8"},
		{"preflight goes to the origin", "OPTIONS", "/news/index.m3u8", 200, "origin /news/index.m3u8"},
		{"other channels go to the origin", "GET", "/other/", 200, "origin /other/"},
		{"the page's file is not served by name", "GET", "/index.html", 200, "origin /index.html"},
		{"alive", "GET", "/healthz", 200, "ok"},
		{"ready", "GET", "/readyz", 200, "ok"},
		{"the page takes no post", "POST", "/", 405, "not allowed"},
		{"API: no such channel", "GET", "/api/v1/channels/sport", 404, `no channel \"sport\" here`},
		{"API: no such path", "GET", "/api/v2", 404, "no such path"},
		{"API: no such deep path", "GET", "/api/v1/channels/news/x/y", 404, "no such path"},
		{"API: wrong method for input", "GET", "/api/v1/channels/news/input", 405, "only POST"},
		{"API: wrong method for state", "DELETE", "/api/v1/channels/news", 405, "only GET"},
		{"API: wrong method for the list", "PUT", "/api/v1/channels", 405, "only GET"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := ask(h, c.method, c.path)
			if got := text(t, r) + r.Header.Get("Location"); r.StatusCode != c.code || !strings.Contains(got, c.want) {
				t.Errorf("%d %q, want %d and %q", r.StatusCode, got, c.code, c.want)
			}
			if r.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Error("no nosniff")
			}
		})
	}
}

func TestPageLoadsNothingFromOutside(t *testing.T) {
	r := ask(site(t, "", &fake{status: full("news")}), "GET", "/")
	csp := r.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "http") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
	if got := r.Header.Get("Referrer-Policy"); got != "no-referrer" {
		t.Errorf("Referrer-Policy %q", got)
	}
}

func TestPageIsCachedByContentAndCompressed(t *testing.T) {
	h := site(t, "")
	plain, packed := ask(h, "GET", "/_assets/app.js"), ask(h, "GET", "/_assets/app.js", header("Accept-Encoding", "br, gzip;q=0.8"))
	if plain.Header.Get("Content-Encoding") != "" || packed.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("encodings %q, %q", plain.Header.Get("Content-Encoding"), packed.Header.Get("Content-Encoding"))
	}
	if a, b := len(text(t, plain)), len(text(t, packed)); b >= a/2 {
		t.Errorf("%d bytes packed to %d", a, b)
	}
	if plain.Header.Get("ETag") == packed.Header.Get("ETag") {
		t.Error("two codings share an ETag")
	}
	if c := plain.Header.Get("Cache-Control"); !strings.Contains(c, "immutable") {
		t.Errorf("asset: Cache-Control %q", c)
	}
	page := ask(h, "GET", "/")
	if c := page.Header.Get("Cache-Control"); c != "no-cache" {
		t.Errorf("page: Cache-Control %q", c)
	}
	again := ask(h, "GET", "/", header("If-None-Match", page.Header.Get("ETag")))
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("same page again: %d", again.StatusCode)
	}
	if r := ask(h, "GET", "/_assets/app.js", header("Accept-Encoding", "gzip;q=0")); r.Header.Get("Content-Encoding") != "" {
		t.Error("gzip although refused")
	}
}

func TestReadyNamesEveryChannelThatIsNotFresh(t *testing.T) {
	h := site(t, "", &fake{status: full("news")}, &fake{status: full("sport"), stale: errors.New("newest media is 9 s old")})
	r := ask(h, "GET", "/readyz")
	if got := text(t, r); r.StatusCode != 503 || got != "sport: newest media is 9 s old\n" {
		t.Errorf("%d %q", r.StatusCode, got)
	}
	if r = ask(h, "GET", "/healthz"); r.StatusCode != 200 {
		t.Errorf("a stale channel is no dead process: %d", r.StatusCode)
	}
}

func TestChannelsOfOneNameAreRefused(t *testing.T) {
	_, err := control.New(control.Config{Channels: []control.Source{&fake{status: full("news")}, &fake{status: full("news")}}})
	if err == nil || !strings.Contains(err.Error(), `"news"`) {
		t.Errorf("error %v", err)
	}
}

func TestPageWithoutIndexIsRefused(t *testing.T) {
	if _, err := control.New(control.Config{Page: fstest.MapFS{"x.js": {}}}); err == nil {
		t.Error("no error")
	}
}
