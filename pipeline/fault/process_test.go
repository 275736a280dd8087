package fault_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/fault"
)

// eventually fails unless a condition comes to hold.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
		<-tick.C
	}
}

// state is a process's, by proc(5): R, S, T (stopped), Z; empty where it is gone.
func state(pid int) string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return rest[:1]
}

func gone(pid int) bool { s := state(pid); return s == "" || s == "Z" }

func newSleeper(t *testing.T, restart time.Duration, args ...string) *fault.Process {
	t.Helper()
	if len(args) == 0 {
		args = []string{"sleep", "1000"}
	}
	p := fault.NewProcess(fault.ProcessConfig{
		Args: args, Env: []string{"GREETING=hello"}, Log: filepath.Join(t.TempDir(), "log"), Restart: restart, Logger: zerolog.Nop(),
	})
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

func TestKilledProcessIsStartedAgain(t *testing.T) {
	t.Parallel()
	p := newSleeper(t, 10*time.Millisecond)
	before := p.Pid()
	said, err := p.Do(t.Context(), fault.Fault{Kind: fault.Kill})
	if err != nil || !strings.Contains(said, strconv.Itoa(before)) {
		t.Errorf("%q, %v", said, err)
	}
	if after := p.Pid(); after == 0 || after == before || !gone(before) || p.Ends() != 0 {
		t.Errorf("%d, it was %d, %q, ended by itself %d times", after, before, state(before), p.Ends())
	}
}

// TestAKillTakesTheGroup: what a target has started itself goes with it.
func TestAKillTakesTheGroup(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	p := newSleeper(t, time.Hour, "sh", "-c", "sleep 1000 & echo $! >"+file+"; wait")
	inner := 0
	eventually(t, "no process in the group", func() bool {
		b, _ := os.ReadFile(file)
		inner, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		return inner > 0
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = p.Do(ctx, fault.Fault{Kind: fault.Kill})
	}()
	eventually(t, "it is still there", func() bool { return gone(inner) })
	cancel()
	<-done
}

// TestStoppedProcessGoesOn: after its time, and at once when the drill ends.
func TestStoppedProcessGoesOn(t *testing.T) {
	t.Parallel()
	p := newSleeper(t, time.Hour)
	for _, d := range []time.Duration{20 * time.Millisecond, time.Hour} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := p.Do(ctx, fault.Fault{Kind: fault.Stop, For: d})
			done <- err
		}()
		if d == time.Hour {
			eventually(t, "it is not stopped", func() bool { return state(p.Pid()) == "T" })
		} else if err := <-done; err != nil {
			t.Fatal(err)
		}
		cancel()
		if d == time.Hour {
			<-done
		}
		eventually(t, "it does not go on", func() bool { return state(p.Pid()) == "S" })
	}
}

// TestRegionLostAndBack: it stays away for the time, and is there again afterwards.
func TestRegionLostAndBack(t *testing.T) {
	t.Parallel()
	p := newSleeper(t, time.Millisecond)
	before := p.Pid()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = p.Do(ctx, fault.Fault{Kind: fault.Region, For: time.Hour})
	}()
	eventually(t, "it is not away", func() bool { return p.Pid() == 0 && gone(before) })
	cancel()
	<-done
	eventually(t, "it does not come back", func() bool { return p.Pid() != 0 })
}

func TestProcessThatEndsByItselfIsCounted(t *testing.T) {
	t.Parallel()
	p := newSleeper(t, time.Millisecond, "sh", "-c", "echo $GREETING")
	eventually(t, "it is not counted", func() bool { return p.Ends() > 1 })
}

func TestProgramThatIsNotThere(t *testing.T) {
	t.Parallel()
	p := fault.NewProcess(fault.ProcessConfig{Args: []string{"/no/such/program", "topsecret"}, Logger: zerolog.Nop()})
	if err := p.Start(t.Context()); err == nil || strings.Contains(err.Error(), "topsecret") {
		t.Errorf("%v", err)
	}
}

// given is a process that was not started by the drill, and its file.
func given(t *testing.T) (file string, cmd *exec.Cmd) {
	t.Helper()
	cmd = exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-done })
	file = filepath.Join(t.TempDir(), "pid")
	if err := os.WriteFile(file, []byte(strconv.Itoa(cmd.Process.Pid)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, cmd
}

func TestGivenProcessIsStoppedAndGoesOn(t *testing.T) {
	t.Parallel()
	file, cmd := given(t)
	g := fault.NewGiven(file, "sleep")
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := g.Do(ctx, fault.Fault{Kind: fault.Stop, For: time.Hour})
		done <- err
	}()
	eventually(t, "it is not stopped", func() bool { return state(cmd.Process.Pid) == "T" })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	eventually(t, "it does not go on", func() bool { return state(cmd.Process.Pid) == "S" })
}

