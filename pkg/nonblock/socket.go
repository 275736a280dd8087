package nonblock

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Socket receives datagrams. One goroutine may receive.
type Socket struct {
	raw  syscall.RawConn
	b    []byte
	n    int
	err  error
	from *unix.RawSockaddrAny
	size *uint32
	try  func(fd uintptr) bool

	scope uint32 // of the last sender that had one, and its name: to ask for it costs more than all else
	zone  string
}

// NewSocket receives from a connection, which stays the caller's. An error says that it is closed.
func NewSocket(c *net.UDPConn) (*Socket, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("receiving datagrams: %w", err)
	}
	s := &Socket{raw: raw, from: new(unix.RawSockaddrAny), size: new(uint32)}
	s.try = s.receive
	return s, nil
}

func (s *Socket) receive(fd uintptr) bool {
	*s.size = unix.SizeofSockaddrAny
	s.n, s.err = Call(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&s.b[0])), uintptr(len(s.b)), unix.MSG_DONTWAIT,
		uintptr(unsafe.Pointer(s.from)), uintptr(unsafe.Pointer(s.size)))
	return !errors.Is(s.err, unix.EAGAIN)
}

// Receive waits for the next datagram and copies it to b, which must not be empty; what does not fit is lost. from is
// who sent it.
func (s *Socket) Receive(b []byte) (n int, from netip.AddrPort, err error) {
	s.b = b
	err = s.raw.Read(s.try)
	s.b = nil
	if err == nil && s.err != nil {
		err = &net.OpError{Op: "read", Net: "udp", Err: os.NewSyscallError("recvfrom", s.err)}
	}
	if err != nil {
		return 0, netip.AddrPort{}, err //nolint:wrapcheck // what the standard library says of its connection
	}
	return s.n, s.sender(), nil
}

// sender is an address as the kernel writes it.
func (s *Socket) sender() netip.AddrPort {
	switch s.from.Addr.Family {
	case unix.AF_INET:
		a := (*unix.RawSockaddrInet4)(unsafe.Pointer(s.from))
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), port(&a.Port))
	case unix.AF_INET6:
		a := (*unix.RawSockaddrInet6)(unsafe.Pointer(s.from))
		addr := netip.AddrFrom16(a.Addr)
		if a.Scope_id != 0 {
			if a.Scope_id != s.scope {
				s.scope, s.zone = a.Scope_id, zone(int(a.Scope_id))
			}
			addr = addr.WithZone(s.zone)
		}
		return netip.AddrPortFrom(addr, port(&a.Port))
	}
	return netip.AddrPort{}
}

// port is kept in the network's order.
func port(p *uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(p))
	return uint16(b[0])<<8 | uint16(b[1])
}

// zone is the name of an interface, or its number if it has none any more.
func zone(index int) string {
	if i, err := net.InterfaceByIndex(index); err == nil {
		return i.Name
	}
	return strconv.Itoa(index)
}
