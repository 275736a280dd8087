package nonblock

import (
	"net"
	"net/netip"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestTheZoneOfASenderIsAskedForOnce: the name of an interface is a question to the kernel, not one for each datagram.
func TestTheZoneOfASenderIsAskedForOnce(t *testing.T) {
	all, err := net.Interfaces()
	if err != nil || len(all) == 0 {
		t.Fatalf("no interface: %v", err)
	}
	s := &Socket{from: new(unix.RawSockaddrAny), size: new(uint32)}
	link := netip.MustParseAddr("fe80::1")
	in := (*unix.RawSockaddrInet6)(unsafe.Pointer(s.from))
	in.Family, in.Addr, in.Scope_id = unix.AF_INET6, link.As16(), uint32(all[0].Index)
	*(*[2]byte)(unsafe.Pointer(&in.Port)) = [2]byte{0x12, 0x34}
	want := netip.AddrPortFrom(link.WithZone(all[0].Name), 0x1234)
	if got := s.sender(); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	held := s.zone
	if n := testing.AllocsPerRun(100, func() { s.sender() }); n > 1 || s.zone != held { // WithZone makes one of its own
		t.Errorf("%v allocations for a sender that is known", n)
	}
}
