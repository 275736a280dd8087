package rtmp

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"onair/pkg/gate"
	"onair/pkg/tick"
)

// Limits of a port.
const (
	maxSessions   = 64 // connections at once, publishing or not
	maxPerAddress = 16 // of these, from one address
	acceptPause   = 100 * time.Millisecond
)

// calls is how often connections may be begun.
var calls = gate.Config{PerSecond: 50, PerAddress: 20}

// port is a listening socket with the streams that may come through it.
type port struct {
	listener net.Listener
	broken   chan struct{} // closed when nothing is accepted any more
	stop     chan struct{} // closed when nothing is to be accepted any more
	working  sync.WaitGroup

	mu       sync.Mutex
	streams  []*stream
	sessions map[*session]bool
	gate     *gate.Gate
	asking   *gate.Gate

	questions questions
}

func newPort(l net.Listener) *port {
	p := &port{
		listener: l, broken: make(chan struct{}), stop: make(chan struct{}), sessions: map[*session]bool{},
		gate: gate.New(calls), asking: gate.New(asking),
	}
	p.working.Go(p.accept)
	p.working.Go(p.tend)
	return p
}

func (p *port) add(s *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.streams = append(p.streams, s)
}

// remove tells whether it was the last one.
func (p *port) remove(s *stream) (last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.streams {
		if other == s {
			p.streams = append(p.streams[:i:i], p.streams[i+1:]...)
			break
		}
	}
	return len(p.streams) == 0
}

// close ends the socket and all sessions.
func (p *port) close() {
	close(p.stop)
	_ = p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.sessions {
		s.hangUp()
	}
}

func (p *port) wait() { p.working.Wait() }

// accept takes connections until the socket is closed.
func (p *port) accept() {
	defer close(p.broken)
	for {
		c, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // no descriptor left, or the caller is gone already
			select {
			case <-p.stop:
				return
			case <-time.After(acceptPause):
			}
			continue
		}
		p.receive(c)
	}
}

// receive begins a session, or closes a connection at once.
func (p *port) receive(c net.Conn) {
	peer := netip.AddrPort{}
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		peer = netip.AddrPortFrom(a.AddrPort().Addr().Unmap(), a.AddrPort().Port())
	}
	s := newSession(p, c, peer)
	if cause, why := p.admit(s); why != "" {
		_ = c.Close()
		p.blame("", cause, fmt.Sprintf("%s %s", peer.Addr(), why))
		return
	}
	p.working.Go(func() {
		s.run()
		p.mu.Lock()
		delete(p.sessions, s)
		p.mu.Unlock()
	})
}

// admit says why a connection is not wanted; "": it is.
func (p *port) admit(s *session) (gate.Cause, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.gate.Admit(s.peer.Addr(), tick.FromTime(time.Now())) {
		return gate.Rate, "calls too often"
	}
	allowed, same := false, 0
	for _, stream := range p.streams {
		allowed = allowed || stream.receiver.Allowed(s.peer.Addr())
	}
	for other := range p.sessions {
		if other.peer.Addr() == s.peer.Addr() {
			same++
		}
	}
	switch {
	case !allowed:
		return gate.Address, "is not in allow"
	case same >= maxPerAddress:
		return gate.Sessions, fmt.Sprintf("has %d connections already", same)
	case len(p.sessions) >= maxSessions:
		return gate.Sessions, fmt.Sprintf("is not served: there are %d connections already", len(p.sessions))
	}
	select {
	case <-p.stop:
		return gate.Sessions, "comes as the port is closed"
	default:
	}
	p.sessions[s] = true
	return "", ""
}

// blame tells the streams of an application that somebody was refused, or all where there is none of it.
func (p *port) blame(app string, cause gate.Cause, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	any := false
	for _, s := range p.streams {
		if s.url.Path == app {
			any = true
			s.receiver.Refused(cause, why)
		}
	}
	if any {
		return
	}
	for _, s := range p.streams {
		s.receiver.Refused(cause, why)
	}
}

// reached are the streams of an application: the first part of an application with an instance is enough, since
// encoders cut the path in different places.
func (p *port) reached(app string) []*stream {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*stream
	for _, s := range p.streams {
		if strings.HasPrefix(s.url.Path+"/"+string(s.url.Key), app+"/") {
			out = append(out, s)
		}
	}
	return out
}

// find is the stream of a path, nil if there is none. How long it takes says nothing about keys.
func (p *port) find(path string) *stream {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found *stream
	for _, s := range p.streams {
		if same(path, s.url.Path+"/"+string(s.url.Key)) {
			found = s
		}
	}
	return found
}

// same compares texts in a time that does not depend on them.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
