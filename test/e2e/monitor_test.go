//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"onair/pipeline/control"
)

// faulty is a clip of 24 s: black from 8 to 12 s, still from 14 to 18 s, mute from 19 to 23 s.
func faulty(t testing.TB) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "faulty.ts")
	cmd := ffmpeg(t, "-y -f lavfi -i testsrc2=s=320x180:r=25:d=24 -f lavfi -i sine=f=440:r=48000:d=24 -filter_complex "+
		`[0:v]select=not(between(t\,14.02\,17.99)),fps=25,trim=0:24,drawbox=c=black:t=fill:enable=between(t\,8\,11.99)[v];`+
		`[1:a]volume=0:enable=between(t\,19\,22.99),aformat=channel_layouts=stereo[a] -map [v] -map [a] `+
		"-c:v libx264 -preset veryfast -g 50 -b:v 500k -c:a aac -f mpegts "+name)
	eventually(30*time.Second, func() bool { return cmd.Process.Signal(syscall.Signal(0)) != nil })
	if fi, err := os.Stat(name); err != nil || fi.Size() == 0 {
		t.Fatalf("no clip: %v", err)
	}
	return name
}

// TestContentIsWatched: an input tells what it carries, shows itself when asked, and its monitor's death changes nothing
// on air.
func TestContentIsWatched(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	clip := faulty(t)
	s := newStation(t, fmt.Sprintf("  - {name: main, monitor: on, legs: [\"rtp://127.0.0.1:%d\"]}", port))
	if code, body := s.getWhenUp("/api/v1/channels/ch/inputs/main/thumbnail.jpg"); code != 503 || !bytes.Contains(body, []byte("nothing has arrived")) {
		t.Errorf("thumbnail of nothing: %d %s", code, body)
	}
	ffmpeg(t, fmt.Sprintf("-re -i %s -map 0 -c copy -f rtp_mpegts rtp://127.0.0.1:%d?pkt_size=1316", clip, port))
	told := func(what string, seconds func(*control.Content) float64) {
		s.wait(what, 20*time.Second, func(st control.Status) bool {
			in := st.Inputs[0]
			return in.Content != nil && seconds(in.Content) > 1
		})
	}
	st := s.wait("content", 10*time.Second, func(st control.Status) bool {
		return len(st.Inputs) > 0 && st.Inputs[0].Content != nil && st.Inputs[0].Content.Picture && st.Inputs[0].Content.Sound
	})
	if c := st.Inputs[0].Content; c.BlackSeconds > 0 || c.SilenceSeconds > 0 {
		t.Errorf("at first: %+v", c)
	}
	code, body := s.get("/api/v1/channels/ch/inputs/main/thumbnail.jpg")
	if img, err := jpeg.DecodeConfig(bytes.NewReader(body)); code != 200 || err != nil || img.Width != 320 || img.Height != 180 {
		t.Errorf("thumbnail: %d, %dx%d, %v", code, img.Width, img.Height, err)
	}
	told("black", func(c *control.Content) float64 { return c.BlackSeconds })
	told("still", func(c *control.Content) float64 { return c.FreezeSeconds - c.BlackSeconds })
	told("mute", func(c *control.Content) float64 { return c.SilenceSeconds })
	st = s.status()
	for _, c := range st.Inputs[0].Checks {
		if c.Errors > 0 && c.Priority == 1 {
			t.Errorf("check %s %s: %d errors in a clean stream", c.Check, c.Name, c.Errors)
		}
	}
	if len(st.Inputs[0].Checks) != 12 || st.Inputs[0].Restarts != 0 {
		t.Errorf("%d checks, %d restarts", len(st.Inputs[0].Checks), st.Inputs[0].Restarts)
	}
	s.wait("end of every verdict", 15*time.Second, func(st control.Status) bool { return st.Inputs[0].Content == nil })
}

// getWhenUp is get for a program that is only just starting.
func (s *station) getWhenUp(path string) (code int, body []byte) {
	s.t.Helper()
	eventually(10*time.Second, func() bool {
		code, body = s.get(path)
		return code != 0
	})
	return code, body
}

// TestABlackInputIsLeft: black on the first input, for longer than failover.black, puts the second one on air.
func TestABlackInputIsLeft(t *testing.T) {
	t.Parallel()
	one, two := freePort(t, "udp"), freePort(t, "udp")
	clip := faulty(t)
	s := newStationOf(t, channel+"failover: {black: 2s}\n", fmt.Sprintf(
		"  - {name: main, legs: [\"rtp://127.0.0.1:%d\"]}\n  - {name: backup, monitor: off, legs: [\"rtp://127.0.0.1:%d\"]}", one, two))
	ffmpeg(t, fmt.Sprintf("-re -stream_loop -1 -i %s -map 0 -c copy -f rtp_mpegts rtp://127.0.0.1:%d?pkt_size=1316", clip, one))
	s.wait("the first input on air", 10*time.Second, func(st control.Status) bool { return st.ActiveInput == "main" })
	ffmpeg(t, fmt.Sprintf("-re -f lavfi -i testsrc2=s=320x180:r=25 -f lavfi -i sine=f=440:r=48000 -c:v libx264 -preset ultrafast "+
		"-g 25 -b:v 500k -c:a aac -f rtp_mpegts rtp://127.0.0.1:%d?pkt_size=1316", two))
	s.wait("the second input", 10*time.Second, func(st control.Status) bool {
		return st.ActiveInput == "main" && st.Inputs[1].State == control.InputReceiving && st.Inputs[1].Video != nil
	})
	s.wait("two seconds of black on the first input", 50*time.Second, func(st control.Status) bool {
		return st.Inputs[0].Content != nil && st.Inputs[0].Content.BlackSeconds >= 2
	})
	s.wait("the second input on air", 3*time.Second, func(st control.Status) bool { return st.ActiveInput == "backup" })
}
