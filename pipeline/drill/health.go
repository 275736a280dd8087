package drill

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Times of a look at who is ready.
const (
	askEvery   = time.Second
	answerTime = 2 * time.Second
	longAgo    = 5 * time.Second // what was said before that says nothing
)

// health is what is known of the targets.
type health struct {
	client *http.Client
	aims   []Aim

	mu     sync.Mutex
	states map[string]*state
	busy   int // faults under way
}

type state struct {
	aim    Aim
	faults int       // under way
	ended  time.Time // the last one
	asked  time.Time // when the last answer that it is ready was asked for
}

// runner is a target that can tell whether it runs.
type runner interface{ Pid() int }

func newHealth(aims []Aim) *health {
	h := &health{aims: aims, states: map[string]*state{}, client: &http.Client{
		Timeout: answerTime, Transport: &http.Transport{DisableKeepAlives: true},
	}}
	for _, a := range aims {
		h.states[a.Name] = &state{aim: a}
	}
	return h
}

// watch asks those who can tell, until ctx ends.
func (h *health) watch(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, a := range h.aims {
		if a.Ready == "" {
			continue
		}
		wg.Go(func() {
			for ctx.Err() == nil {
				now := time.Now()
				if h.ask(ctx, a.Ready) {
					h.mu.Lock()
					h.states[a.Name].asked = now
					h.mu.Unlock()
				}
				wait(ctx, askEvery)
			}
		})
	}
}

func (h *health) ask(ctx context.Context, address string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false
	}
	res, err := h.client.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// begin notes that something is done to targets.
func (h *health) begin(names []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.busy++
	for _, name := range names {
		h.states[name].faults++
	}
}

// end notes that it is over.
func (h *health) end(names []string, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.busy--
	for _, name := range names {
		s := h.states[name]
		s.faults--
		s.ended = now
	}
}

// whole tells whether a target is whole, or why not.
func (h *health) whole(name string, now time.Time) (bool, string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.states[name].whole(now)
}

func (s *state) whole(now time.Time) (bool, string) {
	p, runs := s.aim.Target.(runner)
	switch {
	case s.faults > 0:
		return false, "has a fault"
	case !s.ended.IsZero() && now.Before(s.ended.Add(s.aim.Whole)):
		return false, "has just had a fault"
	case runs && p.Pid() == 0:
		return false, "does not run"
	case s.aim.Ready != "" && (!s.asked.After(s.ended) || now.Sub(s.asked) > longAgo):
		return false, "is not ready"
	}
	return true, ""
}

// world is what counts when a fault is chosen.
func (h *health) world(now time.Time) World {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := World{Whole: map[string]bool{}, Busy: h.busy}
	for name, s := range h.states {
		w.Whole[name], _ = s.whole(now)
	}
	return w
}
