package viewer_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"onair/pipeline/viewer"
	"onair/pkg/fmp4"
	"onair/test/live"
)

// Of the channel of the fake: a picture and a sound that are the same to a viewer.
const (
	length = 400 * time.Millisecond
	window = 8
)

// fake is a channel whose segments are made when they are asked for. Tests bend its answers.
type fake struct {
	init []byte
	url  string

	mu    sync.Mutex
	start time.Time
	gap   func(k int64) bool
	bend  func(w http.ResponseWriter, name string, list *list) bool // true: it has answered
}

// list is what a playlist is to say.
type list struct{ first, last int64 }

const firstNumber = 1000

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{start: time.Now(), gap: func(int64) bool { return false }, init: live.Init(t)}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url = server.URL + "/ch/"
	return f
}

// with changes how it answers.
func (f *fake) with(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := strings.TrimPrefix(r.URL.Path, "/ch/")
	last := firstNumber + window + int64(time.Since(f.start)/length)
	l := list{last - window + 1, last}
	if f.bend != nil && f.bend(w, name, &l) {
		return
	}
	k := int64(0)
	_, _ = fmt.Sscanf(name[strings.IndexByte(name, '/')+1:], "%d.m4s", &k)
	switch {
	case name == "index.m3u8":
		fmt.Fprint(w, "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",URI=\"a1.m3u8\"\n"+
			"#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nv1.m3u8\n")
	case name == "manifest.mpd":
		fmt.Fprint(w, f.mpd(l))
	case strings.HasSuffix(name, ".m3u8"):
		fmt.Fprint(w, f.playlist(strings.TrimSuffix(name, ".m3u8"), l))
	case strings.HasSuffix(name, "init.mp4"):
		_, _ = w.Write(f.init)
	default:
		_, _ = w.Write(segment(k))
	}
}

func (f *fake) playlist(track string, l list) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:%d\n#EXT-X-MAP:URI=\"%s/init.mp4\"\n", l.first, track)
	for k := l.first; k <= l.last; k++ {
		if f.gap(k) {
			b.WriteString("#EXT-X-GAP\n")
		}
		fmt.Fprintf(&b, "#EXTINF:0.4,\n%s/%d.m4s\n", track, k)
	}
	return b.String()
}

// mpd has a Period for each row of numbers without a gap.
func (f *fake) mpd(l list) string {
	var b strings.Builder
	b.WriteString(`<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic" profiles="x" publishTime="2026-01-01T00:00:00Z"` +
		` minimumUpdatePeriod="PT1S" minBufferTime="PT1S" timeShiftBufferDepth="PT1M" suggestedPresentationDelay="PT1S">`)
	for k := l.first; k <= l.last; k++ {
		n := int64(0)
		for ; k+n <= l.last && !f.gap(k+n); n++ {
		}
		if n == 0 {
			continue
		}
		fmt.Fprintf(&b, `<Period id="P%d" start="PT%d.%dS">`, k, k*2/5, k*4%10)
		for _, track := range []string{"v1:video/mp4", "a1:audio/mp4"} {
			id, mime, _ := strings.Cut(track, ":")
			fmt.Fprintf(&b, `<AdaptationSet mimeType="%s"><SegmentTemplate timescale="1000" startNumber="%d" media="$RepresentationID$/$Number$.m4s"`+
				` initialization="$RepresentationID$/init.mp4"><SegmentTimeline><S t="%d" d="400" r="%d"/></SegmentTimeline></SegmentTemplate>`+
				`<Representation id="%s" bandwidth="1" codecs="x"/></AdaptationSet>`, mime, k, k*400, n-1, id)
		}
		b.WriteString("</Period>")
		k += n
	}
	return b.String() + "</MPD>"
}

func segment(k int64) []byte {
	b, _ := fmp4.Segment{BaseTime: uint64(k * 400), Samples: []fmp4.Sample{{Duration: 400, Sync: true, Data: []byte{1}}}}.Marshal()
	return b
}

// watching is a viewer who plays.
type watching struct {
	*viewer.Viewer
	t *testing.T

	mu     sync.Mutex
	events []viewer.Event
}

