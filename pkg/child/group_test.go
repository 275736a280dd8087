package child_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onair/pkg/child"
)

func TestLocate(t *testing.T) {
	const (
		mount  = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
		hybrid = "30 23 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n31 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
		bound  = "30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
	)
	for name, c := range map[string]struct{ self, mounts, own, top string }{
		"service":        {"0::/system.slice/onair.service/main\n", mount, "/sys/fs/cgroup/system.slice/onair.service/main", "/sys/fs/cgroup"},
		"both versions":  {"4:memory:/x\n0::/\n", hybrid, "/sys/fs/cgroup/unified", "/sys/fs/cgroup/unified"},
		"namespace":      {"0::/\n", mount, "/sys/fs/cgroup", "/sys/fs/cgroup"},
		"host's path":    {"0::/docker/abc\n", bound, "/sys/fs/cgroup", "/sys/fs/cgroup"},
		"outside":        {"0::/docker/def\n", bound, "/sys/fs/cgroup", "/sys/fs/cgroup"},
		"version 1 only": {"4:memory:/x\n", mount, "", ""},
		"not mounted":    {"0::/x\n", "31 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", "", ""},
	} {
		own, top, err := child.Locate(c.self, c.mounts)
		if own != c.own || top != c.top || (err != nil) != (c.own == "") {
			t.Errorf("%s: %q below %q, %v", name, own, top, err)
		}
	}
}

// hierarchy is a folder that looks like a control group; nothing in it limits anything.
func hierarchy(t *testing.T, controllers, handedOn string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"cgroup.controllers": controllers, "cgroup.subtree_control": handedOn} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOpenGroups(t *testing.T) {
	if _, err := child.OpenGroups(t.TempDir()); err == nil {
		t.Error("a folder that is no control group")
	}
	if _, err := child.OpenGroups(hierarchy(t, "pids io", "")); err == nil || !strings.Contains(err.Error(), "neither memory") {
		t.Errorf("%v", err)
	}
	dir := hierarchy(t, "cpu memory pids", "cpu")
	if _, err := child.OpenGroups(dir); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control")); err != nil || string(b) != "+memory" {
		t.Errorf("%q, %v", b, err)
	}
	for _, c := range []struct{ kind, processes, want string }{
		{"domain", "", ""}, {"domain", "1\n", "processes live"}, {"domain threaded", "", "threaded"},
	} {
		dir := hierarchy(t, "cpu memory", "")
		for name, text := range map[string]string{"cgroup.type": c.kind, "cgroup.procs": c.processes} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := child.OpenGroups(dir)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control")); err != nil || c.want != "" && len(b) > 0 {
			t.Errorf("%+v: it hands on %q, %v", c, b, err)
		}
	}
}

// What is no real control group cannot hold a child: it runs without, and says that nothing is enforced.
func TestAChildThatCannotBeLimitedRuns(t *testing.T) {
	dir := hierarchy(t, "cpu memory", "cpu memory")
	groups, err := child.OpenGroups(dir)
	if err != nil {
		t.Fatal(err)
	}
	p, err := child.Start(child.Spec{Path: "sh", Args: []string{"-c", "echo well >&3"}, Outputs: 1, Groups: groups,
		Limits: child.Limits{Memory: 1 << 30, Processors: 1.5}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(p.Output(0)); err != nil || string(got) != "well\n" {
		t.Errorf("%q, %v", got, err)
	}
	if e := p.Wait(); !e.OK() || e.OutOfMemory || p.Enforced() != (child.Limits{}) {
		t.Errorf("%+v, enforced %+v", e, p.Enforced())
	}
}

// TestLimits needs a machine that permits it. What is found again, by a process after this one for example, works too:
// the group around hands its controllers on by then.
func TestLimits(t *testing.T) {
	for _, name := range []string{"first", "again"} {
		t.Run(name, testLimits)
	}
}

func testLimits(t *testing.T) {
	groups, err := child.FindGroups()
	if err != nil {
		t.Skip(err)
	}
	const script = "cat /proc/self/cgroup >&3; head -c 200000000 /dev/zero | tail -c 200000000" // of a file tail keeps nothing
	p, err := child.Start(child.Spec{Path: "sh", Args: []string{"-c", script}, Outputs: 1,
		Groups: groups, Limits: child.Limits{Memory: 50 << 20, Processors: 1}})
	if err != nil {
		t.Fatal(err)
	}
	within, err := io.ReadAll(p.Output(0))
	if err != nil || !strings.Contains(string(within), "/onair-") {
		t.Errorf("it runs in %s, %v", within, err)
	}
	if l := p.Enforced(); l.Memory != 50<<20 && l.Processors != 1 {
		t.Errorf("enforced is %+v", l)
	}
	if e := p.Wait(); p.Enforced().Memory != 0 && (e.OK() || !e.OutOfMemory) {
		t.Errorf("%+v", e)
	}
	for line := range strings.Lines(string(within)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			if _, err := os.Stat("/sys/fs/cgroup" + path); err == nil {
				t.Errorf("%s is still there", path)
			}
		}
	}
}

// What a child leaves behind in sessions of its own ends with it, however much that is, and the group with them.
func TestAGroupEndsWithItsChild(t *testing.T) {
	groups, err := child.FindGroups()
	if err != nil {
		t.Skip(err)
	}
	const script = "cat /proc/self/cgroup >&3; for i in $(seq 300); do setsid sleep 600 2>/dev/null 3>&- & done"
	p, err := child.Start(child.Spec{Path: "sh", Args: []string{"-c", script}, Outputs: 1,
		Groups: groups, Limits: child.Limits{Memory: 1 << 30, Processors: 1}})
	if err != nil {
		t.Fatal(err)
	}
	within, err := io.ReadAll(p.Output(0))
	p.Wait()
	_, path, ok := strings.Cut(strings.TrimSpace(string(within)), "0::")
	if _, gone := os.Stat("/sys/fs/cgroup" + path); err != nil || !ok || gone == nil || p.Enforced() == (child.Limits{}) {
		t.Errorf("%s: %v, %v; enforced %+v", path, gone, err, p.Enforced())
	}
}
