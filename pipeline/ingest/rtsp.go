package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"onair/pipeline/rtsp"
	"onair/pkg/gate"
	"onair/pkg/leg"
)

// rtspPull receives from an RTSP server.
type rtspPull struct{}

func (rtspPull) receive(ctx context.Context, p *path) error {
	return rtsp.Pull(ctx, rtsp.PullConfig{
		URL: p.url, Allow: p.allowed, Output: p.output(),
		Open: func(peer netip.AddrPort) { p.open(Connected, peer) },
	})
}

// rtspPublished receives what is published to us by RTSP.
type rtspPublished struct{}

func (rtspPublished) receive(ctx context.Context, p *path) error {
	err := p.in.config.RTSP.Publish(ctx, rtsp.PublishConfig{
		URL: p.url, Allow: p.allowed, Output: p.output(), Busy: p.busy,
		Listening: func() { p.open(Listening, netip.AddrPort{}) },
		Open:      func(peer netip.AddrPort) { p.open(Connected, peer) },
		Hung:      p.hungUp, Refused: p.reject, Second: p.intrude,
	})
	return plain(err)
}

// output is where a leg's elementary streams go as a transport stream.
func (p *path) output() rtsp.Output {
	return rtsp.Output{
		Media: func(ts []byte) { p.take(ts, netip.AddrPort{}) },
		Lost:  p.miss, Damaged: p.damage, Now: p.in.config.Now,
		Note: func(text string) { p.log.Info().Str("reason", text).Msg("leg opened with a difference") },
	}
}

// miss counts packets that are missing in what becomes a transport stream here.
func (p *path) miss(n int) {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	p.lost += uint64(n)
	if p.in.source == p.index {
		p.in.outLost += uint64(n)
	}
}

// damage counts what cannot become part of a transport stream.
func (p *path) damage(why string) {
	p.in.mu.Lock()
	p.wrongType++
	p.in.advance()
	now := p.in.now
	p.in.mu.Unlock()
	p.wrong.report(why, now)
}

// busy tells whether a sender is at work that another one must not replace.
func (p *path) busy() bool {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	p.in.advance()
	return p.state == Connected && p.in.now-max(p.last, p.opened) < takeOver
}

// described receives elementary streams in RTP as a file of SDP says.
type described struct{}

// maxSDP is the largest session description that is read, in bytes.
const maxSDP = 1 << 16

func (described) receive(ctx context.Context, p *path) error {
	text, err := readSDP(p.url.Path)
	if err != nil {
		return err
	}
	session, err := rtsp.NewSession(text, p.output())
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for i, e := range session.Endpoints() {
		for _, one := range []struct {
			port  uint16
			bring func([]byte)
			tick  func()
		}{
			{e.Port, func(b []byte) { session.RTP(i, b) }, func() { session.Tick(i) }},
			{e.Control, func(b []byte) { session.RTCP(i, b) }, func() {}},
		} {
			conn, err := p.socketOf(ctx, e, one.port)
			if err != nil {
				g.Go(func() error { return err }) // ends those that are at work
				return g.Wait()
			}
			g.Go(func() error {
				defer func() { _ = conn.Close() }()
				return p.hear(ctx, conn, one.bring, one.tick)
			})
		}
	}
	p.open(Listening, netip.AddrPort{})
	return g.Wait()
}

// socketOf opens a port of a stream that a file of SDP describes.
func (p *path) socketOf(ctx context.Context, e rtsp.Endpoint, port uint16) (*net.UDPConn, error) {
	u := leg.URL{Scheme: leg.UDP, Port: port, Source: e.Source}
	if e.Group.IsValid() {
		u.Host, u.Interface = e.Group.String(), p.url.Interface
	}
	c, err := openSocket(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("port %d: %w", port, err)
	}
	enlarge(c)
	return c, nil
}

func readSDP(name string) ([]byte, error) {
	file, err := openClip(name)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(io.LimitReader(file, maxSDP+1))
	switch {
	case err != nil:
		return nil, systemSays("cannot read the file", err)
	case len(text) > maxSDP:
		return nil, errors.New("the file is too large to be a session description")
	}
	return text, nil
}

// hear brings the datagrams of a socket until that fails or ctx ends; tick is called between them.
func (p *path) hear(ctx context.Context, conn *net.UDPConn, bring func([]byte), tick func()) error {
	const tickEvery = 20 * time.Millisecond
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	buffer := make([]byte, longest)
	for {
		if err := conn.SetReadDeadline(time.Now().Add(tickEvery)); err != nil {
			return err
		}
		n, from, err := conn.ReadFromUDPAddrPort(buffer)
		tick()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			continue
		case err != nil:
			return err
		}
		if p.welcome(netip.AddrPortFrom(from.Addr().Unmap(), from.Port())) {
			bring(buffer[:n])
		}
	}
}

// welcome tells whether a sender's packets are taken: an allowed one, while no other is at work. All streams of a
// session come from one address.
func (p *path) welcome(from netip.AddrPort) bool {
	if !p.allowed(from.Addr()) {
		p.reject(gate.Address, from.Addr().String()+" is not in allow")
		return false
	}
	p.in.mu.Lock()
	p.in.advance()
	known := p.peer.Addr() == from.Addr()
	foreign := !known && p.peer.IsValid() && p.in.now-p.last < takeOver
	switch {
	case foreign:
		p.foreign++
	case !known:
		p.peer = from
		p.connects++
	}
	now := p.in.now
	p.in.mu.Unlock()
	if foreign {
		p.second.report(from.String(), now)
	}
	return !foreign
}
