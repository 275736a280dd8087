//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"onair/pipeline/control"
)

// publish runs FFmpeg as a publisher to its end and returns what it says.
func publish(file, url string) (string, error) {
	out, err := exec.Command("ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-re", "-i", file, "-map", "0",
		"-c", "copy", "-f", "flv", url).CombinedOutput()
	return string(out), err
}

// TestRTMPPublished: H.264 with B pictures and AAC, from FFmpeg and from GStreamer.
func TestRTMPPublished(t *testing.T) {
	t.Parallel()
	file := remux(t, clip(t, 40, "25"), asItIs)
	for _, c := range []struct {
		name, user, query string
		gst               bool
	}{
		{"by ffmpeg", "", "", false},
		{"by ffmpeg with credentials", "me:se%2Fcret@", "?user=me&pass=se%2Fcret", false},
		{"by gstreamer", "", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := fmt.Sprintf("127.0.0.1:%d/live/studio1", freePort(t, "tcp"))
			s := newStationOf(t, lean, legOf("rtmp://"+c.user+at))
			s.wait("the port", 20*time.Second, legState(control.LegListening))
			if c.gst {
				if exec.Command("gst-inspect-1.0", "rtmp2sink").Run() != nil {
					t.Skip("no rtmp2sink")
				}
				command(t, "gst-launch-1.0", strings.Fields(fmt.Sprintf("-q filesrc location=%s ! qtdemux name=d "+
					"flvmux streamable=true name=m ! rtmp2sink location=rtmp://%s d. ! queue ! h264parse ! m. "+
					"d. ! queue ! aacparse ! m.", file, at))...)
			} else {
				ffmpeg(t, fmt.Sprintf("-re -i %s -map 0 -c copy -f flv rtmp://%s%s", file, at, c.query))
			}
			s.wantPictures(4)
			for _, secret := range []string{"studio1", "se/cret", "se%2F"} {
				if strings.Contains(s.log.String(), secret) {
					t.Errorf("%s is in the log", secret)
				}
			}
			if ts := s.status().Inputs[0].TS; ts.Errors() != 0 {
				t.Errorf("%+v", ts)
			}
		})
	}
}

// TestRTMPPublishers: others are refused while one is at work; one that was killed comes back.
func TestRTMPPublishers(t *testing.T) {
	t.Parallel()
	file := remux(t, clip(t, 40, "25"), asItIs)
	at := fmt.Sprintf("rtmp://127.0.0.1:%d/live/", freePort(t, "tcp"))
	s := newStationOf(t, lean, legOf(at+"studio1")+fmt.Sprintf("\n  - name: other\n    legs: [%q]", at+"studio2"))
	s.wait("the port", 20*time.Second, legState(control.LegListening))
	first := ffmpeg(t, fmt.Sprintf("-re -i %s -map 0 -c copy -f flv %sstudio1", file, at))
	s.wait("the first", 20*time.Second, legState(control.LegReceiving))
	for url, want := range map[string]string{
		at + "studio1": "another one is publishing",
		at + "guess":   "wrong stream key",
		strings.Replace(at, "live", "vod", 1) + "x": "no such application",
	} {
		if out, err := publish(file, url); err == nil || !strings.Contains(out, want) {
			t.Errorf("%s is told %v: %s, want %s", url, err, out, want)
		}
	}
	st := s.wait("segments", 40*time.Second, segments(4))
	if l := st.Inputs[0].Legs[0]; l.Rejected != 2 || l.Foreign != 1 || l.State != control.LegReceiving {
		t.Errorf("%+v", l)
	}
	wantConsecutive(t, s.frameNumbers("v180", 0))
	_ = first.Process.Kill()
	s.wait("its end", 10*time.Second, legState(control.LegListening))
	ffmpeg(t, fmt.Sprintf("-re -ss 10 -i %s -map 0 -c copy -f flv %sstudio1", file, at))
	st = s.wait("its return", 20*time.Second, func(st control.Status) bool {
		return legState(control.LegReceiving)(st) && st.ActiveInput == "main"
	})
	ffmpeg(t, fmt.Sprintf("-re -i %s -map 0 -c copy -f flv %sstudio2", file, at))
	st = s.wait("segments after it", 40*time.Second, segments(st.Segments+5))
	if st.RunRestarts != 0 || st.Inputs[1].Legs[0].State != control.LegReceiving {
		t.Errorf("%d runs started again, the other leg %+v", st.RunRestarts, st.Inputs[1].Legs[0])
	}
	if n := st.Inputs[0].TS.Errors(); n != 0 {
		t.Errorf("%+v", st.Inputs[0].TS)
	}
	s.wantOnGrid("v180", 3600)
}
