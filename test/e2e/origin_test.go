//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onair/pipeline/control"
	"onair/pkg/hls"
)

// originProcess is an onair origin with a folder.
type originProcess struct {
	t    testing.TB
	file string
	url  string
	log  *tailBuffer
	cmd  *exec.Cmd
	done chan struct{}
}

const originPassword = "correcthorsebattery"

// newOrigin starts an origin with a writer "west", and more lines in its file.
func newOrigin(t testing.TB, more string) *originProcess {
	t.Helper()
	o := &originProcess{t: t, file: filepath.Join(t.TempDir(), "origin.yaml"), log: &tailBuffer{}}
	address := fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp"))
	o.url = "http://" + address
	text := fmt.Sprintf("http: %q\nstore: {dir: %q}\nwriters:\n  - {name: west, user: west, password: %s}\n%s",
		address, filepath.Join(t.TempDir(), "kept"), originPassword, more)
	if err := os.WriteFile(o.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o.start()
	t.Cleanup(func() {
		o.stop()
		if t.Failed() {
			t.Logf("log of the origin:\n%s", o.log)
		}
	})
	return o
}

func (o *originProcess) start() {
	o.t.Helper()
	o.cmd = exec.Command(program, "origin", "--log-format", "human", o.file)
	o.cmd.Stderr = o.log
	if err := o.cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	o.done = make(chan struct{})
	go func() { _ = o.cmd.Wait(); close(o.done) }()
	if !eventually(20*time.Second, func() bool { code, _, _ := o.get("/readyz"); return code == 200 }) {
		o.t.Fatalf("the origin is not ready:\n%s", o.log)
	}
}

func (o *originProcess) stop() {
	_ = o.cmd.Process.Signal(os.Interrupt)
	select {
	case <-o.done:
	case <-time.After(10 * time.Second):
		o.t.Error("the origin did not stop within 10 s")
		_ = o.cmd.Process.Kill()
		<-o.done
	}
}

func (o *originProcess) kill() {
	_ = o.cmd.Process.Kill()
	<-o.done
}

func (o *originProcess) get(path string) (code int, body string, header http.Header) {
	res, err := http.Get(o.url + path)
	if err != nil {
		return 0, "", nil
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, "", nil
	}
	return res.StatusCode, string(b), res.Header
}

// push is the address with the credentials of the writer.
func (o *originProcess) push(path string) string {
	return strings.Replace(o.url, "http://", "http://west:"+originPassword+"@", 1) + path
}

// shows waits until ffprobe finds picture and sound at a path.
func (o *originProcess) shows(path string, streams int) {
	o.t.Helper()
	var last string
	if !eventually(30*time.Second, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		out, err := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-show_entries", "stream=codec_type", "-of", "json",
			o.url+path).CombinedOutput()
		var found struct {
			Streams []struct {
				CodecType string `json:"codec_type"`
			}
		}
		if last = string(out); err != nil || json.Unmarshal(out, &found) != nil {
			return false
		}
		return len(found.Streams) >= streams
	}) {
		code, body, _ := o.get(path)
		o.t.Errorf("%s does not play: %s\n%d %.500s", path, last, code, body)
	}
}

const testsrc = "-re -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=sample_rate=48000 " +
	"-c:v libx264 -preset ultrafast -g 25 -c:a aac "

// TestOriginTakesFFmpegsHLS: pushed in chunks over one connection, with what has expired deleted.
func TestOriginTakesFFmpegsHLS(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, "")
	sender := ffmpeg(t, testsrc+"-f hls -hls_time 1 -hls_list_size 4 -hls_delete_threshold 1 -hls_flags delete_segments "+
		"-method PUT -http_persistent 1 "+o.push("/ff/out.m3u8"))
	o.shows("/ff/out.m3u8", 2)
	if code, body, head := o.get("/ff/out.m3u8"); code != 200 || head.Get("X-Onair-Pipeline") != "west" || head.Get("X-Onair-Last-K") == "" {
		t.Errorf("%d %v\n%s", code, head, body)
	}
	if !eventually(30*time.Second, func() bool { code, _, _ := o.get("/ff/out0.ts"); return code == 404 }) {
		t.Error("what has expired is still there")
	}
	_ = sender.Process.Kill()
	if !eventually(20*time.Second, func() bool { code, _, _ := o.get("/ff/out.m3u8"); return code == 503 }) {
		t.Error("a playlist that nobody writes any more is not stale")
	}
	if code, _, _ := o.get("/readyz"); code != 200 {
		t.Errorf("the origin is not ready as a channel is over: %d", code)
	}
}

// TestOriginTakesFFmpegsDASH: the same for a manifest and fragmented segments.
func TestOriginTakesFFmpegsDASH(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, "")
	ffmpeg(t, testsrc+"-f dash -seg_duration 1 -window_size 4 -extra_window_size 1 -method PUT -http_persistent 1 "+
		o.push("/ff/live.mpd"))
	if !eventually(30*time.Second, func() bool { code, _, _ := o.get("/ff/live.mpd"); return code == 200 }) {
		t.Fatal("no manifest")
	}
	if !eventually(30*time.Second, func() bool { code, _, _ := o.get("/ff/chunk-stream0-00005.m4s"); return code == 200 }) {
		t.Error("no segment")
	}
	if code, _, head := o.get("/ff/init-stream0.m4s"); code != 200 || head.Get("CMSD-Static") != "ot=i" {
		t.Errorf("initialization: %d %v", code, head)
	}
	if _, body, _ := o.get("/metrics"); !strings.Contains(body, `onair_origin_channel_objects{channel="ff"}`) {
		t.Errorf("metrics:\n%s", body)
	}
}

// TestOriginTakesAChannel: what onair pushes plays as strictly as from itself, also over a restart of either.
func TestOriginTakesAChannel(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, "")
	port := freePort(t, "udp")
	who := fmt.Sprintf("{http: %q, user: west, password: %s, pipeline: studio}\n", o.url, originPassword)
	s := newStationOf(t, channel+"  - "+who+"timeline: "+who, rtpInput(port)).answering()
	play(t, clip(t, 90, "25"), port)
	last := func() (first, newest int64) {
		_, body, _ := o.get("/ch/v180.m3u8")
		p, err := hls.ReadMedia([]byte(body))
		if err != nil || len(p.Segments) == 0 {
			return 0, 0
		}
		return p.First, p.First + int64(len(p.Segments)) - 1
	}
	s.wait("segments at the origin", 40*time.Second, func(control.Status) bool { a, b := last(); return b-a >= 3 })
	first, before := last()
	if _, _, head := o.get("/ch/v180.m3u8"); head.Get("X-Onair-Pipeline") != "studio" || head.Get("X-Onair-Last-K") == "" {
		t.Errorf("%v", head)
	}
	out, err := exec.Command(program, "verify", o.url+"/ch/index.m3u8", "--for", "10s").CombinedOutput()
	if err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
	o.kill()
	o.start()
	s.wait("the origin after it was killed", 30*time.Second, func(control.Status) bool { _, b := last(); return b > before+6 })
	if a, _ := last(); a != first {
		t.Errorf("begins at %d, began at %d", a, first)
	}
	_, before = last()
	s.kill()
	s.start()
	s.wait("the channel after it was killed", 40*time.Second, func(control.Status) bool { _, b := last(); return b > before+2 })
	if a, _ := last(); a != first {
		t.Errorf("after a restart begins at %d, began at %d", a, first)
	}
	if log := s.log.String() + o.log.String(); strings.Contains(log, originPassword) {
		t.Error("the log has a secret")
	}
}
