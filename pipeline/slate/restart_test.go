package slate_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"onair/pipeline/slate"
)

// script makes a program of a shell script that notes its process id, one on each line of the file.
func script(t *testing.T, body string) (program, pids string) {
	t.Helper()
	dir := t.TempDir()
	program, pids = filepath.Join(dir, "encoder"), filepath.Join(dir, "pids")
	text := fmt.Sprintf("#!/bin/sh\necho $$ >> '%s'\n%s\n", pids, body)
	if err := os.WriteFile(program, []byte(text), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	return program, pids
}

// started are the process ids that a script has noted.
func started(t *testing.T, pids string) (out []int) {
	t.Helper()
	b, err := os.ReadFile(pids)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, line := range strings.Fields(string(b)) {
		pid, err := strconv.Atoi(line)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, pid)
	}
	return out
}

func send(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) { // it may be replaced already
		t.Error(err)
	}
}

// TestAnEncoderThatIsKilledIsFollowedWithoutALostPicture has each encoder stand still when it has brought a picture, and
// kills it when it owes the next.
func TestAnEncoderThatIsKilledIsFollowedWithoutALostPicture(t *testing.T) {
	t.Parallel()
	s := &sink{}
	program, pids := script(t, `exec ffmpeg "$@"`)
	killed, at := 0, 0
	var stands time.Time
	cfg := slate.Config{FFmpeg: program, Width: 320, Height: 180, OnAir: func() bool { return true }}
	running(t, cfg, s, func() bool {
		n := s.pictures()
		switch {
		case killed == 3:
			return n >= at+2
		case stands.IsZero() && n > at:
			send(t, started(t, pids)[killed], syscall.SIGSTOP)
			stands = time.Now()
		case !stands.IsZero() && time.Since(stands) > 1200*time.Millisecond:
			send(t, started(t, pids)[killed], syscall.SIGKILL)
			killed, at, stands = killed+1, n, time.Time{}
		}
		return false
	})
	for i := range s.pts[1:] {
		if step := (s.pts[i+1] - s.pts[i]) & (1<<33 - 1); step != 90_000 {
			t.Errorf("picture %d comes %d/90000 s after the one before", i+1, step)
		}
	}
	if s.lost > 0 {
		t.Errorf("%d breaks of continuity", s.lost)
	}
	if len(s.told) != 2 { // the first, the second
		t.Fatalf("events %q", s.events)
	}
	for _, ev := range s.told {
		why := strings.Contains(ev.Message, "killed from outside")
		why = why || strings.Contains(ev.Message, "stood still") // which was quicker
		if ev.Level != "error" || ev.Code != slate.CodeRestart || !why {
			t.Errorf("event %+v", ev)
		}
	}
}

// TestAnEncoderThatStandsStillIsFollowedWithoutALostPicture: it is not waited for as long as for one that is slow.
func TestAnEncoderThatStandsStillIsFollowedWithoutALostPicture(t *testing.T) {
	t.Parallel()
	s := &sink{}
	program, pids := script(t, `exec ffmpeg "$@"`)
	stopped, at := 0, 0
	running(t, slate.Config{FFmpeg: program, Width: 320, Height: 180}, s, func() bool {
		n := s.pictures()
		if stopped < 2 && n > at && len(started(t, pids)) == stopped+1 {
			send(t, started(t, pids)[stopped], syscall.SIGSTOP)
			stopped, at = stopped+1, n+1
		}
		return stopped == 2 && n >= at+2
	})
	for i := range s.pts[1:] {
		if step := (s.pts[i+1] - s.pts[i]) & (1<<33 - 1); step != 90_000 {
			t.Errorf("picture %d comes %d/90000 s after the one before", i+1, step)
		}
	}
	if len(s.told) == 0 || !strings.Contains(s.told[0].Message, "stood still") {
		t.Errorf("events %q", s.events)
	}
}

// TestTheEndOfAnEncoderThatIsNotOnAirIsAWarning: it says why it failed, after its output is closed.
func TestTheEndOfAnEncoderThatIsNotOnAirIsAWarning(t *testing.T) {
	t.Parallel()
	s := &sink{}
	program, _ := script(t, `exec 3>&-; sleep 0.2; echo "no memory at all" >&2; exit 3`)
	running(t, slate.Config{FFmpeg: program, Width: 320, Height: 180}, s, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.told) > 0
	})
	ev := s.told[0]
	if ev.Level != "warning" || ev.Code != slate.CodeRestart || !strings.Contains(ev.Message, "status 3: no memory at all") {
		t.Errorf("event %+v", ev)
	}
}

// TestAnEncoderThatBringsNothingIsTriedEverMoreSeldomAndToldOnce: it must not take the machine.
func TestAnEncoderThatBringsNothingIsTriedEverMoreSeldomAndToldOnce(t *testing.T) {
	t.Parallel()
	s := &sink{}
	program, pids := script(t, `exit 1`)
	began := time.Now()
	running(t, slate.Config{FFmpeg: program, Width: 320, Height: 180}, s, func() bool { return len(started(t, pids)) >= 5 })
	if took := time.Since(began); took < 2500*time.Millisecond { // 0.25, 0.5, 1 and 1 s
		t.Errorf("five were started within %v", took)
	}
	if len(s.events) != 1 || !strings.Contains(s.events[0], "brought no picture") {
		t.Errorf("events %q", s.events)
	}
}
