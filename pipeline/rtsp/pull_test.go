package rtsp_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"
	"github.com/pion/rtp"

	"onair/pipeline/rtsp"
)

// camera is a server with one stream.
type camera struct {
	server *gortsplib.Server
	stream *gortsplib.ServerStream
	secret string
	played chan struct{}
	n      uint32
}

// newCamera starts one; udp tells whether it can send over UDP.
func newCamera(t *testing.T, desc *description.Session, udp bool, secret string) (*camera, int) {
	t.Helper()
	port := freePort(t)
	c := &camera{secret: secret, played: make(chan struct{}, 1)}
	c.server = &gortsplib.Server{Handler: c, RTSPAddress: fmt.Sprintf("127.0.0.1:%d", port)}
	if udp {
		c.server.UDPRTPAddress, c.server.UDPRTCPAddress = "127.0.0.1:38000", "127.0.0.1:38001"
	}
	if err := c.server.Start(); err != nil {
		t.Fatal(err)
	}
	c.stream = &gortsplib.ServerStream{Server: c.server, Desc: desc}
	if err := c.stream.Initialize(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.stream.Close()
		c.server.Close()
	})
	return c, port
}

func (c *camera) OnDescribe(ctx *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if c.secret != "" && !ctx.Conn.VerifyCredentials(ctx.Request, "me", c.secret) {
		return &base.Response{StatusCode: base.StatusUnauthorized}, nil, liberrors.ErrServerAuth{}
	}
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

func (c *camera) OnSetup(*gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

func (c *camera) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	c.played <- struct{}{}
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// send sends so many pictures after leaving some out.
func (c *camera) send(t *testing.T, without, n int) {
	t.Helper()
	c.n += uint32(without)
	for range n {
		c.n++
		pkt := &rtp.Packet{
			Header:  rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: uint16(c.n), Timestamp: c.n * 3600, Marker: true},
			Payload: slices.Clone(idr),
		}
		if err := c.stream.WritePacketRTP(c.stream.Desc.Medias[0], pkt); err != nil {
			t.Fatal(err)
		}
	}
}

// pull pulls until the test, or the returned function, ends it.
func pull(t *testing.T, allow func(netip.Addr) bool, format string, args ...any) (*seen, func() error) {
	t.Helper()
	s := newSeen()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	u := parse(t, format, args...)
	go func() {
		done <- rtsp.Pull(ctx, rtsp.PullConfig{
			URL: u, Allow: allow, Output: s.output(),
			Open: func(p netip.AddrPort) { s.do(func() { s.opened = append(s.opened, p) }) },
		})
	}()
	end := func() error {
		cancel()
		err := <-done
		done <- err
		return err
	}
	t.Cleanup(func() { _ = end() })
	return s, func() error {
		select {
		case err := <-done:
			done <- err
			return err
		case <-time.After(5 * time.Second):
			return end()
		}
	}
}

func TestPull(t *testing.T) {
	for _, c := range []struct {
		name, option, user, secret string
		udp                        bool
	}{
		{"over udp", "", "", "", true},
		{"over tcp with credentials", "?transport=tcp", "me:sec%2Fret@", "sec/ret", true},
		{"over tcp since the server has no udp", "", "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cam, port := newCamera(t, picture(), c.udp, c.secret)
			s, ended := pull(t, nil, "rtsp://%s127.0.0.1:%d/cam/1%s", c.user, port, c.option)
			<-cam.played
			until(t, "its beginning", func() (ok bool) { s.do(func() { ok = len(s.opened) == 1 }); return ok })
			cam.send(t, 0, 10)
			cam.send(t, 4, 80)
			until(t, "pictures", func() bool { return s.units() == 90 })
			if s.lost != 4 || len(s.damaged) != 0 {
				t.Errorf("%d lost, damaged %v; want 4", s.lost, s.damaged)
			}
			cam.server.Close()
			if err := ended(); err == nil {
				t.Error("no reason")
			}
		})
	}
}

func TestPullFails(t *testing.T) {
	t.Parallel()
	nobody := func(netip.Addr) bool { return false }
	for _, c := range []struct {
		name, user, want string
		allow            func(netip.Addr) bool
	}{
		{"a wrong password", "me:topsecret@", "401", nil},
		{"an address that is not allowed", "", "not in allow", nobody},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, port := newCamera(t, picture(), false, "another")
			s, ended := pull(t, c.allow, "rtsp://%s127.0.0.1:%d/cam", c.user, port)
			if err := ended(); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v, want ...%s...", err, c.want)
			}
			if len(s.opened) != 0 {
				t.Error("it says that it is open")
			}
		})
	}
	_, ended := pull(t, nil, "rtsp://127.0.0.1:%d/x", freePort(t))
	if err := ended(); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("nobody there: %v", err)
	}
}
