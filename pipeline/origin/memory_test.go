package origin_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"onair/pipeline/origin"
	"onair/pkg/store"
)

// large is a segment of which no two parts are equal.
func large() []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < 300<<10; i++ {
		fmt.Fprintf(&b, "%07d ", i)
	}
	return b.Bytes()
}

func newLarge(t *testing.T, bytes int64) (*origin.Edge, *httptest.Server, []byte) {
	t.Helper()
	e, srv := serving(t, origin.EdgeConfig{Store: store.NewMemory(), Bytes: bytes})
	b := large()
	put(t, e, "news/v/100.m4s", string(b))
	return e, srv, b
}

// TestLargeSegmentHasPagesOfItsOwn: and answers like any other.
func TestLargeSegmentHasPagesOfItsOwn(t *testing.T) {
	e, srv, b := newLarge(t, 0)
	put(t, e, "news/v/99.m4s", "small")
	if e.Memories() != 1 {
		t.Fatalf("%d in pages of their own, want the large one", e.Memories())
	}
	wantServed(t, e, "news/v/100.m4s", string(b))
	for range 2 { // how far one has read is nobody else's
		r := fetch(t, srv, 100, "")
		if r.StatusCode != 200 || body(t, r) != string(b) || r.ContentLength != int64(len(b)) {
			t.Errorf("whole: status %d, length %d", r.StatusCode, r.ContentLength)
		}
	}
	r := fetch(t, srv, 100, "bytes=1000-1999")
	if r.StatusCode != 206 || body(t, r) != string(b[1000:2000]) {
		t.Errorf("range: status %d, %v", r.StatusCode, r.Header)
	}
	head, err := srv.Client().Head(srv.URL + "/news/v/100.m4s")
	if err != nil || head.ContentLength != int64(len(b)) || head.Header.Get("ETag") != r.Header.Get("ETag") {
		t.Errorf("HEAD: %v, %v", err, head)
	}
	_ = head.Body.Close()
}

func TestLargeSegmentIsSentToItsEndWhenItLeavesMemory(t *testing.T) {
	e, srv, b := newLarge(t, 0)
	r := fetch(t, srv, 100, "")
	start := make([]byte, 100)
	if _, err := io.ReadFull(r.Body, start); err != nil {
		t.Fatal(err)
	}
	if err := e.Delete(t.Context(), "news/v/100.m4s"); err != nil {
		t.Fatal(err)
	}
	if rest := body(t, r); string(start)+rest != string(b) {
		t.Errorf("%d bytes after the first 100, of %d", len(rest), len(b))
	}
	if e.Memories() != 0 {
		t.Errorf("%d in memory after the only object is deleted", e.Memories())
	}
}

// TestLargeSegmentsWhileTheyLeaveMemory: a request that has just found one gets it from the store behind.
func TestLargeSegmentsWhileTheyLeaveMemory(t *testing.T) {
	e, srv, b := newLarge(t, int64(len(large()))) // room for one
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if r := fetch(t, srv, 100, ""); r.StatusCode != 200 || body(t, r) != string(b) {
					t.Errorf("status %d, or not the whole", r.StatusCode)
					return
				}
			}
		})
	}
	for k := range 300 {
		put(t, e, fmt.Sprintf("news/w/%d.m4s", k%90), "small")
		put(t, e, "news/v/100.m4s", string(b))
	}
	close(stop)
	readers.Wait()
}

// TestALateSegmentLeavesTheHeapOnceItIsWritten, and one that was deleted meanwhile leaves nothing behind.
func TestALateSegmentLeavesTheHeapOnceItIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, e := newMoody(t, 0)
		s.set(errFull, nil)
		put(t, e, "news/v/1.m4s", string(large()))
		put(t, e, "news/v/2.m4s", string(large()))
		if e.Memories() != 0 {
			t.Errorf("%d in pages of their own that are to be written yet", e.Memories())
		}
		if err := e.Delete(t.Context(), "news/v/2.m4s"); err != nil {
			t.Fatal(err)
		}
		s.set(nil, nil)
		time.Sleep(time.Minute) // of the bubble
		wantServed(t, e, "news/v/1.m4s", string(large()))
		if e.Memories() != 1 || e.Stats().Late != 0 {
			t.Errorf("%d in pages of their own, %+v", e.Memories(), e.Stats())
		}
	})
}
