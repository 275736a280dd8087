package ingest_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"onair/pipeline/ingest"
	"onair/pkg/fec"
	"onair/pkg/leg"
	"onair/pkg/tick"
)

// fecSender sends media with a matrix of 5x4, losing some.
type fecSender struct {
	t     *testing.T
	media net.Conn
	enc   *fec.Encoder
	sent  uint64 // FEC packets
}

// newFECSender dials the ports of media, columns and rows; a port of 0 is not sent to.
func newFECSender(t *testing.T, host string, media, column, row int) *fecSender {
	t.Helper()
	at := func(port int) net.Conn {
		c := dial(t, net.JoinHostPort(host, fmt.Sprint(port)))
		if net.ParseIP(host).IsMulticast() {
			lo, err := net.InterfaceByName("lo")
			if err == nil {
				err = ipv4.NewPacketConn(c.(net.PacketConn)).SetMulticastInterface(lo)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		return c
	}
	s := &fecSender{t: t, media: at(media)}
	to := map[fec.Kind]net.Conn{}
	for kind, port := range map[fec.Kind]int{fec.Column: column, fec.Row: row} {
		if port != 0 {
			to[kind] = at(port)
		}
	}
	var err error
	s.enc, err = fec.NewEncoder(fec.EncoderConfig{Columns: 5, Rows: 4, Out: func(k fec.Kind, b []byte) {
		if to[k] != nil {
			send(t, to[k], b)
			s.sent++
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *fecSender) run(from, to uint32, lost ...uint32) {
	s.t.Helper()
	for i := from; i < to; i++ {
		b := rtp(i)
		if !slices.Contains(lost, i) {
			send(s.t, s.media, b)
		}
		if err := s.enc.Media(b); err != nil {
			s.t.Fatal(err)
		}
	}
}

// freeRun is a port such that those up to four above it are free too.
func freeRun(t *testing.T) int {
	t.Helper()
	for {
		port, free := freePort(t), true
		for i := 1; i <= 4 && free; i++ {
			c, err := net.ListenPacket("udp", fmt.Sprint(":", port+i))
			if err != nil {
				free = false
				continue
			}
			c.Close()
		}
		if free && port < 65000 {
			return port
		}
	}
}

func TestFECBringsBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, leg, host string }{
		{"on the usual ports", "rtp://127.0.0.1:%d?fec=1", "127.0.0.1"},
		{"IPv6", "rtp://[::1]:%d?fec=1", "::1"},
		{"on every address", "rtp://:%d?fec=1", "127.0.0.1"},
		{"multicast", "rtp://239.81.7.21:%d?interface=lo&fec=1", "239.81.7.21"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port := freeRun(t)
			r := newRig(t, ingest.InputConfig{Merge: 5 * time.Second}, fmt.Sprintf(c.leg, port))
			s := newFECSender(t, c.host, port, port+2, port+4)
			s.run(0, 1)
			r.want(0)
			s.run(1, 200, 7, 21, 22, 45, 50, 101, 102, 103, 104, 105, 106)
			r.want(count(200)...)
			r.until("all FEC is counted", func(st ingest.InputStats) bool { return st.Legs[0].FECPackets == s.sent })
			l := r.stats().Legs[0]
			if l.FECRecovered != 11 || l.Lost != 11 || l.Recovered != 0 || l.Reordered != 0 || l.FECColumns != 5 || l.FECRows != 4 {
				t.Errorf("%+v", l)
			}
			if st := r.stats(); st.Lost != 0 || l.Error != "" {
				t.Errorf("%+v", st)
			}
		})
	}
}

// What two legs lose both comes back by the FEC of one.
func TestFECComesBeforeTheMerge(t *testing.T) {
	t.Parallel()
	one, two := freeRun(t), freePort(t)
	ports := fmt.Sprintf("%d,%d", one+1, one+3)
	r := newRig(t, ingest.InputConfig{Merge: 5 * time.Second},
		fmt.Sprintf("rtp://127.0.0.1:%d?fec=%s", one, ports), fmt.Sprintf("rtp://127.0.0.1:%d", two))
	a, b := newFECSender(t, "127.0.0.1", one, one+1, one+3), newFECSender(t, "127.0.0.1", two, 0, 0)
	a.run(0, 1)
	b.run(0, 1)
	r.want(0)
	for i := uint32(1); i < 200; i += 20 {
		a.run(i, min(i+20, 200), 46, 51, 90, 130)
		b.run(i, min(i+20, 200), 46, 90, 170)
	}
	r.want(count(200)...)
	r.until("both legs are read to their end", func(st ingest.InputStats) bool {
		return st.Legs[0].FECPackets == a.sent && st.Legs[1].Packets == 197
	})
	st := r.stats()
	x, y := st.Legs[0], st.Legs[1]
	if st.Lost != 0 || x.FECRecovered != 4 || x.Lost != 4 || x.Recovered > 2 || y.FECPackets != 0 || y.Lost != 3 || y.Recovered != 3 {
		t.Errorf("%+v", st)
	}
}

func TestFECOfSomebodyElseIsNotTaken(t *testing.T) {
	t.Parallel()
	port := freeRun(t)
	r := newRig(t, ingest.InputConfig{Allow: prefixes("127.0.0.1/32", "127.0.0.2/32")}, fmt.Sprintf("rtp://127.0.0.1:%d?fec=1", port))
	s := newFECSender(t, "127.0.0.1", port, port+2, 0)
	s.run(0, 40)
	r.until("media and FEC", func(st ingest.InputStats) bool {
		return st.Legs[0].Packets == 40 && st.Legs[0].FECPackets == s.sent
	})
	for i, from := range []string{"127.0.0.2", "127.0.0.3"} { // another sender, one that is not allowed
		d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}
		c, err := d.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port+2))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		send(t, c, make([]byte, 100))
		r.until("refused", func(st ingest.InputStats) bool {
			return st.Legs[0].Foreign == 1 && st.Legs[0].Rejected["address"] == uint64(i)
		})
	}
	send(t, dial(t, fmt.Sprintf("127.0.0.1:%d", port+4)), rtp(0)) // from the right one, but no FEC
	r.until("refused", func(st ingest.InputStats) bool { return st.Legs[0].WrongType == 1 })
	if l := r.stats().Legs[0]; l.FECPackets != s.sent {
		t.Errorf("%+v", l)
	}
}

