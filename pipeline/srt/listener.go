package srt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/haivision/srtgo"

	"onair/pkg/leg"
)

// Verdict is what a listener answers to a caller: a rejection code of SRT's access control guidelines.
type Verdict int

// The verdicts that are used.
const (
	Admit        Verdict = 0
	Unauthorized Verdict = 1401
	Overload     Verdict = 1402
	Forbidden    Verdict = 1403
	NotFound     Verdict = 1404
	BadMode      Verdict = 1405
	Conflict     Verdict = 1409
)

// Call is a caller that asks to be let in.
type Call struct {
	Peer     netip.AddrPort
	StreamID string
	Pending  int  // others that were admitted and are not through the handshake yet
	HungUp   bool // for ListenConfig.Failed: the handshake was good, and the caller gone before it was accepted
}

// ListenConfig says who is let in.
type ListenConfig struct {
	URL leg.URL
	// Judge decides over a caller. It is called from a thread of libsrt and must not block; nil admits everybody.
	Judge func(Call) Verdict
	// Failed is told of a caller that was admitted but did not come through the handshake, most often because of the
	// passphrase. It is called from within Accept; it may be nil.
	Failed func(Call)
}

// Listener waits for callers.
type Listener struct {
	config ListenConfig
	at     netip.AddrPort
	socket *srtgo.SrtSocket
	knock  chan struct{} // a caller was admitted

	mu       sync.Mutex
	admitted map[int]Call // by socket, until accepted or failed
}

// backlog is how many callers may be between handshake and Accept.
const backlog = 8

// Listen opens a listener as the URL says. An address in use is an error that says so, unless a listener here had it
// until just now.
func Listen(c ListenConfig) (*Listener, error) {
	startup()
	addr, ok := c.URL.Addr()
	if !ok {
		return nil, errors.New("a listener needs an address of this host")
	}
	at := netip.AddrPortFrom(addr, c.URL.Port)
	busy := tryBind(at)
	if busy != nil && !lingering.has(func(closed netip.AddrPort) bool { return closed == at }) {
		return nil, busy
	}
	socket := srtgo.NewSrtSocket(addr.String(), c.URL.Port, options(c.URL))
	if socket == nil {
		return nil, errors.New("srt: a socket with these options cannot be made")
	}
	if addr == netip.IPv6Unspecified() && socket.SetSockOptInt(optIPv6Only, 0) != nil {
		socket.Close()
		return nil, errors.New("srt: a socket for both IPv4 and IPv6 cannot be made")
	}
	l := &Listener{config: c, at: at, socket: socket, knock: make(chan struct{}, 1), admitted: map[int]Call{}}
	socket.SetListenCallback(l.judge)
	if err := socket.Listen(backlog); err != nil {
		socket.Close()
		if busy != nil { // it was not our own
			err = busy
		}
		return nil, fmt.Errorf("listening on %s: %w", c.URL.HostPort(), err)
	}
	// Accept polls: a blocked one could only be ended by closing the socket under it.
	if err := socket.SetSockOptBool(optSyncReceive, false); err != nil {
		socket.Close()
		return nil, fmt.Errorf("listening on %s: %w", c.URL.HostPort(), err)
	}
	lingering.taken(at)
	return l, nil
}

// tryBind finds out by a plain socket whether the address can be had, because libsrt leaves a socket behind when it
// cannot, and says less.
func tryBind(at netip.AddrPort) error {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return err
	}
	return c.Close()
}

// judge runs in libsrt's thread while the caller waits for its answer.
func (l *Listener) judge(s *srtgo.SrtSocket, _ int, peer *net.UDPAddr, streamID string) bool {
	call := Call{StreamID: strings.Clone(streamID)}
	if peer != nil {
		at := peer.AddrPort()
		call.Peer = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	}
	l.mu.Lock()
	call.Pending = len(l.admitted)
	l.mu.Unlock()
	verdict := Admit
	if l.config.Judge != nil {
		verdict = l.config.Judge(call)
	}
	if verdict != Admit {
		_ = s.SetRejectReason(int(verdict)) // the caller then gets a general refusal
		return false
	}
	l.mu.Lock()
	l.admitted[int(s.GetSocket())] = call
	l.mu.Unlock()
	select {
	case l.knock <- struct{}{}:
	default:
	}
	return true
}

// Accept waits for the next caller that is admitted and has come through the handshake.
func (l *Listener) Accept(ctx context.Context) (*Conn, error) {
	const poll = 5 * time.Millisecond
	timer := time.NewTimer(poll)
	defer timer.Stop()
	for {
		if c, err := l.take(); c != nil || err != nil {
			return c, err
		}
		if l.waiting() {
			timer.Reset(poll)
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-timer.C:
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-l.knock:
		}
	}
}

// take accepts a caller if one is ready.
func (l *Listener) take() (*Conn, error) {
	socket, peer, err := l.socket.Accept()
	if err != nil {
		if !alive(int(l.socket.GetSocket())) {
			return nil, ErrClosed
		}
		return nil, nil //nolint:nilnil // nobody is ready
	}
	at := peer.AddrPort()
	c := newConn(socket, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()))
	l.mu.Lock()
	delete(l.admitted, c.id)
	l.mu.Unlock()
	return c, nil
}

// waiting tells whether a caller is between admission and Accept, and reports those that have failed there.
func (l *Listener) waiting() bool {
	var failed []Call
	l.mu.Lock()
	for id, call := range l.admitted {
		if !alive(id) {
			delete(l.admitted, id)
			call.HungUp = broken(id)
			interrupt(id) // libsrt keeps what nobody accepted
			failed = append(failed, call)
		}
	}
	n := len(l.admitted)
	l.mu.Unlock()
	if l.config.Failed != nil {
		for _, call := range failed {
			l.config.Failed(call)
		}
	}
	return n > 0
}

// Close stops listening. Accept must not be under way. Connections that were accepted live on.
func (l *Listener) Close() {
	lingering.add(l.at)
	l.socket.Close()
}
