package receive

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// room bounds the bytes of all bodies that are being received.
type room struct {
	mu   sync.Mutex
	most int64
	held int64
}

func (r *room) take(n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held+n > r.most {
		return false
	}
	r.held += n
	return true
}

func (r *room) give(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held -= n
}

const (
	leastBuffer = 64 << 10
	stallTime   = 20 * time.Second // a body of which nothing comes for so long is given up
)

// body is what a request brings. It is received whole before anything is done with it, in memory that is given back by
// done.
type body struct {
	bytes []byte
	held  int64
	room  *room
}

func (b *body) done() { b.room.give(b.held) }

// receive reads a body, with or without a length. The caller calls done, also after an error.
func (rc *Receiver) receive(w http.ResponseWriter, r *http.Request) (*body, error) {
	b := &body{room: &rc.room}
	most := rc.cfg.Limits.Object
	tooLarge := refusal{http.StatusRequestEntityTooLarge, causeSize, "the object is larger than limits.object allows"}
	if r.ContentLength > most {
		return b, tooLarge
	}
	size := r.ContentLength + 1 // one more, to read the end
	if r.ContentLength < 0 {
		size = min(leastBuffer, most+1)
	}
	if err := b.grow(size); err != nil {
		return b, err
	}
	answer := http.NewResponseController(w)
	defer func() { _ = answer.SetReadDeadline(time.Time{}) }()
	for {
		_ = answer.SetReadDeadline(time.Now().Add(stallTime)) // what has no deadlines is a test
		n, err := r.Body.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		switch {
		case int64(len(b.bytes)) > most:
			return b, tooLarge
		case errors.Is(err, io.EOF):
			if spare := cap(b.bytes) - len(b.bytes); spare > len(b.bytes)/4 {
				b.bytes = bytes.Clone(b.bytes) // it may stay in memory
			}
			return b, nil
		case err != nil:
			return b, refusal{http.StatusBadRequest, causeBody, "the body broke off, or stalled: " + err.Error()}
		case len(b.bytes) == cap(b.bytes):
			if err := b.grow(min(2*int64(cap(b.bytes)), most+1)); err != nil {
				return b, err
			}
		}
	}
}

// grow makes place for size bytes in all.
func (b *body) grow(size int64) error {
	if !b.room.take(size) {
		return refusal{http.StatusServiceUnavailable, causeBusy, "too much is being received at this time: try again"}
	}
	larger := make([]byte, len(b.bytes), size)
	copy(larger, b.bytes)
	b.room.give(b.held)
	b.bytes, b.held = larger, size
	return nil
}
