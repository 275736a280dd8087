//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// measured is what the player page tells.
type measured struct {
	Errors    []string `json:"errors"`
	Waits     int      `json:"waits"`
	Started   bool     `json:"started"`
	Time      float64  `json:"time"`
	Paused    bool     `json:"paused"`
	Width     int      `json:"width"`
	Total     int      `json:"total"`
	Dropped   int      `json:"dropped"`
	Corrupted int      `json:"corrupted"`
	Ranges    int      `json:"ranges"`
	Ahead     float64  `json:"ahead"`
}

// browser starts Chromium for one test.
func browser(t testing.TB) context.Context {
	t.Helper()
	profile, err := os.MkdirTemp(clips, "chromium") // removed with the clips: Chromium writes into it to its last moment
	if err != nil {
		t.Fatal(err)
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"), chromedp.UserDataDir(profile), chromedp.WindowSize(1280, 1400))
	alloc, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancelTab := chromedp.NewContext(alloc)
	t.Cleanup(func() { cancelTab(); cancel() })
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("starting chromium: %v", err)
	}
	return ctx
}

// playFor is how long each player plays: ONAIR_PLAY seconds, or 20.
func playFor() time.Duration {
	if n, err := strconv.Atoi(os.Getenv("ONAIR_PLAY")); err == nil {
		return time.Duration(n) * time.Second
	}
	return 20 * time.Second
}

func measure(t testing.TB, ctx context.Context) measured {
	t.Helper()
	var text string
	if err := chromedp.Run(ctx, chromedp.Evaluate(`JSON.stringify(window.measure ? measure() : {})`, &text)); err != nil {
		t.Fatal(err)
	}
	var m measured
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// wantPlays plays a URL with a player and fails on anything that a viewer would notice.
func wantPlays(t *testing.T, player, media string) {
	t.Helper()
	site := httptest.NewServer(http.FileServer(http.Dir("players")))
	defer site.Close()
	ctx := browser(t)
	page := fmt.Sprintf("%s/?player=%s&url=%s", site.URL, player, url.QueryEscape(media))
	if err := chromedp.Run(ctx, chromedp.Navigate(page)); err != nil {
		t.Fatal(err)
	}
	var first measured
	if !eventually(30*time.Second, func() bool {
		first = measure(t, ctx)
		return first.Started && first.Time > 0 && first.Total > 10
	}) {
		t.Fatalf("%s does not play: %+v", player, first)
	}
	begun := time.Now()
	eventually(playFor(), func() bool { return time.Since(begun) >= playFor() })
	last := measure(t, ctx)
	played, passed := last.Time-first.Time, time.Since(begun).Seconds()
	t.Logf("%s: played %.1f s in %.1f s, %d frames (%d dropped by the browser), %d waits, %d ranges, %.1f s ahead, width %d",
		player, played, passed, last.Total, last.Dropped, last.Waits-first.Waits, last.Ranges, last.Ahead, last.Width)
	if len(last.Errors) > 0 {
		t.Errorf("%s: errors: %v", player, last.Errors)
	}
	if last.Waits != first.Waits || last.Paused || last.Corrupted > 0 {
		t.Errorf("%s: stalled %d times, paused %v, %d corrupted frames", player, last.Waits-first.Waits, last.Paused, last.Corrupted)
	}
	if last.Ranges != 1 {
		t.Errorf("%s: %d buffered ranges: a segment was dropped", player, last.Ranges)
	}
	if played < 0.93*passed {
		t.Errorf("%s: %.1f s played in %.1f s", player, played, passed)
	}
}

// TestPlayers: what is sent by RTP and by encrypted SRT plays, with all players at the same time; with ONAIR_PLAY seconds
// each has the machine for itself.
func TestPlayers(t *testing.T) {
	rtp, srt := freePort(t, "udp"), freePort(t, "udp")
	for _, c := range []struct{ name, inputs, sender string }{
		{"rtp", rtpInput(rtp), fmt.Sprintf("-f rtp_mpegts rtp://127.0.0.1:%d?pkt_size=1316", rtp)},
		{
			"srt",
			fmt.Sprintf("  - name: main\n    legs: [\"srt://127.0.0.1:%d?mode=listener&passphrase=correcthorsebattery&pbkeylen=32&streamid=news\"]", srt),
			fmt.Sprintf("-f mpegts srt://127.0.0.1:%d?mode=caller&passphrase=correcthorsebattery&pbkeylen=32&streamid=news&pkt_size=1316", srt),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := clip(t, 60, "25")
			s := newStation(t, c.inputs)
			ffmpeg(t, "-re -stream_loop -1 -i "+file+" -map 0 -c copy "+c.sender)
			s.wait("six segments", 60*time.Second, segments(6))
			if os.Getenv("ONAIR_PLAY") == "" {
				playTogether(t, s.url("/ch/"))
				return
			}
			for _, p := range []struct{ player, file string }{{"hls", "index.m3u8"}, {"dash", "manifest.mpd"}, {"shaka", "manifest.mpd"}, {"shaka", "index.m3u8"}} {
				t.Run(p.player+" "+p.file, func(t *testing.T) { wantPlays(t, p.player, s.url("/ch/"+p.file)) })
			}
		})
	}
}
