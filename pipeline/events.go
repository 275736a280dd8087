package pipeline

import (
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/control"
	"onair/pipeline/encode"
	"onair/pipeline/slate"
)

// keepEvents is how many events a channel remembers.
const keepEvents = 1000

// Codes of events that the channel itself makes, for those who read them by machine; docs/events.md lists all. Codes of
// states are made of them: input_silent, leg_failed, channel_gap.
const (
	codeAsked    = "input_asked"    // somebody has chosen the input, or gave the choice back
	codeFormat   = "input_format"   // what an input carries is known, or has changed
	codeJump     = "source_jump"    // the source's clock jumped or began anew
	codeDrift    = "source_drift"   // it drifted by a frame
	codeAdopted  = "clock_adopted"  // it is placed where another pipeline has placed it
	codeUnlocked = "clock_unlocked" // another pipeline has stored one that does not fit
	codeTimecode = "timecode"       // whether the labels in an input's pictures place them, and why not
	codeStep     = "clock_step"     // the host's clock stepped
	codeSlateOn  = "slate_on"       // viewers get the slate
	codeSlateOff = "slate_off"      // they get something else again
	codeStore    = "store_trouble"  // a store does not take what it is given, or lacks what it had
	codeStored   = "store_well"     // it does again
)

// events is what has happened to a channel, newest last.
type events struct {
	log  zerolog.Logger
	now  func() time.Time
	wake func() // called after each one; nil: nobody waits for them

	mu    sync.Mutex
	began time.Time // when the first one was numbered
	last  uint64    // its number
	all   []control.Event
}

// add records an event and logs it. level is "info", "warning" or "error".
func (e *events) add(stage, level, message string) {
	e.put(control.Event{Level: control.Level(level), Stage: stage, Message: message})
}

// put records an event, to which it adds number and time, and logs it.
func (e *events) put(ev control.Event) {
	at := zerolog.InfoLevel
	switch ev.Level {
	case control.Warning:
		at = zerolog.WarnLevel
	case control.Error:
		at = zerolog.ErrorLevel
	case control.Info:
	}
	line := e.log.WithLevel(at).Str("stage", ev.Stage)
	if ev.Code != "" {
		line.Str("code", ev.Code)
	}
	line.Msg(ev.Message)
	e.keep(ev)
	if e.wake != nil {
		e.wake()
	}
}

func (e *events) keep(ev control.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	ev.Time = e.now()
	if e.last++; e.last == 1 {
		e.began = ev.Time
	}
	ev.Seq = e.last
	e.all = append(e.all, ev)
	if over := len(e.all) - keepEvents; over > 0 {
		e.all = append(e.all[:0], e.all[over:]...)
	}
}

// stage is add for one stage.
func (e *events) stage(name string) func(level, message string) { return e.of(name, "") }

// of is add for what a stage does with one input.
func (e *events) of(stage, input string) func(level, message string) {
	return func(level, message string) {
		e.put(control.Event{Level: control.Level(level), Stage: stage, Input: input, Message: message})
	}
}

// run takes what the encoder tells.
func (e *events) run(ev encode.Event) {
	e.put(control.Event{
		Level: control.Level(ev.Level), Stage: "run", Input: ev.Input, Code: ev.Code, Message: ev.Message,
	})
}

// slate takes what the slate tells.
func (e *events) slate(ev slate.Event) {
	e.put(control.Event{Level: control.Level(ev.Level), Stage: "slate", Code: ev.Code, Message: ev.Message})
}

// newest are the last n events, newest first.
func (e *events) newest(n int) []control.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := slices.Clone(e.all[len(e.all)-min(n, len(e.all)):])
	slices.Reverse(out)
	return out
}

// find is the answer to a query.
func (e *events) find(q control.EventQuery) control.Events {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := control.Events{Began: e.began, Last: e.last}
	if len(e.all) > 0 {
		out.First = e.all[0].Seq
	}
	if q.Newest {
		out.Events = e.backwards(q)
		return out
	}
	if q.After > e.last { // of an earlier process
		q.After = 0
	}
	for _, ev := range e.all {
		switch {
		case ev.Seq <= q.After, !ev.Level.AtLeast(q.Least):
		case len(out.Events) == q.Limit:
			out.Last = out.Events[q.Limit-1].Seq
			return out
		default:
			out.Events = append(out.Events, ev)
		}
	}
	return out
}

// backwards are the newest events that match, oldest first. The caller holds mu.
func (e *events) backwards(q control.EventQuery) []control.Event {
	var out []control.Event
	for _, ev := range slices.Backward(e.all) {
		if len(out) == q.Limit {
			break
		}
		if ev.Level.AtLeast(q.Least) {
			out = append(out, ev)
		}
	}
	slices.Reverse(out)
	return out
}
