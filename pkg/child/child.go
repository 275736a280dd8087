// Package child runs one operating-system process: its pipes, its process group, its limits and its end.
package child

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"onair/pkg/nonblock"
)

// lastWords is how long stderr is read after the child's end.
const lastWords = time.Second

// Defaults of a Spec's zero fields.
const (
	DefaultTail  = 40
	DefaultGrace = 2 * time.Second
)

// Spec says what to run.
type Spec struct {
	Path      string        // program; a bare name is looked up in PATH
	Args      []string      // arguments, without the program's name
	Env       []string      // environment; nil means that of this process
	Outputs   int           // pipes that the child writes, as its file descriptors 3, 4, ...
	Paced     bool          // what it writes is read on the beat (package beat), not as it comes
	Stdin     int           // bytes that may wait for it on its standard input; 0 means what the kernel gives, 64 KiB
	TailLines int           // lines of stderr to keep; 0 means DefaultTail
	Grace     time.Duration // how long each step of Stop waits for the child's end; 0 means DefaultGrace
	Limits    Limits        // what it may take, as far as Groups can hold it to them; see Enforced
	Groups    *Groups       // nil: no limit is enforced
}

// Process is a running child. All methods may be called from any goroutine.
type Process struct {
	pid     int
	grace   time.Duration
	stdin   *nonblock.File
	outputs []*output
	tail    *tail
	asked   atomic.Bool
	exit    Exit
	done    chan struct{}
	stop    sync.Once
	group   *group // nil: none

	members []int // of its process group, when they were last looked for
	asks    int   // calls of Usage
}

// Start runs the child in a process group of its own. Its standard output goes to /dev/null. The child is killed by the
// kernel when this process dies, and what it left behind in its group is killed when it ends.
//
// A child that cannot be started (no such program, no permission, no descriptors left) is an error.
func Start(spec Spec) (*Process, error) {
	path, err := exec.LookPath(spec.Path)
	if err != nil {
		return nil, fmt.Errorf("program %q: %w", spec.Path, err)
	}
	cmd := exec.Command(path, spec.Args...)
	cmd.Env = spec.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p := &Process{grace: spec.Grace, tail: newTail(spec.TailLines), done: make(chan struct{})}
	if p.grace <= 0 {
		p.grace = DefaultGrace
	}
	theirs, err := p.open(cmd, spec)
	if err == nil {
		err = p.launchWithin(cmd, spec)
	}
	for _, f := range theirs {
		_ = f.Close()
	}
	if err != nil {
		p.closeOurs()
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	return p, nil
}

// open makes the pipes and returns the child's ends, to be closed here once the child has them.
func (p *Process) open(cmd *exec.Cmd, spec Spec) (theirs []*os.File, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	if spec.Stdin > 0 {
		widen(w, spec.Stdin)
	}
	p.stdin, cmd.Stdin = nonblock.NewFile(w), r
	theirs = append(theirs, r)
	if r, w, err = os.Pipe(); err != nil {
		return theirs, err
	}
	p.tail.from, cmd.Stderr = r, w
	theirs = append(theirs, w)
	for range spec.Outputs {
		if r, w, err = os.Pipe(); err != nil {
			return theirs, err
		}
		widen(r, pipeSize)
		p.outputs = append(p.outputs, newOutput(r, spec.Paced))
		cmd.ExtraFiles = append(cmd.ExtraFiles, w)
		theirs = append(theirs, w)
	}
	return theirs, nil
}

// launchWithin starts the child in a control group of its own where that is possible, else without.
func (p *Process) launchWithin(cmd *exec.Cmd, spec Spec) error {
	within, err := spec.Groups.make(spec.Limits)
	if err != nil || within == nil {
		return p.launch(cmd)
	}
	p.group = within
	plain := *cmd // a Cmd can be started once
	plainAttr := *cmd.SysProcAttr
	plain.SysProcAttr = &plainAttr
	cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(within.handle.Fd())
	if p.launch(cmd) == nil {
		return nil
	}
	p.group = nil
	within.remove()
	return p.launch(&plain)
}

// Enforced are the limits that the kernel holds the child to. What else was asked for is for the caller to watch.
func (p *Process) Enforced() Limits {
	if p.group == nil {
		return Limits{}
	}
	return p.group.enforced
}

// launch starts the child on a thread that lives as long as the child: the kernel sends Pdeathsig when the thread that
// forked ends, which the Go runtime is otherwise free to let happen.
func (p *Process) launch(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			p.attend(cmd)
		}
	}()
	return <-started
}

