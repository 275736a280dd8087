package rtsp_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"

	"onair/pipeline/rtsp"
)

func TestPublish(t *testing.T) {
	t.Parallel()
	for name, over := range map[string]gortsplib.Transport{"tcp": gortsplib.TransportTCP, "udp": gortsplib.TransportUDP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			s, end := await(t, rtsp.NewServers(), parse(t, "rtsp://me:secret@127.0.0.1:%d/live/1?mode=listener", port), nil)
			p, status := publish(t, fmt.Sprintf("rtsp://me:secret@127.0.0.1:%d/live/1", port), over, picture())
			if p == nil {
				t.Fatalf("refused with %d: %v", status, s.refused)
			}
			p.send(t, 20)
			until(t, "twenty pictures", func() bool { return s.units() == 20 })
			for i, pts := range s.pes[256][1:] {
				if step := pts - s.pes[256][i]; step != 3600 {
					t.Errorf("picture %d is %d after the one before", i+1, step)
				}
			}
			p.client.Close()
			until(t, "its end", func() (ok bool) { s.do(func() { ok = s.hung == 1 }); return ok })
			if err := end(); err == nil || len(s.opened) != 1 || len(s.refused) != 0 || len(s.damaged) != 0 {
				t.Errorf("%v, %+v", err, s)
			}
		})
	}
}

func TestPublishRefuses(t *testing.T) {
	t.Parallel()
	nobody := func(netip.Addr) bool { return false }
	for _, c := range []struct {
		name, user, path string
		allow            func(netip.Addr) bool
		desc             *description.Session
		status           base.StatusCode
		refused          string
	}{
		{"another path", "me:secret@", "other", nil, picture(), base.StatusNotFound, ""},
		{"an address that is not allowed", "me:secret@", "live", nobody, picture(), base.StatusForbidden, "not in allow"},
		{"no credentials", "", "live", nil, picture(), base.StatusUnauthorized, ""},
		{"a wrong password", "me:guess@", "live", nil, picture(), base.StatusUnauthorized, "wrong user or password"},
		{"another user", "you:secret@", "live", nil, picture(), base.StatusUnauthorized, "wrong user or password"},
		{
			"nothing that can be muxed", "me:secret@", "live", nil, &description.Session{Medias: []*description.Media{{
				Type: description.MediaTypeVideo, Formats: []format.Format{&format.VP8{PayloadTyp: 96}},
			}}}, base.StatusUnsupportedMediaType, "VP8",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			s, _ := await(t, rtsp.NewServers(), parse(t, "rtsp://me:secret@127.0.0.1:%d/live?mode=listener", port), c.allow)
			if _, status := publish(t, fmt.Sprintf("rtsp://%s127.0.0.1:%d/%s", c.user, port, c.path),
				gortsplib.TransportTCP, c.desc); status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			s.do(func() {
				all := strings.Join(s.refused, "\n")
				if len(s.opened) != 0 || (c.refused == "") != (all == "") || !strings.Contains(all, c.refused) {
					t.Errorf("opened %v, refused %q", s.opened, all)
				}
				if strings.Contains(all, "secret") || strings.Contains(all, "guess") {
					t.Errorf("a password in %q", all)
				}
			})
		})
	}
}

func TestTransportMayBeFixed(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	await(t, rtsp.NewServers(), parse(t, "rtsp://127.0.0.1:%d/live?mode=listener&transport=tcp", port), nil)
	at := fmt.Sprintf("rtsp://127.0.0.1:%d/live", port)
	if _, status := publish(t, at, gortsplib.TransportUDP, picture()); status != base.StatusUnsupportedTransport {
		t.Errorf("over UDP: status %d", status)
	}
	if p, status := publish(t, at, gortsplib.TransportTCP, picture()); p == nil {
		t.Errorf("over TCP: status %d", status)
	}
}

