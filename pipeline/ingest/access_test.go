package ingest_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"onair/pipeline/ingest"
	"onair/pipeline/srt"
)

// TestSRTCallsTooOften: who calls without pause is turned away for a while, and told so.
func TestSRTCallsTooOften(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	r := newRig(t, ingest.InputConfig{}, fmt.Sprintf("srt://127.0.0.1:%d?mode=listener&latency=1&streamid=news", port))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 15 {
				if c, err := srt.Dial(t.Context(), caller(t, port, "latency=1&streamid=sport")); err == nil {
					c.Close()
				}
			}
		})
	}
	wg.Wait()
	r.until("all are counted", func(s ingest.InputStats) bool { return rejected(s.Legs[0]) >= 60 })
	if s := r.stats().Legs[0]; s.Rejected["rate"] == 0 || s.Rejected["name"] < 20 {
		t.Errorf("%v", s.Rejected)
	}
	r.until("the log says so", func(ingest.InputStats) bool { // it tells of the newest caller, at a bounded rate
		if c, err := srt.Dial(t.Context(), caller(t, port, "latency=1&streamid=sport")); err == nil {
			c.Close()
		}
		return strings.Contains(r.log.String(), "calls too often")
	})
	r.until("it is let in later", func(ingest.InputStats) bool {
		c, err := srt.Dial(t.Context(), caller(t, port, "latency=1&streamid=news"))
		if err != nil && !strings.Contains(err.Error(), "1402") {
			t.Error(err)
		}
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// TestSRTCallersThatSendNothing: who goes at once, as a bonded caller does that finds no groups here, is counted and told,
// whether it was let in before or not; who sends is not.
func TestSRTCallersThatSendNothing(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	r := newRig(t, ingest.InputConfig{}, fmt.Sprintf("srt://127.0.0.1:%d?mode=listener&latency=20&passphrase=0123456789", port))
	r.until("it listens", func(s ingest.InputStats) bool { return s.Legs[0].State == ingest.Listening })
	const calls = 6
	for i := range calls {
		c := call(t, caller(t, port, "latency=20&passphrase=0123456789"))
		if i%2 == 0 {
			r.until("it is there", func(s ingest.InputStats) bool { return s.Legs[0].State == ingest.Connected })
		}
		c.Close()
		r.until("it is counted", func(s ingest.InputStats) bool {
			return s.Legs[0].Rejected["handshake"] == uint64(i+1) && strings.Contains(s.Legs[0].Error, "bonded callers")
		})
	}
	c := call(t, caller(t, port, "latency=20&passphrase=0123456789"))
	if _, err := c.Write(ts(1)); err != nil {
		t.Fatal(err)
	}
	r.want(1)
	c.Close()
	r.until("it is gone", func(s ingest.InputStats) bool { return s.Legs[0].State == ingest.Listening })
	if s := r.stats().Legs[0]; rejected(s) != calls || s.Error != "the sender has hung up" {
		t.Errorf("rejected %v, told %q", s.Rejected, s.Error)
	}
}

// TestAllowMayChange: a sender that is no longer allowed goes, connected or not, and one that is comes.
func TestAllowMayChange(t *testing.T) {
	t.Parallel()
	port, other := freePort(t), freePort(t)
	r := newRig(t, ingest.InputConfig{}, fmt.Sprintf("srt://127.0.0.1:%d?mode=listener&latency=20", port),
		fmt.Sprintf("udp://127.0.0.1:%d", other))
	c := call(t, caller(t, port, "latency=20"))
	r.until("it is connected", func(s ingest.InputStats) bool { return s.Legs[0].State == ingest.Connected })
	udp := dial(t, fmt.Sprintf("127.0.0.1:%d", other))
	send(t, udp, ts(1))
	r.want(1)
	r.in.Allow([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	r.until("it is gone", func(ingest.InputStats) bool { return !c.Alive() })
	send(t, udp, ts(2))
	r.until("the datagram is refused", func(s ingest.InputStats) bool { return s.Legs[1].Rejected["address"] == 1 })
	r.in.Allow(nil)
	send(t, udp, ts(3))
	r.want(1, 3)
}

// TestSRTCallersAtOnce: of several that are admitted before any of them sends, the first one stays.
func TestSRTCallersAtOnce(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	r := newRig(t, ingest.InputConfig{}, fmt.Sprintf("srt://127.0.0.1:%d?mode=listener&latency=20&passphrase=0123456789", port))
	conns := make([]*srt.Conn, 4)
	var wg sync.WaitGroup
	for i := range conns {
		wg.Go(func() { conns[i], _ = srt.Dial(t.Context(), caller(t, port, "latency=20&passphrase=0123456789")) })
	}
	wg.Wait()
	var n uint32
	deadline := time.After(10 * time.Second)
	for {
		living := 0
		for _, c := range conns {
			if c == nil || !c.Alive() {
				continue
			}
			if _, err := c.Write(ts(n)); err == nil {
				living++
			}
		}
		if n++; living == 1 && n > 100 {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("%d callers are still connected", living)
		case <-time.After(5 * time.Millisecond):
		}
	}
	if s := r.stats().Legs[0]; s.Connects != 1 || s.Foreign+s.Rejected["sessions"] != 3 {
		t.Errorf("connects %d, second senders %d, rejected %v", s.Connects, s.Foreign, s.Rejected)
	}
	for _, c := range conns {
		if c != nil {
			c.Close()
		}
	}
}
