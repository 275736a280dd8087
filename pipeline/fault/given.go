package fault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Given is a process of somebody else's, named by a file with its number. It is looked at anew before each signal, and
// signalled by a handle: a number that belongs to another process by now is never hit.
type Given struct {
	file    string
	program string        // what it has to be called
	patient time.Duration // how long a new one may take after a kill

	last identity // that was looked at
}

var _ Target = (*Given)(nil)

// identity tells one process from all others there ever are on a machine.
type identity struct {
	pid     int
	started string // in ticks since the machine's start
	program string
}

// backTime is how long whoever looks after a process may take to start it again.
const backTime = time.Minute

// NewGiven names a process by a file that holds its number. program is what it has to be called, as /proc/PID/comm has
// it; empty: as it is at the start.
func NewGiven(file, program string) *Given {
	return &Given{file: file, program: program, patient: backTime}
}

// Start looks at the process.
func (g *Given) Start(context.Context) error {
	handle, id, err := g.look()
	if err != nil {
		return err
	}
	_ = unix.Close(handle)
	if g.program == "" {
		g.program = id.program
	}
	return nil
}

// look opens a handle on the process that the file names, and checks who that is.
func (g *Given) look() (handle int, id identity, err error) {
	text, err := os.ReadFile(g.file)
	if err != nil {
		return 0, id, err
	}
	id.pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || id.pid <= 1 || id.pid == os.Getpid() || id.pid == os.Getppid() {
		return 0, id, fmt.Errorf("%s holds %.20q, which is no number of a process that may be harmed", g.file, text)
	}
	if handle, err = unix.PidfdOpen(id.pid, 0); err != nil {
		return 0, id, fmt.Errorf("process %d of %s: %w", id.pid, g.file, err)
	}
	// From here on the handle is that process, whoever has the number: what is read now is right if it still lives after.
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id.pid))
	if err == nil {
		id.program, id.started, err = parseStat(stat)
	}
	if err == nil {
		err = unix.PidfdSendSignal(handle, 0, nil, 0)
	}
	if err == nil && g.program != "" && g.program != id.program {
		err = fmt.Errorf("it is called %q, not %q: it is not touched", id.program, g.program)
	}
	if err != nil {
		_ = unix.Close(handle)
		return 0, id, fmt.Errorf("process %d of %s: %w", id.pid, g.file, err)
	}
	g.last = id
	return handle, id, nil
}

// parseStat reads the name and the start of a process from its line of proc(5). The name, in parentheses, may hold
// anything.
func parseStat(b []byte) (program, started string, err error) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return "", "", errors.New("no line of /proc/PID/stat")
	}
	f := strings.Fields(string(b[end+1:])) // f[0] is field 3
	if len(f) < 20 {
		return "", "", errors.New("no line of /proc/PID/stat")
	}
	return string(b[open+1 : end]), f[22-3], nil
}

// Do kills it and waits for the next one in the file, or stops it for a time.
func (g *Given) Do(ctx context.Context, f Fault) (string, error) {
	handle, id, err := g.look()
	if err != nil {
		return "", err
	}
	defer func() { _ = unix.Close(handle) }()
	what := fmt.Sprintf("process %d (%s)", id.pid, id.program)
	switch f.Kind {
	case Kill:
		if err := unix.PidfdSendSignal(handle, unix.SIGKILL, nil, 0); err != nil {
			return what, err
		}
		return what, g.awaitNext(ctx, id)
	case Stop, Region: // who starts it again is not known: a region's loss is a stop
		release, err := guard(id.pid)
		if err != nil {
			return what, err
		}
		defer release()
		defer func() { _ = unix.PidfdSendSignal(handle, unix.SIGCONT, nil, 0) }()
		if err := unix.PidfdSendSignal(handle, unix.SIGSTOP, nil, 0); err != nil {
			return what, err
		}
		pause(ctx, f.For)
		return what, nil
	}
	return "", unknown{f.Kind, "a process"}
}

// awaitNext waits until the file names another process of the same name.
func (g *Given) awaitNext(ctx context.Context, before identity) error {
	ctx, cancel := context.WithTimeout(ctx, g.patient)
	defer cancel()
	for {
		handle, id, err := g.look()
		if err == nil {
			_ = unix.Close(handle)
			if id != before {
				return nil
			}
			err = errors.New("it is still there")
		}
		if !pause(ctx, 200*time.Millisecond) {
			continue
		}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fmt.Errorf("nobody has started it again within %v: %w", g.patient, err)
		}
		return nil
	}
}

// guard has a helper continue a process that is to be stopped, should this one die meanwhile. release ends it.
func guard(pid int) (release func(), err error) {
	return deathWatch(`kill -CONT "$0"`, strconv.Itoa(pid))
}

// deathWatch starts a shell that waits until this process lets go of it, or dies: then it does what it was told.
func deathWatch(script string, args ...string) (release func(), err error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", "trap '' INT TERM HUP; read -r x || " + script}, args...)...)
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true} // an interrupt of the terminal is not for it
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("a guard for it: %w", err)
	}
	return func() {
		_, _ = in.Write([]byte("released\n"))
		_ = in.Close()
		_ = cmd.Wait()
	}, nil
}

// Stop leaves it as it is.
func (g *Given) Stop() {}
