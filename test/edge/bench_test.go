//go:build e2e

package edge_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"onair/test/edge"
)

// plainCache is nginx as one would have it without the edge's rules: a cache before one origin.
const plainCache = `
daemon off; worker_processes 2; pid %[1]s/nginx.pid; error_log stderr warn; user root;
events { worker_connections 512; }
http {
  access_log %[1]s/access.log; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  proxy_cache_path %[1]s/cache keys_zone=media:10m;
  server {
    listen %[2]s;
    location / { proxy_pass http://%[3]s; proxy_cache media; proxy_cache_lock on; }
  }
}
`

var completed = regexp.MustCompile(`(\d+) requests in`)

// TestBenchEdge measures answers per CPU second of the edge beside a plain cache of nginx; scripts/bench-edge runs it.
func TestBenchEdge(t *testing.T) {
	if os.Getenv("ONAIR_BENCH") == "" {
		t.Skip("a measurement, not a test: scripts/bench edge")
	}
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	a.live()
	b.live()
	const segment = "/ch/v/3.m4s"
	for _, o := range []*origin{a, b} {
		o.on(segment, object(ofMedia, bytes.Repeat([]byte("onair 7 "), 250_000)))
	}
	e := edge.Start(t, a.address, b.address)
	plain, master := startPlain(t, a.address)
	for _, c := range []struct{ name, path string }{{"segment, 2 MB", segment}, {"playlist", "/ch/v.m3u8"}} {
		var ratios, ours, theirs []float64
		for range 5 {
			n := perSecond(t, plain+c.path, master)
			o := perSecond(t, e.URL+c.path, e.Master())
			ours, theirs, ratios = append(ours, o), append(theirs, n), append(ratios, o/n)
		}
		fmt.Printf("edge beside a plain cache, %s, per CPU second\t%.0f\t%.0f\t%.2f\t\n", c.name, middle(ours), middle(theirs), middle(ratios))
	}
}

func middle(v []float64) float64 { return slices.Sorted(slices.Values(v))[len(v)/2] }

// perSecond loads a server for two seconds and divides the answers by the time that its processes took for them.
func perSecond(t *testing.T, url string, master int) float64 {
	t.Helper()
	before := used(t, master)
	out, err := exec.CommandContext(t.Context(), "wrk", "-t1", "-c16", "-d2s", url).CombinedOutput()
	took := used(t, master) - before
	m := completed.FindSubmatch(out)
	if err != nil || m == nil || bytes.Contains(out, []byte("Non-2xx")) {
		t.Fatalf("wrk against %s: %v\n%s", url, err, out)
	}
	n, _ := strconv.ParseFloat(string(m[1]), 64)
	return n / took.Seconds()
}

// used is the processor time of the workers of an nginx, from their scheduler's statistics.
func used(t *testing.T, master int) (sum time.Duration) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", master, master))
	if err != nil {
		t.Fatal(err)
	}
	for pid := range strings.FieldsSeq(string(b)) {
		stat, err := os.ReadFile("/proc/" + pid + "/schedstat")
		if err != nil {
			t.Fatal(err)
		}
		ns, _ := strconv.ParseInt(strings.Fields(string(stat))[0], 10, 64)
		sum += time.Duration(ns)
	}
	return sum
}

func startPlain(t *testing.T, origin string) (url string, master int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	work := t.TempDir()
	conf := filepath.Join(work, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, plainCache, work, address, origin), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nginx", "-p", work, "-c", conf)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() })
	for deadline := time.Now().Add(10 * time.Second); ; {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
			return "http://" + address, cmd.Process.Pid
		}
		if time.Now().After(deadline) {
			t.Fatal("nginx does not listen")
		}
		time.Sleep(10 * time.Millisecond) // polling a foreign process
	}
}
