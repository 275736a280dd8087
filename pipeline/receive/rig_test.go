package receive_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"onair/pipeline/receive"
	"onair/pkg/store"
)

// rig is an origin whose clock the test turns.
type rig struct {
	t  testing.TB
	rc *receive.Receiver

	mu  sync.Mutex
	now time.Time
}

// start runs an origin over a store until the test ends, or stop is called.
func start(t testing.TB, s store.Store, change ...func(*receive.Config)) (r *rig, stop func()) {
	t.Helper()
	r = &rig{t: t, now: time.Now()}
	c := receive.Config{Store: s, Writers: []receive.Writer{{Name: "west", User: "west", Password: "pw"}}, Now: r.clock}
	for _, f := range change {
		f(&c)
	}
	var err error
	if r.rc, err = receive.New(c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.rc.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	for end := time.Now().Add(10 * time.Second); r.rc.Ready() != nil; {
		if time.Now().After(end) {
			t.Fatal(r.rc.Ready())
		}
	}
	return r, stop
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// request is one of the writer, with header lines "name: value".
func (r *rig) request(method, path, body string, lines ...string) *httptest.ResponseRecorder {
	r.t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.SetBasicAuth("west", "pw")
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Authorization" && value == "" {
			req.Header.Del(name)
			continue
		}
		req.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	r.rc.ServeHTTP(w, req)
	return w
}

func (r *rig) put(path, body string, lines ...string) {
	r.t.Helper()
	if w := r.request("PUT", path, body, lines...); w.Code/100 != 2 {
		r.t.Fatalf("put %s: %d %s", path, w.Code, w.Body)
	}
}

// view is a viewer's request.
func (r *rig) view(path string, lines ...string) *httptest.ResponseRecorder {
	r.t.Helper()
	return r.request("GET", path, "", append(lines, "Authorization: ")...)
}

// list is a media playlist that names segments by number; a negative one is a gap.
func list(target int, end string, numbers ...int) string {
	first := max(numbers[0], -numbers[0])
	out := fmt.Sprintf("#EXTM3U\n#EXT-X-TARGETDURATION:%d\n#EXT-X-MEDIA-SEQUENCE:%d\n", target, first)
	for _, n := range numbers {
		if n < 0 {
			out += "#EXT-X-GAP\n"
		}
		out += fmt.Sprintf("#EXTINF:%d,\nv/%d.m4s\n", target, max(n, -n))
	}
	return out + end
}

// failing is a store whose writes fail as the test says.
type failing struct {
	*store.Memory
	mu  sync.Mutex
	err error
}

func (s *failing) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *failing) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *failing) Put(ctx context.Context, o store.Object) error {
	if err := s.failure(); err != nil {
		return err
	}
	return s.Memory.Put(ctx, o)
}

func (s *failing) List(ctx context.Context, prefix string) ([]store.Info, error) {
	if err := s.failure(); err != nil {
		return nil, err
	}
	return s.Memory.List(ctx, prefix)
}

// serve has an origin answer over the network.
func (r *rig) serve() string {
	s := httptest.NewServer(r.rc)
	r.t.Cleanup(s.Close)
	return s.URL
}

// broken is a body that ends before it should.
type broken struct{ io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

var _ http.Handler = (*receive.Receiver)(nil)
