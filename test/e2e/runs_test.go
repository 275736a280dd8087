//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"onair/pipeline/control"
)

// rtpInput is an input "main" with one RTP leg on port.
func rtpInput(port int) string {
	return fmt.Sprintf("  - name: main\n    legs: [\"rtp://127.0.0.1:%d\"]", port)
}

// play sends a TS file over RTP at real time.
func play(t *testing.T, file string, port int) {
	t.Helper()
	ffmpeg(t, fmt.Sprintf("-re -i %s -map 0 -c copy -f rtp_mpegts rtp://127.0.0.1:%d?pkt_size=1316", file, port))
}

// wantWhole fails unless segments are consecutive in every rendition and none is a gap or has a discontinuity before it.
func (s *station) wantWhole() {
	s.t.Helper()
	for _, r := range []string{"v360", "v180", "a1"} {
		ks := s.numbers(r)
		for i := 1; i < len(ks); i++ {
			if ks[i] != ks[i-1]+1 {
				s.t.Errorf("%s: segment %d after %d", r, ks[i], ks[i-1])
			}
		}
		_, playlist := s.get("/ch/" + r + ".m3u8")
		for _, bad := range []string{"EXT-X-GAP", "EXT-X-DISCONTINUITY\n"} {
			if strings.Contains(string(playlist), bad) {
				s.t.Errorf("%s: the playlist has %s", r, bad)
			}
		}
	}
	s.wantOnGrid("v180", 3600)
	s.wantOnGrid("a1", 1024)
}

func TestFramesComeThroughOnceEach(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	s := newStation(t, rtpInput(port))
	play(t, clip(t, 60, "25"), port)
	s.wait("ten segments", 60*time.Second, segments(10))
	s.stop()
	s.wantOnGrid("v360", 3600)
	wantConsecutive(t, s.frameNumbers("v180", 0))
}

func TestKilledEncoderLosesNothing(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	s := newStation(t, rtpInput(port))
	play(t, clip(t, 60, "25"), port)
	s.wait("three segments", 40*time.Second, segments(3))
	pids := map[int]bool{}
	for n := range 10 {
		st := s.wait("a run at work", 20*time.Second, func(st control.Status) bool {
			return len(st.Runs) > 0 && st.Runs[0].State == control.RunActive && !pids[st.Runs[0].PID]
		})
		pid := st.Runs[0].PID
		pids[pid] = true
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s.wait("another segment", 30*time.Second, segments(st.Segments+uint64(1+n%2)))
	}
	st := s.status()
	if st.RunRestarts < 10 {
		t.Errorf("%d restarts counted, want 10", st.RunRestarts)
	}
	s.wantWhole()
	s.stop()
	wantConsecutive(t, s.frameNumbers("v180", 0))
}

func TestHungEncoderIsReplaced(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	s := newStation(t, rtpInput(port))
	play(t, clip(t, 60, "25"), port)
	st := s.wait("three segments", 40*time.Second, segments(3))
	listing := s.watchListing()
	if err := syscall.Kill(st.Runs[0].PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.wait("a new run's segments", 40*time.Second, segments(st.Segments+5))
	listing.wantTimely(2 * time.Second)
	s.wantWhole()
	s.stop()
	wantConsecutive(t, s.frameNumbers("v180", 0))
}

func TestKilledProgramGoesOnWithItsNumbers(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	s := newStation(t, rtpInput(port))
	play(t, clip(t, 60, "25"), port)
	before := s.wait("five segments", 40*time.Second, segments(5))
	s.kill()
	s.start()
	s.wait("three more segments", 40*time.Second, segments(3))
	_, playlist := s.get("/ch/v180.m3u8")
	first := s.numbers("v180")[0]
	if want := fmt.Sprintf("#EXT-X-MEDIA-SEQUENCE:%d\n", first); !strings.Contains(string(playlist), want) {
		t.Errorf("the window does not begin with segment %d of before:\n%.400s", first, playlist)
	}
	if strings.Contains(string(playlist), "EXT-X-DISCONTINUITY\n") {
		t.Error("a discontinuity although nothing but the process changed")
	}
	for _, r := range before.Renditions {
		if b, err := os.ReadFile(fmt.Sprintf("%s/%s/%d.m4s", s.origin(), r.Name, r.LastK)); err != nil || len(b) == 0 {
			t.Errorf("segment %d of %s: %v", r.LastK, r.Name, err)
		}
	}
}
