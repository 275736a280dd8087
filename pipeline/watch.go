package pipeline

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"onair/pipeline/control"
	"onair/pipeline/ingest"
	"onair/pkg/beat"
	"onair/pkg/tick"
)

const (
	watchEvery = 250 * time.Millisecond // how often the channel's state is looked at for events
	clockStep  = 500 * time.Millisecond // what counts as a step of the host's clock
)

// watcher turns changes of the channel's state into events.
type watcher struct {
	*Channel
	inputs map[string]control.InputState
	legs   map[string]ingest.State
	stores map[*output]*storeTrouble
	ahead  time.Duration // the host's clock before the channel's

	restless map[string]restless // by input
}

// tellRestlessEvery is how often it is told that an input's format changes more often than is followed.
const tellRestlessEvery = 60 * tick.Second

// restless is how many changes of an input's format had not been followed when that was told last.
type restless struct {
	count uint64
	told  tick.Tick
}

// watch looks after the channel until ctx ends.
func (c *Channel) watch(ctx context.Context) {
	w := watcher{Channel: c, inputs: map[string]control.InputState{}, legs: map[string]ingest.State{},
		restless: map[string]restless{}}
	w.ahead = w.clock()
	if unsynchronized() {
		w.events.add("channel", "warning", "the host's clock is not synchronized: segment numbers and dates are counted "+
			"from it, so it must not be wrong by much; run an NTP client")
	}
	timer := beat.NewTicker(watchEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.Next():
		}
		w.state()
		w.hostClock()
		now := c.now()
		for _, in := range c.inputs() {
			w.input(in, now)
		}
		w.allStores(now)
		w.timeline.look()
	}
}

// state follows the channel as a whole.
func (w *watcher) state() {
	state, why := control.Waiting, ""
	if air := w.air.Load(); air != nil {
		if _, _, listed := w.outputs()[0].publisher.Listed(); listed {
			state = control.OnAir
			stale := w.Fresh()
			switch {
			case stale != nil:
				state, why = control.Gap, ": "+stale.Error()
			case w.showsSlate():
				state = control.OnSlate
			}
		}
	}
	w.mu.Lock()
	was := w.Channel.state
	if was != state {
		w.Channel.state, w.since = state, time.Now()
	}
	w.mu.Unlock()
	if was == state {
		return
	}
	ev := control.Event{
		Level: control.Info, Stage: "channel", Code: "channel_" + string(state), Message: "state: " + string(state) + why,
	}
	switch {
	case state == control.Gap:
		ev.Level = control.Error
	case state == control.OnSlate:
		ev.Level, ev.Code = control.Error, codeSlateOn
		if was == control.Waiting { // nobody has lost a programme
			ev.Level = control.Warning
		}
	case was == control.OnSlate && state == control.OnAir:
		ev.Code = codeSlateOff
	}
	w.events.put(ev)
}

// clock is how far the host's clock is before the channel's, which no step moves.
func (w *watcher) clock() time.Duration { return time.Since(w.now().Time().Round(0)) }

// unsynchronized tells whether the kernel knows that nobody keeps the host's clock right (adjtimex(2), STA_UNSYNC).
func unsynchronized() bool {
	var t unix.Timex
	_, err := unix.Adjtimex(&t)
	return err == nil && t.Status&unix.STA_UNSYNC != 0
}

func (w *watcher) hostClock() {
	ahead := w.clock()
	if step := ahead - w.ahead; step.Abs() >= clockStep {
		w.ahead = ahead
		w.events.put(control.Event{Level: control.Warning, Stage: "channel", Code: codeStep, Message: fmt.Sprintf(
			"the host's clock stepped by %v; output time does not follow it", step.Round(time.Millisecond))})
	}
}

// input follows one input and its legs.
func (w *watcher) input(in *input, now tick.Tick) {
	state, problem := w.inputState(in, now)
	if was, known := w.inputs[in.name]; known && was != state {
		level, text := control.Info, fmt.Sprintf("input %s: %s", in.name, state)
		if state != control.InputReceiving {
			level = control.Warning
		}
		if problem != "" {
			text += ": " + problem
		}
		w.events.put(control.Event{
			Level: level, Stage: "ingest", Input: in.name, Code: "input_" + string(state), Message: text,
		})
	}
	w.inputs[in.name] = state
	w.format(in, now)
	for i, l := range in.legs.Load().Stats(now).Legs {
		w.leg(in.name, fmt.Sprintf("input %s leg %d (%s)", in.name, i+1, l.URL), l)
	}
}

// format tells when an input's streams change their format all the time.
func (w *watcher) format(in *input, now tick.Tick) {
	was, n := w.restless[in.name], in.programme.Stats().Unfollowed
	if n == was.count || now-was.told < tellRestlessEvery {
		return
	}
	w.restless[in.name] = restless{n, now}
	w.events.add("ingest", "warning", fmt.Sprintf(
		"input %s: a stream's format changes too often: %d changes are not followed", in.name, n-was.count))
}

// leg tells when a leg falls silent or fails, and when it is back: the loss of one of two is otherwise not noticed.
func (w *watcher) leg(input, name string, l ingest.LegStats) {
	was, known := w.legs[name]
	if !known { // it is only just being opened
		w.legs[name] = ingest.Listening
		return
	}
	if l.Error == ingest.NotOpen { // nor has it failed
		return
	}
	w.legs[name] = l.State
	if was == l.State {
		return
	}
	ev := control.Event{Stage: "ingest", Input: input, Code: "leg_" + string(l.State)}
	switch l.State {
	case ingest.Silent:
		ev.Level, ev.Message = control.Warning, name+" is silent"
	case ingest.Failed:
		ev.Level, ev.Message = control.Error, name+" failed: "+l.Error
	case ingest.Receiving:
		ev.Level, ev.Message = control.Info, name+" receives from "+l.Peer
	case ingest.Listening, ingest.Connected:
		return
	}
	w.events.put(ev)
}
