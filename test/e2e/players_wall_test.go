//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// seat is what one of several players on one page tells.
type seat struct {
	Player string `json:"player"`
	measured
	Latency float64 `json:"latency"`
}

// wall plays a channel with hls.js, dash.js and Shaka (DASH and HLS) beside each other.
type wall struct {
	t   *testing.T
	ctx context.Context
}

func newWall(t *testing.T, base string) *wall {
	t.Helper()
	site := httptest.NewServer(http.FileServer(http.Dir("players")))
	t.Cleanup(site.Close)
	w := &wall{t: t, ctx: browser(t)}
	if err := chromedp.Run(w.ctx, chromedp.Navigate(site.URL+"/wall.html?base="+url.QueryEscape(base))); err != nil {
		t.Fatal(err)
	}
	if !eventually(60*time.Second, func() bool {
		return !slices.ContainsFunc(w.look(), func(s seat) bool { return !s.Started || s.Time <= 0 || s.Total <= 10 || s.Ahead < 2 })
	}) {
		t.Fatalf("not all play: %+v", w.look())
	}
	return w
}

func (w *wall) look() (all []seat) {
	w.t.Helper()
	var text string
	if err := chromedp.Run(w.ctx, chromedp.Evaluate(`JSON.stringify(measureAll())`, &text)); err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		w.t.Fatal(err)
	}
	return all
}

// playTogether plays a channel for a while, and fails on anything that a viewer would notice.
func playTogether(t *testing.T, base string) {
	t.Helper()
	w := newWall(t, base)
	first, begun := w.look(), time.Now()
	eventually(playFor(), func() bool { return time.Since(begun) >= playFor() })
	for i, s := range w.look() {
		s.wantUnnoticed(t, first[i], time.Since(begun), false)
	}
}

// wantUnnoticed fails on what a viewer would have noticed since the first look. Where the machine was too slow to encode,
// a stall is no fault of what is between.
func (s seat) wantUnnoticed(t *testing.T, first seat, passed time.Duration, slow bool) {
	t.Helper()
	played := s.Time - first.Time
	t.Logf("%s: played %.1f s in %.1f s, %d frames, %d dropped, %d ranges", s.Player, played, passed.Seconds(), s.Total, s.Dropped, s.Ranges)
	errors := slices.DeleteFunc(s.Errors, func(e string) bool { return slow && strings.Contains(e, "bufferStalledError") })
	if len(errors) > 0 || s.Ranges != 1 || s.Paused || s.Corrupted > 0 {
		t.Errorf("%s: %+v after %+v", s.Player, s, first)
	}
	if !slow && (s.Waits != first.Waits || played < 0.95*passed.Seconds()) {
		t.Errorf("%s stalled: %+v after %+v", s.Player, s, first)
	}
}
