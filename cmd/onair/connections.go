package main

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/origin"
)

// Descriptors that connections may never take, as encoders, inputs and stores need them.
const (
	reservePerChannel = 64 // two encoders at a time with their pipes, and some legs
	perConnection     = 2  // itself, and a file that it is sent
)

// connections bounds what all addresses of the process hold of connections. What is beyond is closed at once: in the
// kernel's queue it would wait for others that may stay for minutes, while a player that is refused tries again, and a
// proxy asks another server.
type connections struct {
	most          int64
	held, refused atomic.Int64
}

// newConnections leaves the process the descriptors that so many channels need.
func newConnections(channels int) *connections {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil { // the kernel always tells
		limit.Cur = 1024
	}
	return &connections{most: mostConnections(limit.Cur, channels)} // Go has raised the soft limit to the hard one
}

// mostConnections is how many there may be: the channels have a quarter of the descriptors, or more if they need more,
// and the connections a quarter in any case.
func mostConnections(descriptors uint64, channels int) int64 {
	n := int64(min(descriptors, 1<<30)) //nolint:gosec // it is bounded
	reserve := min(max(n/4, int64(channels)*reservePerChannel), n-n/4)
	return max((n-reserve)/perConnection, 1)
}

// counts are those that are held, and those that were ever refused.
func (c *connections) counts() (held, refused int64) { return c.held.Load(), c.refused.Load() }

// listen opens an address whose connections count.
func (c *connections) listen(address string, log zerolog.Logger) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("http address %q cannot be served (is another process using it?): %w", address, err)
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return nil, fmt.Errorf("http address %q is not of TCP", address) // it was asked for: it cannot be
	}
	return &boundedListener{tcp, c, log.Sample(&zerolog.BurstSampler{Burst: 1, Period: time.Minute})}, nil
}

type boundedListener struct {
	*net.TCPListener
	all *connections
	log zerolog.Logger
}

// Accept is the next connection that there is room for.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptTCP()
		if err != nil {
			return nil, err //nolint:wrapcheck // the server looks at what it is
		}
		if l.all.held.Add(1) <= l.all.most {
			return &heldConn{Conn: origin.NewConn(conn), all: l.all}, nil
		}
		l.all.held.Add(-1)
		l.all.refused.Add(1)
		_ = conn.Close()
		l.log.Warn().Int64("most", l.all.most).Stringer("remote", conn.RemoteAddr()).
			Msg("too many HTTP connections for the limit of open files (ulimit -n): one more is closed")
	}
}

// heldConn is a connection that gives its place back. It is of TCP by name, for the kernel to send files and segments.
type heldConn struct {
	*origin.Conn
	all  *connections
	gone sync.Once
}

// Close closes it.
func (c *heldConn) Close() error {
	err := c.Conn.Close()
	c.gone.Do(func() { c.all.held.Add(-1) })
	return err //nolint:wrapcheck // the server looks at what it is
}
