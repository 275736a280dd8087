package rtsp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"

	"golang.org/x/sys/unix"

	"onair/pkg/leg"
)

// receiveBuffer is what is asked of the kernel for a socket of media, in bytes.
const receiveBuffer = 8 << 20

// userinfo is user and password for whoever writes URLs.
func userinfo(u leg.URL) *url.Userinfo { return url.UserPassword(u.User, string(u.Password)) }

// listenPacket opens a UDP socket with a large receive buffer, by right of administration if there is one.
func listenPacket(network, address string) (net.PacketConn, error) {
	conn, err := (&net.ListenConfig{}).ListenPacket(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	if udp, ok := conn.(*net.UDPConn); ok {
		enlarge(udp)
	}
	return conn, nil
}

// enlarge does what it can: a small buffer loses packets only under load, and those are counted.
func enlarge(conn *net.UDPConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
		}
	})
}

// pair is two UDP sockets on neighbouring ports, the first one even, as RTP and its control channel want them.
type pair struct {
	rtp, rtcp net.PacketConn
	port      int
}

// openPair finds two free ports on a host; "" is every address.
func openPair(host string) (*pair, error) {
	const attempts = 50
	for range attempts {
		first, err := listenPacket("udp", net.JoinHostPort(host, "0"))
		if err != nil {
			return nil, err
		}
		at, ok := first.LocalAddr().(*net.UDPAddr)
		if !ok || at.Port%2 != 0 {
			_ = first.Close()
			continue
		}
		second, err := listenPacket("udp", net.JoinHostPort(host, fmt.Sprint(at.Port+1)))
		if err != nil {
			_ = first.Close()
			continue
		}
		return &pair{rtp: first, rtcp: second, port: at.Port}, nil
	}
	return nil, errors.New("two neighbouring UDP ports cannot be had")
}

// listen hands the sockets out to a server that asks for them by their ports, once each.
func (p *pair) listen(_, address string) (net.PacketConn, error) {
	_, port, _ := net.SplitHostPort(address)
	conn := &p.rtp
	if port != fmt.Sprint(p.port) {
		conn = &p.rtcp
	}
	if *conn == nil {
		return nil, errors.New("the port is in use")
	}
	out := *conn
	*conn = nil
	return out, nil
}

// close closes what was not handed out.
func (p *pair) close() {
	for _, c := range []net.PacketConn{p.rtp, p.rtcp} {
		if c != nil {
			_ = c.Close()
		}
	}
}
