package nonblock

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// File is our end of a pipe. One goroutine may read it and one write it, and any close it, which ends both.
type File struct {
	file    *os.File
	raw     syscall.RawConn // nil: it may wait, and the standard library reads and writes it
	in, out transfer
	glance  func(fd uintptr) bool // tries to read once
}

// transfer is the call under way, kept so that none needs memory of its own.
type transfer struct {
	b   []byte
	n   int
	err error
	try func(fd uintptr) bool
}

// NewFile takes a file over.
func NewFile(f *os.File) *File {
	out := &File{file: f}
	raw, err := f.SyscallConn()
	if err != nil {
		return out // it is closed
	}
	_ = raw.Control(func(fd uintptr) {
		if flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0); err == nil && flags&unix.O_NONBLOCK != 0 {
			out.raw = raw
		}
	})
	out.in.try = func(fd uintptr) bool { return out.in.move(unix.SYS_READ, fd) }
	out.glance = func(fd uintptr) bool { out.in.try(fd); return true }
	out.out.try = func(fd uintptr) bool { return out.out.move(unix.SYS_WRITE, fd) }
	return out
}

// move makes one call; false: there is nothing for now.
func (t *transfer) move(trap, fd uintptr) bool {
	t.n, t.err = Call(trap, fd, uintptr(unsafe.Pointer(&t.b[0])), uintptr(len(t.b)), 0, 0, 0)
	return !errors.Is(t.err, unix.EAGAIN)
}

// Read reads what is there, and waits if that is nothing.
func (f *File) Read(b []byte) (int, error) {
	if f.raw == nil || len(b) == 0 {
		return f.file.Read(b)
	}
	return f.read(b, f.in.try)
}

func (f *File) read(b []byte, try func(fd uintptr) bool) (int, error) {
	f.in.b = b
	err := f.raw.Read(try)
	n, failed := f.in.n, f.in.err
	f.in.b = nil
	switch {
	case err != nil:
		return 0, closed("read", f.file.Name())
	case failed != nil:
		return 0, &os.PathError{Op: "read", Path: f.file.Name(), Err: failed}
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// ReadNow reads what is there; false: nothing is, for now, or only Read can tell.
func (f *File) ReadNow(b []byte) (n int, ok bool, err error) {
	if f.raw == nil || len(b) == 0 {
		return 0, false, nil
	}
	n, err = f.read(b, f.glance)
	if errors.Is(err, unix.EAGAIN) {
		return 0, false, nil
	}
	return n, true, err
}

// Write writes all of b, and waits for room.
func (f *File) Write(b []byte) (int, error) {
	if f.raw == nil {
		return f.file.Write(b)
	}
	done := 0
	for done < len(b) {
		f.out.b = b[done:]
		err := f.raw.Write(f.out.try)
		n, failed := f.out.n, f.out.err
		f.out.b = nil
		if err != nil {
			return done, closed("write", f.file.Name())
		}
		if failed != nil {
			return done, &os.PathError{Op: "write", Path: f.file.Name(), Err: failed}
		}
		done += n
	}
	return done, nil
}

// Close ends what is under way.
func (f *File) Close() error { return f.file.Close() }

// SyscallConn is for what else is to be done with the descriptor.
func (f *File) SyscallConn() (syscall.RawConn, error) { return f.file.SyscallConn() }

// closed is the only reason for which nothing can be waited for.
func closed(op, name string) error { return fmt.Errorf("%s %s: %w", op, name, os.ErrClosed) }
