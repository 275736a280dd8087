package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"
)

// grace is how long a process may take to end after SIGTERM; onair needs 10 s at most.
const grace = 12 * time.Second

// ProcessConfig says what to start.
type ProcessConfig struct {
	Args    []string      // program and arguments
	Env     []string      // NAME=value, added to the environment
	Dir     string        // where it runs
	Log     string        // file that its output is appended to; empty: nowhere
	Restart time.Duration // from its end to its next start
	Logger  zerolog.Logger
}

// Process is a process that is started here, in a group of its own, and started again whenever it ends. The group is
// ended when this process dies.
type Process struct {
	cfg  ProcessConfig
	quit context.CancelFunc
	done chan struct{} // closed when the supervision has ended

	mu      sync.Mutex
	pid     int           // 0: it does not run
	starts  int           // so far
	ends    int           // by itself
	killed  bool          // the end to come is our doing
	held    bool          // it is not started again
	changed chan struct{} // closed, and made anew, with every change
}

var _ Target = (*Process)(nil)

// NewProcess makes a process that is not started yet.
func NewProcess(cfg ProcessConfig) *Process {
	return &Process{cfg: cfg, changed: make(chan struct{})}
}

// Start starts it. That there is no such program is an error.
func (p *Process) Start(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	p.quit, p.done = cancel, make(chan struct{})
	first := make(chan error, 1)
	go func() {
		// The kernel signals the child when the thread that has forked it ends: this one lives as long as the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		p.supervise(ctx, first)
	}()
	err := <-first
	if err != nil {
		p.Stop()
	}
	return err
}

// supervise starts the process again and again.
func (p *Process) supervise(ctx context.Context, first chan<- error) {
	for ctx.Err() == nil {
		cmd, closing, err := p.launch()
		if first != nil {
			first <- err
			if first = nil; err != nil {
				return
			}
		}
		if err != nil {
			p.cfg.Logger.Error().Err(err).Msg("process cannot be started again")
		} else {
			p.attend(ctx, cmd)
			_ = closing.Close()
		}
		pause(ctx, p.cfg.Restart)
		p.wait(ctx, func() bool { return !p.held })
	}
}

// launch starts it once.
func (p *Process) launch() (*exec.Cmd, io.Closer, error) {
	name := p.cfg.Log
	if name == "" {
		name = os.DevNull
	}
	out, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, nil, fmt.Errorf("log: %w", err)
	}
	cmd := exec.Command(p.cfg.Args[0], p.cfg.Args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.cfg.Dir, out, out
	cmd.Env = append(os.Environ(), p.cfg.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		_ = out.Close()
		return nil, nil, fmt.Errorf("starting %s: %w", filepath.Base(p.cfg.Args[0]), plainPath(err))
	}
	p.update(func() { p.pid, p.killed, p.starts = cmd.Process.Pid, false, p.starts+1 })
	return cmd, out, nil
}

// plainPath is an error without the path, which may be an argument that nobody should see.
func plainPath(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	var program *exec.Error
	if errors.As(err, &program) {
		return program.Err
	}
	return err
}

// attend waits for the end of the process, and asks for it when ctx ends.
func (p *Process) attend(ctx context.Context, cmd *exec.Cmd) {
	pid := cmd.Process.Pid
	release, err := deathWatch(`kill -9 "-$0"`, strconv.Itoa(pid)) // the kernel would end the first of its group only
	if err != nil {
		p.cfg.Logger.Warn().Err(err).Msg("if the drill is killed, parts of this target may stay")
		release = func() {}
	}
	over := make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() {
		select {
		case <-over:
			return
		case <-ctx.Done():
		}
		p.end(pid, over)
	})
	awaitZombie(pid)
	p.update(func() { // its number is still its own: nobody else is hit
		_ = syscall.Kill(-pid, syscall.SIGKILL) // what it leaves behind in its group
		p.pid = 0
		if !p.killed && ctx.Err() == nil {
			p.ends++
			p.cfg.Logger.Warn().Int("pid", pid).Msg("process has ended by itself")
		}
	})
	close(over)
	release() // before the number may be another's
	_ = cmd.Wait()
	asking.Wait()
}

// awaitZombie returns when the child has ended but is not reaped yet.
func awaitZombie(pid int) {
	for {
		if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// end asks the process to end, and makes it.
func (p *Process) end(pid int, over <-chan struct{}) {
	p.signal(pid, syscall.SIGCONT)
	p.signal(pid, syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-over:
	case <-timer.C:
		p.signal(-pid, syscall.SIGKILL)
	}
}

// signal signals the process, or its group, unless it has ended.
func (p *Process) signal(to int, sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid != 0 && (to == p.pid || to == -p.pid) {
		_ = syscall.Kill(to, sig)
	}
}

// update changes what is known, and tells those who wait.
func (p *Process) update(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

// wait waits until a condition holds, or ctx ends.
func (p *Process) wait(ctx context.Context, cond func() bool) {
	for {
		p.mu.Lock()
		held, changed := cond(), p.changed
		p.mu.Unlock()
		if held || ctx.Err() != nil {
			return
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}

// Do kills or stops it, or keeps it from running for a time.
func (p *Process) Do(ctx context.Context, f Fault) (string, error) {
	p.mu.Lock()
	pid, starts := p.pid, p.starts
	p.mu.Unlock()
	if pid == 0 {
		return "", errors.New("it does not run")
	}
	what := fmt.Sprintf("process %d", pid)
	switch f.Kind {
	case Kill:
		p.kill(pid)
		p.wait(ctx, func() bool { return p.starts > starts })
	case Region:
		p.update(func() { p.held = true })
		defer p.wait(ctx, func() bool { return p.starts > starts })
		defer p.update(func() { p.held = false })
		p.kill(pid)
		pause(ctx, f.For)
	case Stop:
		p.signal(-pid, syscall.SIGSTOP)
		defer p.signal(-pid, syscall.SIGCONT)
		pause(ctx, f.For)
	default:
		return "", unknown{f.Kind, "a process"}
	}
	return what, nil
}

func (p *Process) kill(pid int) {
	p.mu.Lock()
	p.killed = p.killed || p.pid == pid
	p.mu.Unlock()
	p.signal(-pid, syscall.SIGKILL)
}

// Pid is the process's number; 0 while it does not run.
func (p *Process) Pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pid
}

// Ends is how often it has ended by itself.
func (p *Process) Ends() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ends
}

// Stop ends the process, politely at first.
func (p *Process) Stop() {
	if p.quit == nil {
		return
	}
	p.quit()
	<-p.done
}
