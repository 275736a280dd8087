package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestHowManyConnections: channels come first, and viewers get something of few descriptors too.
func TestHowManyConnections(t *testing.T) {
	for _, c := range []struct {
		descriptors uint64
		channels    int
		want        int64
	}{
		{1, 1, 1}, {60, 1, 7}, {256, 1, 96}, {1024, 1, 384}, {1024, 8, 256}, {1024, 100, 128}, {1 << 20, 1, 393_216},
		{1<<64 - 1, 1, 402_653_184},
	} {
		if got := mostConnections(c.descriptors, c.channels); got != c.want {
			t.Errorf("%d descriptors, %d channels: %d, want %d", c.descriptors, c.channels, got, c.want)
		}
	}
}

// TestConnectionsBeyondTheBoundAreClosed: at once and counted, and those that go make room.
func TestConnectionsBeyondTheBoundAreClosed(t *testing.T) {
	s, log := openSite(t, "")
	bound, ok := s.listener.(*boundedListener)
	if !ok {
		t.Fatalf("the listener is a %T", s.listener)
	}
	bound.all.most = 2
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", s.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	idle := []net.Conn{dial(), dial()}
	third := dial()
	_ = third.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := third.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the third is not closed: %v", err)
	}
	_ = idle[0].Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var text string
	for deadline := time.Now().Add(10 * time.Second); text == "" && time.Now().Before(deadline); {
		if answer, err := client.Get("http://" + s.listener.Addr().String() + "/metrics"); err == nil { // there is room
			b, _ := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			text = string(b)
		}
	}
	if !strings.Contains(text, "onair_http_connections 2\n") || strings.Contains(text, "refused_total 0\n") {
		t.Errorf("metrics after one of two was closed:\n%s", text)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if held, refused := bound.all.counts(); held != 0 || refused < 1 {
		t.Errorf("in the end %d are held, %d were refused", held, refused)
	}
	if n := strings.Count(log.String(), "too many HTTP connections"); n != 1 {
		t.Errorf("told %d times", n)
	}
}
