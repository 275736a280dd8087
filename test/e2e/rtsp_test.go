//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onair/pipeline/control"
)

// lean is a channel with one small rendition.
const lean = `channel: ch
http: "%[1]s"
inputs:
%[2]s
video:
  - {name: v180, size: 320x180, bitrate: 300k}
audio:
  - {name: a1, bitrate: 96k, channels: 2, language: eng}
segment: 2s
gop: 1s
preset: ultrafast
start: wait
outputs:
  - dir: %[3]s
`

// legOf is an input of one leg.
func legOf(url string) string { return fmt.Sprintf("  - name: main\n    legs: [%q]", url) }

// remux makes (once) another file of a clip: what is muxed to MP4 keeps its parameter sets outside of the pictures.
func remux(t testing.TB, clip, args string) string {
	t.Helper()
	name := clip + strings.Map(func(r rune) rune {
		if strings.ContainsRune(" /:", r) {
			return '_'
		}
		return r
	}, args) + ".mp4"
	clipMu.Lock()
	defer clipMu.Unlock()
	if _, err := os.Stat(name); err == nil {
		return name
	}
	all := append([]string{"-hide_banner", "-loglevel", "error", "-nostdin", "-i", clip, "-map", "0"}, strings.Fields(args)...)
	if out, err := exec.Command("ffmpeg", append(all, name)...).CombinedOutput(); err != nil {
		t.Fatalf("making %s: %v\n%s", filepath.Base(name), err, out)
	}
	return name
}

const (
	asItIs = "-c copy -bsf:a aac_adtstoasc"
	asHEVC = "-c:v libx265 -preset ultrafast -x265-params log-level=0:keyint=25:bframes=3 -c:a copy -bsf:a aac_adtstoasc"
)

// wantPictures waits for segments and looks at every picture of them.
func (s *station) wantPictures(n uint64) {
	s.t.Helper()
	st := s.wait("segments", 60*time.Second, segments(n))
	if st.RunRestarts != 0 {
		s.t.Errorf("%d runs were started again", st.RunRestarts)
	}
	for _, l := range st.Inputs[0].Legs {
		if l.Lost != 0 || l.WrongType != 0 || l.State != control.LegReceiving {
			s.t.Errorf("leg %+v", l)
		}
	}
	wantConsecutive(s.t, s.frameNumbers("v180", 0))
	s.wantOnGrid("v180", 3600)
}

func TestRTSPPublished(t *testing.T) {
	t.Parallel()
	file := clip(t, 40, "25")
	for _, c := range []struct{ name, over, clip, user string }{
		{"h264 and aac over tcp, with credentials", "tcp", remux(t, file, asItIs), "me:se%2Fcret@"},
		{"h264 and aac over udp", "udp", remux(t, file, asItIs), ""},
		{"hevc over tcp", "tcp", remux(t, file, asHEVC), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := fmt.Sprintf("rtsp://%s127.0.0.1:%d/studio/1", c.user, freePort(t, "tcp"))
			s := newStationOf(t, lean, legOf(at+"?mode=listener"))
			s.wait("the port", 20*time.Second, legState(control.LegListening))
			ffmpeg(t, fmt.Sprintf("-re -i %s -map 0 -c copy -f rtsp -rtsp_transport %s %s", c.clip, c.over, at))
			s.wantPictures(4)
			if strings.Contains(s.log.String(), "se/cret") || strings.Contains(s.log.String(), "se%2F") {
				t.Error("the password is in the log")
			}
		})
	}
}

// legState waits for the first leg's state.
func legState(want control.LegState) func(control.Status) bool {
	return func(st control.Status) bool { return len(st.Inputs) > 0 && st.Inputs[0].Legs[0].State == want }
}

// TestElementaryStreamsBySDP: FFmpeg sends each stream to a port of its own, pictures with B pictures among them.
func TestElementaryStreamsBySDP(t *testing.T) {
	t.Parallel()
	for name, to := range map[string]string{"unicast": "127.0.0.1", "multicast": "239.255.77.7"} {
		t.Run(name, func(t *testing.T) {
			file := remux(t, clip(t, 40, "25"), asItIs)
			video, sound := freePort(t, "udp"), freePort(t, "udp")
			sdp := filepath.Join(t.TempDir(), "studio.sdp")
			extra := ""
			if name == "multicast" {
				extra = "&localaddr=127.0.0.1"
			}
			ffmpeg(t, fmt.Sprintf("-re -i %[1]s -map 0:v -c copy -sdp_file %[2]s -f rtp rtp://%[3]s:%[4]d?pkt_size=1200%[6]s "+
				"-map 0:a -c copy -f rtp rtp://%[3]s:%[5]d?pkt_size=1200%[6]s", file, sdp, to, video, sound, extra))
			if !eventually(10*time.Second, func() bool { _, err := os.Stat(sdp); return err == nil }) {
				t.Fatal("no session description")
			}
			s := newStationOf(t, lean, legOf("sdp:"+sdp+map[string]string{"multicast": "?interface=lo"}[name]))
			s.wantPictures(4)
		})
	}
}

