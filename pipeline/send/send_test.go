package send_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"golang.org/x/sys/unix"

	"onair/pipeline/send"
	"onair/pkg/leg"
	"onair/pkg/mpegts"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// made is a stream of packets.
type made []mpegts.Packet

func (m made) Margin() time.Duration { return 0 }

func (m made) Run(_ context.Context, emit func(mpegts.Packet) error) error {
	for _, p := range m {
		if err := emit(p); err != nil {
			return err
		}
	}
	return nil
}

// stream is about so long, at 5 Mb/s.
func stream(length time.Duration) made {
	const perSecond = 3300
	return clocked(second, second*10/perSecond, int(perSecond*length/time.Second))
}

func (m made) bytes() (out []byte) {
	for _, p := range m {
		out = append(out, p...)
	}
	return out
}

// arrival is one datagram as it came.
type arrival struct {
	at   time.Time
	data []byte
}

// receiver collects what comes to a port.
type receiver struct {
	conn net.PacketConn
	done sync.WaitGroup
	got  []arrival
}

func receive(t *testing.T, network, address string) *receiver {
	t.Helper()
	conn, err := net.ListenPacket(network, address)
	if err != nil {
		t.Fatal(err)
	}
	widen(t, conn.(*net.UDPConn))
	r := &receiver{conn: conn}
	r.done.Go(func() {
		buffer := make([]byte, 2048)
		for {
			n, _, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			r.got = append(r.got, arrival{time.Now(), bytes.Clone(buffer[:n])})
		}
	})
	t.Cleanup(func() { conn.Close(); r.done.Wait() })
	return r
}

// widen gives a socket room for seconds of media: tests beside this one may keep the reader from its work.
func widen(t *testing.T, conn *net.UDPConn) {
	t.Helper()
	const room = 8 << 20
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, room) != nil { // only root may
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, room)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// end waits until nothing comes any more, and returns what came.
func (r *receiver) end() []arrival {
	_ = r.conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	r.done.Wait()
	return r.got
}

func (r *receiver) url(t *testing.T, scheme string) leg.URL {
	t.Helper()
	return destination(t, scheme+"://"+r.conn.LocalAddr().String())
}

