package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/webhook"
)

// ring is a source that forgets all but its newest events.
type ring struct {
	mu   sync.Mutex
	keep int
	last uint64
}

func (r *ring) add(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last += uint64(n)
}

func (r *ring) After(seq uint64, limit int) []webhook.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	if oldest := r.last - min(r.last, uint64(r.keep)); seq < oldest {
		seq = oldest
	}
	var out []webhook.Event
	for ; seq < r.last && len(out) < limit; seq++ {
		out = append(out, webhook.Event{Seq: seq + 1, Body: json.RawMessage(fmt.Sprintf(`{"seq":%d}`, seq+1))})
	}
	return out
}

// receiver answers without a network. It is asked from one goroutine at a time.
type receiver struct {
	mu     sync.Mutex
	answer func(n int, r *http.Request) (*http.Response, error) // n counts from 0
	at     []time.Duration                                      // since began
	began  time.Time
	got    []uint64
}

func (r *receiver) RoundTrip(q *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	n, how := len(r.at), r.answer
	r.at = append(r.at, time.Since(r.began))
	r.mu.Unlock()
	answer, err := how(n, q)
	if err == nil && answer.StatusCode < 300 {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, seqs(body)...)
	}
	return answer, err
}

// answers changes how it answers from now on.
func (r *receiver) answers(how func(n int, r *http.Request) (*http.Response, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = how
}

func (r *receiver) received() []uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]uint64(nil), r.got...)
}

// tried is when it was asked, since began.
func (r *receiver) tried() []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]time.Duration(nil), r.at...)
}

// seqs are the numbers of the events in a body.
func seqs(body []byte) []uint64 {
	var m struct {
		Channel string
		Events  []struct{ Seq uint64 }
	}
	if err := json.Unmarshal(body, &m); err != nil || m.Channel != "news" {
		panic(fmt.Sprintf("body %s: %v", body, err))
	}
	var out []uint64
	for _, ev := range m.Events {
		out = append(out, ev.Seq)
	}
	return out
}

func status(code int, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: code, Header: h, Body: io.NopCloser(strings.NewReader("an answer"))}
}

func always(code int) func(int, *http.Request) (*http.Response, error) {
	return func(int, *http.Request) (*http.Response, error) { return status(code), nil }
}

func hang(_ int, r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// log takes lines from several goroutines.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// rig is a webhook that runs.
type rig struct {
	*webhook.Hook
	events *ring
	log    *log
	ended  chan struct{}
	stop   context.CancelFunc
}

const address = "https://user:passw0rd@hooks.example/services/T000/s3cret?token=t0ken"

// start runs a webhook until the test ends. url "" is an address with every kind of secret in it.
func start(t *testing.T, url string, via http.RoundTripper) *rig {
	t.Helper()
	if url == "" {
		url = address
	}
	r := &rig{events: &ring{keep: 1000}, log: &log{}, ended: make(chan struct{})}
	var err error
	r.Hook, err = webhook.New(webhook.Config{
		URL: url, Secret: "shared secret", Channel: "news", Agent: "onair/test", After: r.events.After, Transport: via,
		Log: zerolog.New(r.log),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	go func() {
		defer close(r.ended)
		r.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-r.ended
	})
	return r
}

// add makes n events.
func (r *rig) add(n int) {
	r.events.add(n)
	r.Wake()
}
