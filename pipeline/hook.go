package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"onair/pipeline/config"
	"onair/pipeline/control"
	"onair/pipeline/webhook"
)

// newHook makes the webhook that a reading of the file names, if any; events up to seen are not for it.
func (c *Channel) newHook(file *config.Channel, seen uint64) error {
	if file.Webhook == "" {
		c.hook.Store(nil)
		return nil
	}
	hook, err := webhook.New(webhook.Config{
		URL: file.Webhook.Reveal(), Secret: file.WebhookSecret.Reveal(), Channel: file.Name, Seen: seen,
		Agent: "onair/" + c.cfg.Version, After: c.events.after, Log: c.log.With().Str("stage", "webhook").Logger(),
	})
	if err != nil {
		return fmt.Errorf("channel %s: %w", file.Name, err)
	}
	c.hook.Store(hook)
	return nil
}

// wakeHook tells the webhook that there is an event.
func (c *Channel) wakeHook() {
	if hook := c.hook.Load(); hook != nil {
		hook.Wake()
	}
}

// startHook posts events until the function that it returns is called, which waits for the last of them.
func (c *Channel) startHook() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for c.post(ctx) {
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// post runs the webhook until ctx ends, or until the file names another one, which then has its place; true: that.
func (c *Channel) post(ctx context.Context) (again bool) {
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	var run sync.WaitGroup
	hook := c.hook.Load()
	if hook != nil {
		run.Go(func() { hook.Run(running) })
	}
	select {
	case <-ctx.Done():
		run.Wait()
		return false
	case next := <-c.rehook:
		cancel()
		run.Wait()
		seen := next.seen
		if hook != nil {
			seen = hook.Status().Seen
		}
		if err := c.newHook(next.file, seen); err != nil { // the file was checked: it cannot be
			c.events.add("reload", "error", err.Error())
		}
		c.wakeHook()
		return true
	}
}

// renewedHook is another webhook that a file names.
type renewedHook struct {
	file *config.Channel
	seen uint64 // newest event before
}

// changeHook has the events posted to where a newer reading of the file says, those that still wait included.
func (c *Channel) changeHook(was, is *config.Channel) {
	if was.Webhook == is.Webhook && was.WebhookSecret == is.WebhookSecret {
		return
	}
	next := renewedHook{is, c.events.newestSeq()}
	select {
	case <-c.rehook: // one that nobody has seen yet
	default:
	}
	c.rehook <- next
}

// after gives events as they are posted.
func (e *events) after(seq uint64, limit int) []webhook.Event {
	found := e.find(control.EventQuery{After: seq, Limit: limit}).Events
	out := make([]webhook.Event, 0, len(found))
	for _, ev := range found {
		body, err := json.Marshal(ev)
		if err != nil { // a year beyond 9999: our fault, and no reason to hold back the others
			body = []byte("null")
		}
		out = append(out, webhook.Event{Seq: ev.Seq, Body: body})
	}
	return out
}

// newestSeq is the number of the newest event.
func (e *events) newestSeq() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last
}

// waiting is how many events that are kept have numbers beyond one.
func (e *events) waiting(seen uint64) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return int(min(e.last-min(seen, e.last), uint64(len(e.all))))
}

// hookStatus is nil without a webhook.
func (c *Channel) hookStatus() *control.Webhook {
	hook := c.hook.Load()
	if hook == nil {
		return nil
	}
	st := hook.Status()
	return &control.Webhook{
		Target: st.Target, Delivered: st.Delivered, Dropped: st.Dropped, Requests: st.Requests, Failures: st.Failures,
		Queue: c.events.waiting(st.Seen), DeliveredAt: st.At, LastError: st.LastError,
	}
}
