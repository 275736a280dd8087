package pipeline

import (
	"sync"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/control"
)

// keepEvents is how many events a channel remembers.
const keepEvents = 1000

// events is what has happened to a channel, newest last.
type events struct {
	mu  sync.Mutex
	all []control.Event
	log zerolog.Logger
	now func() time.Time
}

// add records an event and logs it. level is "info", "warning" or "error".
func (e *events) add(stage, level, message string) {
	at := zerolog.InfoLevel
	switch control.Level(level) {
	case control.Warning:
		at = zerolog.WarnLevel
	case control.Error:
		at = zerolog.ErrorLevel
	}
	e.log.WithLevel(at).Str("stage", stage).Msg(message)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, control.Event{Time: e.now(), Level: control.Level(level), Stage: stage, Message: message})
	if over := len(e.all) - keepEvents; over > 0 {
		e.all = append(e.all[:0], e.all[over:]...)
	}
}

// stage is add for one stage.
func (e *events) stage(name string) func(level, message string) {
	return func(level, message string) { e.add(name, level, message) }
}

// newest are the last n events, newest first.
func (e *events) newest(n int) []control.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	n = min(n, len(e.all))
	out := make([]control.Event, 0, n)
	for i := range n {
		out = append(out, e.all[len(e.all)-1-i])
	}
	return out
}