// TestOnePublisherAtATime: a second one is refused while the first is at work, and replaces it when it is not.
func TestOnePublisherAtATime(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	s, _ := await(t, rtsp.NewServers(), parse(t, "rtsp://127.0.0.1:%d/live?mode=listener", port), nil)
	at := fmt.Sprintf("rtsp://127.0.0.1:%d/live", port)
	first, _ := publish(t, at, gortsplib.TransportTCP, picture())
	if first == nil {
		t.Fatal("the first is refused")
	}
	s.do(func() { s.busy = true })
	if _, status := publish(t, at, gortsplib.TransportTCP, picture()); status != base.StatusServiceUnavailable {
		t.Errorf("the second: status %d", status)
	}
	first.send(t, 3)
	until(t, "pictures of the first", func() bool { return s.units() == 3 })
	s.do(func() { s.busy = false })
	third, status := publish(t, at, gortsplib.TransportTCP, picture())
	if third == nil {
		t.Fatalf("the third: status %d", status)
	}
	third.send(t, 2)
	until(t, "pictures of the third", func() bool { return s.units() == 5 })
	if err := first.client.Wait(); err == nil {
		t.Error("the first is still there")
	}
	s.do(func() {
		if len(s.second) != 1 || len(s.opened) != 2 || s.hung != 1 {
			t.Errorf("second %v, opened %v, hung %d", s.second, s.opened, s.hung)
		}
	})
}

// TestPathsShareAPort: legs of different channels, each with credentials of its own, come and go by themselves.
func TestPathsShareAPort(t *testing.T) {
	t.Parallel()
	port, servers := freePort(t), rtsp.NewServers()
	a, endA := await(t, servers, parse(t, "rtsp://a:aaa@:%d/a?mode=listener", port), nil)
	b, endB := await(t, servers, parse(t, "rtsp://b:bbb@0.0.0.0:%d/b?mode=listener", port), nil)
	_, taken := await(t, servers, parse(t, "rtsp://:%d/a?mode=listener", port), nil)
	if err := taken(); err == nil || !strings.Contains(err.Error(), "path a") {
		t.Errorf("a path that is taken: %v", err)
	}
	url := func(path, user string) string { return fmt.Sprintf("rtsp://%s@127.0.0.1:%d/%s", user, port, path) }
	if _, status := publish(t, url("b", "a:aaa"), gortsplib.TransportTCP, picture()); status != base.StatusUnauthorized {
		t.Errorf("credentials of another path: status %d", status)
	}
	pa, _ := publish(t, url("a", "a:aaa"), gortsplib.TransportTCP, picture())
	pb, _ := publish(t, url("b", "b:bbb"), gortsplib.TransportUDP, picture())
	if pa == nil || pb == nil {
		t.Fatal("refused")
	}
	pa.send(t, 2)
	until(t, "pictures of a", func() bool { return a.units() == 2 })
	if err := endA(); err == nil {
		t.Error("no reason")
	}
	if err := pa.client.Wait(); err == nil {
		t.Error("the publisher of a is still there")
	}
	pb.send(t, 3)
	until(t, "pictures of b", func() bool { return b.units() == 3 })
	_ = endB()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatalf("the port is not free: %v", err)
	}
	_ = l.Close()
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, end := await(t, rtsp.NewServers(),
		parse(t, "rtsp://127.0.0.1:%d/x?mode=listener", l.Addr().(*net.TCPAddr).Port), nil)
	if err := end(); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("%v", err)
	}
}

// TestTooManyConnections: one address cannot use up the server.
func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	s, _ := await(t, rtsp.NewServers(), parse(t, "rtsp://127.0.0.1:%d/x?mode=listener", port), nil)
	var conns []net.Conn
	for range 20 {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	until(t, "refusals", func() (ok bool) {
		s.do(func() { ok = len(s.refused) == 12 && strings.Contains(s.refused[0], "too many") })
		return ok
	})
	for range 50 {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
	until(t, "refusals for haste", func() (ok bool) {
		s.do(func() { ok = strings.HasPrefix(s.refused[len(s.refused)-1], "rate: ") })
		return ok
	})
	for _, c := range slices.Backward(conns) {
		_ = c.Close()
	}
	until(t, "room again", func() bool {
		p, _ := publish(t, fmt.Sprintf("rtsp://127.0.0.1:%d/x", port), gortsplib.TransportTCP, picture())
		return p != nil
	})
}
