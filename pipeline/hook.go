package pipeline

import (
	"context"
	"encoding/json"
	"fmt"

	"onair/pipeline/control"
	"onair/pipeline/webhook"
)

// newHook makes the webhook that the file names, if any. It follows the events, which wake it.
func (c *Channel) newHook() error {
	if c.file.Webhook == "" {
		return nil
	}
	hook, err := webhook.New(webhook.Config{
		URL: c.file.Webhook.Reveal(), Secret: c.file.WebhookSecret.Reveal(), Channel: c.file.Name,
		Agent: "onair/" + c.cfg.Version, After: c.events.after, Log: c.log.With().Str("stage", "webhook").Logger(),
	})
	if err != nil {
		return fmt.Errorf("channel %s: %w", c.file.Name, err)
	}
	c.hook, c.events.wake = hook, hook.Wake
	return nil
}

// startHook posts events until the function that it returns is called, which waits for the last of them.
func (c *Channel) startHook() (end func()) {
	if c.hook == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.hook.Run(ctx)
	}()
	return func() {
		cancel()
		<-ended
	}
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

// waiting is how many events that are kept have numbers beyond one.
func (e *events) waiting(seen uint64) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return int(min(e.last-min(seen, e.last), uint64(len(e.all))))
}

// hookStatus is nil without a webhook.
func (c *Channel) hookStatus() *control.Webhook {
	if c.hook == nil {
		return nil
	}
	st := c.hook.Status()
	return &control.Webhook{
		Target: st.Target, Delivered: st.Delivered, Dropped: st.Dropped, Requests: st.Requests, Failures: st.Failures,
		Queue: c.events.waiting(st.Seen), DeliveredAt: st.At, LastError: st.LastError,
	}
}