// TestGivenProcessIsKilledAndAwaited: whoever looks after it starts another, and the file tells.
func TestGivenProcessIsKilledAndAwaited(t *testing.T) {
	t.Parallel()
	file, cmd := given(t)
	g := fault.NewGiven(file, "")
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := g.Do(t.Context(), fault.Fault{Kind: fault.Kill})
		done <- err
	}()
	eventually(t, "it is not killed", func() bool { return gone(cmd.Process.Pid) })
	other, _ := given(t)
	b, _ := os.ReadFile(other)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestANumberOfAnotherProcessIsNotHit: of another name, of nobody, of init, of the drill itself, and no number at all.
func TestANumberOfAnotherProcessIsNotHit(t *testing.T) {
	t.Parallel()
	file, cmd := given(t)
	g := fault.NewGiven(file, "nginx")
	if _, err := g.Do(t.Context(), fault.Fault{Kind: fault.Kill}); err == nil || !strings.Contains(err.Error(), `called "sleep"`) {
		t.Errorf("another name: %v", err)
	}
	for _, text := range []string{"1", "0", "-1", strconv.Itoa(os.Getpid()), "4194303", "", "none"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := fault.NewGiven(file, "").Do(t.Context(), fault.Fault{Kind: fault.Stop}); err == nil {
			t.Errorf("%q is taken for a process", text)
		}
	}
	if err := cmd.Process.Signal(syscall.Signal(0)); err != nil {
		t.Error(err)
	}
}

// TestContainerThroughItsEngine: by an engine that only writes down what it is asked for.
func TestContainerThroughItsEngine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	engine, asked := filepath.Join(dir, "engine"), filepath.Join(dir, "asked")
	script := "#!/bin/sh\necho \"$1 $(eval echo \\${$#})\" >>" + asked + "\n[ $1 != inspect ] || echo running\n"
	if err := os.WriteFile(engine, []byte(script), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	c := fault.NewContainer(engine, "twin")
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []fault.Kind{fault.Kill, fault.Stop, fault.Region} {
		if _, err := c.Do(t.Context(), fault.Fault{Kind: kind, For: time.Millisecond}); err != nil {
			t.Error(err)
		}
	}
	b, _ := os.ReadFile(asked)
	want := "inspect twin\nkill twin\nstart twin\npause twin\nunpause twin\nkill twin\nstart twin\n"
	if string(b) != want {
		t.Errorf("asked %q", b)
	}
}

// TestDiskIsAMountOfItsOwn: anything else is refused.
func TestDiskIsAMountOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"/", t.TempDir(), "/no/such/folder"} {
		if err := fault.NewDisk(folder).Start(t.Context()); err == nil {
			t.Errorf("%s is taken", folder)
		}
	}
}

// TestDiskIsFullAndEmptyAgain needs the right to mount.
func TestDiskIsFullAndEmptyAgain(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := syscall.Mount("onair", folder, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(folder, 0) })
	d := fault.NewDisk(folder)
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := d.Do(ctx, fault.Fault{Kind: fault.Fill, For: time.Hour, Rest: 1 << 20})
		done <- err
	}()
	free := func() int64 {
		var st syscall.Statfs_t
		_ = syscall.Statfs(folder, &st)
		return int64(st.Bavail) * st.Bsize
	}
	eventually(t, "it does not fill", func() bool { return free() <= 1<<20 })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if names, _ := os.ReadDir(folder); len(names) > 0 || free() < 7<<20 {
		t.Errorf("%d bytes free, %v", free(), names)
	}
}

// TestMain is a drill of its own when it is asked to be: it starts a target that starts another, and waits to be killed.
func TestMain(m *testing.M) {
	file := os.Getenv("FAULT_TEST_DRILL")
	if file == "" {
		m.Run() // its result is the exit code
		return
	}
	p := fault.NewProcess(fault.ProcessConfig{
		Args: []string{"sh", "-c", "sleep 1000 & echo $$ $! >" + file + ".new; mv " + file + ".new " + file + "; wait"}, Logger: zerolog.Nop(),
	})
	if err := p.Start(context.Background()); err != nil {
		return
	}
	g := fault.NewGiven(os.Getenv("FAULT_TEST_GIVEN"), "sleep")
	_, _ = g.Do(context.Background(), fault.Fault{Kind: fault.Stop, For: time.Hour})
}

// TestAKilledDrillLeavesNothing: what it has started ends, the group with it, and what it has stopped goes on.
func TestAKilledDrillLeavesNothing(t *testing.T) {
	t.Parallel()
	pidFile, other := given(t)
	file := filepath.Join(t.TempDir(), "pids")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "FAULT_TEST_DRILL="+file, "FAULT_TEST_GIVEN="+pidFile)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-done })
	var pids []string
	eventually(t, "it does nothing", func() bool {
		b, _ := os.ReadFile(file)
		pids = strings.Fields(string(b))
		return len(pids) == 2 && state(other.Process.Pid) == "T"
	})
	_ = cmd.Process.Kill()
	<-done
	for _, text := range pids {
		pid, _ := strconv.Atoi(text)
		eventually(t, "process "+text+" is still there", func() bool { return gone(pid) })
	}
	eventually(t, "what it had stopped does not go on", func() bool { return state(other.Process.Pid) == "S" })
}
