package ingest_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"onair/pipeline/ingest"
	"onair/pkg/leg"
	"onair/pkg/tick"
)

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	if _, err := ingest.NewInput(ingest.InputConfig{}, &sink{}); err == nil {
		t.Error("an input without legs is taken")
	}
	u, _ := leg.Parse("udp://:1")
	if _, err := ingest.NewInput(ingest.InputConfig{Legs: []leg.URL{u}}, nil); err == nil {
		t.Error("an input without a sink is taken")
	}
	if _, err := ingest.NewInput(ingest.InputConfig{Legs: []leg.URL{u}, Merge: time.Hour}, &sink{}); err == nil {
		t.Error("an hour of merging is taken")
	}
}

func TestUnicast(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		leg, to string
		wrap    func(uint32) []byte
	}{
		{"rtp://127.0.0.1:%d", "127.0.0.1:%d", rtp},
		{"rtp://[::1]:%d", "[::1]:%d", rtp},
		{"rtp://:%d", "127.0.0.1:%d", rtp},
		{"udp://:%d", "[::1]:%d", ts},
		{"udp://0.0.0.0:%d", "127.0.0.1:%d", ts},
	} {
		t.Run(c.leg, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			r := newRig(t, ingest.InputConfig{}, fmt.Sprintf(c.leg, port))
			conn := dial(t, fmt.Sprintf(c.to, port))
			for i := range uint32(100) {
				send(t, conn, c.wrap(i))
			}
			r.want(count(100)...)
			s := r.stats().Legs[0]
			if s.State != ingest.Receiving || s.Packets != 100 || s.Bytes != 100*1316 || s.Peer != conn.LocalAddr().String() {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestMulticast(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, leg, group string
		arrives          bool
	}{
		{"any source", "rtp://239.81.7.1:%d?interface=lo", "239.81.7.1", true},
		{"the right source", "rtp://232.81.7.2:%d?interface=lo&source=127.0.0.1", "232.81.7.2", true},
		{"the wrong source", "rtp://232.81.7.3:%d?interface=lo&source=127.0.0.9", "232.81.7.3", false},
		{"another group on the same port", "rtp://239.81.7.4:%d?interface=lo", "239.81.7.5", false},
		{"IPv6", "rtp://[ff15::8117]:%d?interface=IF6", "ff15::8117", true},
		{"IPv6, the right source", "rtp://[ff35::8118]:%d?interface=IF6&source=IP6", "ff35::8118", true},
		{"IPv6, the wrong source", "rtp://[ff35::8119]:%d?interface=IF6&source=2001:db8::9", "ff35::8119", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			url := fmt.Sprintf(c.leg, port)
			if strings.Contains(url, "IF6") {
				ifi, addr := multicast6(t)
				url = strings.NewReplacer("IF6", ifi.Name, "IP6", addr.String()).Replace(url)
			}
			r := newRig(t, ingest.InputConfig{}, url)
			conn := toGroup(t, netip.AddrPortFrom(netip.MustParseAddr(c.group), uint16(port)))
			if !c.arrives {
				for i := range uint32(20) {
					send(t, conn, rtp(i))
					wait(20 * time.Millisecond)
				}
				if s := r.stats().Legs[0]; s.Packets+s.Foreign+rejected(s) != 0 {
					t.Errorf("%+v", s)
				}
				return
			}
			var i uint32 // the join may take a moment
			r.until("datagrams of the group", func(s ingest.InputStats) bool {
				send(t, conn, rtp(i))
				i++
				return s.Packets > 10
			})
		})
	}
}

// wait lets real time pass where nothing can be waited for, because nothing is to happen.
func wait(d time.Duration) { <-time.After(d) }

// multicast6 is an interface that carries IPv6 multicast, which the loopback interface does not.
func multicast6(t *testing.T) (net.Interface, net.IP) {
	t.Helper()
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, ifi := range interfaces {
		addrs, err := ifi.Addrs()
		if err != nil || ifi.Flags&net.FlagMulticast == 0 || ifi.Flags&net.FlagUp == 0 {
			continue
		}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.To4() == nil && !n.IP.IsLinkLocalUnicast() {
				return ifi, n.IP
			}
		}
	}
	t.Skip("no interface of this host has IPv6 and multicast")
	return net.Interface{}, nil
}

