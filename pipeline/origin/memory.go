package origin

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// leastMemory is the size, in bytes, from which a body is worth pages of its own: sending those costs some system
// calls, as much as to copy some ten kilobytes.
const leastMemory = 256 << 10

// hugePage is the size of the pages that the kernel hands on fastest, where it has them.
const hugePage = 2 << 20

// errForgotten is the answer of an object that has left memory since it was looked up.
var errForgotten = errors.New("the object has left memory")

// memory is a body in pages of its own outside the heap: a Conn hands them to the kernel without a copy, which is most
// of what it costs to serve a segment. They are written once, and never used again for anything else: the kernel may
// still be sending from them when everybody here is done.
type memory struct {
	body    []byte // read only
	mapping []byte // the pages
	users   atomic.Int64
}

// newMemory puts a body into pages of its own. An error says that the kernel gave none.
func newMemory(body []byte) (*memory, error) {
	pages, err := unix.Mmap(-1, 0, roomFor(len(body)), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("no pages of its own for a segment: %w", err)
	}
	if len(pages)%hugePage == 0 {
		_ = unix.Madvise(pages, unix.MADV_HUGEPAGE) // a kernel without them takes small ones
	}
	copy(pages, body)
	if err := unix.Mprotect(pages, unix.PROT_READ); err != nil {
		_ = unix.Munmap(pages)
		return nil, fmt.Errorf("pages of a segment cannot be protected: %w", err)
	}
	m := &memory{body: pages[:len(body):len(body)], mapping: pages}
	m.users.Store(1)
	return m, nil
}

// roomFor is the size of the pages for so many bytes: huge ones if not more than a quarter of them stays empty.
func roomFor(size int) int {
	if huge := (size + hugePage - 1) / hugePage * hugePage; size >= huge-huge/4 {
		return huge
	}
	return size
}

// open gives a reader of the whole body, which stays readable until it is closed, also when the memory is forgotten
// meanwhile.
func (m *memory) open() (*pages, error) {
	for {
		n := m.users.Load()
		if n == 0 {
			return nil, errForgotten
		}
		if m.users.CompareAndSwap(n, n+1) {
			return &pages{memory: m}, nil
		}
	}
}

// read gives a copy of the whole body.
func (m *memory) read() ([]byte, error) {
	p, err := m.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.Close() }()
	return append([]byte(nil), m.body...), nil
}

// forget gives the memory back once the last reader is done. It is called once.
func (m *memory) forget() {
	if m.users.Add(-1) == 0 {
		_ = unix.Munmap(m.mapping)
	}
}

// pages reads a body. It belongs to one request.
type pages struct {
	memory *memory // nil: closed
	at     int     // bytes read
}

// rest is what is not read yet.
func (p *pages) rest() []byte { return p.memory.body[min(p.at, len(p.memory.body)):] }

// Read copies.
func (p *pages) Read(b []byte) (int, error) {
	n := copy(b, p.rest())
	p.at += n
	if n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Seek sets the place of the next Read.
func (p *pages) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += int64(p.at)
	case io.SeekEnd:
		offset += int64(len(p.memory.body))
	}
	if offset < 0 {
		return 0, errors.New("a place before the begin of a segment")
	}
	p.at = int(offset)
	return offset, nil
}

// Close lets go of the memory.
func (p *pages) Close() error {
	if p.memory != nil {
		p.memory.forget()
		p.memory = nil
	}
	return nil
}
