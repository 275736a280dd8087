//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"onair/pipeline/drill"
)

// drilled is a folder with what a drill on this machine needs: two pipelines, two origins, an edge and a sender, each with
// its ports.
type drilled struct {
	t     testing.TB
	dir   string
	edge  string // its folder: short, as a socket's path has 107 characters
	ports map[string]int
}

func newDrilled(t testing.TB) *drilled {
	t.Helper()
	edge, err := os.MkdirTemp("", "drill")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(edge) })
	d := &drilled{t: t, dir: t.TempDir(), edge: edge, ports: map[string]int{}}
	t.Cleanup(func() {
		logs, _ := filepath.Glob(filepath.Join(d.dir, "*.log"))
		for _, name := range logs {
			if text, err := os.ReadFile(name); err == nil && t.Failed() {
				t.Logf("%s ends with\n%s", filepath.Base(name), text[max(0, len(text)-6000):])
			}
		}
	})
	for _, name := range []string{"relay", "a1", "a2", "b1", "b2"} {
		d.ports[name] = freePort(t, "udp")
	}
	for _, name := range []string{"origin-a", "origin-b", "pipeline-a", "pipeline-b", "edge"} {
		d.ports[name] = freePort(t, "tcp")
	}
	for _, side := range []string{"a", "b"} {
		d.write("origin-"+side+".yaml", fmt.Sprintf("http: %q\nstore: {dir: %q}\nwriters: [{name: west, token: \"${DRILL_TOKEN}\"}]\n",
			d.at("origin-"+side), filepath.Join(d.dir, "store-"+side)))
		file := oneRung[:strings.Index(oneRung, "outputs:")] + fmt.Sprintf(
			"timeline: {dir: %q}\noutputs: [{http: \"http://%s\", token: \"${DRILL_TOKEN}\"}]\n#%%[3]s\n",
			filepath.Join(d.dir, "timeline"), d.at("origin-"+side))
		inputs := twoLegs(d.ports[side+"1"], d.ports[side+"2"])
		d.write("pipeline-"+side+".yaml", fmt.Sprintf(file, d.at("pipeline-"+side), inputs, ""))
	}
	return d
}

func (d *drilled) at(name string) string { return fmt.Sprintf("127.0.0.1:%d", d.ports[name]) }

