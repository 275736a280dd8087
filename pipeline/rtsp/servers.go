package rtsp

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/auth"

	"onair/pkg/gate"
	"onair/pkg/leg"
)

// PublishConfig says where a publisher is waited for and who it may be.
type PublishConfig struct {
	URL   leg.URL
	Allow func(netip.Addr) bool // nil: every address
	// Busy tells whether a publisher is at work that another one must not replace; it is only asked while there is one.
	Busy      func() bool
	Listening func()                             // the port is open
	Open      func(peer netip.AddrPort)          // a publisher begins
	Hung      func()                             // it has ended
	Refused   func(cause gate.Cause, why string) // somebody who may not publish
	Second    func(who string)                   // somebody who might, but another one is at work
	Output
}

// Servers are the RTSP servers of a process: one for each address, with a path for each leg that is published to there.
type Servers struct {
	mu     sync.Mutex
	byAddr map[string]*server
}

// NewServers opens nothing yet.
func NewServers() *Servers { return &Servers{byAddr: map[string]*server{}} }

// Publish waits for publishers of one path until ctx ends or the server fails; everything of the path is closed then.
func (s *Servers) Publish(ctx context.Context, c PublishConfig) error {
	srv, err := s.join(c.URL)
	if err != nil {
		return err
	}
	defer s.leave(srv)
	m := &mount{config: c}
	if !srv.add(m) {
		return fmt.Errorf("path %s is published to another leg already", c.URL.Path)
	}
	defer srv.remove(m)
	c.Listening()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-srv.done:
		return plain(srv.err)
	}
}

// join finds or starts the server of an address.
func (s *Servers) join(u leg.URL) (*server, error) {
	if addr, ok := u.Addr(); ok && addr.IsUnspecified() {
		u.Host = "" // however it is written
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := u.HostPort()
	if srv := s.byAddr[key]; srv != nil && !srv.ended() {
		srv.users++
		return srv, nil
	}
	srv, err := startServer(u)
	if err != nil {
		return nil, err
	}
	srv.key, srv.users = key, 1
	s.byAddr[key] = srv
	return srv, nil
}

// leave closes the server when nobody needs it any more.
func (s *Servers) leave(srv *server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	srv.users--
	if srv.users > 0 {
		return
	}
	if s.byAddr[srv.key] == srv {
		delete(s.byAddr, srv.key)
	}
	srv.close() // under the lock: the next one on this address finds it free
}

// server is one RTSP server.
type server struct {
	key   string
	users int // guarded by Servers.mu
	rtsp  *gortsplib.Server
	done  chan struct{} // closed when it has ended
	err   error         // why; valid after done

	mu     sync.Mutex
	paths  map[string]*mount
	guests map[*gortsplib.ServerConn]*guest
	gate   *gate.Gate
}

// startServer opens the port of a leg.
func startServer(u leg.URL) (*server, error) {
	s := &server{done: make(chan struct{}), paths: map[string]*mount{}, guests: map[*gortsplib.ServerConn]*guest{}}
	s.gate = gate.New(calls)
	host := u.Host
	media, err := openPair(host)
	if err != nil {
		return nil, plain(err)
	}
	defer media.close()
	s.rtsp = &gortsplib.Server{
		Handler: s, RTSPAddress: net.JoinHostPort(host, strconv.Itoa(int(u.Port))),
		UDPRTPAddress:  net.JoinHostPort(host, strconv.Itoa(media.port)),
		UDPRTCPAddress: net.JoinHostPort(host, strconv.Itoa(media.port+1)),
		ReadTimeout:    answerWithin, WriteTimeout: answerWithin, ListenPacket: media.listen,
		AuthMethods: []auth.VerifyMethod{auth.VerifyMethodDigestMD5}, // SHA-256 keeps FFmpeg and GStreamer out
	}
	if err := s.rtsp.Start(); err != nil {
		return nil, fmt.Errorf("cannot open the port: %w", plain(err))
	}
	go func() {
		defer close(s.done)
		s.err = s.rtsp.Wait()
	}()
	return s, nil
}

func (s *server) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

func (s *server) close() {
	s.rtsp.Close()
	<-s.done
}

// add makes a path known; false: it is already.
func (s *server) add(m *mount) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paths[m.config.URL.Path] != nil {
		return false
	}
	s.paths[m.config.URL.Path] = m
	return true
}

// remove takes a path away, with its publisher.
func (s *server) remove(m *mount) {
	s.mu.Lock()
	delete(s.paths, m.config.URL.Path)
	m.closed = true
	current := m.current
	m.current = nil
	s.mu.Unlock()
	if current != nil {
		current.end()
	}
}