func watch(t *testing.T, address string) *watching {
	t.Helper()
	w := &watching{t: t}
	v, err := viewer.New(viewer.Config{Name: "v", URL: address, Suffer: func(e viewer.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, e)
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.Viewer = v
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = v.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	w.until("it does not play", func(viewer.Totals) bool { return v.Playing() })
	v.Begin(time.Now())
	return w
}

// until waits until the account is such, and gives it.
func (w *watching) until(what string, cond func(viewer.Totals) bool) viewer.Totals {
	w.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		totals := w.Totals(time.Now())
		if cond(totals) {
			return totals
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s: %+v", what, totals)
		}
		<-tick.C
	}
}

func count(t viewer.Totals, kind string) int64 {
	for _, c := range t.Kinds {
		if c.Kind == kind {
			return c.Times
		}
	}
	return 0
}

// TestNothingIsWrong: a viewer of a channel without a fault has nothing to complain about.
func TestNothingIsWrong(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"index.m3u8", "manifest.mpd"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watch(t, newFake(t).url+name)
			got := w.until("segments", func(got viewer.Totals) bool { return got.Segments >= 10 })
			if got.Errors != 0 || got.Lost != 0 || got.Rewritten != 0 || got.Pause > 2*got.Seconds {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestWhatAViewerComplainsOf: each thing that an origin can do wrong, by what the viewer calls it.
func TestWhatAViewerComplainsOf(t *testing.T) {
	t.Parallel()
	once := func(do func(w http.ResponseWriter, name string, l *list) bool) func(http.ResponseWriter, string, *list) bool {
		left := 1
		return func(w http.ResponseWriter, name string, l *list) bool {
			if left == 0 || !do(w, name, l) {
				return false
			}
			left--
			return true
		}
	}
	media := func(name string) bool { return strings.HasPrefix(name, "v1/") && strings.HasSuffix(name, ".m4s") }
	for kind, bend := range map[string]func(w http.ResponseWriter, name string, l *list) bool{
		"http 404": once(func(w http.ResponseWriter, name string, _ *list) bool {
			if media(name) {
				w.WriteHeader(http.StatusNotFound)
			}
			return media(name)
		}),
		"http 503": once(func(w http.ResponseWriter, name string, _ *list) bool {
			if name == "v1.m3u8" {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return name == "v1.m3u8"
		}),
		viewer.NoPlaylist: once(func(w http.ResponseWriter, name string, _ *list) bool {
			if name == "a1.m3u8" {
				fmt.Fprint(w, "<html>")
			}
			return name == "a1.m3u8"
		}),
		viewer.Media: once(func(w http.ResponseWriter, name string, _ *list) bool {
			if media(name) {
				_, _ = w.Write(segment(5))
			}
			return media(name)
		}),
		viewer.BrokenOff: once(func(w http.ResponseWriter, name string, _ *list) bool {
			if media(name) {
				w.Header().Set("Content-Length", "1000")
				_, _ = w.Write([]byte("half"))
			}
			return media(name)
		}),
		viewer.WentBack: func(_ http.ResponseWriter, name string, l *list) bool {
			if name == "v1.m3u8" && l.last%4 == 0 {
				l.first, l.last = l.first-3, l.last-3
			}
			return false
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			w := watch(t, f.url+"index.m3u8")
			f.with(func() { f.bend = bend })
			got := w.until("no complaint", func(got viewer.Totals) bool { return count(got, kind) > 0 })
			if len(got.Told) == 0 || got.Lost != 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestAGapIsLostTimeline: of its length, once, however many tracks have it, in HLS and in DASH.
func TestAGapIsLostTimeline(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"index.m3u8", "manifest.mpd"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			w := watch(t, f.url+name)
			hole := firstNumber + window + int64(time.Since(f.start)/length) + 3
			f.with(func() { f.gap = func(k int64) bool { return k == hole || k == hole+1 } })
			got := w.until("nothing is lost", func(got viewer.Totals) bool { return got.Lost > 0.7 })
			before := got.Segments
			got = w.until("it does not go on", func(got viewer.Totals) bool { return got.Segments > before+4 })
			if got.Lost < 0.79 || got.Lost > 0.81 || count(got, viewer.Gap) != 4 {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestAStaleChannelIsOff: when nothing new comes the buffer runs dry, and the account tells for how long.
func TestAStaleChannelIsOff(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	w := watch(t, f.url+"index.m3u8")
	f.with(func() {
		stop := firstNumber + window + int64(time.Since(f.start)/length)
		f.bend = func(_ http.ResponseWriter, _ string, l *list) bool {
			l.first, l.last = stop-window+1, stop
			return false
		}
	})
	got := w.until("never off", func(got viewer.Totals) bool { return got.Off > 0.5 })
	if got.Availability >= 1 || got.Pause < 1.2 || got.Errors != 0 {
		t.Errorf("%+v", got)
	}
	f.with(func() { f.bend = nil })
	w.until("it does not go on", func(viewer.Totals) bool { return w.Playing() })
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.ContainsFunc(w.events, func(e viewer.Event) bool { return e.Kind == viewer.Off }) {
		t.Errorf("%+v", w.events)
	}
}

// TestASegmentThatNeverComesIsLost: it is tried again until the buffer is empty, and then given up.
func TestASegmentThatNeverComesIsLost(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	w := watch(t, f.url+"index.m3u8")
	f.with(func() {
		missing := fmt.Sprintf("v1/%d.m4s", firstNumber+window+int64(time.Since(f.start)/length)+2)
		f.bend = func(w http.ResponseWriter, name string, _ *list) bool {
			if name == missing {
				w.WriteHeader(http.StatusNotFound)
			}
			return name == missing
		}
	})
	got := w.until("nothing is lost", func(got viewer.Totals) bool { return got.Lost > 0.3 })
	if count(got, viewer.NotFetched) != 1 || count(got, "http 404") < 2 {
		t.Errorf("%+v", got)
	}
}

// TestAnAddressHidesItsSecrets: tokens in the query, the path or before the host are not told.
func TestAnAddressHidesItsSecrets(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"http://topsecret@127.0.0.1:1/ch/index.m3u8", "http://127.0.0.1:1/ch/index.m3u8?token=topsecret",
		"http://127.0.0.1:1/t/topsecret/ch/index.m3u8",
	} {
		v, err := viewer.New(viewer.Config{Name: "v", URL: address})
		if err != nil {
			t.Fatal(err)
		}
		if shown := v.Totals(time.Now()).URL; strings.Contains(shown, "topsecret") || !strings.Contains(shown, "***") {
			t.Error(shown)
		}
	}
	for _, address := range []string{"", "ftp://x/index.m3u8", "http://x/", "http://x/a.mp4"} {
		if _, err := viewer.New(viewer.Config{URL: address}); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
}
