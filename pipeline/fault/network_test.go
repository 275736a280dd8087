package fault_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/fault"
	"onair/pkg/mpegts"
)

// listen is a receiver of datagrams.
func listen(t *testing.T) (conn net.PacketConn, address string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, conn.LocalAddr().String()
}

func receive(t *testing.T, conn net.PacketConn, most time.Duration) []byte {
	t.Helper()
	b := make([]byte, 2048)
	_ = conn.SetReadDeadline(time.Now().Add(most))
	n, _, err := conn.ReadFrom(b)
	if err != nil {
		return nil
	}
	return b[:n]
}

// newRelay is a relay with two legs, and who sends to it.
func newRelay(t *testing.T) (r *fault.Relay, send net.Conn, legs [2]net.PacketConn) {
	t.Helper()
	var to []fault.LegConfig
	for i, name := range []string{"a", "b"} {
		conn, address := listen(t)
		legs[i] = conn
		to = append(to, fault.LegConfig{Name: name, Address: address})
	}
	r = fault.NewRelay(fault.RelayConfig{Listen: "127.0.0.1:0", To: to, Logger: zerolog.Nop()})
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	send, err := net.Dial("udp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = send.Close() })
	return r, send, legs
}

// during does a fault while something is looked at.
func during(t *testing.T, target fault.Target, f fault.Fault, look func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	f.For = time.Hour
	go func() {
		_, err := target.Do(ctx, f)
		done <- err
	}()
	look()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestACutLegIsSilent: the other one is not, and it comes back.
func TestACutLegIsSilent(t *testing.T) {
	t.Parallel()
	r, send, legs := newRelay(t)
	during(t, r, fault.Fault{Kind: fault.Cut, Leg: "a"}, func() {
		eventually(t, "leg a is not cut", func() bool {
			_, _ = send.Write([]byte("cut"))
			return receive(t, legs[1], time.Second) != nil && receive(t, legs[0], 20*time.Millisecond) == nil
		})
	})
	eventually(t, "leg a does not come back", func() bool {
		_, _ = send.Write([]byte("back"))
		return bytes.Equal(receive(t, legs[0], 100*time.Millisecond), []byte("back"))
	})
	if _, err := r.Do(t.Context(), fault.Fault{Kind: fault.Cut, Leg: "c"}); err == nil {
		t.Error("a leg that is not there is cut")
	}
}

func TestLossAndDelay(t *testing.T) {
	t.Parallel()
	r, send, legs := newRelay(t)
	during(t, r, fault.Fault{Kind: fault.Loss, Loss: 1}, func() {
		eventually(t, "nothing is lost", func() bool {
			_, _ = send.Write([]byte("lost"))
			return receive(t, legs[0], 20*time.Millisecond) == nil
		})
	})
	late := func() time.Duration {
		for receive(t, legs[0], 10*time.Millisecond) != nil {
		}
		begun := time.Now()
		_, _ = send.Write([]byte("late"))
		receive(t, legs[0], time.Second)
		return time.Since(begun)
	}
	during(t, r, fault.Fault{Kind: fault.Delay, Delay: 150 * time.Millisecond}, func() {
		eventually(t, "nothing is late", func() bool { return late() >= 150*time.Millisecond })
	})
	eventually(t, "it stays late", func() bool { return late() < 100*time.Millisecond })
}

// clock is a packet with a PCR and the begin of a picture with a PTS, at a random access point.
func clock(at uint64) []byte {
	p := bytes.Repeat([]byte{0xFF}, mpegts.Size)
	copy(p, []byte{0x47, 0x41, 0x00, 0x30, 7, 0x50})
	binary.BigEndian.PutUint64(p[6:], at<<31|0x7E<<8)
	copy(p[12:], []byte{0, 0, 1, 0xE0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, 0, 1})
	mpegts.Rewrite(mpegts.Packet(p), func(uint64) uint64 { return at })
	return p
}

// TestClocksJumpOnAllLegs: in bare TS and behind a header of RTP, with the same packet, and what is no TS passes as it is.
func TestClocksJumpOnAllLegs(t *testing.T) {
	t.Parallel()
	for name, header := range map[string][]byte{"TS": nil, "RTP": append([]byte{0x80, 33, 0, 1}, make([]byte, 8)...)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, send, legs := newRelay(t)
			at := func(b []byte) uint64 {
				if len(b) < len(header)+mpegts.Size {
					return 0
				}
				p := mpegts.Packet(b[len(header):])
				pcr, _, _ := p.PCR()
				times, ok := mpegts.PESTimes(p.Payload())
				if !ok || times.PTS != pcr {
					t.Errorf("PCR %d, times %+v", pcr, times)
				}
				return pcr
			}
			done := make(chan error, 1)
			go func() {
				_, err := r.Do(t.Context(), fault.Fault{Kind: fault.Jump, Jump: time.Hour})
				done <- err
			}()
			const before, after = 90_000, 90_000 + 3600*90_000
			eventually(t, "no jump", func() bool {
				_, _ = send.Write(append(bytes.Clone(header), clock(before)...))
				a, b := at(receive(t, legs[0], time.Second)), at(receive(t, legs[1], time.Second))
				if a != b {
					t.Errorf("%d and %d", a, b)
				}
				return a == after
			})
			if err := <-done; err != nil {
				t.Error(err)
			}
			_, _ = send.Write([]byte("no stream"))
			if got := receive(t, legs[0], time.Second); string(got) != "no stream" {
				t.Errorf("%q", got)
			}
		})
	}
}

