package child_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"onair/pkg/child"
)

func TestUsageCountsTheWholeGroup(t *testing.T) {
	p := sh(t, `head -c 60M /dev/zero | tail -c 60M | { sleep 0.2; echo >&3; sleep 600; } & echo >&3; wait`, 1)
	if _, err := fmt.Fscanln(p.Output(0)); err != nil && !strings.Contains(err.Error(), "newline") {
		t.Fatal(err)
	}
	var most child.Usage
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline) && most.Memory < 60e6; time.Sleep(10 * time.Millisecond) {
		u, err := p.Usage()
		if err != nil {
			t.Fatal(err)
		}
		most.Memory, most.CPU = max(most.Memory, u.Memory), max(most.CPU, u.CPU)
	}
	if most.Memory < 60e6 || most.Memory > 200e6 {
		t.Errorf("%d bytes, while a grandchild keeps 60 M", most.Memory)
	}
	p.Kill()
	p.Wait()
	if u, err := p.Usage(); err == nil {
		t.Errorf("a child that has ended uses %+v", u)
	}
}

func TestUsageOfTheProcessor(t *testing.T) {
	p := sh(t, `while :; do :; done`, 0)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if u, err := p.Usage(); err != nil {
			t.Fatal(err)
		} else if u.CPU > 50*time.Millisecond {
			return
		}
	}
	t.Error("no processor time is counted")
}

// What works, or would, gets more and more awake; what sleeps or is stopped does not.
func TestAwake(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		stop   bool
		grows  bool
	}{
		"works":   {script: "while :; do :; done", grows: true},
		"stopped": {script: "while :; do :; done", stop: true},
		"sleeps":  {script: "exec sleep 600"},
	} {
		t.Run(name, func(t *testing.T) {
			p := sh(t, c.script, 0)
			if c.stop {
				if err := syscall.Kill(p.Pid(), syscall.SIGSTOP); err != nil {
					t.Fatal(err)
				}
			}
			read := func() time.Duration {
				d, err := p.Awake()
				if err != nil {
					t.Fatal(err)
				}
				return d
			}
			last, same := read(), 0
			for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline) && same < 20; time.Sleep(20 * time.Millisecond) {
				now := read()
				if same++; now != last {
					last, same = now, 0
				}
				if c.grows && now > 200*time.Millisecond {
					return
				}
			}
			if c.grows || same < 20 {
				t.Errorf("awake for %v, the same for %d looks", last, same)
			}
		})
	}
}

func TestUnread(t *testing.T) {
	for script, want := range map[string]int{"exec sleep 600": 3, "exec cat": 0} {
		p := sh(t, script, 0)
		if _, err := p.Stdin().Write([]byte("abc")); err != nil {
			t.Fatal(err)
		}
		n := p.Unread()
		for deadline := time.Now().Add(10 * time.Second); n != want && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			n = p.Unread()
		}
		if n != want {
			t.Errorf("%s: %d bytes are not read, want %d", script, n, want)
		}
		if err := p.Stdin().Close(); err != nil {
			t.Fatal(err)
		}
		if n := p.Unread(); n != 0 {
			t.Errorf("%s: %d bytes of what is closed", script, n)
		}
	}
}

func TestIdle(t *testing.T) {
	if d, err := child.Idle(); err != nil || d <= 0 {
		t.Errorf("%v, %v", d, err)
	}
	for text, want := range map[string]time.Duration{
		"cpu  10 20 30 400 50 0 0 0 0 0\ncpu0 1 2 3 4 5\n": 4500 * time.Millisecond,
		"cpu  1 2": -1, "": -1, "cpu0 10 20 30 400 50": -1, "cpu 1 2 3 x 5 6": -1, "cpu 1 2 3 -4 5 6": -1,
	} {
		if got, err := child.ParseIdle([]byte(text)); got != max(want, 0) || (err != nil) != (want < 0) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestParseStat(t *testing.T) {
	const tail = " S 1 42 42 0 -1 4194304 1 2 3 4 100 23 0 0 20 0 8 0 5000 123456 789 18446744073709551615 1"
	for text, ok := range map[string]bool{
		"42 (ffmpeg)" + tail: true, "42 (a) b (c))" + tail: true, "42 (ffmpeg) S 1": false, "": false, "42": false,
		"42 (x)" + strings.Replace(tail, "789", "-789", 1): false,
	} {
		group, ticks, pages, err := child.ParseStat([]byte(text))
		if (err == nil) != ok || ok && (group != 42 || ticks != 123 || pages != 789) {
			t.Errorf("%q: group %d, ticks %d, pages %d, %v", text, group, ticks, pages, err)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("42 (ffmpeg) S 1 42 42 0 -1 4194304 1 2 3 4 100 23 0 0 20 0 8 0 5000 123456 789 1 1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, ticks, pages, err := child.ParseStat(b); err == nil && pages < 0 && ticks < 0 {
			t.Errorf("%d, %d", ticks, pages)
		}
		if d, err := child.ParseIdle(b); err == nil && d < 0 {
			t.Errorf("%v", d)
		}
	})
}
