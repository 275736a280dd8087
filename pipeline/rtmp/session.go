package rtmp

import (
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"onair/pkg/gate"
	"onair/pkg/rtmp"
)

// Times and sizes of a session.
const (
	greeting   = 10 * time.Second // from the connection to publishing
	idle       = 30 * time.Second // the longest pause of a publisher
	answering  = 5 * time.Second  // for the other side to take an answer
	parting    = time.Second      // for the other side to read why it is refused
	takeOver   = 2 * time.Second  // without media, after which another publisher may come: longer than TCP repeats
	beforehand = 64 << 10         // bytes of a message before publishing
	mostMedia  = 16 << 20         // bytes of a message: a picture
	ackWindow  = 2_500_000        // bytes after which each side confirms
	ourChunk   = 4096             // bytes of a chunk of ours
)

// session is one connection. All but hangUp is for its own goroutine.
type session struct {
	port *port
	conn net.Conn
	peer netip.AddrPort

	in     *rtmp.Reader
	acked  uint64
	window uint64 // bytes after which to confirm
	chunk  int
	caller caller

	stream *stream       // that is published; nil: none yet
	ended  chan struct{} // closed when the stream is let go
	alive  atomic.Int64  // when media came last, Unix time in ns
}

func newSession(p *port, c net.Conn, peer netip.AddrPort) *session {
	return &session{
		port: p, conn: c, peer: peer, in: rtmp.NewReader(c, beforehand), window: ackWindow, chunk: 128,
		ended: make(chan struct{}),
	}
}

// hangUp ends the connection from outside.
func (s *session) hangUp() { _ = s.conn.Close() }

// errRefused ends a session that has been told why.
var errRefused = errors.New("refused")

// errDone ends a session whose publisher has said so.
var errDone = errors.New("the publisher has ended the stream")

// run serves the connection to its end.
func (s *session) run() {
	defer s.conn.Close() //nolint:errcheck // nothing is lost by that
	_ = s.conn.SetDeadline(time.Now().Add(greeting))
	err := s.handshake()
	for err == nil {
		err = s.message()
	}
	switch {
	case s.stream != nil:
		s.release(reason(err))
	case errors.Is(err, errRefused):
		s.part()
	case !errors.Is(err, io.EOF):
		s.port.blame(s.caller.app, gate.Handshake, s.peer.Addr().String()+" did not come to publish: "+reason(err))
	}
}

// reason says why a connection has ended, without addresses.
func reason(err error) string {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return "nothing came in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "the publisher has hung up"
	case errors.Is(err, errDone), errors.Is(err, rtmp.ErrProtocol), errors.Is(err, errTooMuch):
		return err.Error()
	}
	return "the connection broke"
}

// part lets the other side read the answer: a connection that is closed with bytes unread takes it away.
func (s *session) part() {
	_ = s.conn.SetDeadline(time.Now().Add(parting))
	if c, ok := s.conn.(*net.TCPConn); ok {
		_ = c.CloseWrite()
	}
	_, _ = io.CopyN(io.Discard, s.conn, mostMedia)
}

func (s *session) handshake() error {
	hello := make([]byte, rtmp.HelloSize)
	if _, err := io.ReadFull(s.conn, hello[:1]); err != nil {
		return err
	}
	if hello[0] == rtmp.Version {
		if _, err := io.ReadFull(s.conn, hello[1:]); err != nil {
			return err
		}
	}
	var random [rtmp.BlockSize - 8]byte
	_, _ = rand.Read(random[:])
	answer, err := rtmp.Answer(hello, random)
	if err != nil {
		return err
	}
	if _, err := s.conn.Write(answer); err != nil {
		return err
	}
	_, err = io.ReadFull(s.conn, hello[:rtmp.BlockSize]) // C2 is not compared: some encoders send what they like
	return err
}

// message deals with the next message.
func (s *session) message() error {
	if s.stream != nil {
		_ = s.conn.SetReadDeadline(time.Now().Add(idle))
	}
	m, err := s.in.Next()
	if err != nil {
		return err
	}
	if err := s.confirm(); err != nil {
		return err
	}
	switch m.Type {
	case rtmp.WindowAckSize:
		if n, ok := m.Number(); ok && n > 0 {
			s.window = min(uint64(n), ackWindow)
		}
	case rtmp.CommandAMF3:
		if len(m.Body) > 0 {
			return s.command(m.Stream, m.Body[1:]) // AMF 0 behind a zero
		}
	case rtmp.CommandAMF0:
		return s.command(m.Stream, m.Body)
	case rtmp.DataAMF0, rtmp.DataAMF3:
		s.data(m.Body)
	case rtmp.Audio, rtmp.Video:
		s.media(m)
	case rtmp.Aggregate:
		parts, whole := m.Nested()
		for _, part := range parts {
			s.media(part)
		}
		if !whole && s.stream != nil {
			s.stream.receiver.Wrong("a list of messages that is cut short")
		}
	}
	return nil
}

// confirm tells the other side how much has come (§5.4.3).
func (s *session) confirm() error {
	got := s.in.Received()
	if got-s.acked < s.window {
		return nil
	}
	s.acked = got
	return s.send(rtmp.Control(rtmp.Ack, uint32(got)))
}

func (s *session) send(messages ...rtmp.Message) error {
	var b []byte
	for _, m := range messages {
		b = rtmp.Append(b, m, s.chunk)
		if n, ok := m.Number(); ok && m.Type == rtmp.SetChunkSize {
			s.chunk = int(n)
		}
	}
	if s.stream != nil {
		_ = s.conn.SetWriteDeadline(time.Now().Add(answering))
	}
	_, err := s.conn.Write(b)
	return err
}

// media muxes a message of the stream that is published.
func (s *session) media(m rtmp.Message) {
	if s.stream == nil || len(m.Body) == 0 {
		return
	}
	s.alive.Store(time.Now().UnixNano())
	var err error
	switch m.Type {
	case rtmp.Audio:
		err = s.stream.mux.Audio(m.Timestamp, m.Body)
	case rtmp.Video:
		err = s.stream.mux.Video(m.Timestamp, m.Body)
	}
	if err != nil {
		s.stream.receiver.Wrong(err.Error())
	}
}

// claim makes this session the publisher of a stream, unless that is taken by one that is alive. One that is not is
// ended.
func (s *session) claim(st *stream) (taken bool, err error) {
	s.alive.Store(time.Now().UnixNano())
	for {
		st.mu.Lock()
		current := st.current
		switch {
		case st.closed:
			st.mu.Unlock()
			return false, net.ErrClosed
		case current == nil:
			st.current, s.stream = s, st
			st.mu.Unlock()
			return false, nil
		}
		st.mu.Unlock()
		if time.Since(time.Unix(0, current.alive.Load())) < takeOver {
			return true, nil
		}
		current.hangUp()
		<-current.ended
	}
}

// release lets the stream go.
func (s *session) release(why string) {
	s.stream.receiver.End(why)
	s.stream.mu.Lock()
	s.stream.current = nil
	s.stream.mu.Unlock()
	close(s.ended)
}
