//go:build e2e

// Package e2e runs the real program with real senders and real players: what a user would see, not what a package
// promises.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
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

// program is the program under test, built once.
var program string

// clips is where made test streams lie: for this run, or in ONAIR_CLIPS, where those of longer tests can be made before.
var clips string

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	dir, err := os.MkdirTemp("", "onair-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if clips = os.Getenv("ONAIR_CLIPS"); clips == "" {
		clips = dir
	}
	program = os.Getenv("ONAIR_BIN")
	if program == "" {
		program = filepath.Join(dir, "onair")
		if out, err := exec.Command("go", "build", "-o", program, "onair/cmd/onair").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building onair: %v\n%s", err, out)
			return 1
		}
	}
	return m.Run()
}

// station is a running onair.
type station struct {
	t    testing.TB
	dir  string
	http string
	file string
	env  []string // of the program, added to that of the test
	cmd  *exec.Cmd
	log  *tailBuffer
	done chan struct{}
}

// tailBuffer keeps what a process wrote.
type tailBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *tailBuffer) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *tailBuffer) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// channel is the channel file of a test: %-verbs are replaced by newStationOf.
const channel = `channel: ch
http: "%[1]s"
inputs:
%[2]s
start: wait
video:
  - {name: v360, size: 640x360, bitrate: 800k}
  - {name: v180, size: 320x180, bitrate: 300k}
audio:
  - {name: a1, bitrate: 96k, channels: 2, language: eng}
segment: 2s
gop: 1s
window: 5m
preset: ultrafast
outputs:
  - dir: %[3]s
`

// newStation starts a channel "ch" with the given inputs (YAML list items).
func newStation(t testing.TB, inputs string) *station {
	t.Helper()
	return newStationOf(t, channel, inputs)
}

// newStationOf starts a channel of a file whose verbs stand for the address, the inputs and the output's folder.
func newStationOf(t testing.TB, file, inputs string) *station {
	t.Helper()
	dir := t.TempDir()
	s := &station{t: t, dir: dir, http: fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp"))}
	s.write(fmt.Sprintf(file, s.http, inputs, filepath.Join(dir, "origin")))
	s.start()
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("log of onair:\n%s", s.log)
		}
	})
	return s
}

func (s *station) write(yaml string) {
	s.t.Helper()
	s.file = filepath.Join(s.dir, "channel.yaml")
	if err := os.WriteFile(s.file, []byte(yaml), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *station) start() {
	s.t.Helper()
	if s.log == nil {
		s.log = &tailBuffer{}
	}
	s.cmd = exec.Command(program, "run", "--log-format", "human", s.file)
	s.cmd.Env = append(os.Environ(), s.env...)
	s.cmd.Stderr = s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.done = make(chan struct{})
	cmd, done := s.cmd, s.done
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	s.t.Cleanup(func() { s.kill() })
}

// stop asks the program to end and waits for it.
func (s *station) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(12 * time.Second):
		s.t.Errorf("onair did not stop within 10 s of SIGTERM")
		s.kill()
	}
}

func (s *station) kill() {
	_ = s.cmd.Process.Kill()
	<-s.done
}

// origin is the folder of the channel's output.
func (s *station) origin() string { return filepath.Join(s.dir, "origin", "ch") }

func (s *station) url(path string) string { return "http://" + s.http + path }

// get fetches a path; a server that is not there is status 0.
func (s *station) get(path string) (int, []byte) {
	resp, err := http.Get(s.url(path))
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil
	}
	return resp.StatusCode, b
}

// status is the channel's state, the zero value while the program does not answer.
func (s *station) status() control.Status {
	var st control.Status
	code, b := s.get("/api/v1/channels/ch")
	if code == http.StatusOK {
		if err := json.Unmarshal(b, &st); err != nil {
			s.t.Fatalf("status: %v", err)
		}
	}
	return st
}

// wait polls until cond holds.
func (s *station) wait(what string, most time.Duration, cond func(control.Status) bool) control.Status {
	s.t.Helper()
	var st control.Status
	ok := eventually(most, func() bool {
		st = s.status()
		return cond(st)
	})
	if !ok {
		b, _ := json.MarshalIndent(st, "", " ")
		s.t.Fatalf("%s: not within %v; state:\n%.6000s", what, most, b)
	}
	return st
}

// eventually polls cond every 50 ms.
func eventually(most time.Duration, cond func() bool) bool {
	deadline := time.Now().Add(most)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if cond() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		<-tick.C
	}
}

// segments is how many segment numbers the channel has listed with media.
func segments(n uint64) func(control.Status) bool {
	return func(st control.Status) bool { return st.Segments >= n }
}

func freePort(t testing.TB, network string) int {
	t.Helper()
	if network == "tcp" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().(*net.TCPAddr).Port
	}
	for {
		l, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.LocalAddr().(*net.UDPAddr).Port
		l.Close()
		if port%2 == 0 { // RTP ports are even
			return port
		}
	}
}

// command starts a program that is ended with the test.
func command(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, name, args...)
	var errs tailBuffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		if t.Failed() && errs.String() != "" {
			t.Logf("%s said:\n%.3000s", name, errs.String())
		}
	})
	return cmd
}

// ffmpeg starts FFmpeg as a sender; args are split at spaces.
func ffmpeg(t testing.TB, args string) *exec.Cmd {
	t.Helper()
	return command(t, "ffmpeg", append([]string{"-hide_banner", "-loglevel", "error", "-nostdin"}, strings.Fields(args)...)...)
}
