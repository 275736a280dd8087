package origin

import (
	"errors"
	"io"
	"net"
	"slices"
	"syscall"
)

// Conn is a connection of an HTTP server that sends segments out of memory without a copy: it hands their pages through
// a pipe to the kernel (vmsplice(2), splice(2)), which lets go of them when the last byte is confirmed.
type Conn struct {
	*net.TCPConn
	raw syscall.RawConn // nil: everything is copied
}

// NewConn makes a connection such a one.
func NewConn(c *net.TCPConn) *Conn {
	raw, err := c.SyscallConn()
	if err != nil {
		raw = nil // it is closed already
	}
	return &Conn{TCPConn: c, raw: raw}
}

// ReadFrom sends what a reader gives. It is how the standard library's server sends a body.
func (c *Conn) ReadFrom(src io.Reader) (int64, error) {
	part, limited := src.(*io.LimitedReader)
	inner := src
	if limited {
		inner = part.R
	}
	from, ok := inner.(*pages)
	if !ok {
		return c.TCPConn.ReadFrom(src) //nolint:wrapcheck // the server looks at what it is
	}
	body := from.rest()
	if limited {
		body = body[:min(int64(len(body)), max(part.N, 0))]
	}
	n, err := c.send(body)
	from.at += n
	if limited {
		part.N -= int64(n)
	}
	return int64(n), err
}

// send sends pages that never change: without a copy, or the usual way where the kernel or a sandbox has no such thing.
func (c *Conn) send(body []byte) (int, error) {
	if c.raw == nil || len(body) < leastMemory/4 {
		return c.Write(body) //nolint:wrapcheck // as above
	}
	sent := 0
	var failed error
	err := c.raw.Write(func(fd uintptr) bool {
		var n int
		n, failed = splice(fd, body[sent:])
		sent += n
		return !errors.Is(failed, syscall.EAGAIN)
	})
	switch {
	case err != nil:
		return sent, err //nolint:wrapcheck // as above
	case errors.Is(failed, errNoSplice):
		n, err := c.Write(body[sent:])
		return sent + n, err //nolint:wrapcheck // as above
	case failed != nil:
		return sent, &net.OpError{Op: "write", Net: "tcp", Addr: c.RemoteAddr(), Err: failed}
	}
	return sent, nil
}

// errNoSplice says that pages cannot be handed on here.
var errNoSplice = errors.New("pages cannot be handed to the kernel")

// splice sends as much of body as the connection takes at once. EAGAIN says that it takes no more for now. What is in
// the pipe then is not sent, and goes with the pipe: the pages are still here.
func splice(fd uintptr, body []byte) (sent int, err error) {
	p, err := takePipe()
	if err != nil {
		return 0, errNoSplice
	}
	for sent < len(body) {
		held, err := p.fill(body[sent:])
		for err == nil && held > 0 {
			var n int
			n, err = p.drain(fd, held, sent+held < len(body))
			sent += n
			held -= n
		}
		if err != nil {
			p.close()
			return sent, reason(err)
		}
	}
	p.give()
	return sent, nil
}

// reason tells a client that is gone, or slow, from a kernel that cannot.
func reason(err error) error {
	cannot := []error{syscall.EINVAL, syscall.ENOSYS, syscall.EPERM, syscall.EACCES, syscall.EMFILE, syscall.ENOMEM}
	if slices.ContainsFunc(cannot, func(e error) bool { return errors.Is(err, e) }) {
		return errNoSplice
	}
	return err
}