// toGroup sends to a group over the loopback interface, or that of multicast6.
func toGroup(t *testing.T, group netip.AddrPort) net.Conn {
	t.Helper()
	ifi, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	from := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
	if group.Addr().Is6() {
		other, addr := multicast6(t)
		ifi, from.IP = &other, addr
	}
	c, err := net.DialUDP("udp", from, net.UDPAddrFromAddrPort(group))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if group.Addr().Is4() {
		err = ipv4.NewPacketConn(c).SetMulticastInterface(ifi)
	} else {
		err = ipv6.NewPacketConn(c).SetMulticastInterface(ifi)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryKindOfRTPHeader(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	r := newRig(t, ingest.InputConfig{}, fmt.Sprintf("rtp://127.0.0.1:%d", port))
	conn := dial(t, fmt.Sprintf("127.0.0.1:%d", port))
	plain := rtp(1)
	extension := append([]byte{0x90, 33, 0, 2}, plain[4:12]...)
	extension = append(append(extension, 0xbe, 0xde, 0, 1, 0x10, 1, 0, 0), ts(2)...)
	sources := append([]byte{0x82, 33, 0, 3}, plain[4:12]...)
	sources = append(append(sources, 1, 2, 3, 4, 5, 6, 7, 8), ts(3)...)
	padding := append(append([]byte{0xa0, 33 | 0x80, 0, 4}, plain[4:12]...), append(ts(4), 0, 0, 0, 4)...)
	one := append([]byte{0x80, 33, 0, 5}, plain[4:12]...)
	one = append(one, ts(5)[:188]...)
	send(t, conn, plain, extension, sources, padding, one)
	r.want(1, 2, 3, 4, 5)
	if s := r.stats(); s.Legs[0].WrongType != 0 || s.Bytes != 4*1316+188 {
		t.Errorf("%+v", s)
	}
}

func TestWhatIsNotTSIsCountedAndSaid(t *testing.T) {
	t.Parallel()
	h264 := append([]byte{0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9}, make([]byte, 700)...)
	half := append([]byte{0x80, 33, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9}, ts(1)[:100]...)
	for _, c := range []struct {
		name, scheme, want string
		datagram           []byte
	}{
		{"RTP of another payload type", "rtp", "another payload type", h264},
		{"half a packet in RTP", "rtp", "not whole TS packets", half},
		{"RTP without payload", "rtp", "not whole TS packets", half[:12]},
		{"a cut RTP header", "rtp", "not RTP", half[:7]},
		{"padding longer than the datagram", "rtp", "not RTP", append([]byte{0xa0, 33}, append(half[2:50], 255)...)},
		{"bare TS on rtp", "rtp", "make it udp://", ts(1)},
		{"RTP on udp", "udp", "make it rtp://", rtp(1)},
		{"RTP of zeros", "rtp", "not whole TS packets", append(half[:12:12], make([]byte, 1316)...)},
		{"text on udp", "udp", "not MPEG-TS", []byte("GET / HTTP/1.1\r\n")},
		{"nothing", "udp", "not MPEG-TS", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			r := newRig(t, ingest.InputConfig{}, fmt.Sprintf("%s://127.0.0.1:%d", c.scheme, port))
			conn := dial(t, fmt.Sprintf("127.0.0.1:%d", port))
			send(t, conn, c.datagram, c.datagram, c.datagram)
			r.until("three are counted", func(s ingest.InputStats) bool { return s.Legs[0].WrongType == 3 })
			if s := r.stats(); s.Packets != 0 || s.Legs[0].Packets != 0 || !strings.Contains(s.Legs[0].Error, c.want) {
				t.Errorf("%+v", s)
			}
			r.logged(c.want)
			if n := strings.Count(r.log.String(), "datagrams refused"); n > 2 {
				t.Errorf("%d lines for 3 datagrams in a row", n)
			}
			good := rtp(1)
			if c.scheme == "udp" {
				good = ts(1)
			}
			send(t, conn, good)
			r.want(1)
			if s := r.stats().Legs[0]; s.Error != "" {
				t.Errorf("the error stays: %+v", s)
			}
		})
	}
}

func TestUnalignedTSOnUDPIsTaken(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	r := newRig(t, ingest.InputConfig{}, fmt.Sprintf("udp://127.0.0.1:%d", port))
	conn := dial(t, fmt.Sprintf("127.0.0.1:%d", port))
	stream := append(ts(0), ts(1)...)
	send(t, conn, stream[:1000], stream[1000:2000], stream[2000:])
	r.until("all bytes", func(s ingest.InputStats) bool { return s.Bytes == 2*1316 })
}

func TestTwoLegsAreMerged(t *testing.T) {
	t.Parallel()
	a, b := freePort(t), freePort(t)
	r := newRig(t, ingest.InputConfig{}, fmt.Sprintf("rtp://127.0.0.1:%d", a), fmt.Sprintf("rtp://127.0.0.1:%d", b))
	toA, toB := dial(t, fmt.Sprintf("127.0.0.1:%d", a)), dial(t, fmt.Sprintf("127.0.0.1:%d", b))
	for i := range uint32(300) {
		if i%3 != 1 {
			send(t, toA, rtp(i))
		}
		if i%3 != 2 && i != 150 {
			send(t, toB, rtp(i))
		}
		r.until("what is whole comes out", func(s ingest.InputStats) bool { return s.Packets > uint64(i) })
	}
	r.want(count(300)...)
	s := r.stats()
	if s.Lost != 0 || s.Unmerged || s.Legs[0].Lost != 99 && s.Legs[0].Lost != 100 || s.Legs[0].Recovered != s.Legs[0].Lost {
		t.Errorf("%+v", s)
	}
}

func TestHoleOnAllLegsIsGivenUpInTime(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	r := newRig(t, ingest.InputConfig{}, fmt.Sprintf("rtp://127.0.0.1:%d", port))
	conn := dial(t, fmt.Sprintf("127.0.0.1:%d", port))
	begin := time.Now()
	send(t, conn, rtp(0), rtp(3)) // and then nothing: only the clock can release it
	r.want(0, 3)
	if d := time.Since(begin); d < 50*time.Millisecond || d > 2*time.Second {
		t.Errorf("after %v", d)
	}
	if s := r.stats(); s.Lost != 2 || r.sink.lost[1] != 2 {
		t.Errorf("%+v %v", s, r.sink.lost)
	}
}

func TestSecondSenderIsIgnoredWhileTheFirstSends(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	r := newRig(t, ingest.InputConfig{}, fmt.Sprintf("udp://127.0.0.1:%d", port))
	first, second := dial(t, fmt.Sprintf("127.0.0.1:%d", port)), dialFrom(t, "127.0.0.2", fmt.Sprintf("127.0.0.1:%d", port))
	for i := range uint32(10) {
		send(t, first, ts(i))
		r.until("the first one's", func(s ingest.InputStats) bool { return s.Packets > uint64(i) })
		send(t, second, ts(1000+i))
	}
	r.until("the second one's are counted", func(s ingest.InputStats) bool { return s.Legs[0].Foreign == 10 })
	r.logged("second sender ignored")
	var i uint32
	r.until("the second one takes over", func(s ingest.InputStats) bool {
		send(t, second, ts(2000+i))
		i++
		return s.Packets > 10
	})
	if s := r.stats().Legs[0]; s.Peer != second.LocalAddr().String() || s.Connects != 2 {
		t.Errorf("%+v", s)
	}
}

// Where two have sent at one address, a short silence of one is not taken for a new start of the same encoder.
func TestTwoSendersAtOneAddressDoNotTakeTurns(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	r := newRig(t, ingest.InputConfig{}, fmt.Sprintf("udp://127.0.0.1:%d", port))
	to := fmt.Sprintf("127.0.0.1:%d", port)
	first, second := dial(t, to), dial(t, to)
	for i := range uint32(3) {
		send(t, first, ts(i))
		r.until("the first one's", func(s ingest.InputStats) bool { return s.Packets > uint64(i) })
		send(t, second, ts(1000+i))
		r.until("the second one's", func(s ingest.InputStats) bool { return s.Legs[0].Foreign > uint64(i) })
	}
	last := time.Now()
	send(t, first, ts(3))
	i := uint32(2000)
	r.until("the second one takes over", func(s ingest.InputStats) bool {
		send(t, second, ts(i))
		i++
		return s.Legs[0].Peer == second.LocalAddr().String()
	})
	if took := time.Since(last); took < 500*time.Millisecond {
		t.Errorf("it took over after %v", took)
	}
}

func TestAllow(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	allow := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	r := newRig(t, ingest.InputConfig{Allow: allow}, fmt.Sprintf("udp://:%d", port))
	send(t, dial(t, fmt.Sprintf("127.0.0.1:%d", port)), ts(1), ts(2))
	r.until("both are rejected", func(s ingest.InputStats) bool { return s.Legs[0].Rejected["address"] == 2 })
	r.logged("127.0.0.1 is not in allow")
	send(t, dial(t, fmt.Sprintf("[::1]:%d", port)), ts(3))
	r.want(3)
}

func TestPortInUseIsSaidAndTriedAgain(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"udp://127.0.0.1:%d", "srt://127.0.0.1:%d?mode=listener"} {
		t.Run(raw, func(t *testing.T) {
			t.Parallel()
			other, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			port := other.LocalAddr().(*net.UDPAddr).Port
			r := newRig(t, ingest.InputConfig{}, fmt.Sprintf(raw, port))
			r.until("it has failed", func(s ingest.InputStats) bool { return s.Legs[0].State == ingest.Failed })
			if s := r.stats().Legs[0]; !strings.Contains(s.Error, "address already in use") {
				t.Errorf("%+v", s)
			}
			r.logged("leg failed")
			other.Close()
			r.until("it listens", func(s ingest.InputStats) bool { return s.Legs[0].State == ingest.Listening })
		})
	}
}

