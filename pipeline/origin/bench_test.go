//go:build bench

package origin_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"onair/pipeline/origin"
	"onair/pkg/processors"
	"onair/pkg/store"
)

// Environment of the server under test.
const (
	serveVariable   = "ONAIR_BENCH_SERVE"   // the folder that it serves
	profileVariable = "ONAIR_BENCH_PROFILE" // a file for where its processor time goes; empty: none
)

// Garbage as in a channel on air: the room that the program leaves for it, and a spool of 30 s at 10 Mb/s that lives.
const (
	gcPercent  = 25
	spoolBytes = 30 * 10_000_000 / 8
)

// TestMain is also the server under test: the same binary, started again with a folder to serve.
func TestMain(m *testing.M) {
	if dir := os.Getenv(serveVariable); dir != "" {
		if err := serveDir(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveDir serves the objects of a folder from memory on a free port, which it prints, until its input ends.
func serveDir(dir string) error {
	debug.SetGCPercent(gcPercent)
	spool := make([]byte, spoolBytes)
	defer runtime.KeepAlive(spool)
	stop, err := profile(os.Getenv(profileVariable))
	if err != nil {
		return err
	}
	defer stop()
	d, err := store.NewDir(store.DirConfig{Path: dir})
	if err != nil {
		return err
	}
	edge, err := origin.NewEdge(origin.EdgeConfig{Store: d})
	if err != nil {
		return err
	}
	if err := goLive(edge, dir); err != nil {
		return err
	}
	start := time.Now()
	fresh := func() error { // what the rule of the 503 costs
		if time.Since(start) > 24*time.Hour {
			return errors.New("stale")
		}
		return nil
	}
	h, err := origin.New(origin.Config{Channels: []origin.Channel{{Name: "bench", Edge: edge, Fresh: fresh}}})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	processors.Follow(context.Background())
	for i := 0; i < 200 && runtime.GOMAXPROCS(0) > 1; i++ { // it has been on air for a while
		time.Sleep(100 * time.Millisecond)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		_ = srv.Close()
	}()
	fmt.Println(l.Addr())
	if err := srv.Serve(spliced{l}); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// profile notes where processor time goes until it is stopped.
func profile(name string) (stop func(), err error) {
	if name == "" {
		return func() {}, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); _ = f.Close() }, nil
}

// goLive puts the objects of a folder through the edge, and so many segments that it is full, as that of a channel on air
// always is.
func goLive(edge *origin.Edge, dir string) error {
	ctx := context.Background()
	for _, l := range loads {
		body, err := os.ReadFile(filepath.Join(dir, l.path))
		if err != nil {
			return err
		}
		if err := edge.Put(ctx, store.Object{Name: strings.TrimPrefix(l.path, "/"), Body: body}); err != nil {
			return err
		}
	}
	for k := 85; k < 100; k++ {
		o := store.Object{Name: fmt.Sprintf("bench/w/%d.m4s", k), Body: make([]byte, loads[0].size)}
		if err := edge.Put(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// objects of the benchmark: a live segment of a high rung and a playlist of a short window.
var loads = []struct {
	name, path string
	size       int
	least      float64 // ratio to nginx that is asked for
}{
	{"segment, 2 MB", "/bench/v/100.m4s", 2_000_000, 1.0},
	{"playlist, 2 kB", "/bench/v.m3u8", 2_000, 0.5},
}

// server is a running server: where it listens and which processes' time counts.
type server struct {
	name string
	addr string
	pids []int
}

// TestBesideNginx measures answers per CPU second of both servers in turn and prints a line for each object:
// what, ours, theirs, ratio (the median of those of neighbouring runs) and bound, with tabs between.
func TestBesideNginx(t *testing.T) {
	for _, tool := range []string{"nginx", "wrk"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s", tool)
		}
	}
	dir := t.TempDir()
	for p := dir; p != "/tmp" && p != "/"; p = filepath.Dir(p) {
		_ = os.Chmod(p, 0o755)
	}
	for _, l := range loads {
		file := filepath.Join(dir, l.path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, bytes.Repeat([]byte("onair 7 "), l.size/8), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	nginx, own := startNginx(t, dir), startOwn(t, dir)
	for _, l := range loads {
		var ratios, a, b []float64
		for range 5 {
			n, o := measure(t, nginx, l.path), measure(t, own, l.path)
			a, b, ratios = append(a, n), append(b, o), append(ratios, o/n)
		}
		ours, theirs, ratio := median(b), median(a), median(ratios)
		fmt.Printf("origin beside nginx, %s, per CPU second\t%.0f\t%.0f\t%.2f\t>= %.1f\n", l.name, ours, theirs, ratio, l.least)
		if median(ratios) < l.least {
			t.Errorf("%s: ratio %.2f, asked %.1f", l.name, median(ratios), l.least)
		}
	}
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

var completed = regexp.MustCompile(`(\d+) requests in`)

// measure loads a server for two seconds and divides the answers by the CPU time that it took for them.
func measure(t *testing.T, s server, path string) float64 {
	t.Helper()
	before := cpu(t, s.pids)
	out, err := exec.CommandContext(t.Context(), "wrk", "-t1", "-c16", "-d2s", "http://"+s.addr+path).CombinedOutput()
	used := cpu(t, s.pids) - before
	m := completed.FindSubmatch(out)
	if err != nil || m == nil || bytes.Contains(out, []byte("Non-2xx")) || bytes.Contains(out, []byte("Socket errors")) {
		t.Fatalf("wrk against %s: %v\n%s", s.name, err, out)
	}
	n, _ := strconv.ParseFloat(string(m[1]), 64)
	return n / used.Seconds()
}

// cpu is the time that processes have used, from their scheduler statistics (nanoseconds).
func cpu(t *testing.T, pids []int) time.Duration {
	t.Helper()
	var sum time.Duration
	for _, pid := range pids {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil || len(tasks) == 0 {
			t.Fatalf("process %d is gone", pid)
		}
		for _, task := range tasks {
			b, err := os.ReadFile(task)
			if err != nil {
				continue // a thread that ended; the runtime keeps its threads
			}
			ns, _ := strconv.ParseInt(strings.Fields(string(b))[0], 10, 64)
			sum += time.Duration(ns)
		}
	}
	return sum
}

func startOwn(t *testing.T, dir string) server {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveVariable+"="+dir)
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return server{"onair", strings.TrimSpace(addr), []int{cmd.Process.Pid}}
}

const nginxConfig = `
daemon off; worker_processes 1; pid %[1]s/nginx.pid; error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  open_file_cache max=100 inactive=60s; open_file_cache_valid 60s;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  types { application/vnd.apple.mpegurl m3u8; video/iso.segment m4s; }
  server {
    listen %[2]s; root %[3]s;
    add_header Access-Control-Allow-Origin *; add_header Cache-Control "public, max-age=600";
  }
}
`

func startNginx(t *testing.T, dir string) server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	work := t.TempDir()
	conf := filepath.Join(work, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConfig, work, addr, dir), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nginx", "-p", work, "-c", conf)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err == nil {
			_ = c.Close()
			break
		}
		if ctx.Err() != nil {
			t.Fatal("nginx does not listen")
		}
		time.Sleep(10 * time.Millisecond) // polling a foreign process
	}
	pid := cmd.Process.Pid
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	pids := []int{pid}
	for f := range strings.FieldsSeq(string(b)) {
		n, _ := strconv.Atoi(f)
		pids = append(pids, n)
	}
	return server{"nginx", addr, pids}
}
