package srt_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"onair/pipeline/srt"
	"onair/pkg/leg"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// freePort is a UDP port that nobody uses right now.
func freePort(t *testing.T) uint16 {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return netip.MustParseAddrPort(c.LocalAddr().String()).Port()
}

func parse(t *testing.T, raw string, port uint16) leg.URL {
	t.Helper()
	u, err := leg.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	u.Port = port
	return u
}

// server accepts callers until the test ends.
type server struct {
	url   leg.URL
	conns chan *srt.Conn

	mu     sync.Mutex
	calls  []srt.Call
	failed []srt.Call
}

func serve(t *testing.T, raw string, verdict func(srt.Call) srt.Verdict) *server {
	t.Helper()
	s := &server{url: parse(t, raw, freePort(t)), conns: make(chan *srt.Conn, 10)}
	l, err := srt.Listen(srt.ListenConfig{
		URL: s.url,
		Judge: func(c srt.Call) srt.Verdict {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.calls = append(s.calls, c)
			if verdict == nil {
				return srt.Admit
			}
			return verdict(c)
		},
		Failed: func(c srt.Call) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.failed = append(s.failed, c)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept(ctx)
			if err != nil {
				return
			}
			s.conns <- c
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		l.Close()
		for len(s.conns) > 0 {
			(<-s.conns).Close()
		}
	})
	return s
}

func (s *server) failures() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.failed)
}

func TestEncryptedMessagesArrive(t *testing.T) {
	for _, c := range []struct{ name, listener, caller string }{
		{"not encrypted", "srt://127.0.0.1:1?mode=listener", "srt://127.0.0.1:1"},
		{
			"AES-128 and a stream id", "srt://127.0.0.1:1?mode=listener&passphrase=0123456789&streamid=x",
			"srt://localhost:1?passphrase=0123456789&streamid=x",
		},
		{
			"AES-256", "srt://127.0.0.1:1?mode=listener&passphrase=0123456789&pbkeylen=32",
			"srt://127.0.0.1:1?passphrase=0123456789&pbkeylen=32",
		},
		{
			"the caller's key is longer than the listener's", "srt://127.0.0.1:1?mode=listener&passphrase=0123456789",
			"srt://127.0.0.1:1?passphrase=0123456789&pbkeylen=24",
		},
		{"every address, both families", "srt://:1", "srt://[::1]:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, c.listener, nil)
			u := parse(t, c.caller, s.url.Port)
			conn, err := srt.Dial(t.Context(), u)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			in := <-s.conns
			defer in.Close()
			want := bytes.Repeat([]byte{1, 2, 3, 4}, srt.MaxMessage/4)
			if _, err := conn.Write(want); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 2048)
			n, err := in.Read(got)
			if err != nil || !bytes.Equal(got[:n], want) {
				t.Fatalf("%d bytes, %v", n, err)
			}
			if stats, err := in.Stats(); err != nil || stats.Received == 0 || stats.Latency == 0 {
				t.Errorf("%+v, %v", stats, err)
			}
			if s.calls[0].StreamID != u.StreamID || !s.calls[0].Peer.Addr().IsLoopback() || in.Peer() != s.calls[0].Peer {
				t.Errorf("call %+v, peer %v", s.calls[0], in.Peer())
			}
		})
	}
}

func TestRefusalsSayWhy(t *testing.T) {
	byStreamID := func(c srt.Call) srt.Verdict {
		return map[string]srt.Verdict{
			"closed": srt.Forbidden, "busy": srt.Conflict, "unknown": srt.NotFound, "play": srt.BadMode, "who": srt.Unauthorized,
		}[c.StreamID]
	}
	s := serve(t, "srt://127.0.0.1:1?mode=listener&passphrase=0123456789", byStreamID)
	for options, want := range map[string]string{
		"passphrase=0123456789&streamid=closed":  "1403",
		"passphrase=0123456789&streamid=busy":    "1409",
		"passphrase=0123456789&streamid=unknown": "1404",
		"passphrase=0123456789&streamid=play":    "1405",
		"passphrase=0123456789&streamid=who":     "1401",
		"passphrase=notthesecret":                "passphrases differ",
		"latency=200":                            "only one side has a passphrase",
	} {
		_, err := srt.Dial(t.Context(), parse(t, "srt://127.0.0.1:1?"+options, s.url.Port))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "notthesecret") {
			t.Errorf("%s: %v, want %s", options, err, want)
		}
	}
	until(t, "two callers are told to have failed", func() bool { return s.failures() == 2 })
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	begin := time.Now()
	_, err := srt.Dial(ctx, parse(t, "srt://127.0.0.1:1", freePort(t)))
	if !errors.Is(err, context.Canceled) || time.Since(begin) > 2*time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
	_, err = srt.Dial(t.Context(), parse(t, "srt://127.0.0.1:1", freePort(t)))
	if err == nil || !strings.Contains(err.Error(), "nobody answers") {
		t.Error(err)
	}
	if _, err = srt.Dial(t.Context(), parse(t, "srt://no-such-host.invalid:1", 9)); err == nil {
		t.Error("a name that does not exist was called")
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	s := serve(t, "srt://127.0.0.1:1?mode=listener", nil)
	if _, err := srt.Listen(srt.ListenConfig{URL: s.url}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Error(err)
	}
}

func TestInterruptEndsARead(t *testing.T) {
	t.Parallel()
	s := serve(t, "srt://127.0.0.1:1?mode=listener", nil)
	conn, err := srt.Dial(t.Context(), parse(t, "srt://127.0.0.1:1", s.url.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := <-s.conns
	defer in.Close()
	time.AfterFunc(50*time.Millisecond, in.Interrupt)
	for {
		_, err := in.Read(make([]byte, 2048))
		if errors.Is(err, srt.ErrTimeout) {
			continue
		}
		if !errors.Is(err, srt.ErrClosed) {
			t.Error(err)
		}
		return
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	s := serve(t, "srt://127.0.0.1:1?mode=listener&latency=1", nil)
	conn, err := srt.Dial(t.Context(), parse(t, "srt://127.0.0.1:1?latency=1", s.url.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := <-s.conns
	defer in.Close()
	b, got := make([]byte, 1316), make([]byte, 2048)
	if n := testing.AllocsPerRun(200, func() {
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
		if _, err := in.Read(got); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a message", n)
	}
}

// threads counts this process's threads, which libsrt makes per socket multiplexer.
func threads(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestThousandConnectionsLeaveNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	s := serve(t, "srt://127.0.0.1:1?mode=listener&passphrase=0123456789", nil)
	u := parse(t, "srt://127.0.0.1:1?passphrase=0123456789", s.url.Port)
	connect := func() {
		conn, err := srt.Dial(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		(<-s.conns).Close()
		conn.Close()
	}
	const warm, total = 50, 1000
	for range warm {
		connect()
	}
	until(t, "sockets are freed", func() bool { return threads(t) < 60 })
	before, sockets := threads(t), openFiles(t)
	for range total - warm {
		connect()
	}
	until(t, "threads and sockets are what they were", func() bool {
		return threads(t) <= before+10 && openFiles(t) <= sockets+10
	})
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// until waits for a condition, at most half a minute.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatal("never: " + what)
		case <-poll.C:
		}
	}
}
