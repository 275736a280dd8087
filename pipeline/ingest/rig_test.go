package ingest_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"onair/pipeline/ingest"
	"onair/pkg/leg"
	"onair/pkg/tick"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink keeps what an input brings.
type sink struct {
	mu    sync.Mutex
	index []uint32 // of each datagram
	lost  []int
	bytes int
}

func (s *sink) Datagram(ts []byte, _ tick.Tick, lost int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes += len(ts)
	s.lost = append(s.lost, lost)
	if len(ts) >= 8 {
		s.index = append(s.index, binary.BigEndian.Uint32(ts[4:]))
	}
}

func (s *sink) indexes() []uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.index)
}

// text is a log that may be written by several goroutines.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *text) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(b)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// rig is an input at work.
type rig struct {
	t    *testing.T
	in   *ingest.Input
	sink *sink
	log  *text
	now  func() tick.Tick
	stop func()
}

func newRig(t *testing.T, config ingest.InputConfig, legs ...string) *rig {
	t.Helper()
	return newRigInto(t, nil, config, legs...)
}

// newRigInto is newRig with a sink other than the rig's own.
func newRigInto(t *testing.T, into ingest.Sink, config ingest.InputConfig, legs ...string) *rig {
	t.Helper()
	r := &rig{t: t, sink: &sink{}, log: &text{}, now: func() tick.Tick { return tick.FromTime(time.Now()) }}
	for _, raw := range legs {
		u, err := leg.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		config.Legs = append(config.Legs, u)
	}
	config.Name, config.Log, config.Now = "main", zerolog.New(r.log), r.now
	if into == nil {
		into = r.sink
	}
	in, err := ingest.NewInput(config, into)
	if err != nil {
		t.Fatal(err)
	}
	r.in = in
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(5 * time.Second):
			t.Error("Run does not end")
		}
	})
	t.Cleanup(r.stop)
	for i := range legs { // opened or failed, but no longer on the way
		r.until("legs are opened", func(s ingest.InputStats) bool { return s.Legs[i].Error != "not open yet" })
	}
	return r
}

func (r *rig) stats() ingest.InputStats { return r.in.Stats(r.now()) }

// until waits for a state, at most ten seconds.
func (r *rig) until(what string, ok func(ingest.InputStats) bool) {
	r.t.Helper()
	deadline := time.After(10 * time.Second)
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for !ok(r.stats()) {
		select {
		case <-deadline:
			r.t.Fatalf("never: %s\n%+v\n%s", what, r.stats(), r.log)
		case <-poll.C:
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenPacket("udp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

func dial(t *testing.T, to string) net.Conn {
	t.Helper()
	c, err := net.Dial("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// dialFrom is dial from another address of this host.
func dialFrom(t *testing.T, address, to string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(address)}}
	c, err := d.Dial("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ts is a datagram of seven null packets with an index in the first.
func ts(index uint32) []byte {
	b := bytes.Repeat(append([]byte{0x47, 0x1f, 0xff, 0x10}, make([]byte, 184)...), 7)
	binary.BigEndian.PutUint32(b[4:], index)
	return b
}

// rtp is RTP with TS: the sequence number is the index.
func rtp(index uint32) []byte {
	h := []byte{0x80, 33, byte(index >> 8), byte(index), 0, 0, 0, 0, 0, 0, 0, 7}
	return append(h, ts(index)...)
}

func send(t *testing.T, c io.Writer, datagrams ...[]byte) {
	t.Helper()
	for _, b := range datagrams {
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
	}
}

func count(n uint32) (c []uint32) {
	for i := range n {
		c = append(c, i)
	}
	return c
}

func (r *rig) want(indexes ...uint32) {
	r.t.Helper()
	r.until(fmt.Sprint(len(indexes), " datagrams"), func(s ingest.InputStats) bool { return s.Packets >= uint64(len(indexes)) })
	if got := r.sink.indexes(); !slices.Equal(got, indexes) {
		r.t.Fatalf("got %v, want %v", got, indexes)
	}
}

func prefixes(cidr ...string) (p []netip.Prefix) {
	for _, c := range cidr {
		p = append(p, netip.MustParsePrefix(c))
	}
	return p
}

// entries counts what is in a folder.
func entries(t *testing.T, folder string) int {
	t.Helper()
	e, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	return len(e)
}

func (r *rig) logged(what string) {
	r.t.Helper()
	r.until("log has "+what, func(ingest.InputStats) bool { return strings.Contains(r.log.String(), what) })
}

// rejected is how many senders a leg has turned away, for whatever cause.
func rejected(s ingest.LegStats) (n uint64) {
	for _, of := range s.Rejected {
		n += of
	}
	return n
}