// newProxy is a proxy before a server with a large answer.
func newProxy(t *testing.T) (p *fault.Proxy, get func() (int, int, error)) {
	t.Helper()
	body := strings.Repeat("0123456789abcdef", 16<<10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
	t.Cleanup(server.Close)
	p = fault.NewProxy(fault.ProxyConfig{Listen: "127.0.0.1:0", To: server.Listener.Addr().String(), Logger: zerolog.Nop()})
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	address := "http://" + p.Addr()
	return p, func() (int, int, error) {
		client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		res, err := client.Get(address)
		if err != nil {
			return 0, 0, err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return res.StatusCode, len(b), err
	}
}

func TestProxyFaults(t *testing.T) {
	t.Parallel()
	well := func(code, n int, err error) bool { return code == http.StatusOK && n == 256<<10 && err == nil }
	for _, c := range []struct {
		f    fault.Fault
		seen func(code, n int, err error) bool
	}{
		{fault.Fault{Kind: fault.Hang}, func(_, n int, err error) bool { return err != nil && n == 0 }},
		{fault.Fault{Kind: fault.Refuse}, func(_, _ int, err error) bool { return err != nil && strings.Contains(err.Error(), "refused") }},
		{fault.Fault{Kind: fault.Region}, func(_, _ int, err error) bool { return err != nil && strings.Contains(err.Error(), "refused") }},
		{fault.Fault{Kind: fault.Break}, func(code, n int, err error) bool { return err != nil && n < 256<<10 && (code == 200 || n == 0) }},
		{fault.Fault{Kind: fault.Fail}, func(code, _ int, err error) bool { return code == 500 && err == nil }},
		{fault.Fault{Kind: fault.Slow, Rate: 20_000}, func(_, n int, err error) bool { return err != nil && n > 0 && n < 64<<10 }},
	} {
		t.Run(string(c.f.Kind), func(t *testing.T) {
			t.Parallel()
			p, get := newProxy(t)
			if code, n, err := get(); !well(code, n, err) {
				t.Fatalf("before: %d, %d, %v", code, n, err)
			}
			during(t, p, c.f, func() {
				eventually(t, "it is not seen", func() bool { return c.seen(get()) })
			})
			eventually(t, "it is not undone", func() bool { return well(get()) })
		})
	}
}

func TestATargetDoesWhatItKnows(t *testing.T) {
	t.Parallel()
	r, _, _ := newRelay(t)
	p, _ := newProxy(t)
	for _, target := range []fault.Target{r, p, newSleeper(t, time.Hour)} {
		if _, err := target.Do(t.Context(), fault.Fault{Kind: fault.Fill}); err == nil {
			t.Errorf("%T fills", target)
		}
	}
}