func (d *drilled) write(name, text string) string {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

// slow tells whether a pipeline or the sender has said that the machine does not keep up: then viewers suffer of that.
func (d *drilled) slow() bool {
	logs, _ := filepath.Glob(filepath.Join(d.dir, "*.log"))
	for _, name := range logs {
		text, _ := os.ReadFile(name)
		if strings.Contains(string(text), "slower than real time") || strings.Contains(string(text), "host was too slow") {
			return true
		}
	}
	return false
}

// targets is the plan's list of them.
func (d *drilled) targets() string {
	var b strings.Builder
	fmt.Fprintf(&b, "targets:\n  - name: contribution\n    allow: [cut, jump]\n    relay:\n      listen: %q\n      to:\n", d.at("relay"))
	for _, leg := range []string{"a1", "a2", "b1", "b2"} {
		fmt.Fprintf(&b, "        - {name: %s, address: %q}\n", leg, d.at(leg))
	}
	started := func(name, argv, more string) {
		fmt.Fprintf(&b, "  - name: %s\n    log: %q\n    start: [%s]\n%s", name, filepath.Join(d.dir, name+".log"), argv, more)
	}
	reel := clip(d.t, 60, "25")
	started("sender", fmt.Sprintf(`%q, send, %q, --loop, --to, "rtp://%s"`, program, reel, d.at("relay")), "")
	for _, side := range []string{"a", "b"} {
		for _, kind := range []string{"origin", "pipeline"} {
			name := kind + "-" + side
			verb := map[string]string{"origin": "origin", "pipeline": "run"}[kind]
			started(name, fmt.Sprintf("%q, %s, %q", program, verb, filepath.Join(d.dir, name+".yaml")), fmt.Sprintf(
				"    region: side-%s\n    allow: [kill, stop]\n    ready: http://%s/readyz\n    whole: 5s\n    env: [\"DRILL_TOKEN=${DRILL_TOKEN}\"]\n",
				side, d.at(name)))
		}
	}
	_, here, _, _ := runtime.Caller(0)
	render := filepath.Join(filepath.Dir(here), "..", "..", "deploy", "edge", "render")
	started("edge", fmt.Sprintf(`/bin/sh, -c, "%s %s >/dev/null && exec nginx -e %s/error.log -c %s/nginx.conf -g 'daemon off;'"`,
		render, d.edge, d.edge, d.edge), fmt.Sprintf("    ready: http://%s/edge-health\n    env:\n", d.at("edge")))
	for _, e := range []string{
		"EDGE_ORIGIN_A=" + d.at("origin-a"), "EDGE_ORIGIN_B=" + d.at("origin-b"), "EDGE_HTTP=" + d.at("edge"), "EDGE_SEGMENT=2",
		"EDGE_WORKERS=1", "EDGE_WORKER_CONNECTIONS=512", "EDGE_CACHE_SIZE=200m", "EDGE_USER=root",
	} {
		fmt.Fprintf(&b, "      - %q\n", e)
	}
	fmt.Fprintf(&b, "viewers:\n  - {name: hls, url: \"http://%s/ch/index.m3u8\", count: 2}\n  - {name: dash, url: \"http://%s/ch/manifest.mpd\"}\n",
		d.at("edge"), d.at("edge"))
	return b.String()
}

// run does a drill, and gives its report and its exit code.
func (d *drilled) run(plan string, flags ...string) (r drill.Report, code int, said string) {
	d.t.Helper()
	const secret = "correct-horse-battery-staple"
	report := filepath.Join(d.dir, "report.json")
	page := filepath.Join(d.dir, "report.html")
	args := append([]string{"drill", "--log-format", "human", "--json", report, "--html", page}, flags...)
	cmd := exec.Command(program, append(args, d.write("plan.yaml", plan+d.targets()))...)
	cmd.Env = append(os.Environ(), "DRILL_TOKEN="+secret)
	out, _ := cmd.CombinedOutput()
	said = string(out)
	b, _ := os.ReadFile(report)
	text, _ := os.ReadFile(page)
	if err := json.Unmarshal(b, &r); err != nil {
		d.t.Fatalf("no report: %v\n%s", err, said)
	}
	if strings.Contains(said+string(b)+string(text), secret) || !strings.Contains(string(text), "<!doctype html>") {
		d.t.Error("a secret is shown, or there is no page")
	}
	return r, cmd.ProcessState.ExitCode(), said
}

// TestDrill: viewers at the edge of two pipelines notice nothing of a killed pipeline, one that is stopped, a killed origin
// and a leg that is cut; and when both pipelines stop, they do, and the drill fails.
func TestDrill(t *testing.T) {
	t.Parallel()
	d := newDrilled(t)
	r, code, said := d.run(`name: twins
for: 36s
settle: 1m
at_once: 2
schedule:
  - {at: 1s, fault: kill, target: pipeline-a}
  - {at: 3s, fault: cut, target: contribution, leg: b1, for: 3s}
  - {at: 9s, fault: stop, target: pipeline-b, for: 5s}
  - {at: 20s, fault: kill, target: origin-a}
keep: [{of: [side-a, side-b], whole: 1}]
limits: {errors: 3}
`)
	for _, f := range r.Faults {
		t.Logf("%.1f s: %s %s, whole again at %.1f s: longest pause %.2f s %s%s", f.At, f.Fault, f.Target, f.Whole, f.Pause, f.LeftOut, f.Error)
	}
	if code != 0 || !r.OK || r.Lost != 0 || len(r.Viewers) != 3 {
		if d.slow() {
			t.Skipf("the machine is too slow for two encoders: exit %d\n%s", code, said)
		}
		t.Fatalf("exit %d\n%s", code, said)
	}
	r, code, said = d.run(`name: both
for: 10s
settle: 1m
at_once: 2
schedule:
  - {at: 500ms, fault: stop, target: pipeline-a, for: 9s}
  - {at: 500ms, fault: stop, target: pipeline-b, for: 9s}
`)
	if code != 1 || r.OK || r.Pause < 6 || r.Off == 0 {
		t.Errorf("exit %d\n%s", code, said)
	}
}
