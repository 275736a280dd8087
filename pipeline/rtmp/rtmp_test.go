package rtmp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	server "onair/pipeline/rtmp"
	"onair/pkg/amf"
	"onair/pkg/leg"
	"onair/pkg/rtmp"
)

const (
	started  = "NetStream.Publish.Start"
	badName  = "NetStream.Publish.BadName"
	rejected = "NetConnection.Connect.Rejected"
)

func TestPublish(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	d, _ := serve(t, server.NewServers(), fmt.Sprintf("rtmp://127.0.0.1:%d/live/key", port))
	c := dial(t, port)
	if got := c.publish("live", "key"); got != started {
		t.Fatal(got)
	}
	c.media(0)
	d.until(t, "a picture", func(s state) bool { return s.packets > 3 && s.begun == 1 })
	c.command("FCUnpublish", 6, nil, "key")
	d.until(t, "its end", func(s state) bool { return contains(s.ended, "the publisher has ended the stream") })
	if s := d.state(); len(s.refused)+len(s.wrong) > 0 {
		t.Errorf("%+v", s)
	}
}

// TestWhoMayPublish: what is asked for and what is answered. What is wrong is told, and no key with it.
func TestWhoMayPublish(t *testing.T) {
	t.Parallel()
	const open, closed, query = "/live/topsecret", "/live/studio/topsecret", "/live/topsecret?auth=query"
	for _, c := range []struct {
		name, leg, app, stream string
		want, told             string
	}{
		{"the key", open, "live", "topsecret", started, ""},
		{"slashes around", open, "/live/", "/topsecret", started, ""},
		{"a query that nobody asked for", open, "live?x=1", "topsecret?y", started, ""},
		{"wrong key", open, "live", "guess", badName, "has a wrong stream key"},
		{"no key", open, "live", "", badName, "has a wrong stream key"},
		{"wrong application", open, "vod", "topsecret", rejected, "asks for an application that is not here"},
		{"an instance, cut behind it", closed, "live/studio", "topsecret", started, ""},
		{"an instance, cut before it", closed, "live", "studio/topsecret", started, ""},
		{"half an application", closed, "liv", "e/studio/topsecret", rejected, "asks for an application"},
		{"credentials with the key", "me:pass%20word@" + query, "live", "topsecret?user=me&pass=pass%20word", started, ""},
		{"credentials with the application", "me:pw@" + open, "live?user=me&pass=pw", "topsecret", started, ""},
		{"credentials of other names", "me:pw@" + open, "live?username=me&password=pw", "topsecret", started, ""},
		{"no credentials", "me:pw@" + query, "live", "topsecret", badName, "has wrong credentials, or none"},
		{"wrong password", "me:pw@" + query, "live", "topsecret?user=me&pass=topsecret", badName, "has wrong credentials"},
		{"halves in two places", "me:pw@" + query, "live?user=me", "topsecret?pass=pw", badName, "has wrong credentials"},
		{"credentials and a wrong key", "me:pw@" + query, "live", "guess?user=me&pass=pw", badName, "has a wrong stream key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			who, path, found := strings.Cut(c.leg, "@")
			if !found {
				who, path = "", c.leg
			} else {
				who += "@"
			}
			d, _ := serve(t, server.NewServers(), fmt.Sprintf("rtmp://%s127.0.0.1:%d%s", who, port, path))
			if got := dial(t, port).publish(c.app, c.stream); got != c.want {
				t.Errorf("answer %q, want %q", got, c.want)
			}
			if c.told == "" {
				d.until(t, "it begins", func(s state) bool { return s.begun == 1 && len(s.refused) == 0 })
				return
			}
			d.until(t, "it is told", func(s state) bool { return contains(s.refused, c.told) && s.begun == 0 })
			for _, text := range d.state().refused {
				if strings.Contains(text, "topsecret") || strings.Contains(text, "guess") {
					t.Errorf("a key is told: %s", text)
				}
			}
		})
	}
}

func TestAllow(t *testing.T) {
	t.Parallel()
	port, v := freePort(t), server.NewServers()
	barred, _ := serve(t, v, fmt.Sprintf("rtmp://127.0.0.1:%d/live/a", port))
	barred.mu.Lock()
	barred.bar = true
	barred.mu.Unlock()
	c := dial(t, port)
	if _, err := c.conn.Read(make([]byte, 1)); err == nil {
		t.Error("an address that no stream allows is answered")
	}
	barred.until(t, "it is told", func(s state) bool { return contains(s.refused, "127.0.0.1 is not in allow") })
	open, _ := serve(t, v, fmt.Sprintf("rtmp://127.0.0.1:%d/live/b", port))
	if got := dial(t, port).publish("live", "a"); got != badName {
		t.Error(got)
	}
	if got := dial(t, port).publish("live", "b"); got != started {
		t.Error(got)
	}
	open.until(t, "it begins", func(s state) bool { return s.begun == 1 })
}

