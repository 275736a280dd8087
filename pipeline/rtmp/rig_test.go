package rtmp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	server "onair/pipeline/rtmp"
	"onair/pkg/amf"
	"onair/pkg/gate"
	"onair/pkg/leg"
	"onair/pkg/mpegts"
	"onair/pkg/rtmp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is a receiver that keeps what it is told.
type desk struct {
	mu      sync.Mutex
	ts      []byte
	begun   int
	ended   []string
	refused []string
	second  int
	wrong   []string
	bar     bool // nobody is allowed
	gone    bool // Serve has returned
	late    int  // calls after that
}

func (d *desk) call(do func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gone {
		d.late++
	}
	do()
}

func (d *desk) Allowed(netip.Addr) (ok bool) { d.call(func() { ok = !d.bar }); return ok }
func (d *desk) Refused(cause gate.Cause, why string) {
	d.call(func() { d.refused = append(d.refused, string(cause)+": "+why) })
}

func (d *desk) Second(netip.AddrPort) { d.call(func() { d.second++ }) }
func (d *desk) Begin(netip.AddrPort)  { d.call(func() { d.begun++ }) }
func (d *desk) Media(ts []byte)       { d.call(func() { d.ts = append(d.ts, ts...) }) }
func (d *desk) Wrong(why string)      { d.call(func() { d.wrong = append(d.wrong, why) }) }
func (d *desk) End(why string)        { d.call(func() { d.ended = append(d.ended, why) }) }

// state is a copy.
type state struct {
	begun, second, packets int
	ended, refused, wrong  []string
}

func (d *desk) state() state {
	d.mu.Lock()
	defer d.mu.Unlock()
	return state{d.begun, d.second, len(d.ts) / mpegts.Size, d.ended, d.refused, d.wrong}
}

func (d *desk) until(t *testing.T, what string, ok func(state) bool) {
	t.Helper()
	deadline := time.After(15 * time.Second)
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for !ok(d.state()) {
		select {
		case <-deadline:
			t.Fatalf("never: %s: %+v", what, d.state())
		case <-poll.C:
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// serve listens for a stream until the test ends or stop is called.
func serve(t *testing.T, v *server.Servers, url string) (d *desk, stop func()) {
	t.Helper()
	u, err := leg.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	d = &desk{}
	ctx, cancel := context.WithCancel(t.Context())
	opened, done := make(chan struct{}), make(chan error, 1)
	go func() {
		err := v.Serve(ctx, u, d, func() { close(opened) })
		d.mu.Lock()
		d.gone = true
		d.mu.Unlock()
		done <- err
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			t.Error("Serve does not end")
		}
		if d.late > 0 {
			t.Errorf("%d calls after the end", d.late)
		}
	})
	t.Cleanup(stop)
	select {
	case <-opened:
	case err := <-done:
		done <- err
		t.Fatal(err)
	}
	return d, stop
}

// client is an encoder that says what a test wants.
type client struct {
	t    *testing.T
	conn net.Conn
	in   *rtmp.Reader
}

func dial(t *testing.T, port int) *client {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &client{t, conn, rtmp.NewReader(conn, 1<<20)}
}

func (c *client) write(b []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// greet shakes hands; false: the connection has ended.
func (c *client) greet() bool {
	c.t.Helper()
	hello := append([]byte{3}, make([]byte, rtmp.BlockSize)...)
	hello[100] = 0x55
	answer := make([]byte, rtmp.HelloSize+rtmp.BlockSize)
	if _, err := c.conn.Write(hello); err != nil {
		return false
	}
	if _, err := io.ReadFull(c.conn, answer); err != nil {
		return false
	}
	if answer[0] != 3 || !bytes.Equal(answer[rtmp.HelloSize:], hello[1:]) {
		c.t.Error("the answer is not as it should be")
	}
	c.write(answer[1:rtmp.HelloSize])
	return true
}

func (c *client) command(values ...any) {
	c.t.Helper()
	c.write(rtmp.Append(nil, rtmp.Message{Type: rtmp.CommandAMF0, Stream: 1, Body: amf.Append(nil, values...)}, 128))
}

// answer is the code of the next result, error or status; "" when the connection has ended.
func (c *client) answer() string {
	c.t.Helper()
	code, _ := c.reply()
	return code
}

// reply is code and description of the next result, error or status.
func (c *client) reply() (code, description string) {
	c.t.Helper()
	for {
		m, err := c.in.Next()
		if err != nil {
			return "", ""
		}
		if m.Type != rtmp.CommandAMF0 {
			continue
		}
		values, err := amf.Decode(m.Body)
		if err != nil {
			c.t.Fatal(err)
		}
		if values[0] == "onFCPublish" {
			continue
		}
		if o, ok := values[len(values)-1].(amf.Object); ok {
			return o.Text("code"), o.Text("description")
		}
		return fmt.Sprint(values[0]), ""
	}
}

func (c *client) want(code string) {
	c.t.Helper()
	if got := c.answer(); got != code {
		c.t.Errorf("answer %q, want %q", got, code)
	}
}

// connect shakes hands and says to what application it wants.
func (c *client) connect(app string) (code, description string) {
	c.t.Helper()
	if !c.greet() {
		return "", ""
	}
	c.command("connect", 1, amf.Object{{Name: "app", Value: app}, {Name: "tcUrl", Value: "rtmp://127.0.0.1/" + app}})
	return c.reply()
}

// publish goes all the way; it returns the last answer.
func (c *client) publish(app, name string) string {
	c.t.Helper()
	if got, _ := c.connect(app); got != "NetConnection.Connect.Success" {
		return got
	}
	c.command("releaseStream", 2, nil, name)
	c.want("_result")
	c.command("FCPublish", 3, nil, name)
	c.want("_result")
	c.command("createStream", 4, nil)
	c.want("_result")
	c.command("publish", 5, nil, name, "live")
	return c.answer()
}

// media sends a picture.
func (c *client) media(at uint32) {
	c.t.Helper()
	config := append([]byte{
		0x17, 0, 0, 0, 0, 1, 0x42, 0, 0x1E, 0xFF, 0xE1, 0, 12, 0x67, 0x42, 0xC0, 0x1E, 0xD9, 0, 0xA0, 0x47, 0xFE, 0xC8, 0x80, 0,
	}, 1, 0, 4, 0x68, 0xCE, 0x38, 0x80)
	picture := []byte{0x17, 1, 0, 0, 0, 0, 0, 0, 3, 0x65, 0x88, 0x84}
	data := amf.Append(nil, "@setDataFrame", "onMetaData", amf.Object{{Name: "videocodecid", Value: 7}})
	b := rtmp.Append(nil, rtmp.Message{Type: rtmp.DataAMF0, Stream: 1, Body: data}, 128)
	b = rtmp.Append(b, rtmp.Message{Type: rtmp.Video, Timestamp: at, Stream: 1, Body: config}, 128)
	c.write(rtmp.Append(b, rtmp.Message{Type: rtmp.Video, Timestamp: at, Stream: 1, Body: picture}, 128))
}

func contains(list []string, part string) bool {
	for _, s := range list {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}
