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

// TestRTMPPublished: H.264 with B pictures and AAC, from FFmpeg and from GStreamer, with credentials in every form that
// they have for them.
func TestRTMPPublished(t *testing.T) {
	t.Parallel()
	file := remux(t, clip(t, 40, "25"), asItIs)
	const user = "me:se%2Fcret@"
	for _, c := range []struct {
		name, leg, auth string
		to, query       string // what the sender has before the address and behind the key
		gst             bool
		segments        uint64
	}{
		{"by ffmpeg", "", "", "", "", false, 4},
		{"by ffmpeg with credentials", user, "", user, "", false, 1},
		{"by ffmpeg with credentials, the older dialogue", user, "?auth=llnw", user, "", false, 1},
		{"by ffmpeg with credentials behind the key", user, "?auth=query", "", "?user=me&pass=se%2Fcret", false, 1},
		{"by gstreamer", "", "", "", "", true, 4},
		{"by gstreamer with credentials", user, "", user, "", true, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			at := fmt.Sprintf("127.0.0.1:%d/live/studio1", freePort(t, "tcp"))
			s := newStationOf(t, lean, legOf("rtmp://"+c.leg+at+c.auth))
			s.wait("the port", 20*time.Second, legState(control.LegListening))
			if c.gst {
				if exec.Command("gst-inspect-1.0", "rtmp2sink").Run() != nil {
					t.Skip("no rtmp2sink")
				}
				command(t, "gst-launch-1.0", strings.Fields(fmt.Sprintf("-q filesrc location=%s ! qtdemux name=d "+
					"flvmux streamable=true name=m ! rtmp2sink location=rtmp://%s%s d. ! queue ! h264parse ! m. "+
					"d. ! queue ! aacparse ! m.", file, c.to, at))...)
			} else {
				ffmpeg(t, fmt.Sprintf("-re -i %s -map 0 -c copy -f flv rtmp://%s%s%s", file, c.to, at, c.query))
			}
			s.wantPictures(c.segments)
			for _, secret := range []string{"studio1", "se/cret", "se%2F"} {
				if strings.Contains(s.log.String(), secret) {
					t.Errorf("%s is in the log", secret)
				}
			}
			st := s.status()
			if ts, l := st.Inputs[0].TS, st.Inputs[0].Legs[0]; ts.Errors() != 0 || l.Rejected != 0 {
				t.Errorf("%+v, leg %+v", ts, l)
			}
		})
	}
}

// TestRTMPCredentials: who has none or wrong ones is told so and counted; the next one gets in.
func TestRTMPCredentials(t *testing.T) {
	t.Parallel()
	file := remux(t, clip(t, 40, "25"), asItIs)
	at := fmt.Sprintf("127.0.0.1:%d/live/studio1", freePort(t, "tcp"))
	s := newStationOf(t, lean, legOf("rtmp://me:correcthorse@"+at))
	s.wait("the port", 20*time.Second, legState(control.LegListening))
	for _, c := range []struct{ url, want string }{
		{"rtmp://me:wronghorse@" + at, "Incorrect username/password"},
		{"rtmp://you:correcthorse@" + at, "Incorrect username/password"},
		{"rtmp://" + at, "code=403 need auth; authmod=adobe"},
		{"rtmp://me:correcthorse@" + strings.Replace(at, "studio1", "guess", 1), "wrong stream key"},
	} {
		if out, err := publish(file, c.url); err == nil || !strings.Contains(out, c.want) {
			t.Errorf("%s is told %v: %s, want %s", c.url, err, out, c.want)
		}
	}
	s.wait("they are counted", 20*time.Second, func(st control.Status) bool {
		l := st.Inputs[0].Legs[0]
		return l.Rejected == 4 && l.Rejections["credentials"] == 4
	})
	if _, b := s.get("/metrics"); !strings.Contains(string(b), `cause="credentials"`) {
		t.Error("they are not in the metrics")
	}
	ffmpeg(t, fmt.Sprintf("-re -i %s -map 0 -c copy -f flv rtmp://me:correcthorse@%s", file, at))
	s.wait("the next one", 20*time.Second, legState(control.LegReceiving))
	for _, secret := range []string{"correcthorse", "wronghorse", "studio1", "guess"} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("%s is in the log", secret)
		}
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
