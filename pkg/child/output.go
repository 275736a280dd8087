package child

import (
	"os"

	"golang.org/x/sys/unix"

	"onair/pkg/nonblock"
)

// pipeSize lets a child finish writing a large picture while the reader is busy. The kernel may grant less.
const pipeSize = 256 << 10

// output closes itself at its end, so that a reader that reads to EOF leaves nothing open.
type output struct{ file *nonblock.File }

// Read closes the pipe with its first error, the end of file among them.
func (o *output) Read(b []byte) (int, error) {
	n, err := o.file.Read(b)
	if err != nil {
		_ = o.file.Close()
	}
	return n, err
}

// Close gives the pipe up before its end.
func (o *output) Close() error { return o.file.Close() }

// widen asks for a larger pipe; a refusal (limit per user) leaves the default, which works too.
func widen(f *os.File) {
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
}
