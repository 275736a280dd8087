package child

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Limits bound what a child and all that it starts may take. Zero is no limit.
type Limits struct {
	Memory     int64   // bytes
	Processors float64 // 1.5: as much as one and a half processors can do
}

// Groups is a control group (cgroup v2) in which children get groups of their own.
type Groups struct {
	dir    string
	memory bool // limits that this group can give
	cpu    bool
	made   atomic.Uint64
}

// FindGroups finds the control group under which this process may make others: its own, or the one around that. That
// takes a cgroup v2 hierarchy, the right to write there (systemd: Delegate=yes with DelegateSubgroup=, a container with
// a writable /sys/fs/cgroup), and that no process lives in it directly: the error says which is missing.
func FindGroups() (*Groups, error) {
	self, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	own, top, err := locate(string(self), string(mounts))
	if err != nil {
		return nil, err
	}
	g, err := OpenGroups(own)
	if err != nil && own != top {
		if around, errAround := OpenGroups(filepath.Dir(own)); errAround == nil {
			return around, nil
		}
	}
	return g, err
}

// locate is the folder of this process's control group, and that of the hierarchy's top.
func locate(self, mounts string) (own, top string, err error) {
	place, found := "", false
	for line := range strings.Lines(self) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			place, found = path, true
		}
	}
	for line := range strings.Lines(mounts) {
		before, after, ok := strings.Cut(line, " - ")
		f := strings.Fields(before)
		if !ok || len(f) < 5 || !strings.HasPrefix(after, "cgroup2 ") || !found {
			continue
		}
		within, err := filepath.Rel(f[3], place) // of the hierarchy only f[3] may be mounted
		if err != nil || within == ".." || strings.HasPrefix(within, "../") {
			within = "."
		}
		return filepath.Join(f[4], within), filepath.Clean(f[4]), nil
	}
	return "", "", errors.New("this system has no control groups of version 2")
}

// OpenGroups uses the control group of a folder, and has it hand its controllers on to the groups in it.
func OpenGroups(dir string) (*Groups, error) {
	has, err := words(dir, "cgroup.controllers")
	if err != nil {
		return nil, err
	}
	given, err := words(dir, "cgroup.subtree_control")
	if err != nil {
		return nil, err
	}
	if err := vacant(dir); err != nil {
		return nil, err
	}
	g := &Groups{dir: dir}
	for _, c := range []struct {
		name string
		ok   *bool
	}{{"memory", &g.memory}, {"cpu", &g.cpu}} {
		if !slices.Contains(has, c.name) {
			continue
		}
		*c.ok = slices.Contains(given, c.name) || write(dir, "cgroup.subtree_control", "+"+c.name) == nil
	}
	if !g.memory && !g.cpu {
		return nil, fmt.Errorf("control group %s gives neither memory nor processors to groups in it", dir)
	}
	probe := filepath.Join(dir, g.name())
	if err := os.Mkdir(probe, 0o755); err != nil {
		return nil, fmt.Errorf("no control group can be made: %w", err)
	}
	return g, os.Remove(probe)
}

// vacant tells what keeps the groups in one from having processes. From a group with processes of its own the kernel
// hands cpu on, if not memory: it is "domain threaded" then, and nothing can be started in the groups in it.
func vacant(dir string) error {
	kind, err := words(dir, "cgroup.type")
	if err != nil {
		return nil //nolint:nilerr // the hierarchy's top has none, and may hold processes
	}
	inside, err := words(dir, "cgroup.procs")
	switch {
	case err != nil:
		return err
	case len(inside) > 0:
		return fmt.Errorf("processes live in control group %s itself", dir)
	case !slices.Equal(kind, []string{"domain"}):
		return fmt.Errorf("control group %s is %q", dir, strings.Join(kind, " "))
	}
	return nil
}

func words(dir, name string) ([]string, error) {
	b, err := os.ReadFile(filepath.Join(dir, name))
	return strings.Fields(string(b)), err
}

func write(dir, name, value string) error {
	return os.WriteFile(filepath.Join(dir, name), []byte(value), 0o644)
}

func (g *Groups) name() string { return fmt.Sprintf("onair-%d-%d", os.Getpid(), g.made.Add(1)) }

// group is the control group of one child.
type group struct {
	dir      string
	handle   *os.File
	enforced Limits
}

// period is the span over which the kernel shares out processor time.
const period = 100 * time.Millisecond

// make makes a group with those of the limits that it can give; nil if there is none of them.
func (g *Groups) make(l Limits) (*group, error) {
	if g == nil || (l.Memory == 0 || !g.memory) && (l.Processors == 0 || !g.cpu) {
		return nil, nil //nolint:nilnil // no group is needed
	}
	made := &group{}
	err := fs.ErrExist
	for errors.Is(err, fs.ErrExist) { // left behind by a process of this number that was killed
		made.dir = filepath.Join(g.dir, g.name())
		err = os.Mkdir(made.dir, 0o755)
	}
	if err != nil {
		return nil, err
	}
	err = made.limit(g, l)
	if err == nil {
		made.handle, err = os.Open(made.dir)
	}
	if err != nil {
		made.remove()
		return nil, err
	}
	return made, nil
}

func (m *group) limit(g *Groups, l Limits) error {
	if g.memory && l.Memory > 0 {
		if err := write(m.dir, "memory.max", strconv.FormatInt(l.Memory, 10)); err != nil {
			return err
		}
		_ = write(m.dir, "memory.swap.max", "0") // a run that swaps is as good as dead; not there without swap
		_ = write(m.dir, "memory.oom.group", "1")
		m.enforced.Memory = l.Memory
	}
	if g.cpu && l.Processors > 0 {
		quota := int64(l.Processors * float64(period.Microseconds()))
		if err := write(m.dir, "cpu.max", fmt.Sprintf("%d %d", quota, period.Microseconds())); err != nil {
			return err
		}
		m.enforced.Processors = l.Processors
	}
	return nil
}

// starved tells whether the kernel has killed something in the group because its memory was used up.
func (m *group) starved() bool {
	b, err := os.ReadFile(filepath.Join(m.dir, "memory.events"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if n, ok := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); ok {
			return n != "0"
		}
	}
	return false
}

// remove ends what is left in the group, and the group.
func (m *group) remove() {
	if m.handle != nil {
		_ = m.handle.Close()
	}
	if os.Remove(m.dir) == nil {
		return
	}
	_ = write(m.dir, "cgroup.kill", "1")
	if m.enforced.Processors > 0 {
		_ = write(m.dir, "cpu.max", "max") // to die takes a processor
	}
	timer := time.NewTicker(5 * time.Millisecond)
	defer timer.Stop()
	for range 400 { // the dead leave within moments; a hundred of them take longer
		<-timer.C
		if os.Remove(m.dir) == nil {
			return
		}
	}
}
