// Package nonblock reads and writes pipes and sockets that never make a system call wait, without telling the Go
// scheduler of each call. It is told of an ordinary one in case that waits, and each time the program had nothing to do
// it wakes a thread that looks after such calls: for a channel that is a fifth of all it does. Where nothing can be
// read or written for now, the goroutine waits as with the standard library.
package nonblock

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Call makes a system call that does not wait and moves bytes: how many, 0 at the end of a file, or what failed. It
// must not be one that may wait: nothing else runs on the processor meanwhile.
//
//go:uintptrescapes
func Call(trap, a1, a2, a3, a4, a5, a6 uintptr) (int, error) { //nolint:revive // the arguments of any system call
	for {
		n, _, errno := syscall.RawSyscall6(trap, a1, a2, a3, a4, a5, a6)
		switch errno {
		case 0:
			return int(n), nil //nolint:gosec // not more than was asked
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}