// attend waits for the child and records its end.
func (p *Process) attend(cmd *exec.Cmd) {
	tailed := make(chan struct{})
	go func() {
		defer close(tailed)
		p.tail.read()
	}()
	p.awaitZombie()
	// while the leader is unreaped its number cannot belong to another group
	_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	_ = p.tail.from.SetReadDeadline(time.Now().Add(lastWords)) // a descendant in another group may hold the pipe
	err := cmd.Wait()
	<-tailed
	_ = p.stdin.Close()
	p.exit = newExit(cmd.ProcessState, err, p.asked.Load())
	if p.group != nil {
		p.exit.OutOfMemory = p.group.starved()
		p.group.remove()
	}
	close(p.done)
}

// awaitZombie returns when the child has ended but is not reaped yet.
func (p *Process) awaitZombie() {
	for {
		err := unix.Waitid(unix.P_PID, p.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

func (p *Process) closeOurs() {
	if p.stdin != nil {
		_ = p.stdin.Close()
	}
	if p.tail.from != nil {
		_ = p.tail.from.Close()
	}
	for _, o := range p.outputs {
		_ = o.Close()
	}
}

// Pid is the child's process id, which is also its group's.
func (p *Process) Pid() int { return p.pid }

// Stdin is the child's standard input. Closing it is end of file for the child; a pending Write then returns. A write
// after the child's end fails with EPIPE or os.ErrClosed.
func (p *Process) Stdin() io.WriteCloser { return p.stdin }

// Unread is how many bytes of its standard input the child has not read yet; 0 once that is closed.
func (p *Process) Unread() int {
	conn, err := p.stdin.SyscallConn()
	if err != nil {
		return 0
	}
	n := 0
	gone := conn.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }) // FIONREAD of a pipe
	if gone != nil || err != nil {
		return 0
	}
	return n
}

// Output is the pipe that the child writes as descriptor 3+i. It is to be read to its end by one goroutine, and stays
// readable after the child's end; it is closed when a Read fails or meets the end. Close gives up earlier.
func (p *Process) Output(i int) io.ReadCloser { return p.outputs[i] }

// Done is closed when the child has ended and Wait returns at once.
func (p *Process) Done() <-chan struct{} { return p.done }

// Tail is the last lines that the child wrote to stderr, oldest first.
func (p *Process) Tail() []string { return p.tail.lines() }

// Wait waits for the child's end and tells it. It may be called any number of times.
func (p *Process) Wait() Exit {
	<-p.done
	return p.exit
}

// Kill ends the child's whole group at once. It does not wait.
func (p *Process) Kill() {
	p.asked.Store(true)
	p.signal(syscall.SIGKILL)
}

// Stop ends the child and waits for its end: end of file on its standard input, SIGINT when it is still there after the
// grace period, SIGKILL to its group after another one. Who wants everything the child still has to say keeps reading
// its outputs meanwhile.
func (p *Process) Stop() {
	p.stop.Do(func() {
		p.asked.Store(true)
		_ = p.stdin.Close()
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
			timer := time.NewTimer(p.grace)
			select {
			case <-p.done:
				timer.Stop()
				return
			case <-timer.C:
				p.signal(sig)
			}
		}
	})
	<-p.done
}

// signal sends sig to the group unless the child has ended: its number may be another's then.
func (p *Process) signal(sig syscall.Signal) {
	select {
	case <-p.done:
	default:
		_ = syscall.Kill(-p.pid, sig)
	}
}
