package origin

import (
	"golang.org/x/sys/unix"
)

// pipeSize is how much a pipe holds, in bytes; what the kernel gives to everybody.
const pipeSize = 1 << 20

// pipe carries pages from memory to a connection. It is empty when nobody has it.
type pipe struct{ out, in int }

// pipes are those that are empty, so many as are used at a time: none is held while a client is waited for.
var pipes = make(chan pipe, 8)

// takePipe gives an empty pipe. An error says that there is no descriptor left.
func takePipe() (pipe, error) {
	select {
	case p := <-pipes:
		return p, nil
	default:
	}
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return pipe{}, err //nolint:wrapcheck // nobody is told
	}
	_, _ = unix.FcntlInt(uintptr(ends[1]), unix.F_SETPIPE_SZ, pipeSize) //nolint:gosec // a smaller one does, too
	return pipe{out: ends[0], in: ends[1]}, nil
}

// give puts an empty pipe back.
func (p pipe) give() {
	select {
	case pipes <- p:
	default:
		p.close()
	}
}

// close lets go of what it holds.
func (p pipe) close() {
	_ = unix.Close(p.out)
	_ = unix.Close(p.in)
}