func destination(t *testing.T, raw string) leg.URL {
	t.Helper()
	u, err := leg.ParseDestination(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func run(t *testing.T, c send.Config) send.Summary {
	t.Helper()
	s, err := send.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s.Summary()
}

func sequence(b []byte) uint16 { return binary.BigEndian.Uint16(b[2:]) }

func TestLegsGetIdenticalPackets(t *testing.T) {
	t.Parallel()
	a, b, bare := receive(t, "udp4", "127.0.0.1:0"), receive(t, "udp6", "[::1]:0"), receive(t, "udp4", "127.0.0.1:0")
	source := stream(time.Second)
	n := run(t, send.Config{Source: source, Seed: 5, Legs: []send.Leg{{URL: a.url(t, "rtp")}, {URL: b.url(t, "rtp")}, {URL: bare.url(t, "udp")}}})
	gotA, gotB, gotBare := a.end(), b.end(), bare.end()
	want := (len(source) + 6) / 7
	if len(gotA) != want || len(gotB) != want || len(gotBare) != want || n.Datagrams != uint64(want) {
		t.Fatalf("%d, %d and %d datagrams, want %d; summary %+v", len(gotA), len(gotB), len(gotBare), want, n)
	}
	var media []byte
	for i := range gotA {
		x := gotA[i].data
		if !bytes.Equal(x, gotB[i].data) || !bytes.Equal(x[12:], gotBare[i].data) {
			t.Fatalf("datagram %d differs between the legs", i)
		}
		if x[0] != 0x80 || x[1] != 33 || sequence(x) != n.FirstSequence+uint16(i) || binary.BigEndian.Uint32(x[8:]) != n.SSRC {
			t.Fatalf("datagram %d has header % x", i, x[:12])
		}
		media = append(media, x[12:]...)
	}
	if !bytes.Equal(media, source.bytes()) {
		t.Error("the media is not that of the source")
	}
	wantPaced(t, gotA)
}

// wantPaced: datagrams come as their time stamps say, not in bursts.
func wantPaced(t *testing.T, got []arrival) {
	t.Helper()
	first := binary.BigEndian.Uint32(got[0].data[4:])
	late := 0
	for i, a := range got {
		media := time.Duration(binary.BigEndian.Uint32(a.data[4:])-first) * time.Second / 90_000
		if i > 0 && media == 0 {
			t.Fatalf("datagram %d has the time of the first one", i)
		}
		if off := a.at.Sub(got[0].at) - media; off > 30*time.Millisecond || off < -30*time.Millisecond {
			late++
		}
	}
	if late > len(got)/10 {
		t.Errorf("%d of %d datagrams are more than 30 ms away from their time", late, len(got))
	}
}

// What the drop log says, what the summary counts and what arrives are the same.
func TestDropLogTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	const seconds = 2
	a, b := receive(t, "udp4", "127.0.0.1:0"), receive(t, "udp4", "127.0.0.1:0")
	var drops bytes.Buffer
	source := stream(seconds * time.Second)
	n := run(t, send.Config{Source: source, DropLog: &drops, Legs: []send.Leg{
		{URL: a.url(t, "rtp"), Impairment: send.Impairment{Loss: 0.2, Burst: 3, Reorder: 0.05, Jitter: 5 * time.Millisecond}},
		{URL: b.url(t, "rtp"), Impairment: send.Impairment{Loss: 0.3, Skew: 60 * time.Millisecond,
			Cuts: []send.Cut{{From: 500 * time.Millisecond, To: time.Second}}}},
	}})
	missing := [2]map[uint16]bool{{}, {}}
	silent, lines := 0, strings.Split(strings.TrimSpace(drops.String()), "\n")[1:]
	for _, line := range lines {
		var l, index int
		var seq uint16
		var cause string
		if _, err := fmt.Sscan(line, &l, &index, &seq, &cause); err != nil || seq != n.FirstSequence+uint16(index) {
			t.Fatalf("line %q: %v", line, err)
		}
		missing[l-1][seq] = true
		if cause == "drop" {
			silent++
		}
	}
	everywhere := uint64(0)
	for i, r := range []*receiver{a, b} {
		there := map[uint16]bool{}
		for _, x := range r.end() {
			there[sequence(x.data)] = true
		}
		for k := range n.Datagrams {
			seq := n.FirstSequence + uint16(k)
			if there[seq] == missing[i][seq] {
				t.Fatalf("leg %d, datagram %d: arrived %v, in the log %v", i+1, k, there[seq], missing[i][seq])
			}
			if i == 1 && missing[0][seq] && missing[1][seq] {
				everywhere++
			}
		}
		l := n.Legs[i]
		if l.Sent != uint64(len(there)) || l.Dropped != uint64(len(missing[i])) || l.Sent+l.Dropped != n.Datagrams || l.Unsent != 0 {
			t.Errorf("leg %d: %+v, but %d came and %d are in the log", i+1, l, len(there), len(missing[i]))
		}
	}
	if everywhere == 0 || n.Everywhere != everywhere {
		t.Errorf("%d dropped on all legs, the log says %d", n.Everywhere, everywhere)
	}
	if n.Legs[1].Silent != uint64(silent) || silent < 200 || silent > 260 || n.Legs[0].Reordered == 0 {
		t.Errorf("%d lines of silence; %+v", silent, n.Legs)
	}
}

func TestExclusiveLegsAreWholeTogether(t *testing.T) {
	t.Parallel()
	a, b, other := receive(t, "udp4", "127.0.0.1:0"), receive(t, "udp4", "127.0.0.1:0"), receive(t, "udp4", "127.0.0.1:0")
	source := stream(2 * time.Second)
	n := run(t, send.Config{Source: source, Exclusive: true, Legs: []send.Leg{
		{URL: a.url(t, "rtp"), Impairment: send.Impairment{Loss: 0.5, Reorder: 0.02}},
		{URL: b.url(t, "rtp"), Impairment: send.Impairment{Loss: 0.5, Cuts: []send.Cut{{From: time.Second}}}},
		{URL: other.url(t, "udp"), Impairment: send.Impairment{Loss: 1}}, // carries no RTP: not one of them
	}})
	there := map[uint16]bool{}
	for _, r := range []*receiver{a, b} {
		for _, x := range r.end() {
			there[sequence(x.data)] = true
		}
	}
	if uint64(len(there)) != n.Datagrams || n.Everywhere != 0 || len(other.end()) != 0 {
		t.Errorf("%d of %d datagrams came; %+v", len(there), n.Datagrams, n)
	}
}

func TestReorderedDatagramsAreOvertaken(t *testing.T) {
	t.Parallel()
	a := receive(t, "udp4", "127.0.0.1:0")
	n := run(t, send.Config{Source: stream(time.Second), Legs: []send.Leg{{URL: a.url(t, "rtp"), Impairment: send.Impairment{Reorder: 0.1}}}})
	got := a.end()
	back, furthest := 0, 0
	high := n.FirstSequence - 1
	for _, x := range got {
		d := int16(sequence(x.data) - high)
		if d < 0 {
			back++
			furthest = max(furthest, int(-d))
			continue
		}
		high = sequence(x.data)
	}
	if uint64(len(got)) != n.Datagrams || back == 0 || uint64(back) > n.Legs[0].Reordered || furthest > 16 {
		t.Errorf("%d of %d came, %d late by up to %d; %+v", len(got), n.Datagrams, back, furthest, n.Legs[0])
	}
}

func TestForEndsTheStream(t *testing.T) {
	t.Parallel()
	a := receive(t, "udp4", "127.0.0.1:0")
	n := run(t, send.Config{Source: stream(time.Hour / 60), For: 300 * time.Millisecond, Legs: []send.Leg{{URL: a.url(t, "udp")}}})
	if got := len(a.end()); n.Seconds < 0.29 || n.Seconds > 0.3 || uint64(got) != n.Datagrams {
		t.Errorf("%v s, %d of %d datagrams came", n.Seconds, got, n.Datagrams)
	}
}

func TestEndOfContextEndsSendingAtOnce(t *testing.T) {
	t.Parallel()
	a := receive(t, "udp4", "127.0.0.1:0")
	s, err := send.New(send.Config{Source: stream(time.Minute), Legs: []send.Leg{
		{URL: a.url(t, "rtp"), Impairment: send.Impairment{Skew: 5 * time.Second}}, {URL: a.url(t, "udp")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestMulticastIsSent(t *testing.T) {
	t.Parallel()
	group := &net.UDPAddr{IP: net.IPv4(239, 7, 7, 7)}
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Skip("no interface lo")
	}
	conn, err := net.ListenMulticastUDP("udp4", lo, group)
	if err != nil {
		t.Skipf("no multicast on lo: %v", err)
	}
	defer conn.Close()
	port := conn.LocalAddr().(*net.UDPAddr).Port
	n := run(t, send.Config{Source: stream(100 * time.Millisecond), Legs: []send.Leg{
		{URL: destination(t, fmt.Sprintf("rtp://239.7.7.7:%d?interface=lo&ttl=1", port))},
	}})
	_ = conn.SetReadDeadline(time.Now().Add(time.Second))
	b := make([]byte, 2048)
	got, err := conn.Read(b)
	if err != nil || got != 12+7*188 || sequence(b) != n.FirstSequence {
		t.Errorf("%d bytes, %v; %+v", got, err, n)
	}
}

func TestWhatCannotBeSentToIsAnError(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"name unknown":      "rtp://no-such-host.invalid:5000",
		"interface unknown": "rtp://239.7.7.8:5000?interface=nosuch0",
	} {
		s, err := send.New(send.Config{Source: stream(time.Second), Legs: []send.Leg{{URL: destination(t, "udp://127.0.0.1:9")}, {URL: destination(t, raw)}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "destination 2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
