package origin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// leastMemory is the size, in bytes, from which a body is worth a file of its own: what it costs to open one is as much
// as to copy some ten kilobytes, and an edge of 32 MiB thus has 128 of them at most.
const leastMemory = 256 << 10

// mostMemories bounds the files of an edge, whatever its size. The process keeps so many descriptors for a channel.
const mostMemories = 128

// errForgotten is the answer of an object that has left memory since it was looked up.
var errForgotten = errors.New("the object has left memory")

// memory is a body in an anonymous file in memory (memfd_create(2)): the kernel sends its pages to a connection without
// a copy, which is most of what it costs to serve a segment. No disk is behind it, so none that hangs is in the way.
type memory struct {
	mu   sync.RWMutex
	file *os.File // nil: forgotten
	path string   // another description of it can be opened there, with a position of its own
}

// newMemory puts a body into a file in memory. An error says that this system has none, or no /proc, or that no
// descriptor is left.
func newMemory(body []byte) (*memory, error) {
	fd, err := unix.MemfdCreate("onair-segment", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("no file in memory: %w", err)
	}
	file := os.NewFile(uintptr(fd), "segment in memory") //nolint:gosec // a descriptor is not negative
	m := &memory{file: file, path: fmt.Sprintf("/proc/self/fd/%d", fd)}
	_, err = m.file.Write(body)
	if err == nil {
		var f *os.File
		if f, err = m.reopen(); err == nil {
			err = f.Close()
		}
	}
	if err != nil {
		m.forget()
		return nil, fmt.Errorf("no file in memory: %w", err)
	}
	return m, nil
}

// open gives a reader of the whole body, which stays readable when the memory is forgotten meanwhile. It is a file as
// long as there are descriptors.
func (m *memory) open() (io.ReadSeekCloser, error) {
	f, err := m.reopen()
	if err == nil || errors.Is(err, errForgotten) {
		return f, err
	}
	b, err := m.read()
	return copied{bytes.NewReader(b)}, err
}

func (m *memory) reopen() (*os.File, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.file == nil {
		return nil, errForgotten
	}
	return os.Open(m.path)
}

// copied is a body that could not be opened as a file.
type copied struct{ *bytes.Reader }

// Close does nothing.
func (copied) Close() error { return nil }

// read gives the whole body.
func (m *memory) read() ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.file == nil {
		return nil, errForgotten
	}
	var b bytes.Buffer
	_, err := b.ReadFrom(io.NewSectionReader(m.file, 0, 1<<62))
	return b.Bytes(), err
}

// forget gives the memory back once the last reader is done.
func (m *memory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.file != nil {
		_ = m.file.Close()
		m.file = nil
	}
}
