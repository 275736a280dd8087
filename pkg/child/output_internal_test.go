package child

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func newPipe(t *testing.T) (*output, *os.File) {
	t.Helper()
	return newPipeOf(t, true)
}

func newPipeOf(t *testing.T, paced bool) (*output, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	widen(r, pipeSize)
	o := newOutput(r, paced)
	t.Cleanup(func() { _ = o.Close(); _ = w.Close() })
	return o, w
}

// What comes in many small pieces, as frames of sound do, is taken in few.
func TestSmallPiecesAreTakenTogether(t *testing.T) {
	o, w := newPipe(t)
	const pieces = 400
	go func() {
		for range pieces {
			time.Sleep(time.Millisecond) // as a child that has to work for each
			_, _ = w.Write([]byte("frame"))
		}
		_ = w.Close()
	}()
	buf, reads, got := make([]byte, 1<<16), 0, 0
	for ; ; reads++ {
		n, err := o.Read(buf)
		got += n
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if got != 5*pieces || reads > pieces/4 {
		t.Errorf("%d bytes in %d reads, want %d in far fewer than %d", got, reads, 5*pieces, pieces)
	}
}

// What is not paced never waits for a beat: in a test's own time there is none while a child is at work.
func TestWhatIsNotPacedIsReadAsItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, w := newPipeOf(t, false)
		begun := time.Now()
		go func() {
			for range 100 {
				_, _ = w.Write(make([]byte, 1000))
			}
			_ = w.Close()
		}()
		if n, err := io.Copy(io.Discard, o); n != 100_000 || err != nil || time.Since(begun) != 0 {
			t.Errorf("%d bytes, %v, after %v", n, err, time.Since(begun))
		}
	})
}

// Much at once is not left to wait for beats: the pipe would be full, and the child stand.
func TestMuchIsTakenAsItComes(t *testing.T) {
	o, w := newPipe(t)
	want := bytes.Repeat([]byte("0123456789abcdef"), plenty/16)
	if _, err := w.Write(want); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(o, make([]byte, len(want))); err != nil {
		t.Fatal(err)
	}
	if o.rush != rush {
		t.Fatalf("after %d bytes in a beat %d are read as they come, want %d", len(want), o.rush, rush)
	}
}

func TestCloseEndsAReadThatWaitsForABeat(t *testing.T) {
	o, w := newPipe(t)
	if _, err := w.Write([]byte("one")); err != nil {
		t.Fatal(err)
	}
	if n, err := o.Read(make([]byte, 10)); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	read := make(chan error, 1)
	go func() { _, err := o.Read(make([]byte, 10)); read <- err }()
	_ = o.Close()
	if err := <-read; !errors.Is(err, os.ErrClosed) {
		t.Errorf("the read ends with %v", err)
	}
}
