package nonblock_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"onair/pkg/nonblock"
)

func newPipe(t *testing.T) (r, w *nonblock.File) {
	t.Helper()
	a, b, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r, w = nonblock.NewFile(a), nonblock.NewFile(b)
	t.Cleanup(func() { _ = r.Close(); _ = w.Close() })
	return r, w
}

// TestMoreThanAPipeHolds comes through whole and in order, with a reader that is late; and then its end.
func TestMoreThanAPipeHolds(t *testing.T) {
	r, w := newPipe(t)
	want := make([]byte, 3<<20)
	for i := range want {
		want[i] = byte(i * 7 >> 3)
	}
	done := make(chan error, 1)
	go func() {
		n, err := w.Write(want)
		if err == nil && n != len(want) {
			err = io.ErrShortWrite
		}
		done <- errors.Join(err, w.Close())
	}()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestCloseEndsWhatWaits: a reader of an empty pipe, and a writer of a full one.
func TestCloseEndsWhatWaits(t *testing.T) {
	r, w := newPipe(t)
	read, wrote := make(chan error, 1), make(chan error, 1)
	empty, other := newPipe(t)
	go func() { _, err := empty.Read(make([]byte, 10)); read <- err }()
	go func() { _, err := w.Write(make([]byte, 1<<20)); wrote <- err }()
	b := make([]byte, 1)
	if _, err := r.Read(b); err != nil { // it is writing
		t.Fatal(err)
	}
	_ = empty.Close()
	_ = w.Close()
	if err := <-read; !errors.Is(err, os.ErrClosed) {
		t.Errorf("the reader ended with %v", err)
	}
	if err := <-wrote; !errors.Is(err, os.ErrClosed) {
		t.Errorf("the writer ended with %v", err)
	}
	if _, err := other.Write(b); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("a write that nobody can read: %v", err)
	}
	if _, err := empty.Read(b); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a read of what is closed: %v", err)
	}
}

// TestAFileThatMayWait is left to the standard library.
func TestAFileThatMayWait(t *testing.T) {
	a, b, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	a.Fd() // makes it wait, as files do by default
	r, w := nonblock.NewFile(a), nonblock.NewFile(b)
	defer func() { _ = r.Close() }()
	got := make(chan string, 1)
	go func() {
		b := make([]byte, 10)
		n, _ := r.Read(b)
		got <- string(b[:n])
	}()
	if _, err := w.Write([]byte("later")); err != nil {
		t.Fatal(err)
	}
	if s := <-got; s != "later" {
		t.Errorf("%q", s)
	}
	_ = w.Close()
}

// TestDatagramsAndTheirSenders, over both versions of IP, the longest and the empty one included.
func TestDatagramsAndTheirSenders(t *testing.T) {
	for _, at := range []string{"127.0.0.1:0", "[::1]:0"} {
		to, err := net.ListenPacket("udp", at)
		if err != nil {
			if at == "[::1]:0" {
				t.Logf("no IPv6 here: %v", err)
				continue
			}
			t.Fatal(err)
		}
		conn := to.(*net.UDPConn)
		s, err := nonblock.NewSocket(conn)
		if err != nil {
			t.Fatal(err)
		}
		from, err := net.Dial("udp", conn.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 1<<16)
		for _, size := range []int{1, 0, 1316, 65_000} {
			want := bytes.Repeat([]byte{byte(size)}, size)
			if _, err := from.Write(want); err != nil {
				t.Fatal(err)
			}
			n, by, err := s.Receive(buffer)
			if err != nil || !bytes.Equal(buffer[:n], want) || by != netip.MustParseAddrPort(from.LocalAddr().String()) {
				t.Errorf("%d bytes: %d of %v, want %v; %v", size, n, by, from.LocalAddr(), err)
			}
		}
		done := make(chan error, 1)
		go func() { _, _, err := s.Receive(buffer); done <- err }()
		_ = from.Close()
		_ = conn.Close()
		if err := <-done; err == nil {
			t.Error("a closed socket receives")
		}
	}
}

// TestNothingIsAllocated in steady state.
func TestNothingIsAllocated(t *testing.T) {
	r, w := newPipe(t)
	b := make([]byte, 100)
	if n := testing.AllocsPerRun(100, func() {
		_, _ = w.Write(b)
		_, _ = r.Read(b)
	}); n != 0 {
		t.Errorf("%v allocations for a write and a read", n)
	}
	to, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = to.Close() }()
	s, err := nonblock.NewSocket(to)
	if err != nil {
		t.Fatal(err)
	}
	addr := to.LocalAddr().(*net.UDPAddr).AddrPort()
	if n := testing.AllocsPerRun(100, func() {
		_, _ = to.WriteToUDPAddrPort(b, addr)
		_, _, _ = s.Receive(b)
	}); n != 0 {
		t.Errorf("%v allocations for a datagram", n)
	}
}

// TestReadNow does not wait, whether there is nothing, something or the end.
func TestReadNow(t *testing.T) {
	r, w := newPipe(t)
	b := make([]byte, 10)
	if n, ok, err := r.ReadNow(b); n != 0 || ok || err != nil {
		t.Errorf("of an empty pipe: %d bytes, %v, %v", n, ok, err)
	}
	if _, err := w.Write([]byte("some")); err != nil {
		t.Fatal(err)
	}
	if n, ok, err := r.ReadNow(b); string(b[:n]) != "some" || !ok || err != nil {
		t.Errorf("of a pipe with something in it: %q, %v, %v", b[:n], ok, err)
	}
	_ = w.Close()
	if n, ok, err := r.ReadNow(b); n != 0 || !ok || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %d bytes, %v, %v", n, ok, err)
	}
	_ = r.Close()
	if n, ok, err := r.ReadNow(b); n != 0 || !ok || !errors.Is(err, os.ErrClosed) {
		t.Errorf("of what is closed: %d bytes, %v, %v", n, ok, err)
	}
}
