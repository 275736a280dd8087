package send

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"onair/pkg/leg"
)

// errNobody says that there is nobody to send to yet, or any more.
var errNobody = errors.New("not connected")

// destination is where a leg goes.
type destination interface {
	// Ready waits until the first connection stands, or ctx ends.
	Ready(ctx context.Context)
	// Send sends one datagram. It is called by one goroutine.
	Send(b []byte) error
	// Linger is how long after the last datagram Close would still lose something.
	Linger() time.Duration
	// Close ends the connection, and waits until nothing of it is left. It is called by the goroutine of Send.
	Close()
}

// open opens the destination of a leg; ctx bounds its life.
func open(ctx context.Context, u leg.URL) (destination, error) {
	if u.Scheme == leg.SRT {
		return openSRT(ctx, u)
	}
	return openUDP(ctx, u)
}

// udp sends datagrams to an address, which may be a multicast group.
type udp struct {
	conn *net.UDPConn
	to   netip.AddrPort
}

func openUDP(ctx context.Context, u leg.URL) (destination, error) {
	addr, ok := u.Addr()
	if !ok {
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Host)
		if err != nil {
			return nil, fmt.Errorf("looking up %s: %w", u.Host, err)
		}
		addr = found[0]
	}
	addr = addr.Unmap()
	network := "udp6"
	if addr.Is4() {
		network = "udp4"
	}
	conn, err := net.ListenUDP(network, nil) // not connected: a receiver that is not there yet is no error
	if err != nil {
		return nil, err
	}
	const buffer = 1 << 20
	_ = conn.SetWriteBuffer(buffer) // less will do as well
	if addr.IsMulticast() {
		if err := group(conn, addr, u); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	return &udp{conn, netip.AddrPortFrom(addr, u.Port)}, nil
}

// group sets what concerns multicast. Receivers on this host hear it too.
func group(conn *net.UDPConn, addr netip.Addr, u leg.URL) error {
	var by *net.Interface
	if u.Interface != "" {
		var err error
		if by, err = net.InterfaceByName(u.Interface); err != nil {
			return fmt.Errorf("interface %s: %w", u.Interface, err)
		}
	}
	if addr.Is4() {
		p := ipv4.NewPacketConn(conn)
		err := errors.Join(p.SetMulticastTTL(u.TTL), p.SetMulticastLoopback(true))
		if by != nil {
			err = errors.Join(err, p.SetMulticastInterface(by))
		}
		return err
	}
	p := ipv6.NewPacketConn(conn)
	err := errors.Join(p.SetMulticastHopLimit(u.TTL), p.SetMulticastLoopback(true))
	if by != nil {
		err = errors.Join(err, p.SetMulticastInterface(by))
	}
	return err
}

// Ready is at once: there is no connection to wait for.
func (d *udp) Ready(context.Context) {}

// Send writes a datagram.
func (d *udp) Send(b []byte) error {
	_, err := d.conn.WriteToUDPAddrPort(b, d.to)
	return err
}

// Linger is zero: what was written is on its way.
func (d *udp) Linger() time.Duration { return 0 }

// Close gives the socket back.
func (d *udp) Close() { _ = d.conn.Close() }
