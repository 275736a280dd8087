package child_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"onair/pkg/child"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sh(t *testing.T, script string, outputs int) *child.Process {
	t.Helper()
	p, err := child.Start(child.Spec{Path: "sh", Args: []string{"-c", script}, Outputs: outputs,
		Grace: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill(); p.Wait() })
	return p
}

func TestPipes(t *testing.T) {
	p := sh(t, `read a; echo "one $a" >&3; read b; echo "two $b" >&4; echo not kept`, 2)
	go func() {
		fmt.Fprintln(p.Stdin(), "first")
		fmt.Fprintln(p.Stdin(), "second")
	}()
	for i, want := range []string{"one first\n", "two second\n"} {
		got, err := io.ReadAll(p.Output(i))
		if err != nil || string(got) != want {
			t.Errorf("output %d: %q, %v; want %q", i, got, err, want)
		}
	}
	if e := p.Wait(); !e.OK() || e.Asked {
		t.Errorf("exit %+v", e)
	}
}

func TestOutputStaysReadableAfterTheEnd(t *testing.T) {
	p := sh(t, `echo late >&3`, 1)
	p.Wait()
	if got, err := io.ReadAll(p.Output(0)); err != nil || string(got) != "late\n" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := p.Output(0).Read(make([]byte, 1)); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("read after the end: %v, want it closed", err)
	}
}

func TestExit(t *testing.T) {
	for name, c := range map[string]struct {
		script, want string
		ok           bool
	}{
		"success":         {"exit 0", "exit status 0", true},
		"status":          {"exit 7", "exit status 7", false},
		"own signal":      {"kill -9 $$", "signal: killed", false},
		"segmentation":    {"kill -SEGV $$", "signal: segmentation fault", false},
		"end of its file": {"cat >/dev/null", "exit status 0", true},
	} {
		t.Run(name, func(t *testing.T) {
			p := sh(t, c.script, 0)
			_ = p.Stdin().Close()
			if e := p.Wait(); e.String() != c.want || e.OK() != c.ok {
				t.Errorf("%v, ok %t; want %s", e, e.OK(), c.want)
			}
		})
	}
}

func TestStopEscalates(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"ends with its input":  {`cat >/dev/null; exit 3`, "exit status 3"},
		"ends on SIGINT":       {`trap 'exit 4' INT; while :; do sleep 0.05; done`, "exit status 4"},
		"ends on nothing else": {`trap '' INT TERM; while :; do sleep 0.05; done`, "signal: killed"},
	} {
		t.Run(name, func(t *testing.T) {
			p := sh(t, "echo ready >&3; exec 3>&-; "+c.script, 1)
			if _, err := io.ReadAll(p.Output(0)); err != nil {
				t.Fatal(err)
			}
			p.Stop()
			p.Stop() // idempotent
			if e := p.Wait(); e.String() != c.want || !e.Asked {
				t.Errorf("%v, asked %t; want %s", e, e.Asked, c.want)
			}
		})
	}
}

func TestStopBeforeAPendingWrite(t *testing.T) {
	p := sh(t, `trap '' INT; sleep 60 & wait; wait`, 0)
	failed := make(chan error)
	go func() {
		_, err := p.Stdin().Write(make([]byte, 1<<20)) // more than a pipe takes
		failed <- err
	}()
	p.Stop()
	if err := <-failed; err == nil {
		t.Error("a write to a stopped child succeeded")
	}
}

func TestGroupDiesWithTheChild(t *testing.T) {
	p := sh(t, `sleep 600 & echo $! >&3; exit 0`, 1)
	var pid int
	if _, err := fmt.Fscan(p.Output(0), &pid); err != nil {
		t.Fatal(err)
	}
	p.Wait()
	if err := gone(pid); err != nil {
		t.Error(err)
	}
}

// gone waits until no process pid runs (a zombie that its new parent has not reaped yet counts as gone).
func gone(pid int) error {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) || strings.Contains(string(stat), ") Z ") {
			return nil
		}
	}
	return fmt.Errorf("process %d is still there", pid)
}

// TestChildDiesWithItsParent runs this test binary as a parent that is killed.
func TestChildDiesWithItsParent(t *testing.T) {
	if os.Getenv("CHILD_TEST_PARENT") != "" {
		p, err := child.Start(child.Spec{Path: "sleep", Args: []string{"600"}})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("pid", p.Pid())
		select {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=TestChildDiesWithItsParent")
	cmd.Env = append(os.Environ(), "CHILD_TEST_PARENT=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscanf(out, "pid %d\n", &pid); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if err := gone(pid); err != nil {
		t.Error(err)
	}
}

func TestTailKeepsTheLastLines(t *testing.T) {
	p, err := child.Start(child.Spec{
		Path: "sh", TailLines: 3,
		Args: []string{"-c", `for i in 1 2 3 4; do echo line $i >&2; done; printf 'a\rb\n\nno newline' >&2`},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Wait()
	if got, want := p.Tail(), []string{"a", "b", "no newline"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTailIsBounded(t *testing.T) {
	p := sh(t, `head -c 1000000 /dev/zero | tr '\0' x >&2`, 0)
	p.Wait()
	if got := p.Tail(); len(got) != 1 || len(got[0]) > 4096 {
		t.Errorf("%d lines, the first of %d bytes", len(got), len(got[0]))
	}
}

func TestStartFailures(t *testing.T) {
	for name, path := range map[string]string{"missing": "/no/such/program", "not a program": "/etc/passwd",
		"not in PATH": "no-such-program"} {
		t.Run(name, func(t *testing.T) {
			before := descriptors(t)
			if _, err := child.Start(child.Spec{Path: path, Outputs: 3}); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("%v, want an error that names %s", err, path)
			}
			if after := descriptors(t); after > before {
				t.Errorf("%d descriptors before, %d after", before, after)
			}
		})
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// A whole picture may wait for a child that is busy, where that is asked for.
func TestWideStandardInput(t *testing.T) {
	p, err := child.Start(child.Spec{Path: "sleep", Args: []string{"600"}, Stdin: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill(); p.Wait() })
	const picture = 700_000 // does not fit what the kernel gives by itself, and the write would not return
	if n, err := p.Stdin().Write(make([]byte, picture)); n != picture || err != nil {
		t.Fatal(n, err)
	}
	if n := p.Unread(); n != picture {
		t.Errorf("%d bytes wait, want %d", n, picture)
	}
}
