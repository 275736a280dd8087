// Package webhook posts the events of a channel to an address that its operator has named.
//
// It follows the events at its own pace: those that come while a request is under way wait for the next one, and what
// is forgotten before it could be posted is counted. Nobody waits for it, and its own troubles are no events.
package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Bounds of a webhook.
const (
	MaxBatch  = 100              // events in a request
	maxPause  = time.Minute      // between two tries
	lastPause = time.Second / 4  // at the end
	logEvery  = time.Minute      // how often trouble is logged
	giveUp    = 10 * time.Minute // a batch is tried for so long
	flush     = 2 * time.Second  // how long Run goes on after its end for what waits
	answerIn  = 10 * time.Second // what a request may take
)

// Event is one event on its way.
type Event struct {
	Seq  uint64          // counts the events of the channel from 1
	Body json.RawMessage // as it is posted
}

// Config of a webhook.
type Config struct {
	URL     string // http or https; only its scheme and host are ever shown
	Secret  string // key of the signature; empty: requests are not signed
	Channel string
	Agent   string // what requests say they come from
	// After gives at most limit events with numbers beyond seq, the oldest of those that are kept first.
	After     func(seq uint64, limit int) []Event
	Seen      uint64            // number of the newest event that is not to be posted any more
	Transport http.RoundTripper // default: a connection of its own, TLS by the system's roots, the environment's proxy
	Log       zerolog.Logger
}

// Hook posts events.
type Hook struct {
	cfg    Config
	target *url.URL
	client *http.Client
	wake   chan struct{}

	mu     sync.Mutex
	st     Status
	muted  uint64    // failures that were not logged
	logged time.Time // when one was
	uneasy bool      // the log's last word is that it does not work
}

// New makes a webhook. Nothing is sent before Run.
func New(cfg Config) (*Hook, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, errors.New("webhook: the address is no http:// or https:// URL")
	}
	if cfg.After == nil {
		return nil, errors.New("webhook: nothing to post is given")
	}
	if cfg.Transport == nil {
		cfg.Transport = transport()
	}
	h := &Hook{cfg: cfg, target: u, wake: make(chan struct{}, 1)}
	h.client = &http.Client{
		Transport: cfg.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // what is posted is for nobody but whom the file names
		},
	}
	h.st.Seen = cfg.Seen
	h.st.Target = (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
	return h, nil
}

// Wake tells that there is a new event. It never waits.
func (h *Hook) Wake() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// Run posts until ctx ends, and then for two seconds at most what still waits.
func (h *Hook) Run(ctx context.Context) {
	defer h.client.CloseIdleConnections()
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var limit sync.WaitGroup
	defer limit.Wait()
	ended := make(chan struct{})
	defer close(ended)
	limit.Go(func() { stopLater(ctx, ended, stop) })
	for work.Err() == nil {
		batch := h.next()
		if len(batch) > 0 {
			h.deliver(ctx, work, batch)
			continue
		}
		select {
		case <-h.wake:
		case <-ctx.Done():
			return
		}
	}
	if n := len(h.next()); n > 0 {
		h.cfg.Log.Warn().Int("events", n).Msg("webhook: some events were not delivered before the end")
	}
}

// stopLater calls stop a while after ctx has ended, unless ended comes first.
func stopLater(ctx context.Context, ended <-chan struct{}, stop func()) {
	select {
	case <-ctx.Done():
	case <-ended:
		return
	}
	t := time.NewTimer(flush)
	defer t.Stop()
	select {
	case <-t.C:
		stop()
	case <-ended:
	}
}

// next is what is to be posted now.
func (h *Hook) next() []Event {
	h.mu.Lock()
	seen := h.st.Seen
	h.mu.Unlock()
	batch := h.cfg.After(seen, MaxBatch)
	if len(batch) > 0 && batch[0].Seq > seen+1 {
		h.passed(batch[0].Seq-1, 0, batch[0].Seq-1-seen)
	}
	return batch
}

// deliver posts a batch until it is taken, refused, given up, or work ends.
func (h *Hook) deliver(ctx, work context.Context, batch []Event) {
	last, n := batch[len(batch)-1].Seq, uint64(len(batch))
	body, err := h.body(batch)
	if err != nil { // an event that is no JSON: our fault
		h.failed(err)
		h.passed(last, 0, n)
		return
	}
	began := time.Now()
	for tries := 0; work.Err() == nil; tries++ {
		wait, err := h.post(work, body)
		var no refused
		switch {
		case err == nil:
			h.well(last, n)
			return
		case work.Err() != nil:
			return // cut off by us
		case errors.As(err, &no):
			h.failed(err)
			h.passed(last, 0, n)
			return
		case time.Since(began) >= giveUp:
			h.failed(fmt.Errorf("given up after %v: %w", giveUp, err))
			h.passed(last, 0, n)
			return
		}
		h.failed(err)
		pause(ctx, work, max(wait, time.Second<<min(tries, 10)))
	}
}

// pause waits before the next try: shortly once ctx has ended.
func pause(ctx, work context.Context, d time.Duration) {
	ending := ctx.Done()
	if ctx.Err() != nil {
		d, ending = lastPause, nil
	}
	t := time.NewTimer(min(d, maxPause))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ending:
	case <-work.Done():
	}
}

// message is the body of a request.
type message struct {
	Channel string            `json:"channel"`
	Events  []json.RawMessage `json:"events"` // oldest first
}

func (h *Hook) body(batch []Event) ([]byte, error) {
	m := message{Channel: h.cfg.Channel}
	for _, ev := range batch {
		m.Events = append(m.Events, ev.Body)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("an event cannot be printed: %w", err)
	}
	return append(body, '\n'), nil
}
