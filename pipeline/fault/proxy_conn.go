package fault

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	chunk     = 16 << 10
	dialTime  = 5 * time.Second
	failTime  = 5 * time.Second
	mostBreak = 64 << 10 // bytes of an answer before it is broken off
)

// errBroken ends a connection on purpose.
var errBroken = errors.New("broken off")

// serve hands one connection on.
func (p *Proxy) serve(client net.Conn) {
	if p.now().fault.Kind == Fail {
		fail(client)
		return
	}
	dialer := net.Dialer{Timeout: dialTime}
	server, err := dialer.DialContext(p.ctx, "tcp", p.cfg.To)
	if err != nil || !p.keep(server) {
		if server != nil {
			_ = server.Close()
		}
		return
	}
	defer p.drop(server)
	var both sync.WaitGroup
	both.Go(func() { p.copy(server, client, false) })
	both.Go(func() { p.copy(client, server, true) })
	both.Wait()
}

// copy hands on one direction, by the rule of the moment.
func (p *Proxy) copy(to, from net.Conn, answer bool) {
	buf := make([]byte, chunk)
	var under *mode // since when left counts
	left := 0
	for {
		n, err := from.Read(buf)
		for data := buf[:n]; len(data) > 0; {
			m := p.now()
			if m != under {
				under, left = m, m.patience(answer)
			}
			var some int
			if some, err = p.pass(m, data, left); err == nil {
				_, err = to.Write(data[:some])
			}
			if errors.Is(err, errBroken) {
				reset(to)
				reset(from)
			}
			if err != nil {
				_ = to.Close()
				_ = from.Close()
				return
			}
			data, left = data[some:], left-some
		}
		if err != nil {
			finish(to, err)
			return
		}
	}
}

// finish ends one direction as the other side did.
func finish(to net.Conn, err error) {
	if t, ok := to.(*net.TCPConn); ok && errors.Is(err, io.EOF) {
		_ = t.CloseWrite()
		return
	}
	_ = to.Close()
}

func reset(conn net.Conn) {
	if t, ok := conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
}

// patience is how many bytes a connection may still hand on before it is broken off.
func (m *mode) patience(answer bool) int {
	if m.fault.Kind != Break || !answer {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return 1 + m.rnd.IntN(mostBreak)
}

// pass waits until some of the bytes may be handed on, and tells how many.
func (p *Proxy) pass(m *mode, data []byte, left int) (int, error) {
	switch m.fault.Kind {
	case Hang:
		select {
		case <-m.over:
		case <-p.ctx.Done():
			return 0, net.ErrClosed
		}
	case Slow:
		some := min(len(data), max(1, int(m.fault.Rate/20)))
		if pauseUntil(p.ctx.Done(), m.over, m.reserve(some)) {
			return 0, net.ErrClosed
		}
		return some, nil
	case Break:
		if left > 0 && len(data) >= left {
			return 0, errBroken
		}
	default:
	}
	return len(data), nil
}

// reserve takes the time of some bytes from what all connections share.
func (m *mode) reserve(bytes int) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if m.spent.Before(now) {
		m.spent = now
	}
	m.spent = m.spent.Add(time.Duration(bytes) * time.Second / time.Duration(m.fault.Rate))
	return m.spent
}

// pauseUntil waits for a moment, or the end of the mode. It tells that the proxy ends.
func pauseUntil(quit, over <-chan struct{}, at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-quit:
		return true
	case <-over:
	case <-timer.C:
	}
	return false
}

// fail answers one request of HTTP with 500.
func fail(client net.Conn) {
	_ = client.SetDeadline(time.Now().Add(failTime))
	req, err := http.ReadRequest(bufio.NewReader(client))
	if err != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, req.Body, 64<<20) // who sends a segment reads the answer afterwards
	const said = "this is a drill: the answer is 500\n"
	resp := http.Response{
		StatusCode: http.StatusInternalServerError, ProtoMajor: 1, ProtoMinor: 1, Request: req, Close: true,
		Header: http.Header{"Content-Type": {"text/plain"}, "Cache-Control": {"no-store"}}, ContentLength: int64(len(said)),
		Body: io.NopCloser(strings.NewReader(said)),
	}
	_ = resp.Write(client)
}
