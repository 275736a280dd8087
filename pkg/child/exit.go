package child

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// Exit is how a child ended.
type Exit struct {
	Code   int            // exit status; -1 when a signal ended it
	Signal syscall.Signal // signal that ended it; 0 when it exited
	Asked  bool           // Stop or Kill was called before
	User   time.Duration  // processor time in user mode
	System time.Duration  // processor time in the kernel
	// OutOfMemory tells that the kernel ended it, or a process of its own, because its Limits.Memory was used up.
	OutOfMemory bool
	Err         error // waiting itself failed; nil in any ordinary end
}

func newExit(state *os.ProcessState, waitErr error, asked bool) Exit {
	if state == nil {
		return Exit{Code: -1, Asked: asked, Err: waitErr}
	}
	e := Exit{Code: state.ExitCode(), Asked: asked, User: state.UserTime(), System: state.SystemTime()}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		e.Signal = ws.Signal()
	}
	return e
}

// OK tells an exit with status 0.
func (e Exit) OK() bool { return e.Code == 0 && e.Signal == 0 && e.Err == nil }

// String is "exit status 1" or "signal: killed".
func (e Exit) String() string {
	switch {
	case e.Err != nil:
		return e.Err.Error()
	case e.Signal != 0:
		return "signal: " + e.Signal.String()
	}
	return fmt.Sprintf("exit status %d", e.Code)
}
