package rtsp_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"onair/pipeline/rtsp"
	"onair/pkg/gate"
	"onair/pkg/leg"
	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	sps = []byte{0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x0F, 0x0A, 0x69, 0x1C} // baseline, 16x16... only its type matters here
	pps = []byte{0x68, 0xCE, 0x3C, 0x80}
	idr = []byte{0x65, 0x88, 0x84, 0x00, 0x10}
)

// seen is what a leg was told.
type seen struct {
	mu      sync.Mutex
	pes     map[uint16][]uint64 // presentation times of each PID
	lost    int
	damaged []string
	notes   []string
	opened  []netip.AddrPort
	listens int
	hung    int
	refused []string
	second  []string
	busy    bool
}

func newSeen() *seen { return &seen{pes: map[uint16][]uint64{}} }

// do runs f alone.
func (s *seen) do(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *seen) output() rtsp.Output {
	return rtsp.Output{
		Media: func(ts []byte) {
			s.do(func() {
				for ; len(ts) >= mpegts.Size; ts = ts[mpegts.Size:] {
					p := mpegts.Packet(ts[:mpegts.Size])
					if times, ok := mpegts.PESTimes(p.Payload()); ok && p.Start() {
						s.pes[p.PID()] = append(s.pes[p.PID()], times.PTS)
					}
				}
			})
		},
		Lost:    func(n int) { s.do(func() { s.lost += n }) },
		Damaged: func(why string) { s.do(func() { s.damaged = append(s.damaged, why) }) },
		Note:    func(text string) { s.do(func() { s.notes = append(s.notes, text) }) },
		Now:     func() tick.Tick { return tick.FromTime(time.Now()) },
	}
}

// units is how many access units of the first track came.
func (s *seen) units() (n int) {
	s.do(func() { n = len(s.pes[256]) })
	return n
}

// until polls.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for ticker := time.NewTicker(5 * time.Millisecond); !cond(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

func parse(t *testing.T, format string, args ...any) leg.URL {
	t.Helper()
	u, err := leg.Parse(fmt.Sprintf(format, args...))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// await has a leg wait for publishers until the test, or the returned function, ends it.
func await(t *testing.T, servers *rtsp.Servers, u leg.URL, allow func(netip.Addr) bool) (*seen, func() error) {
	t.Helper()
	s := newSeen()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- servers.Publish(ctx, rtsp.PublishConfig{
			URL: u, Allow: allow, Output: s.output(),
			Busy: func() (b bool) {
				s.do(func() { b = s.busy })
				return b
			},
			Listening: func() { s.do(func() { s.listens++ }) },
			Open:      func(p netip.AddrPort) { s.do(func() { s.opened = append(s.opened, p) }) },
			Hung:      func() { s.do(func() { s.hung++ }) },
			Refused: func(cause gate.Cause, why string) {
				s.do(func() { s.refused = append(s.refused, string(cause)+": "+why) })
			},
			Second: func(who string) { s.do(func() { s.second = append(s.second, who) }) },
		})
	}()
	end := sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { _ = end() })
	until(t, "the port", func() (ok bool) {
		select {
		case err := <-done:
			done <- err
			return true
		default:
		}
		s.do(func() { ok = s.listens > 0 })
		return ok
	})
	return s, end
}

// picture describes a session of one H.264 stream.
func picture() *description.Session {
	return &description.Session{Medias: []*description.Media{{
		Type:    description.MediaTypeVideo,
		Formats: []format.Format{&format.H264{PayloadTyp: 96, PacketizationMode: 1, SPS: sps, PPS: pps}},
	}}}
}

// publisher is a client that records.
type publisher struct {
	client *gortsplib.Client
	desc   *description.Session
	n      uint32
}

// publish begins to publish; it returns the status that the server refused it with, or 0.
func publish(t *testing.T, u string, over gortsplib.Transport, desc *description.Session) (*publisher, base.StatusCode) {
	t.Helper()
	var last base.StatusCode
	c := &gortsplib.Client{Transport: &over, OnResponse: func(r *base.Response) { last = r.StatusCode }}
	if err := c.StartRecording(u, desc); err != nil {
		c.Close()
		return nil, last
	}
	t.Cleanup(c.Close)
	return &publisher{client: c, desc: desc}, 0
}

// send sends so many pictures of one packet each.
func (p *publisher) send(t *testing.T, n int) {
	t.Helper()
	for range n {
		p.n++
		pkt := &rtp.Packet{
			Header:  rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: uint16(p.n), Timestamp: p.n * 3600, Marker: true},
			Payload: slices.Clone(idr),
		}
		if err := p.client.WritePacketRTP(p.desc.Medias[0], pkt); err != nil {
			t.Fatal(err)
		}
	}
}
