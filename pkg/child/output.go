package child

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"onair/pkg/beat"
	"onair/pkg/nonblock"
)

// pipeSize lets a child finish writing a large picture while the reader is busy. The kernel may grant less.
const pipeSize = 256 << 10

// What a child writes may be taken out of its pipe on the beat: frame by frame it would wake the program a hundred
// times a second. One that writes so much that the pipe may fill within a beat is read as it comes, and so is one that
// has written nothing for long.
const (
	plenty = pipeSize / 2 // bytes in a beat, after which
	rush   = 4 * plenty   // bytes are read as they come
	idle   = 4            // beats
)

// output closes itself at its end, so that a reader that reads to EOF leaves nothing open.
type output struct {
	file  *nonblock.File
	paced bool
	timer *time.Timer
	read  int // bytes since the last beat
	rush  int // bytes to be read as they come
	beats int // in a row that brought nothing
}

func newOutput(f *os.File, paced bool) *output {
	t := time.NewTimer(0)
	t.Stop()
	return &output{file: nonblock.NewFile(f), paced: paced, timer: t, beats: idle}
}

// Read closes the pipe with its first error, the end of file among them.
func (o *output) Read(b []byte) (int, error) {
	n, err := o.next(b)
	o.rush = max(0, o.rush-n)
	if o.read += n; o.read >= plenty {
		o.read, o.rush = 0, rush
	}
	if err != nil {
		_ = o.file.Close()
	}
	return n, err
}

// next reads what there is, or else what there is at one of the next beats; what comes, unless paced.
func (o *output) next(b []byte) (int, error) {
	for o.paced && o.rush == 0 && o.beats < idle {
		if n, ok, err := o.file.ReadNow(b); ok {
			o.beats = 0
			return n, err
		}
		o.read = 0
		o.beats++
		o.timer.Reset(beat.Next())
		<-o.timer.C
	}
	o.beats = 0
	return o.file.Read(b) // waits
}

// Close gives the pipe up before its end.
func (o *output) Close() error { return o.file.Close() }

// widen asks for a pipe of a size; a refusal (limit per user) leaves what it is, which works too.
func widen(f *os.File, size int) {
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, size) })
}
