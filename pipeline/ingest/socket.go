package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"onair/pkg/gate"
	"onair/pkg/leg"
	"onair/pkg/nonblock"
	"onair/pkg/tick"
)

// errRejoin ends a socket that is to be opened again at once.
var errRejoin = errors.New("joining the group again")

// rejoinAfter is the silence after which a multicast group is joined again: the interface may have gone and come
// back, or a switch may have forgotten us.
const rejoinAfter = 10 * tick.Second

const (
	receiveBuffer = 8 << 20 // bytes in the kernel: 0.6 s of 100 Mb/s
	longest       = 1 << 16 // bytes of a datagram
)

// datagrams receives rtp and udp legs.
type datagrams struct{}

func (datagrams) receive(ctx context.Context, p *path) error {
	conn, err := openSocket(ctx, p.url)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer func() { _ = conn.Close() }()
	if got := enlarge(conn); got < receiveBuffer/8 {
		p.log.Warn().Int("bytes", got).Msg("receive buffer is small: raise net.core.rmem_max to 8388608")
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	if p.fec != nil {
		running, stop := context.WithCancel(ctx)
		defer stop()
		p.fec.start(running, &wg)
	}
	p.open(Listening, netip.AddrPort{})
	return p.listen(conn, p.take)
}

// listen takes what allowed senders send to a socket, until that is closed.
func (p *path) listen(conn *net.UDPConn, take func(b []byte, from netip.AddrPort)) error {
	var known netip.Addr // the sender that was last found to be allowed
	var by *[]netip.Prefix
	buffer := make([]byte, longest)
	socket, err := nonblock.NewSocket(conn)
	if err != nil {
		return err
	}
	for {
		n, from, err := socket.Receive(buffer)
		if err != nil {
			return err
		}
		if from.Addr().Is4In6() {
			from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		}
		if now := p.in.allow.Load(); from.Addr() != known || now != by {
			if !p.allowed(from.Addr()) {
				p.reject(gate.Address, from.Addr().String()+" is not in allow")
				continue
			}
			known, by = from.Addr(), now
		}
		take(buffer[:n], from)
	}
}

// openSocket opens and joins. A unicast port belongs to one socket; a group may be received by several.
func openSocket(ctx context.Context, u leg.URL) (*net.UDPConn, error) {
	addr, ok := u.Addr()
	if !ok {
		return nil, fmt.Errorf("host %s is not an address", u.Host)
	}
	network, group := "udp", addr.IsMulticast()
	if u.Host != "" && addr.Is4() {
		network = "udp4"
	} else if u.Host != "" {
		network = "udp6"
	}
	config := net.ListenConfig{}
	if group {
		config.Control = shareGroup
		if u.Interface != "" && addr.Is6() && addr.IsLinkLocalMulticast() {
			addr = addr.WithZone(u.Interface)
		}
	}
	at := netip.AddrPortFrom(addr, u.Port).String()
	if u.Host == "" {
		at = fmt.Sprintf(":%d", u.Port)
	}
	c, err := config.ListenPacket(ctx, network, at)
	if err != nil {
		return nil, plain(err)
	}
	conn, ok := c.(*net.UDPConn)
	if !ok {
		_ = c.Close()
		return nil, fmt.Errorf("a %T is no UDP socket", c)
	}
	if group {
		if err := join(conn, addr, u); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	return conn, nil
}

// plain leaves away what net puts around the system's words, since the leg's URL stands beside them.
func plain(err error) error {
	var number syscall.Errno
	if errors.As(err, &number) {
		return fmt.Errorf("cannot open the port: %w", number)
	}
	return err
}

// shareGroup lets several sockets receive one group, and keeps groups out that others on this host have joined.
func shareGroup(network, _ string, c syscall.RawConn) error {
	var err error
	control := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		if err == nil && network == "udp4" {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0)
		} else if err == nil {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL, 0)
		}
	})
	return errors.Join(control, err)
}

// join joins the group, from one source if the URL names one.
func join(conn *net.UDPConn, addr netip.Addr, u leg.URL) error {
	var ifi *net.Interface
	if name := u.Interface; name != "" || addr.Zone() != "" {
		if name == "" {
			name = addr.Zone()
		}
		found, err := net.InterfaceByName(name)
		if err != nil {
			return fmt.Errorf("interface %s: this host has none of that name", name)
		}
		ifi = found
	}
	group := &net.UDPAddr{IP: addr.AsSlice()}
	source := &net.UDPAddr{IP: u.Source.AsSlice()}
	var err error
	switch {
	case addr.Is4() && u.Source.IsValid():
		err = ipv4.NewPacketConn(conn).JoinSourceSpecificGroup(ifi, group, source)
	case addr.Is4():
		err = ipv4.NewPacketConn(conn).JoinGroup(ifi, group)
	case u.Source.IsValid():
		err = ipv6.NewPacketConn(conn).JoinSourceSpecificGroup(ifi, group, source)
	default:
		err = ipv6.NewPacketConn(conn).JoinGroup(ifi, group)
	}
	if err == nil {
		return nil
	}
	if ifi == nil {
		return fmt.Errorf("cannot join group %s: %w (say interface= if no route leads there)", addr, cause(err))
	}
	return fmt.Errorf("cannot join group %s on %s: %w", addr, ifi.Name, cause(err))
}

// cause is what net put its own words around.
func cause(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

// enlarge asks for a large receive buffer, by right of administration if there is one, and returns what it has become.
func enlarge(conn *net.UDPConn) (size int) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return receiveBuffer // unknown, so no complaint
	}
	_ = raw.Control(func(fd uintptr) {
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
		}
		size, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
	})
	if err != nil {
		return receiveBuffer
	}
	return size / 2 // the kernel tells twice what was asked for
}
