//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"onair/pipeline/control"
)

// drip sends what next makes to a port, n datagrams a second, until the test ends or stop is called.
func drip(t testing.TB, port, n int, next func() []byte) (stop func()) {
	t.Helper()
	conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	var once sync.Once
	stop = func() {
		once.Do(func() { close(quit) })
		<-done
	}
	go func() {
		defer close(done)
		defer conn.Close()
		tick := time.NewTicker(time.Second / time.Duration(n))
		defer tick.Stop()
		for {
			_, _ = conn.Write(next()) // nobody may be listening
			select {
			case <-quit:
				return
			case <-tick.C:
			}
		}
	}()
	t.Cleanup(stop)
	return stop
}

// good loops a made clip into a leg.
func good(t testing.TB, scheme string, port int) (stop func()) {
	t.Helper()
	b, err := os.ReadFile(clip(t, 30, "25"))
	if err != nil {
		t.Fatal(err)
	}
	return loop(t, b, 30*time.Second, 7*188, scheme == "rtp", port)
}

// weight is what a process must not let grow.
type weight struct {
	fds int
	rss int // kB
}

// weigh looks at the program.
func (s *station) weigh() weight {
	s.t.Helper()
	var w weight
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	w.fds = len(fds)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			w.rss, _ = strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(text), " kB"))
		}
	}
	return w
}

// wantLight fails if the program holds more than before by more than a run and some connections need.
func (s *station) wantLight(before weight) {
	s.t.Helper()
	after := s.weigh()
	s.t.Logf("descriptors %d to %d, memory %d to %d MB", before.fds, after.fds, before.rss>>10, after.rss>>10)
	if after.fds > before.fds+25 {
		s.t.Errorf("descriptors grew from %d to %d", before.fds, after.fds)
	}
	if after.rss > before.rss+80<<10 {
		s.t.Errorf("memory grew from %d to %d kB", before.rss, after.rss)
	}
	s.wantCalm()
}

// wantOn fails unless n more segments come.
func (s *station) wantOn(n uint64) control.Status {
	s.t.Helper()
	before := s.status().Segments
	return s.wait(fmt.Sprintf("%d segments after %d", n, before), 30*time.Second, segments(before+n))
}

// answering waits for the program.
func (s *station) answering() *station {
	s.t.Helper()
	s.wait("the program", 10*time.Second, func(st control.Status) bool { return st.Channel != "" })
	return s
}

func oneLeg(scheme string, port int) string {
	return fmt.Sprintf("  - name: main\n    legs: [\"%s://127.0.0.1:%d\"]\n", scheme, port)
}

// nullPacket is a TS packet that carries nothing.
func nullPacket() []byte {
	return append([]byte{0x47, 0x1F, 0xFF, 0x10}, bytes.Repeat([]byte{0xFF}, 184)...)
}

func rtpOf(payloadType byte, payload []byte) []byte {
	return append([]byte{0x80, payloadType, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2}, payload...)
}

// TestDatagramsThatAreNotTheirs sends what is no media to a leg: it is counted and said what it is, and does not hinder
// the real feed before or beside it.
func TestDatagramsThatAreNotTheirs(t *testing.T) {
	noise := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rand.Uint32())
		}
		return b
	}
	packets := bytes.Repeat(nullPacket(), 7)
	for _, c := range []struct {
		name, scheme string
		next         func() []byte
		says         string
	}{
		{"random bytes", "udp", func() []byte { return noise(rand.IntN(1400)) }, "not MPEG-TS"},
		{"random bytes on rtp", "rtp", func() []byte { return noise(rand.IntN(1400)) }, "RTP"},
		{"half a packet", "udp", func() []byte { return nullPacket()[:94] }, "not MPEG-TS"},
		{"empty datagrams", "udp", func() []byte { return nil }, "not MPEG-TS"},
		{"rtp with a picture", "rtp", func() []byte { return rtpOf(96, noise(1200)) }, "payload type"},
		{"rtp with half packets", "rtp", func() []byte { return rtpOf(33, packets[:1000]) }, "whole TS packets"},
		{"rtp on a bare leg", "udp", func() []byte { return rtpOf(33, packets) }, "make it rtp://"},
		{"bare packets on an rtp leg", "rtp", func() []byte { return packets }, "make it udp://"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t, "udp")
			s := newSmall(t, oneLeg(c.scheme, port)).answering()
			stop := drip(t, port, 500, c.next)
			s.wait("the counter and the message", 10*time.Second, func(st control.Status) bool {
				l := st.Inputs[0].Legs[0]
				return l.WrongType > 500 && strings.Contains(l.Error, c.says)
			})
			stop()
			good(t, c.scheme, port)
			s.wait("segments once the real feed comes", 30*time.Second, segments(3))
			before := s.weigh()
			drip(t, port, 500, c.next)
			s.wantOn(4)
			s.wantLight(before)
			if n := strings.Count(s.log.String(), "datagrams refused"); n > 60 {
				t.Errorf("%d lines of log about refused datagrams", n)
			}
		})
	}
}

