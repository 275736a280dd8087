package send_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"onair/pipeline/send"
	"onair/pipeline/srt"
	"onair/pkg/leg"
)

// freePort is a UDP port that nobody uses right now.
func freePort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

func parse(t *testing.T, raw string) leg.URL {
	t.Helper()
	u, err := leg.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// collect reads a connection until it ends or nothing comes for a second.
func collect(c *srt.Conn) []byte {
	var out []byte
	b := make([]byte, srt.MaxMessage)
	for {
		n, err := c.Read(b)
		if err != nil {
			c.Close()
			return out
		}
		out = append(out, b[:n]...)
	}
}

func TestSRTCallerBringsAllOfAShortStream(t *testing.T) {
	t.Parallel()
	u := parse(t, fmt.Sprintf("srt://127.0.0.1:%d?mode=listener&passphrase=%s&pbkeylen=32&streamid=news", freePort(t), "correct%20horse%20battery"))
	ids := make(chan string, 1)
	l, err := srt.Listen(srt.ListenConfig{URL: u, Judge: func(c srt.Call) srt.Verdict { ids <- c.StreamID; return srt.Admit }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan []byte)
	go func() {
		c, err := l.Accept(t.Context())
		if err != nil {
			close(got)
			return
		}
		got <- collect(c)
	}()
	source := stream(time.Second)
	to := u
	to.Mode = leg.Caller
	n := run(t, send.Config{Source: source, Legs: []send.Leg{{URL: to}}})
	if media := <-got; !bytes.Equal(media, source.bytes()) {
		t.Errorf("%d bytes came of %d", len(media), len(source)*188)
	}
	if id := <-ids; id != "news" || n.Legs[0].Unsent != 0 {
		t.Errorf("stream id %q, %+v", id, n.Legs[0])
	}
	if text := fmt.Sprintf("%+v", n); strings.Contains(text, "horse") {
		t.Errorf("the passphrase is in the summary: %s", text)
	}
}

func TestSRTListenerWaitsForItsReceiver(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	source := stream(500 * time.Millisecond)
	s, err := send.New(send.Config{Source: source, RTPInSRT: true, Legs: []send.Leg{
		{URL: destination(t, fmt.Sprintf("srt://127.0.0.1:%d?mode=listener&streamid=news", port))},
	}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(context.Background()) }()
	if _, err := call(t, port, "other"); err == nil {
		t.Error("a receiver with another stream id is let in")
	}
	c, err := call(t, port, "news")
	if err != nil {
		t.Fatal(err)
	}
	media := collect(c)
	if err := <-done; err != nil {
		t.Error(err)
	}
	var bare []byte
	for len(media) > 0 {
		n := min(len(media), 12+7*188)
		bare = append(bare, media[12:n]...)
		media = media[n:]
	}
	if !bytes.Equal(bare, source.bytes()) {
		t.Errorf("%d bytes came of %d", len(bare), len(source)*188)
	}
}

// call calls until the listener is there.
func call(t *testing.T, port int, id string) (*srt.Conn, error) {
	t.Helper()
	u := parse(t, fmt.Sprintf("srt://127.0.0.1:%d?mode=caller&streamid=%s", port, id))
	for {
		c, err := srt.Dial(t.Context(), u)
		if err == nil || !strings.Contains(err.Error(), "nobody") {
			return c, err
		}
	}
}

func TestNothingSentAtAllIsAnError(t *testing.T) {
	t.Parallel()
	u := parse(t, fmt.Sprintf("srt://127.0.0.1:%d?mode=listener&passphrase=%s", freePort(t), "correct%20horse%20battery"))
	l, err := srt.Listen(srt.ListenConfig{URL: u})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, c := range map[string]struct{ option, want string }{
		"wrong passphrase": {"&passphrase=wrong%20horse%20battery", "passphrase"},
		"no passphrase":    {"", "passphrase"},
	} {
		s, err := send.New(send.Config{Source: stream(100 * time.Millisecond), Legs: []send.Leg{
			{URL: destination(t, fmt.Sprintf("srt://127.0.0.1:%d?mode=caller%s", u.Port, c.option))},
		}})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Run(context.Background())
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "horse") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A receiver that goes away and comes back gets the stream again.
func TestSRTConnectionIsMadeAgain(t *testing.T) {
	t.Parallel()
	u := parse(t, fmt.Sprintf("srt://127.0.0.1:%d?mode=listener", freePort(t)))
	l, err := srt.Listen(srt.ListenConfig{URL: u})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, err := send.New(send.Config{Source: stream(time.Minute), Legs: []send.Leg{{URL: destination(t, fmt.Sprintf("srt://127.0.0.1:%d", u.Port))}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	for range 2 {
		c, err := l.Accept(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, srt.MaxMessage)
		if n, err := c.Read(b); err != nil && !errors.Is(err, srt.ErrTimeout) || n == 0 {
			t.Errorf("%d bytes, %v", n, err)
		}
		c.Close()
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
