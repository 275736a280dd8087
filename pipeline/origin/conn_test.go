package origin_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"syscall"
	"testing"

	"onair/pipeline/origin"
	"onair/pkg/store"
)

// huge is a segment that no socket holds as a whole.
func huge() []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < 24<<20; i++ {
		fmt.Fprintf(&b, "%07d ", i)
	}
	return b.Bytes()
}

func newHuge(t *testing.T) (*origin.Edge, *httptest.Server, []byte) {
	t.Helper()
	e, srv := serving(t, origin.EdgeConfig{Store: store.NewMemory(), Bytes: 1 << 30})
	b := huge()
	put(t, e, "news/v/100.m4s", string(b))
	return e, srv, b
}

// client is a connection that asks and reads by hand.
type client struct {
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, srv *httptest.Server) *client {
	t.Helper()
	c, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &client{c, bufio.NewReaderSize(c, 16)}
}

// ask gives the answer's head; its body is still to be read.
func (c *client) ask(t *testing.T, ranges string) *http.Response {
	t.Helper()
	_, err := fmt.Fprintf(c, "GET /news/v/100.m4s HTTP/1.1\r\nHost: a\r\nRange: %s\r\n\r\n", ranges)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSegmentsReachSlowClientsWhole: those who read late, in parts, beside each other and after another answer on the
// same connection get each byte; and nothing but their connection is held for them.
func TestSegmentsReachSlowClientsWhole(t *testing.T) {
	e, srv, b := newHuge(t)
	var slow []*client
	var answers []*http.Response
	before := descriptors(t)
	for range 12 {
		c := dial(t, srv)
		slow, answers = append(slow, c), append(answers, c.ask(t, ""))
	}
	quick := dial(t, srv)
	if got, err := io.ReadAll(quick.ask(t, "bytes=5-20000004").Body); err != nil || !bytes.Equal(got, b[5:20000005]) {
		t.Errorf("a client beside slow ones: %d bytes, %v", len(got), err)
	}
	if n := descriptors(t) - before; n > 2*13+2*8 { // both ends, and the pipes that are kept
		t.Errorf("%d descriptors for 13 clients", n)
	}
	if err := e.Delete(t.Context(), "news/v/100.m4s"); err != nil { // and they still get it
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for i := range slow {
		readers.Go(func() {
			sum := sha256.New()
			n, err := io.CopyBuffer(struct{ io.Writer }{sum}, answers[i].Body, make([]byte, 1000+i*4096))
			if want := sha256.Sum256(b); err != nil || n != int64(len(b)) || !bytes.Equal(sum.Sum(nil), want[:]) {
				t.Errorf("client %d: %d bytes of %d, %v", i, n, len(b), err)
			}
		})
	}
	readers.Wait()
	put(t, e, "news/v/100.m4s", string(b[:300<<10]))
	if got, err := io.ReadAll(slow[0].ask(t, "").Body); err != nil || !bytes.Equal(got, b[:300<<10]) {
		t.Errorf("the next on a connection: %d bytes, %v", len(got), err)
	}
	if !origin.HasPipe() {
		t.Error("everything was copied")
	}
}

// TestSegmentsAreCopiedWithoutDescriptors: pages are not handed on without a pipe, but they are sent.
func TestSegmentsAreCopiedWithoutDescriptors(t *testing.T) {
	_, srv, b := newHuge(t)
	c := dial(t, srv)
	if got, err := io.ReadAll(c.ask(t, "bytes=0-9").Body); err != nil || !bytes.Equal(got, b[:10]) {
		t.Fatalf("%q, %v", got, err)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 3
	origin.ForgetPipes()
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c.ask(t, "").Body)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err != nil || !bytes.Equal(got, b) {
		t.Errorf("%d bytes of %d, %v", len(got), len(b), err)
	}
	if origin.HasPipe() {
		t.Error("there was a pipe after all: the test says nothing")
	}
}

// TestAClientThatGoesLeavesNothing: neither pipes nor pages.
func TestAClientThatGoesLeavesNothing(t *testing.T) {
	_, srv, _ := newHuge(t)
	origin.ForgetPipes()
	before := descriptors(t)
	for range 50 {
		c := dial(t, srv)
		c.ask(t, "")
		_ = c.Close()
	}
	srv.Close() // waits for the answers
	origin.ForgetPipes()
	if n := descriptors(t) - before; n > 0 {
		t.Errorf("%d descriptors are left", n)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
