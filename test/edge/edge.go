// Package edge runs the edge of deploy/edge, a real nginx, for tests.
package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Edge is a running edge.
type Edge struct {
	URL    string // http://127.0.0.1:port
	TLS    string // the address of HTTPS, if the settings name a certificate
	Folder string // with its configuration and logs

	settings []string
	master   *exec.Cmd
	done     chan struct{} // closed when the master has ended
}

// Start renders and starts an edge before two origins, given as host:port. Settings are further variables of
// deploy/edge/render, NAME=value; unless they say otherwise, segments are so long that a busy machine is no fault. It
// ends with the test.
func Start(t testing.TB, a, b string, settings ...string) *Edge {
	t.Helper()
	folder, err := os.MkdirTemp("", "edge") // short: a socket's path has 107 characters
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	plain, secure := freeAddress(t), freeAddress(t)
	e := &Edge{URL: "http://" + plain, TLS: secure, Folder: folder}
	settings = append([]string{
		"EDGE_ORIGIN_A=" + a, "EDGE_ORIGIN_B=" + b, "EDGE_HTTP=" + plain, "EDGE_HTTPS=" + secure, "EDGE_SEGMENT=20",
		"EDGE_RATE=10000", "EDGE_BURST=10000", "EDGE_CLIENT_CONNECTIONS=1000", "EDGE_WORKERS=2", "EDGE_USER=root",
		"EDGE_WORKER_CONNECTIONS=1024", "EDGE_CACHE_SIZE=200m",
	}, settings...)
	e.settings = settings
	e.Restart(t)
	return e
}

// Restart renders the configuration and starts nginx, which does not run.
func (e *Edge) Restart(t testing.TB) {
	t.Helper()
	if out, err := Render(e.Folder, e.settings...); err != nil {
		t.Fatalf("rendering the edge: %v\n%s", err, out)
	}
	if err := e.run(t); err != nil {
		t.Fatalf("starting the edge: %v\n%s", err, e.Log("error.log"))
	}
}

// Master is the process of nginx that started the others.
func (e *Edge) Master() int { return e.master.Process.Pid }

// Kill ends nginx, master and workers, as a power cut does.
func (e *Edge) Kill(t testing.TB) {
	t.Helper()
	list := fmt.Sprintf("/proc/%d/task/%d/children", e.master.Process.Pid, e.master.Process.Pid)
	workers, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	_ = e.master.Process.Kill()
	<-e.done
	for _, word := range strings.Fields(string(workers)) {
		if pid, err := strconv.Atoi(word); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// Render makes the configuration in a folder, and gives what the script says.
func Render(folder string, settings ...string) ([]byte, error) {
	_, here, _, _ := runtime.Caller(0)
	script := filepath.Join(filepath.Dir(here), "..", "..", "deploy", "edge", "render")
	cmd := exec.Command(script, folder)
	cmd.Env = append(os.Environ(), settings...)
	return cmd.CombinedOutput()
}

// run starts nginx and waits until it answers.
func (e *Edge) run(t testing.TB) error {
	cmd := exec.Command("nginx", "-e", filepath.Join(e.Folder, "error.log"), "-c", filepath.Join(e.Folder, "nginx.conf"),
		"-g", "daemon off;")
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	e.master, e.done = cmd, done
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // the master ends its workers
		<-done
		if t.Failed() {
			t.Logf("nginx said:\n%s%s%s", said.String(), e.Log("error.log"), e.Log("fill.log"))
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if e.answers(ctx) {
			return nil
		}
		select {
		case <-done:
			return errors.New("nginx ended: " + said.String())
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (e *Edge) answers(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.URL+"/edge-health", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Log reads one of its logs, or another file of its folder.
func (e *Edge) Log(name string) string {
	text, err := os.ReadFile(filepath.Join(e.Folder, name))
	if err != nil {
		return fmt.Sprintf("%v\n", err)
	}
	return string(text)
}

// Lines are those of a log that contain a text.
func (e *Edge) Lines(name, text string) (lines []string) {
	for line := range strings.Lines(e.Log(name)) {
		if strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
