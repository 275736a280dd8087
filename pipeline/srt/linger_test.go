package srt_test

import (
	"strings"
	"testing"

	"onair/pipeline/srt"
)

// TestAListenerFollowsAnother: libsrt keeps the port of a closed listener for five seconds and of its connections. The
// next one of that address has callers at once, by its own options, and nobody else gets the port meanwhile.
func TestAListenerFollowsAnother(t *testing.T) {
	t.Parallel()
	u := parse(t, "srt://127.0.0.1:1?mode=listener&latency=20", freePort(t))
	to := parse(t, "srt://127.0.0.1:1?latency=20", u.Port)
	for range 3 {
		l, err := srt.Listen(srt.ListenConfig{URL: u})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := srt.Listen(srt.ListenConfig{URL: u}); err == nil || !strings.Contains(err.Error(), "in use") {
			t.Errorf("two at once: %v", err)
		}
		calling := make(chan *srt.Conn)
		go func() {
			c, err := srt.Dial(t.Context(), to)
			if err != nil {
				t.Error(err)
			}
			calling <- c
		}()
		c, err := l.Accept(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		caller := <-calling
		if _, err := caller.Write([]byte("one")); err != nil {
			t.Error(err)
		}
		b := make([]byte, 2000)
		if n, err := c.Read(b); err != nil || string(b[:n]) != "one" {
			t.Errorf("%q %v", b[:n], err)
		}
		c.Close()
		l.Close()
		caller.Close()
		u.Passphrase, u.KeyLen = "0123456789", 16
		to.Passphrase, to.KeyLen = "0123456789", 16
	}
}