// gstServer is an RTSP server that is not of the library that we use.
const gstServer = `
import gi, sys
gi.require_version('Gst', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import Gst, GstRtspServer, GLib
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_service(sys.argv[1])
factory = GstRtspServer.RTSPMediaFactory()
factory.set_shared(True)
factory.set_launch('( filesrc location=%s ! qtdemux name=d d. ! queue ! h264parse ! rtph264pay pt=96 name=pay0 '
                   'd. ! queue ! aacparse ! rtpmp4gpay pt=97 name=pay1 )' % sys.argv[2])
if len(sys.argv) > 3:
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(2) # digest
    token = GstRtspServer.RTSPToken()
    token.set_string('media.factory.role', 'me')
    auth.add_digest('me', sys.argv[3], token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role('me', 'media.factory.access', True)
    permissions.add_permission_for_role('me', 'media.factory.construct', True)
    factory.set_permissions(permissions)
server.get_mount_points().add_factory('/cam/1', factory)
server.attach(None)
GLib.MainLoop().run()
`

// gstServe starts the server, or skips the test where there is none.
func gstServe(t *testing.T, port int, file string, password ...string) {
	t.Helper()
	const python = "/usr/bin/python3" // the one that Debian's modules are for
	if exec.Command(python, "-c", "import gi; gi.require_version('GstRtspServer', '1.0')").Run() != nil {
		t.Skip("no gir1.2-gst-rtsp-server-1.0")
	}
	script := filepath.Join(t.TempDir(), "server.py")
	if err := os.WriteFile(script, []byte(gstServer), 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, python, append([]string{script, fmt.Sprint(port), file}, password...)...)
}

func TestRTSPPulled(t *testing.T) {
	t.Parallel()
	file := remux(t, clip(t, 40, "25"), asItIs)
	for _, c := range []struct{ name, user, option, password string }{
		{"over udp, asked for by default", "", "", ""},
		{"over tcp with credentials", "me:secret@", "?transport=tcp", "secret"},
	} {
		t.Run(c.name, func(t *testing.T) {
			port := freePort(t, "tcp")
			s := newStationOf(t, lean, legOf(fmt.Sprintf("rtsp://%s127.0.0.1:%d/cam/1%s", c.user, port, c.option)))
			s.wait("the failure to connect", 20*time.Second, legState(control.LegFailed))
			gstServe(t, port, file, strings.Fields(c.password)...)
			s.wantPictures(4)
		})
	}
}

// TestRTSPPublishedByGStreamer: another publisher's habits; a second one is turned away while the first is at work.
func TestRTSPPublishedByGStreamer(t *testing.T) {
	t.Parallel()
	if exec.Command("gst-inspect-1.0", "rtspclientsink").Run() != nil {
		t.Skip("no rtspclientsink")
	}
	file := remux(t, clip(t, 40, "25"), asItIs)
	at := fmt.Sprintf("rtsp://127.0.0.1:%d/live", freePort(t, "tcp"))
	s := newStationOf(t, lean, legOf(at+"?mode=listener"))
	s.wait("the port", 20*time.Second, legState(control.LegListening))
	gst := func(args string) *exec.Cmd { return command(t, "gst-launch-1.0", strings.Fields(args)...) }
	gst(fmt.Sprintf("-q filesrc location=%s ! qtdemux name=d rtspclientsink name=s location=%s latency=0 "+
		"d. ! queue ! h264parse ! s. d. ! queue ! aacparse ! s.", file, at))
	s.wait("the first", 30*time.Second, legState(control.LegReceiving))
	refused := exec.Command("ffmpeg", strings.Fields("-hide_banner -loglevel error -nostdin -re -i "+file+
		" -map 0 -c copy -f rtsp -rtsp_transport tcp "+at)...)
	if out, err := refused.CombinedOutput(); err == nil || !strings.Contains(string(out), "503") {
		t.Errorf("the second publisher is told %v: %s", err, out)
	}
	s.wantPictures(4)
	if l := s.status().Inputs[0].Legs[0]; l.Foreign == 0 {
		t.Errorf("no second publisher is counted: %+v", l)
	}
}
