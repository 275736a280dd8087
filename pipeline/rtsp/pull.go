package rtsp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"onair/pkg/leg"
)

const (
	// answerWithin bounds each answer of a server or client, and the silence of media over TCP or after its beginning
	// over UDP.
	answerWithin = 5 * time.Second
	// firstWithin is how long the first packet over UDP is waited for before TCP is tried.
	firstWithin = 3 * time.Second
	agent       = "onair"
)

// ErrForbidden tells that the server's address is not allowed.
var ErrForbidden = errors.New("the server's address is not in allow")

// PullConfig says what is pulled from where.
type PullConfig struct {
	URL   leg.URL
	Allow func(netip.Addr) bool     // nil: every address
	Open  func(peer netip.AddrPort) // the server has begun to send
	Output
}

// Pull receives from a server until that ends, fails or falls silent, or ctx ends. The error never holds the password.
func Pull(ctx context.Context, c PullConfig) error {
	err := pull(ctx, c)
	if err == nil {
		return errors.New("the server has ended the session")
	}
	return withoutSecret(err, string(c.URL.Password))
}

func pull(ctx context.Context, cfg PullConfig) error {
	target, err := base.ParseURL(cfg.URL.Target())
	if err != nil {
		return fmt.Errorf("the address cannot be asked for: %w", err)
	}
	if cfg.URL.User != "" {
		target.User = userinfo(cfg.URL)
	}
	dial := &dialer{allow: cfg.Allow}
	client := newClient(cfg, target, dial)
	if err := client.Start2(); err != nil {
		return err
	}
	defer client.Close()
	defer context.AfterFunc(ctx, client.Close)()
	desc, _, err := client.Describe(target)
	if err != nil {
		return fmt.Errorf("asking what there is: %w", dial.why(err))
	}
	r, err := newReceiver(desc, cfg.Output)
	if err != nil {
		return err
	}
	for _, s := range r.streams {
		if _, err := client.Setup(desc.BaseURL, s.media, 0, 0); err != nil {
			return fmt.Errorf("asking for a stream: %w", dial.why(err))
		}
	}
	for i, s := range r.streams {
		client.OnPacketRTP(s.media, s.format, func(p *rtp.Packet) { r.rtp(i, p) })
	}
	client.OnPacketRTCPAny(func(m *description.Media, p rtcp.Packet) {
		if i := r.index(m); i >= 0 {
			r.rtcp(i, p)
		}
	})
	if _, err := client.Play(nil); err != nil {
		return fmt.Errorf("asking to play: %w", dial.why(err))
	}
	cfg.Open(dial.peer)
	return plain(client.Wait())
}

func newClient(cfg PullConfig, target *base.URL, dial *dialer) *gortsplib.Client {
	c := &gortsplib.Client{
		Scheme: target.Scheme, Host: target.Host, UserAgent: agent,
		ReadTimeout: answerWithin, WriteTimeout: answerWithin, InitialUDPReadTimeout: firstWithin,
		DialContext: dial.dial, ListenPacket: listenPacket,
		OnPacketsLost:     func(n uint64) { cfg.Lost(int(n)) },
		OnDecodeError:     func(err error) { cfg.Damaged(err.Error()) },
		OnTransportSwitch: func(error) { cfg.Note("no media came over UDP: it is asked for over TCP") },
	}
	switch cfg.URL.Transport {
	case leg.OverUDP:
		c.Transport = transport(gortsplib.TransportUDP)
	case leg.OverTCP:
		c.Transport = transport(gortsplib.TransportTCP)
	}
	return c
}

func transport(t gortsplib.Transport) *gortsplib.Transport { return &t }

// dialer connects to a server if its address is allowed.
type dialer struct {
	allow  func(netip.Addr) bool
	peer   netip.AddrPort
	denied bool
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: answerWithin}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	peer := addrPort(conn.RemoteAddr())
	if d.allow != nil && !d.allow(peer.Addr()) {
		d.denied = true
		_ = conn.Close()
		return nil, ErrForbidden
	}
	d.peer = peer
	return conn, nil
}

// why is the error, or that the address is not allowed if that was the reason.
func (d *dialer) why(err error) error {
	if d.denied {
		return ErrForbidden
	}
	return plain(err)
}

// addrPort is a TCP address, IPv4 as such.
func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	at := tcp.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// plain leaves away what net puts around the system's words.
func plain(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err
	}
	return err
}

// withoutSecret takes a password out of an error's text.
func withoutSecret(err error, secret string) error {
	if secret == "" || !strings.Contains(err.Error(), secret) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), secret, leg.Secret(secret).String()))
}