// TestSecondSenderIsIgnored lets another sender come in on a port in use.
func TestSecondSenderIsIgnored(t *testing.T) {
	port := freePort(t, "udp")
	s := newStation(t, rtpInput(port)).answering()
	play(t, clip(t, 60, "25"), port)
	s.wait("two segments", 30*time.Second, segments(2))
	play(t, clip(t, 30, "25"), port)
	s.wantOn(5)
	if !strings.Contains(s.log.String(), "second sender ignored") {
		t.Error("the log does not tell of the second sender")
	}
	s.wantWhole()
	s.stop()
	wantConsecutive(t, s.frameNumbers("v180", 0))
}

// TestPortInUse starts a channel on a port that another one listens on, and ends that one.
func TestPortInUse(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	first := newSmall(t, oneLeg("udp", port)).answering()
	second := newSmall(t, oneLeg("udp", port)).answering()
	second.wait("the reason", 10*time.Second, func(st control.Status) bool {
		in := st.Inputs[0]
		return in.State == control.InputFailed && strings.Contains(in.Error, "address already in use")
	})
	first.stop()
	good(t, "udp", port)
	second.wait("segments once the port is free", 40*time.Second, segments(3))
	second.wantCalm()
}

// TestRefusedSRTCallers lets callers without the right passphrase or stream id come before the right one.
func TestRefusedSRTCallers(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	legs := fmt.Sprintf("[\"srt://127.0.0.1:%d?mode=listener&passphrase=correcthorsebattery&streamid=news\"]", port)
	s := newSmall(t, "  - name: main\n    legs: "+legs+"\n").answering()
	file := clip(t, 30, "25")
	call := func(options string) {
		to := fmt.Sprintf("srt://127.0.0.1:%d?mode=caller&pkt_size=1316%s", port, options)
		ffmpeg(t, "-re -stream_loop -1 -i "+file+" -map 0 -c copy -f mpegts "+to)
	}
	rejected := func(n uint64, word string) func(control.Status) bool {
		return func(st control.Status) bool {
			l := st.Inputs[0].Legs[0]
			return l.Rejected >= n && strings.Contains(l.Error, word)
		}
	}
	call("&passphrase=correcthorsebattery&streamid=sport")
	s.wait("the wrong stream id to be refused", 15*time.Second, rejected(1, "stream id"))
	call("&passphrase=wronghorsebattery&streamid=news")
	s.wait("the wrong passphrase to be refused", 15*time.Second, rejected(2, "passphrase"))
	call("&streamid=news")
	s.wait("no passphrase to be refused", 15*time.Second, rejected(3, "passphrase"))
	call("&passphrase=correcthorsebattery&streamid=news")
	s.wait("segments of the right caller", 30*time.Second, segments(3))
	before := s.weigh()
	call("&passphrase=correcthorsebattery&streamid=news")
	s.wantOn(3)
	s.wantLight(before)
	for _, secret := range []string{"correcthorsebattery", "wronghorsebattery"} {
		if strings.Contains(s.log.String(), secret) {
			t.Error("the log holds a passphrase")
		}
		if _, b := s.get("/api/v1/channels/ch"); strings.Contains(string(b), secret) {
			t.Error("the API tells a passphrase")
		}
	}
}