// TestOnePublisherAtATime: a second one is refused while the first is alive, and takes over from one that is silent.
func TestOnePublisherAtATime(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	d, _ := serve(t, server.NewServers(), fmt.Sprintf("rtmp://127.0.0.1:%d/live/key", port))
	first := dial(t, port)
	if got := first.publish("live", "key"); got != started {
		t.Fatal(got)
	}
	first.media(0)
	d.until(t, "a picture", func(s state) bool { return s.packets > 0 })
	if got := dial(t, port).publish("live", "key"); got != badName {
		t.Error(got)
	}
	before := d.state().packets
	first.media(40)
	d.until(t, "the first goes on", func(s state) bool { return s.packets > before })
	d.until(t, "it is told", func(s state) bool { return s.second == 1 && s.begun == 1 && len(s.ended) == 0 })
	// The first one falls silent without hanging up, as one does whose network is cut.
	d.until(t, "the next one takes over", func(state) bool {
		c := dial(t, port)
		if got := c.publish("live", "key"); got != started {
			return false
		}
		c.media(80)
		return true
	})
	d.until(t, "both are told", func(s state) bool { return s.begun == 2 && len(s.ended) == 1 })
}

func TestOnePortForMany(t *testing.T) {
	t.Parallel()
	port, v := freePort(t), server.NewServers()
	url := "rtmp://127.0.0.1:%d/live/%s"
	a, stopA := serve(t, v, fmt.Sprintf(url, port, "a"))
	b, stopB := serve(t, v, fmt.Sprintf(url, port, "b"))
	toA, toB := dial(t, port), dial(t, port)
	if x, y := toA.publish("live", "a"), toB.publish("live", "b"); x != started || y != started {
		t.Fatal(x, y)
	}
	toA.media(0)
	a.until(t, "a", func(s state) bool { return s.packets > 0 })
	if s := b.state(); s.packets > 0 || s.begun != 1 {
		t.Errorf("%+v", s)
	}
	stopA()
	if got := toA.answer(); got != "" {
		t.Errorf("the publisher of a stream that is gone gets %q", got)
	}
	toB.media(0)
	b.until(t, "b goes on", func(s state) bool { return s.packets > 0 })
	if got := dial(t, port).publish("live", "a"); got != badName {
		t.Error(got)
	}
	stopB()
	if _, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
		t.Error("the port is still open")
	}
	serve(t, v, fmt.Sprintf(url, port, "a")) // and can be opened again
}

func TestPortThatIsTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	u, err := leg.Parse(fmt.Sprintf("rtmp://%s/live/key", l.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	err = server.NewServers().Serve(t.Context(), u, &desk{}, func() {})
	if err == nil || err.Error() != "cannot open the port: address already in use" {
		t.Error(err)
	}
}

// TestWhatIsNoPublisher: others who call are sent away and counted, and the next publisher finds all as it was.
func TestWhatIsNoPublisher(t *testing.T) {
	t.Parallel()
	connect := amf.Object{{Name: "app", Value: "live"}}
	for name, c := range map[string]struct {
		do   func(c *client)
		told string
	}{
		"a browser":        {func(c *client) { c.write([]byte("GET / HTTP/1.1\r\n\r\n")) }, "not RTMP: version 71"},
		"half a handshake": {func(c *client) { c.write(make([]byte, 1)[:1]); c.conn.Close() }, "not RTMP: version 0"},
		"junk after it":    {func(c *client) { c.greet(); c.write([]byte(strings.Repeat("\xff", 1000))) }, "not RTMP: a chunk refers"},
		"no AMF":           {func(c *client) { c.greet(); c.write(rtmp.Append(nil, rtmp.Message{Type: 20, Body: []byte("xx")}, 128)) }, "cannot be read"},
		"publish first":    {func(c *client) { c.greet(); c.command("publish", 1, nil, "key", "live") }, "publish before connect"},
		"connect twice":    {func(c *client) { c.greet(); c.command("connect", 1, connect); c.command("connect", 2, connect) }, "connect twice"},
		"a player":         {func(c *client) { c.greet(); c.command("connect", 1, connect); c.command("play", 2, nil, "key") }, "wants to play"},
		"a large message": {func(c *client) {
			c.greet()
			c.write(rtmp.Append(nil, rtmp.Message{Type: 20, Body: make([]byte, 100_000)}, 128)[:100])
		}, "a message of 100000 bytes, allowed are 65536"},
		"commands without end": {func(c *client) {
			c.greet()
			for range 1001 {
				c.write(rtmp.Append(nil, rtmp.Message{Type: 20, Body: amf.Append(nil, "_checkbw", 2, nil)}, 128))
			}
		}, "too many commands"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			d, _ := serve(t, server.NewServers(), fmt.Sprintf("rtmp://127.0.0.1:%d/live/key", port))
			caller := dial(t, port)
			c.do(caller)
			d.until(t, "it is told", func(s state) bool { return contains(s.refused, c.told) })
			for caller.answer() != "" {
			}
			if got := dial(t, port).publish("live", "key"); got != started {
				t.Error(got)
			}
		})
	}
}

