package origin

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"onair/pkg/nonblock"
)

// pipeSize is how much a pipe holds, in bytes; what the kernel gives to everybody.
const pipeSize = 1 << 20

// pipe carries pages from memory to a connection. It is empty when nobody has it. Its calls never wait, so the runtime
// is not told of them: that costs more than most of them take.
type pipe struct{ out, in uintptr }

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
	p := pipe{out: uintptr(ends[0]), in: uintptr(ends[1])}  //nolint:gosec // descriptors are not negative
	_, _ = unix.FcntlInt(p.in, unix.F_SETPIPE_SZ, pipeSize) // a smaller one does, too
	return p, nil
}

// fill puts pages into an empty pipe, as many as it holds.
func (p pipe) fill(body []byte) (held int, err error) {
	v := unix.Iovec{Base: &body[0], Len: uint64(len(body))}
	return some(nonblock.Call(unix.SYS_VMSPLICE, p.in, uintptr(unsafe.Pointer(&v)), 1, unix.SPLICE_F_NONBLOCK, 0, 0))
}

// drain moves up to so many bytes of the pipe to a connection; more tells that others follow.
func (p pipe) drain(fd uintptr, held int, more bool) (int, error) {
	flags := uintptr(unix.SPLICE_F_NONBLOCK)
	if more {
		flags |= unix.SPLICE_F_MORE
	}
	return some(nonblock.Call(unix.SYS_SPLICE, p.out, 0, fd, 0, uintptr(held), flags)) //nolint:gosec // it is positive
}

// some is what was moved; nothing at all is an error.
func some(n int, err error) (int, error) {
	if n == 0 && err == nil {
		return 0, unix.EINVAL
	}
	return n, err
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
	_ = unix.Close(int(p.out)) //nolint:gosec // a descriptor is small
	_ = unix.Close(int(p.in))  //nolint:gosec // as above
}
