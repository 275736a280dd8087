// Package rtmp listens for publishers of RTMP and gives what they send as MPEG-TS. Several streams may share a port.
package rtmp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"

	"onair/pkg/flv"
	"onair/pkg/gate"
	"onair/pkg/leg"
)

// Receiver takes what is published as one stream. Begin, Media, Wrong and End come from one goroutine at a time, the
// others from any; none may block.
type Receiver interface {
	// Allowed tells whether an address may publish.
	Allowed(addr netip.Addr) bool
	// Refused tells that somebody was not let in. One who names no stream of the port is told to all of them.
	Refused(cause gate.Cause, why string)
	// Second tells that somebody was refused because another one is publishing.
	Second(peer netip.AddrPort)
	// Begin tells that somebody publishes.
	Begin(peer netip.AddrPort)
	// Media brings whole packets of MPEG-TS, valid during the call.
	Media(ts []byte)
	// Wrong tells that something could not be used.
	Wrong(why string)
	// End tells that the one who began publishes no longer.
	End(why string)
}

// Servers are the ports of a process where publishers call.
type Servers struct {
	mu    sync.Mutex
	ports map[string]*port // by address
}

// NewServers returns no port yet.
func NewServers() *Servers { return &Servers{ports: map[string]*port{}} }

// stream is what one leg waits for.
type stream struct {
	url      leg.URL
	receiver Receiver
	mux      *flv.Muxer // of whoever publishes

	mu      sync.Mutex
	current *session // who publishes; nil: nobody
	closed  bool     // nobody may begin any more
}

// Serve listens for the publisher that a URL describes until ctx ends or the port fails. opened is called once the port
// is open. When Serve returns, the receiver is not called any more.
func (h *Servers) Serve(ctx context.Context, u leg.URL, r Receiver, opened func()) error {
	s := &stream{url: u, receiver: r, mux: flv.NewMuxer(r.Media)}
	p, err := h.join(ctx, s)
	if err != nil {
		return err
	}
	opened()
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case <-p.broken:
		err = errors.New("the port was closed by the system")
	}
	h.leave(p, s)
	return err
}

// address is where the URL's port listens, as net.Listen wants it.
func address(u leg.URL) string {
	if addr, ok := u.Addr(); ok && addr.IsUnspecified() {
		return ":" + strconv.Itoa(int(u.Port))
	}
	return u.HostPort()
}

// join adds a stream to its port, which is opened for the first one.
func (h *Servers) join(ctx context.Context, s *stream) (*port, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := address(s.url)
	p := h.ports[at]
	if p == nil {
		config := net.ListenConfig{}
		l, err := config.Listen(ctx, "tcp", at)
		if err != nil {
			return nil, plain(err)
		}
		p = newPort(l)
		h.ports[at] = p
	}
	p.add(s)
	return p, nil
}

// leave takes a stream from its port, which is closed after the last one, and waits for what is at work for it.
func (h *Servers) leave(p *port, s *stream) {
	h.mu.Lock()
	last := p.remove(s)
	if at := address(s.url); last && h.ports[at] == p {
		delete(h.ports, at)
	}
	if last {
		p.close()
	}
	h.mu.Unlock()
	s.close()
	if last {
		p.wait()
	}
}

// close ends the publisher and lets nobody begin.
func (s *stream) close() {
	s.mu.Lock()
	s.closed = true
	current := s.current
	s.mu.Unlock()
	if current != nil {
		current.hangUp()
		<-current.ended
	}
}

// plain leaves away what net puts around the system's words, since the leg's URL stands beside them.
func plain(err error) error {
	var number syscall.Errno
	if errors.As(err, &number) {
		err = number
	}
	return fmt.Errorf("cannot open the port: %w", err)
}