// TestManyCallers: who opens connections and says nothing is limited, and others still get in.
func TestManyCallers(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	d, stop := serve(t, server.NewServers(), fmt.Sprintf("rtmp://127.0.0.1:%d/live/key", port))
	var calls []*client
	for range 30 {
		calls = append(calls, dial(t, port))
	}
	d.until(t, "it is limited", func(s state) bool { return contains(s.refused, "has 16 connections already") })
	for _, c := range calls {
		c.conn.Close()
	}
	d.until(t, "there is room again", func(state) bool { return dial(t, port).publish("live", "key") != "" })
	for range 100 {
		dial(t, port).conn.Close()
	}
	d.until(t, "calls are limited", func(s state) bool { return contains(s.refused, "calls too often") })
	stop()
}

// TestThousandSessionsLeaveNothing: no descriptor stays behind.
func TestThousandSessionsLeaveNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	port := freePort(t)
	d, stop := serve(t, server.NewServers(), fmt.Sprintf("rtmp://127.0.0.1:%d/live/key", port))
	files := func() int {
		e, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(e)
	}
	before := files()
	for i := range 200 {
		d.until(t, "a publisher", func(state) bool {
			c := dial(t, port)
			defer c.conn.Close()
			if c.publish("live", "key") != started {
				return false
			}
			c.media(uint32(i))
			return true
		})
		d.until(t, "its end", func(s state) bool { return len(s.ended) == i+1 })
	}
	d.until(t, "files are what they were", func(state) bool { return files() <= before+2 })
	stop()
}

// TestStopWhileAtWork: Serve ends at once, whatever is going on.
func TestStopWhileAtWork(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	u, err := leg.Parse(fmt.Sprintf("rtmp://127.0.0.1:%d/live/key", port))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	d, done, opened := &desk{}, make(chan error, 1), make(chan struct{})
	go func() { done <- server.NewServers().Serve(ctx, u, d, func() { close(opened) }) }()
	<-opened
	silent, publisher := dial(t, port), dial(t, port)
	silent.write([]byte{3})
	if got := publisher.publish("live", "key"); got != started {
		t.Fatal(got)
	}
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(3 * time.Second):
		t.Fatal("it does not end")
	}
	if s := d.state(); s.begun != 1 || len(s.ended) != 1 {
		t.Errorf("%+v", s)
	}
}

// FuzzSession: whatever is sent, the session ends and the port lives.
func FuzzSession(f *testing.F) {
	hello := string(append([]byte{3}, make([]byte, 2*rtmp.BlockSize)...))
	say := func(values ...any) string {
		return string(rtmp.Append(nil, rtmp.Message{Type: rtmp.CommandAMF0, Body: amf.Append(nil, values...)}, 128))
	}
	f.Add([]byte(say("connect", 1, amf.Object{{Name: "app", Value: "live"}}) + say("createStream", 2, nil) + say("publish", 3, nil, "key", "live") +
		string(rtmp.Append(nil, rtmp.Message{Type: rtmp.Video, Body: []byte{0x17, 1, 0, 0, 0, 1, 2, 3}}, 128))))
	for _, query := range []string{"", "?authmod=adobe&user=me", "?authmod=llnw&user=%zz&nonce=1&response=2&nc=&cnonce="} {
		f.Add([]byte(say("connect", 1, amf.Object{{Name: "app", Value: "closed" + query}})))
	}
	v := server.NewServers()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	at := l.Addr().String()
	l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	opened := make(chan struct{})
	var serving sync.WaitGroup
	f.Cleanup(func() { cancel(); serving.Wait() })
	for _, url := range []string{"rtmp://" + at + "/live/key", "rtmp://me:pw@" + at + "/closed/key"} {
		u, err := leg.Parse(url)
		if err != nil {
			f.Fatal(err)
		}
		serving.Go(func() { _ = v.Serve(ctx, u, &desk{}, func() { opened <- struct{}{} }) })
		<-opened
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Write(append([]byte(hello), b...)); err != nil {
			return // refused: it calls too often
		}
		_ = c.(*net.TCPConn).CloseWrite()
		answer := make([]byte, 4096)
		for err == nil {
			_, err = c.Read(answer)
		}
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			t.Error("the session does not end")
		}
	})
}
