package child

import (
	"bytes"
	"os"
	"sync"
)

// maxLine bounds a kept line, in bytes: a child that never ends its line cannot make us grow.
const maxLine = 1024

// tail keeps the last lines of a stream. Lines end with \n or \r (progress displays).
type tail struct {
	from *os.File
	mu   sync.Mutex
	keep int
	kept []string // ring once full
	next int      // position of the oldest once full
	part []byte   // line under way; touched by read alone
}

func newTail(lines int) *tail {
	if lines <= 0 {
		lines = DefaultTail
	}
	return &tail{keep: lines}
}

// read consumes the stream to its end and closes it.
func (t *tail) read() {
	defer func() { _ = t.from.Close() }()
	buf := make([]byte, 4096)
	for {
		n, err := t.from.Read(buf)
		t.feed(buf[:n])
		if err != nil {
			t.feed([]byte{'\n'})
			return
		}
	}
}

func (t *tail) feed(b []byte) {
	for len(b) > 0 {
		i := bytes.IndexAny(b, "\r\n")
		end := i
		if i < 0 {
			end = len(b)
		}
		t.part = append(t.part, b[:min(end, maxLine-len(t.part))]...)
		if i < 0 {
			return
		}
		if len(t.part) > 0 {
			t.add(string(t.part))
			t.part = t.part[:0]
		}
		b = b[i+1:]
	}
}

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.kept) < t.keep {
		t.kept = append(t.kept, line)
		return
	}
	t.kept[t.next] = line
	t.next = (t.next + 1) % t.keep
}

func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append(append([]string(nil), t.kept[t.next:]...), t.kept[:t.next]...)
}
