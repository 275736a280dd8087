//go:build e2e

package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"onair/pipeline/control"
)

// TestReloadOfWindowSlateAndWebhook: a channel on slate gets a shorter window, another slate and a webhook while it goes
// on: no run is replaced and nothing is missing.
func TestReloadOfWindowSlateAndWebhook(t *testing.T) {
	t.Parallel()
	var posted tailBuffer
	var once sync.Once
	signed := make(chan string, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(&posted, r.Body)
		once.Do(func() { signed <- r.Header.Get("Onair-Signature") })
	}))
	defer hook.Close()
	s := newStationOf(t, strings.Replace(onSlate, "audio:", "slate: {text: back soon}\nwebhook: \"\"\naudio:", 1),
		rtpInput(freePort(t, "udp"))).answering()
	s.wait("segments", 40*time.Second, segments(9))
	s.rewrite("window: 5m", "window: 12s", "back soon", "more later", `webhook: ""`,
		"webhook: "+hook.URL+"/events\nwebhook_secret: a-long-enough-secret")
	s.applied("slate.text", "window", "webhook", "webhook_secret")
	s.wait("the shorter window", 20*time.Second, func(control.Status) bool {
		_, list := s.get("/ch/v180.m3u8")
		return strings.Count(string(list), "#EXTINF") == 6
	})
	s.wait("the webhook", 10*time.Second, func(st control.Status) bool { return st.Webhook != nil && st.Webhook.Delivered > 0 })
	if text := posted.String(); !strings.Contains(text, "webhook: *** instead of ***") || strings.Contains(text, "a-long") {
		t.Errorf("posted: %s", text)
	}
	if got := <-signed; !strings.HasPrefix(got, "sha256=") {
		t.Errorf("signature %q", got)
	}
	s.rewrite("more later", "see you", "webhook: "+hook.URL, "#webhook: "+hook.URL, "webhook_secret:", "#webhook_secret:")
	s.applied("slate.text", "webhook", "webhook_secret")
	s.wait("no webhook", 10*time.Second, func(st control.Status) bool { return st.Webhook == nil })
	st := s.wantOn(3)
	if st.RunsStarted != 1 || st.Renditions[0].Gaps != 0 || st.Reloads["ok"] != 2 {
		t.Errorf("%d runs, %d gaps, reloads %v", st.RunsStarted, st.Renditions[0].Gaps, st.Reloads)
	}
	s.stop()
	s.wantAllOnGrid("v180", 3600)
}
