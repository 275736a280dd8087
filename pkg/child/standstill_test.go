package child_test

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"onair/pkg/child"
)

// TestStandstill: a child that is stopped stands still once it was seen to for long enough, one that works does not, nor
// does one that shows any sign of life.
func TestStandstill(t *testing.T) {
	t.Parallel()
	const look, limit = 100 * time.Millisecond, time.Second
	for name, c := range map[string]struct {
		stop bool
		life int // every so many looks there is a sign of it; 0: never
		want bool
	}{
		"stopped": {true, 0, true}, "stopped, but things come out": {true, 5, false}, "at work": {false, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := child.Start(child.Spec{Path: "sh", Args: []string{"-c", "while :; do :; done"}})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Wait()
			defer p.Kill()
			if c.stop {
				if err := syscall.Kill(p.Pid(), syscall.SIGSTOP); err != nil {
					t.Fatal(err)
				}
				await(t, "it is stopped", func() bool { return stopped(p.Pid()) })
			}
			var s child.Standstill
			looks, stands := 0, false
			for ; looks < 30 && !stands; looks++ {
				if !c.stop {
					worked(t, p)
				}
				stands = s.Look(p, c.life > 0 && looks%c.life == 0, look, limit)
			}
			if stands != c.want {
				t.Errorf("stands still: %t after %d looks, want %t", stands, looks, c.want)
			}
			if c.want && (time.Duration(looks)*look < limit || time.Duration(looks)*look > limit+3*look) {
				t.Errorf("told after %d looks, want little more than %v", looks, limit)
			}
		})
	}
}

// worked waits until a child has had the processor again.
func worked(t *testing.T, p *child.Process) {
	t.Helper()
	before, err := p.Awake()
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the child works", func() bool {
		now, err := p.Awake()
		return err == nil && now > before
	})
}

// stopped tells whether a signal has stopped a process (proc(5), the third field of stat).
func stopped(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, state, ok := bytes.Cut(b, []byte(") "))
	return err == nil && ok && bytes.HasPrefix(state, []byte("T"))
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); !is(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}
