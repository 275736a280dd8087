//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"onair/pipeline/control"
)

// careChannel is a small ladder: what is tested here takes a machine's whole attention.
const careChannel = "channel: ch\nhttp: %[1]q\ninputs:\n%[2]s\nsegment: 2s\ngop: 1s\nwindow: 5m\npreset: medium\nvideo:\n" +
	"  - {name: top, size: 320x180, bitrate: 800k}\n  - {name: low, size: 160x90, bitrate: 200k}\n" +
	"audio:\n  - {name: a1, bitrate: 96k}\noutputs:\n  - dir: %[3]s\n"

// wrapped puts a program before FFmpeg in PATH: it makes the encoder of the rendition of 800k impossible to open while a
// file is there.
func wrapped(t *testing.T) (trouble string) {
	t.Helper()
	genuine, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	trouble = filepath.Join(dir, "trouble")
	script := fmt.Sprintf("#!/bin/bash\nargs=()\nfor a in \"$@\"; do\n args+=(\"$a\")\n"+
		" if [ \"$before\" = -b:v ] && [ \"$a\" = 800000 ] && [ -e %s ]; then args+=(-profile:v nonsense); fi\n before=$a\ndone\n"+
		"exec %s \"${args[@]}\"\n", trouble, genuine)
	if err := os.WriteFile(filepath.Join(dir, "ffmpeg"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return trouble
}

// live sends a small programme for as long as the test lasts.
func live(t *testing.T, port int) {
	t.Helper()
	ffmpeg(t, fmt.Sprintf("-re -f lavfi -i testsrc2=s=320x180:r=25 -f lavfi -i sine=r=48000 -c:v libx264 -preset ultrafast -g 25 "+
		"-bf 0 -b:v 500k -pix_fmt yuv420p -c:a aac -f rtp_mpegts rtp://127.0.0.1:%d?pkt_size=1316", port))
}

// wantNoGap fails if a rendition's playlist has a gap or a discontinuity.
func (s *station) wantNoGap(rendition string) {
	s.t.Helper()
	code, playlist := s.get("/ch/" + rendition + ".m3u8")
	if code != 200 || strings.Contains(string(playlist), "EXT-X-GAP") || strings.Contains(string(playlist), "DISCONTINUITY\n") {
		s.t.Errorf("%s: status %d\n%s", rendition, code, playlist)
	}
}

func leftOut(st control.Status) string {
	var out []string
	for _, x := range st.Encoder.LeftOut {
		out = append(out, x.Rendition)
	}
	return strings.Join(out, " ")
}

// A rendition whose encoder cannot be opened takes nothing else along, and comes back when it can.
func TestRenditionThatFailsAlone(t *testing.T) {
	trouble := wrapped(t)
	if err := os.WriteFile(trouble, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	port := freePort(t, "udp")
	s := newStationOf(t, careChannel, rtpInput(port))
	live(t, port)
	s.wait("the others are on air", time.Minute, func(st control.Status) bool { return leftOut(st) == "top" && st.Segments >= 5 })
	for _, path := range []string{"/ch/index.m3u8", "/ch/manifest.mpd"} {
		if code, body := s.get(path); code != 200 {
			t.Errorf("%s: status %d\n%s", path, code, body)
		}
	}
	s.wantNoGap("low")
	s.wantNoGap("a1")
	if !long { // it is tried again after a minute
		return
	}
	if err := os.Remove(trouble); err != nil {
		t.Fatal(err)
	}
	st := s.wait("it is back", 2*time.Minute, func(st control.Status) bool {
		return leftOut(st) == "" && st.Renditions[0].Segments >= 3
	})
	s.wait("some segments more", time.Minute, segments(st.Segments+3))
	s.wantNoGap("low")
	s.wantNoGap("a1")
	_, playlist := s.get("/ch/top.m3u8")
	if after := playlist[strings.LastIndex(string(playlist), "EXT-X-GAP")+1:]; strings.Count(string(after), ".m4s") < 4 ||
		strings.Contains(string(playlist), "DISCONTINUITY\n") {
		t.Errorf("top:\n%s", playlist)
	}
	if st := s.status(); st.RunRestarts > 2 {
		t.Errorf("%d restarts", st.RunRestarts)
	}
}

// slowed makes the channel's run slow: it may work for a moment, over and over. The function that it returns ends that.
func (s *station) slowed(stand, work time.Duration) (end func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		pid := 0
		for n := 0; ; n++ {
			if n%4 == 0 {
				pid = 0
				for _, r := range s.status().Runs {
					pid = r.PID
				}
			}
			if pid != 0 {
				_ = syscall.Kill(pid, syscall.SIGSTOP)
			}
			over := wait(done, stand)
			if pid != 0 {
				_ = syscall.Kill(pid, syscall.SIGCONT)
			}
			if over || wait(done, work) {
				return
			}
		}
	})
	return sync.OnceFunc(func() { close(done); wg.Wait() })
}

// wait waits for an end or a time, and tells whether it was the end.
func wait(done <-chan struct{}, d time.Duration) bool {
	select {
	case <-done:
		return true
	case <-time.After(d):
		return false
	}
}

// An encoder that is slower than real time gets less to do before anybody misses anything, and more again afterwards.
func TestSlowEncoder(t *testing.T) {
	if !long {
		t.Skip("takes two minutes and an idle machine: ONAIR_LONG=1")
	}
	port := freePort(t, "udp")
	s := newStationOf(t, careChannel, rtpInput(port))
	live(t, port)
	s.wait("on air", time.Minute, segments(4))
	end := s.slowed(600*time.Millisecond, 8*time.Millisecond)
	defer end()
	st := s.wait("a faster preset", time.Minute, func(st control.Status) bool { return st.Encoder.Step > 0 })
	end()
	if p := strings.Join(st.Encoder.Presets, " "); p != "veryfast" || st.Encoder.Reason == "" {
		t.Errorf("presets %q because of %q", p, st.Encoder.Reason)
	}
	s.wait("it has caught up", time.Minute, func(st control.Status) bool {
		return len(st.Runs) == 1 && st.Runs[0].State == control.RunActive && st.Runs[0].Behind < 1.5
	})
	s.wait("all of it again", 5*time.Minute, func(st control.Status) bool { return st.Encoder.Step == 0 && len(st.Runs) == 1 })
	s.wait("some segments more", time.Minute, segments(s.status().Segments+3))
	for _, rendition := range []string{"top", "low", "a1"} {
		s.wantNoGap(rendition)
	}
	if st := s.status(); st.RunRestarts != 0 {
		t.Errorf("%d restarts", st.RunRestarts)
	}
}

// A run that takes more memory than it may is ended, and the event says so; here every run does.
func TestRunThatTakesTooMuchMemory(t *testing.T) {
	port := freePort(t, "udp")
	s := newStationOf(t, careChannel+"limits: {memory: 64MiB}\n", rtpInput(port))
	live(t, port)
	st := s.wait("a run that is ended", time.Minute, func(st control.Status) bool {
		for _, e := range st.Events {
			if e.Code == "run_restart" && strings.Contains(e.Message, "the limit is 64 MiB") {
				return true
			}
		}
		return false
	})
	if st.Encoder.MemoryLimit != 64<<20 || leftOut(st) != "" {
		t.Errorf("%+v", st.Encoder)
	}
}