func TestMissingInterfaceIsSaid(t *testing.T) {
	t.Parallel()
	r := newRig(t, ingest.InputConfig{}, "rtp://239.81.7.9:5000?interface=nosuch0")
	r.until("it has failed", func(s ingest.InputStats) bool { return strings.Contains(s.Legs[0].Error, "nosuch0") })
}

func TestStatesAreTold(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	r := newRig(t, ingest.InputConfig{}, fmt.Sprintf("udp://127.0.0.1:%d", port))
	if s := r.stats().Legs[0]; s.State != ingest.Listening {
		t.Errorf("%+v", s)
	}
	conn := dial(t, fmt.Sprintf("127.0.0.1:%d", port))
	send(t, conn, ts(0))
	r.until("it receives", func(s ingest.InputStats) bool { return s.Legs[0].State == ingest.Receiving })
	later := r.in.Stats(r.now() + 2*tick.Second)
	if later.Legs[0].State != ingest.Silent || later.Legs[0].Bitrate != 0 {
		t.Errorf("%+v", later)
	}
	r.until("it falls silent", func(s ingest.InputStats) bool { return s.Legs[0].State == ingest.Silent })
	r.logged("leg silent")
}

func TestBareLegsAreNotMixed(t *testing.T) {
	t.Parallel()
	a, b := freePort(t), freePort(t)
	r := newRig(t, ingest.InputConfig{}, fmt.Sprintf("udp://127.0.0.1:%d", a), fmt.Sprintf("udp://127.0.0.1:%d", b))
	toA, toB := dial(t, fmt.Sprintf("127.0.0.1:%d", a)), dial(t, fmt.Sprintf("127.0.0.1:%d", b))
	for i := range uint32(20) {
		send(t, toA, ts(i))
		r.until("the first leg's", func(s ingest.InputStats) bool { return s.Packets > uint64(i) })
		send(t, toB, ts(1000+i))
	}
	r.until("the second leg stands by", func(s ingest.InputStats) bool { return s.Legs[1].Standby == 20 && s.Unmerged })
	r.want(count(20)...)
	var i uint32
	r.until("the second leg takes over", func(s ingest.InputStats) bool {
		send(t, toB, ts(2000+i))
		i++
		return s.Packets > 20
	})
}

func TestDamagedPacketsAmongGoodOnesAreTaken(t *testing.T) {
	t.Parallel()
	damaged := rtp(1)
	damaged[12], damaged[12+2*188] = 0, 0xff
	if got, sequenced, why := ingest.Parse(leg.RTP, damaged); len(got) != 1316 || !sequenced || why != "" {
		t.Errorf("%d bytes, %q", len(got), why)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(byte(0), rtp(1))
	f.Add(byte(1), ts(1))
	f.Add(byte(2), rtp(2)[:200])
	f.Add(byte(0), []byte{0x9f, 33, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0xff, 0xff, 0x47})
	f.Fuzz(func(t *testing.T, scheme byte, b []byte) {
		got, sequenced, why := ingest.Parse([]leg.Scheme{leg.RTP, leg.UDP, leg.SRT}[scheme%3], b)
		switch {
		case why != "":
			if len(got) != 0 || sequenced {
				t.Fatalf("%q, yet %d bytes", why, len(got))
			}
		case len(got) == 0 || len(got) > len(b):
			t.Fatalf("%d bytes of %d", len(got), len(b))
		}
	})
}
