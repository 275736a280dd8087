package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"onair/pipeline/ingest"
	"onair/pipeline/srt"
	"onair/pkg/leg"
	"onair/pkg/tick"
)

// caller is the URL of a caller to an SRT leg on a port.
func caller(t *testing.T, port int, options string) leg.URL {
	t.Helper()
	u, err := leg.Parse(fmt.Sprintf("srt://127.0.0.1:%d?%s", port, options))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func call(t *testing.T, u leg.URL) *srt.Conn {
	t.Helper()
	c, err := srt.Dial(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

const secret = "do not print me"

func TestSRTListener(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	r := newRig(t, ingest.InputConfig{}, fmt.Sprintf(
		"srt://127.0.0.1:%d?mode=listener&latency=50&passphrase=%s&streamid=news", port, strings.ReplaceAll(secret, " ", "%20")))
	good := caller(t, port, "latency=50&pbkeylen=32&streamid=news&passphrase="+secret)

	wrong := map[string]string{
		"latency=50&streamid=sport&passphrase=" + secret:                   "1404",
		"latency=50&passphrase=" + secret:                                  "1404",
		"latency=50&streamid=#!::r=news,m=request&passphrase=" + secret:    "1405",
		"latency=50&streamid=news&passphrase=some other secret":            "passphrases differ",
		"latency=50&streamid=news":                                         "only one side",
		"latency=50&streamid=%23!::r=sport,m=publish&passphrase=" + secret: "1404",
	}
	for options, want := range wrong {
		if _, err := srt.Dial(t.Context(), caller(t, port, options)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", options, err, want)
		}
	}
	r.until("all are counted", func(s ingest.InputStats) bool { return rejected(s.Legs[0]) == uint64(len(wrong)) })

	c := call(t, good)
	r.until("it is connected", func(s ingest.InputStats) bool { return s.Legs[0].State == ingest.Connected })
	for i := range uint32(50) {
		send(t, c, ts(i))
	}
	r.want(count(50)...)
	s := r.stats().Legs[0]
	if s.State != ingest.Receiving || !strings.HasPrefix(s.Peer, "127.0.0.1:") || s.SRT == nil || s.SRT.Latency != 50*time.Millisecond {
		t.Errorf("%+v %+v", s, s.SRT)
	}

	done := make(chan struct{}) // a second sender while the first one sends
	go func() {
		defer close(done)
		if _, err := srt.Dial(t.Context(), good); err == nil || !strings.Contains(err.Error(), "1409") {
			t.Error(err)
		}
	}()
	for i := uint32(50); ; i++ {
		send(t, c, ts(i))
		select {
		case <-done:
		case <-time.After(5 * time.Millisecond):
			continue
		}
		break
	}
	if s := r.stats().Legs[0]; s.Foreign != 1 {
		t.Errorf("%+v", s)
	}
	r.logged("second sender ignored")
	r.logged("sender refused")
	if strings.Contains(r.log.String(), secret) {
		t.Errorf("the passphrase is in the log: %s", r.log)
	}
}

// Without a passphrase there is nothing to guess about a caller that does not come through.
func TestSRTHandshakeThatIsNotCompleted(t *testing.T) {
	t.Parallel()
	for options, want := range map[string]string{"": " not completed", "&passphrase=0123456789": " not completed: passphrase wrong"} {
		port := freePort(t)
		r := newRig(t, ingest.InputConfig{}, fmt.Sprintf("srt://127.0.0.1:%d?mode=listener&latency=20%s", port, options))
		if _, err := srt.Dial(t.Context(), caller(t, port, "latency=20&passphrase=another one")); err == nil {
			t.Error("connected")
		}
		r.until("it is told", func(s ingest.InputStats) bool { return len(s.Legs[0].Rejected) == 1 })
		if got := r.stats().Legs[0].Error; !strings.Contains(got, want) || options == "" && !strings.HasSuffix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestSRTSenderComesAndGoes(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	r := newRig(t, ingest.InputConfig{}, fmt.Sprintf("srt://127.0.0.1:%d?mode=listener&latency=20", port))
	var n uint32
	for round := range 5 {
		c := call(t, caller(t, port, "latency=20&streamid=#!::r=anything,m=publish"))
		send(t, c, ts(n), ts(n+1))
		n += 2
		r.want(count(n)...)
		if round%2 == 0 {
			c.Close()
			r.until("it listens again", func(s ingest.InputStats) bool { return s.Legs[0].State == ingest.Listening })
			continue
		}
		// This one only falls silent, as a sender that was cut off does: the next one takes its place.
		silent := r.now() + 600*tick.Millisecond
		r.until("some silence", func(ingest.InputStats) bool { return r.now() > silent })
	}
	if s := r.stats().Legs[0]; s.Connects != 5 {
		t.Errorf("%+v", s)
	}
}

func TestSRTCaller(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	r := newRig(t, ingest.InputConfig{}, fmt.Sprintf("srt://127.0.0.1:%d?latency=20&passphrase=0123456789&streamid=out", port))
	r.until("nobody is there", func(s ingest.InputStats) bool { return strings.Contains(s.Legs[0].Error, "nobody answers") })
	u := caller(t, port, "mode=listener&latency=20&passphrase=0123456789")
	for round := range uint32(2) {
		var l *srt.Listener
		r.until("the port is free again", func(ingest.InputStats) bool {
			var err error
			l, err = srt.Listen(srt.ListenConfig{URL: u, Judge: func(c srt.Call) srt.Verdict {
				if c.StreamID != "out" {
					return srt.NotFound
				}
				return srt.Admit
			}})
			return err == nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		c, err := l.Accept(ctx)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		send(t, c, ts(2*round), ts(2*round+1))
		r.want(count(2*round + 2)...)
		c.Close()
		l.Close()
		r.until("the end is told", func(s ingest.InputStats) bool { return s.Legs[0].State == ingest.Failed })
	}
}

// TestPortOfAClosedListener: libsrt keeps it for seconds. A leg of another kind waits for it without a word.
func TestPortOfAClosedListener(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	l, err := srt.Listen(srt.ListenConfig{URL: caller(t, port, "mode=listener")})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	r := newRig(t, ingest.InputConfig{}, fmt.Sprintf("udp://127.0.0.1:%d", port))
	if s := r.stats().Legs[0]; s.State != ingest.Listening {
		t.Errorf("%+v", s)
	}
	if strings.Contains(r.log.String(), "failed") {
		t.Errorf("told: %s", r.log)
	}
}

func TestRTPOverSRTIsMergedWithRTP(t *testing.T) {
	t.Parallel()
	a, b := freePort(t), freePort(t)
	r := newRig(t, ingest.InputConfig{Merge: time.Second}, fmt.Sprintf("rtp://127.0.0.1:%d", a),
		fmt.Sprintf("srt://127.0.0.1:%d?mode=listener&latency=20", b))
	toA, toB := dial(t, fmt.Sprintf("127.0.0.1:%d", a)), call(t, caller(t, b, "latency=20"))
	for i := range uint32(100) {
		if i%4 != 1 {
			send(t, toA, rtp(i))
		}
		if i%4 != 2 {
			send(t, toB, rtp(i))
		}
	}
	r.want(count(100)...)
	if s := r.stats(); s.Lost != 0 || s.Unmerged || s.Legs[1].Used < 25 {
		t.Errorf("%+v", s)
	}
}

func TestSRTAllow(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	r := newRig(t, ingest.InputConfig{Allow: prefixes("10.0.0.0/8")}, fmt.Sprintf("srt://127.0.0.1:%d?mode=listener", port))
	if _, err := srt.Dial(t.Context(), caller(t, port, "")); err == nil || !strings.Contains(err.Error(), "1403") {
		t.Error(err)
	}
	if s := r.stats().Legs[0]; s.Rejected["address"] != 1 {
		t.Errorf("%+v", s)
	}
}

// TestFFmpegSends is the other side as users have it: encrypted, with a stream id, restarted.
func TestFFmpegSends(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed")
	}
	for _, c := range []struct{ name, leg, format, to string }{
		{
			"srt", "srt://127.0.0.1:%d?mode=listener&latency=100&passphrase=0123456789&pbkeylen=32&streamid=x", "mpegts",
			"srt://127.0.0.1:%d?mode=caller&latency=100000&passphrase=0123456789&pbkeylen=32&streamid=x&pkt_size=1316",
		},
		{"rtp", "rtp://127.0.0.1:%d", "rtp_mpegts", "rtp://127.0.0.1:%d"},
		{"udp", "udp://127.0.0.1:%d", "mpegts", "udp://127.0.0.1:%d?pkt_size=1316"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			r := newRig(t, ingest.InputConfig{}, fmt.Sprintf(c.leg, port))
			for round := range uint64(2) {
				before := r.stats().Packets
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				cmd := exec.CommandContext(ctx, path, "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", "sine=r=48000",
					"-c:a", "aac", "-b:a", "256k", "-f", c.format, fmt.Sprintf(c.to, port))
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				r.until("it arrives", func(s ingest.InputStats) bool { return s.Packets >= before+40 })
				_ = cmd.Process.Signal(syscall.SIGKILL)
				var exit *exec.ExitError
				if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
					t.Error(err)
				}
				cancel()
				r.until("the next one may come", func(s ingest.InputStats) bool { return r.now()-s.LastPacket > 600*tick.Millisecond })
				if s := r.stats(); s.Lost != 0 || s.Unmerged || s.Legs[0].WrongType != 0 || s.Legs[0].Connects != round+1 {
					t.Errorf("round %d: %+v", round, s)
				}
			}
		})
	}
}

func TestThousandSRTSendersLeaveNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	port := freePort(t)
	r := newRig(t, ingest.InputConfig{}, fmt.Sprintf("srt://127.0.0.1:%d?mode=listener&latency=1", port))
	u := caller(t, port, "latency=1")
	threads := func() int { return entries(t, "/proc/self/task") }
	var base int
	for i := range uint32(1000) {
		var c *srt.Conn
		r.until("it is let in", func(ingest.InputStats) (ok bool) {
			var err error
			c, err = srt.Dial(t.Context(), u)
			return err == nil // not when it calls too often
		})
		send(t, c, ts(i))
		r.until("it arrives", func(s ingest.InputStats) bool { return s.Packets == uint64(i)+1 })
		c.Close()
		r.until("it is gone", func(s ingest.InputStats) bool { return s.Legs[0].State == ingest.Listening })
		if i == 100 {
			base = threads()
		}
	}
	r.until("threads are what they were", func(ingest.InputStats) bool { return threads() <= base+10 })
	if !slices.Equal(r.sink.indexes(), count(1000)) {
		t.Error("not all came in order")
	}
	r.stop()
}
