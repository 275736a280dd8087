package ingest_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"onair/pipeline/ingest"
	"onair/pkg/leg"
	"onair/pkg/tick"
)

// counter is a sink that only counts.
type counter struct{ n atomic.Int64 }

func (c *counter) Datagram([]byte, tick.Tick, int) { c.n.Add(1) }

// start runs an input for a test or benchmark.
func start(tb testing.TB, sink ingest.Sink, legs ...string) *ingest.Input {
	tb.Helper()
	config := ingest.InputConfig{Merge: 5 * time.Second} // whatever else this machine does
	for _, raw := range legs {
		u, err := leg.Parse(raw)
		if err != nil {
			tb.Fatal(err)
		}
		config.Legs = append(config.Legs, u)
	}
	in, err := ingest.NewInput(config, sink)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Error(err)
		}
	})
	for i := range legs {
		for in.Stats(1).Legs[i].State != ingest.Listening {
			runtime.Gosched()
		}
	}
	return in
}

func connect(tb testing.TB, port int) *net.UDPConn {
	tb.Helper()
	c, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return c
}

func freeUDP(tb testing.TB) int {
	tb.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// TestNothingIsAllocatedPerDatagram covers socket, header, merge and sink, with loss on both legs.
func TestNothingIsAllocatedPerDatagram(t *testing.T) {
	a, b := freeUDP(t), freeUDP(t)
	got := &counter{}
	start(t, got, fmt.Sprintf("rtp://127.0.0.1:%d", a), fmt.Sprintf("rtp://127.0.0.1:%d", b))
	toA, toB := connect(t, a), connect(t, b)
	datagram := rtp(0)
	var seq uint16
	var want int64
	round := func() {
		for range 100 {
			binary.BigEndian.PutUint16(datagram[2:], seq)
			if seq%10 != 3 {
				push(t, toA, datagram)
			}
			if seq%10 != 7 {
				push(t, toB, datagram)
			}
			seq++
		}
		want += 100
		for got.n.Load() < want {
			runtime.Gosched()
		}
	}
	for range 20 {
		round()
	}
	if n := testing.AllocsPerRun(50, round); n > 1 {
		t.Errorf("%v allocations in 200 datagrams", n)
	}
}

func push(tb testing.TB, c *net.UDPConn, b []byte) {
	if _, err := c.Write(b); err != nil {
		tb.Fatal(err)
	}
}

// block is how many datagrams are sent before the clock runs; a leg's receive buffer holds them.
const block = 1000

// BenchmarkReceive holds receive and merge of two legs against a bare read loop: the time to drain a datagram that
// lies in the socket already, of either leg.
func BenchmarkReceive(b *testing.B) {
	b.Run("bare loop", benchmarkBare)
	b.Run("two legs merged", benchmarkMerge)
}

func benchmarkBare(b *testing.B) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetReadBuffer(8 << 20); err != nil {
		b.Fatal(err)
	}
	to := connect(b, conn.LocalAddr().(*net.UDPAddr).Port)
	datagram, buffer := rtp(0), make([]byte, 2048)
	b.ReportAllocs()
	b.ResetTimer()
	for sent := 0; sent < b.N; sent += block {
		b.StopTimer()
		for range block {
			push(b, to, datagram)
		}
		b.StartTimer()
		for range block {
			if _, _, err := conn.ReadFromUDPAddrPort(buffer); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// gate is a sink that holds the input up while datagrams are being sent.
type gate struct {
	mu   sync.Mutex
	left int
	done chan struct{}
}

func (g *gate) Datagram([]byte, tick.Tick, int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left--; g.left == 0 {
		g.done <- struct{}{}
	}
}

func benchmarkMerge(b *testing.B) {
	one, two := freeUDP(b), freeUDP(b)
	g := &gate{done: make(chan struct{})}
	start(b, g, fmt.Sprintf("rtp://127.0.0.1:%d", one), fmt.Sprintf("rtp://127.0.0.1:%d", two))
	toA, toB := connect(b, one), connect(b, two)
	datagram := rtp(0)
	var seq uint16
	b.ReportAllocs()
	b.ResetTimer()
	for sent := 0; sent < b.N; sent += block {
		b.StopTimer()
		g.mu.Lock()
		g.left = block / 2
		for i := range block / 2 { // the last but one goes to one leg, the last to the other: all out means both are drained
			binary.BigEndian.PutUint16(datagram[2:], seq)
			if i != block/2-2 {
				push(b, toA, datagram)
			}
			if i != block/2-1 {
				push(b, toB, datagram)
			}
			seq++
		}
		g.mu.Unlock()
		b.StartTimer()
		<-g.done
	}
}

// TestRTPThatIsNotTSIsRefused plays a capture of H.264 and AAC in RTP.
func TestRTPThatIsNotTSIsRefused(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("ONAIR_MEDIA")
	if folder == "" {
		t.Skip("ONAIR_MEDIA does not name the folder of captures")
	}
	b, err := os.ReadFile(filepath.Join(folder, "pcap", "rtp-h264-aac-not-ts.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	const fileHeader, recordHeader, ethernetIPUDP = 24, 16, 14 + 20 + 8
	var sent uint64
	port := freePort(t)
	r := newRig(t, ingest.InputConfig{}, fmt.Sprintf("rtp://127.0.0.1:%d", port))
	conn := dial(t, fmt.Sprintf("127.0.0.1:%d", port))
	for b = b[fileHeader:]; len(b) > recordHeader; {
		n := int(binary.LittleEndian.Uint32(b[8:]))
		frame := b[recordHeader : recordHeader+n]
		b = b[recordHeader+n:]
		if len(frame) > ethernetIPUDP {
			send(t, conn, frame[ethernetIPUDP:])
			sent++
		}
	}
	if sent < 800 {
		t.Fatalf("only %d datagrams in the capture", sent)
	}
	r.until("all are refused", func(s ingest.InputStats) bool { return s.Legs[0].WrongType == sent })
	if s := r.stats(); s.Packets != 0 || s.Legs[0].Packets != 0 {
		t.Errorf("%+v", s)
	}
}