// eventLog keeps what the operator is told.
type eventLog struct {
	mu  sync.Mutex
	all []string
}

func (e *eventLog) add(level, text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, level+" "+text)
}

func (e *eventLog) told(what string) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.all {
		if strings.Contains(s, what) {
			n++
		}
	}
	return n
}

func TestMissingFECIsToldOnce(t *testing.T) {
	t.Parallel()
	port, events := freeRun(t), &eventLog{}
	taken, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port+4))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	r := newRig(t, ingest.InputConfig{Event: events.add}, fmt.Sprintf("rtp://127.0.0.1:%d?fec=1", port))
	s := newFECSender(t, "127.0.0.1", port, 0, 0)
	s.run(0, 1)
	if got := r.stats().Legs[0].Error; !strings.Contains(got, fmt.Sprintf("FEC on port %d: cannot open", port+4)) {
		t.Errorf("a port that is taken: %q", got)
	}
	n := uint32(1)
	more := func() { s.run(n, n+1); n++ }
	r.until("it is told", func(ingest.InputStats) bool { more(); return events.told("warning input main: leg ") > 0 })
	if events.told(fmt.Sprintf("no FEC on port %d and %d", port+2, port+4)) != 1 {
		t.Errorf("told: %v", events.all)
	}
	with := newFECSender(t, "127.0.0.1", port, port+2, 0)
	s.media = with.media
	with.run(n, n+100)
	n += 100
	r.until("FEC is told to come", func(ingest.InputStats) bool { more(); return events.told("info input main: leg ") > 0 })
	if events.told("FEC comes, 5 columns, 4 rows") != 1 || events.told("warning") != 1 {
		t.Errorf("told: %v", events.all)
	}
	if bytes.Count([]byte(r.log.String()), []byte("no FEC")) != 0 {
		t.Error("told by the log too")
	}
}

// A matrix of 20 packets that are 20 ms apart takes longer than the merge waits.
func TestFECThatComesTooLateIsTold(t *testing.T) {
	t.Parallel()
	port, events := freeRun(t), &eventLog{}
	u, err := leg.Parse(fmt.Sprintf("rtp://127.0.0.1:%d?fec=1", port))
	if err != nil {
		t.Fatal(err)
	}
	var clock atomic.Int64
	clock.Store(int64(1000 * tick.Second))
	now := func() tick.Tick { return tick.Tick(clock.Load()) }
	in, err := ingest.NewInput(ingest.InputConfig{
		Name: "main", Legs: []leg.URL{u}, Merge: 300 * time.Millisecond, Now: now, Event: events.add,
	}, &sink{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	r := &rig{t: t, in: in, log: &text{}, now: now}
	r.until("the leg is open", func(s ingest.InputStats) bool { return s.Legs[0].State == ingest.Listening })
	s := newFECSender(t, "127.0.0.1", port, port+2, port+4)
	n := uint32(0)
	r.until("it is told", func(st ingest.InputStats) bool {
		if st.Legs[0].Packets == uint64(n) && st.Legs[0].FECPackets == s.sent {
			clock.Add(int64(20 * tick.Millisecond))
			s.run(n, n+1)
			n++
		}
		return events.told("make merge") > 0
	})
	if events.told("FEC comes up to 700ms late, and a missing packet is waited for 300ms only: make merge 1.07s") != 1 {
		t.Errorf("told: %q", events.all)
	}
}
