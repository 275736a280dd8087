package encode

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"onair/pkg/child"
	"onair/pkg/ffmpeg"
	"onair/pkg/tick"
)

// Times of a change to another ladder. The old one goes on until every rendition of the new one has come; when that
// does not happen in time the old one stays, and the new one is tried again later and later.
const (
	tryAgain     = 10 * tick.Second
	tryAgainMost = 10 * 60 * tick.Second
	hopeless     = 3 // runs of the old ladder that have failed in a row: the new one is taken without waiting
)

// order is a channel that is to be encoded.
type order struct {
	ladder  int // runs of one number make the same initializations
	channel ffmpeg.Channel
	limits  child.Limits
}

// wanted is a ladder that is not on air yet.
type wanted struct {
	order
	at    tick.Tick // not tried before
	tries int
}

// current is the order that runs are made for unless the ladder is to be another one.
func (e *Encoder) current() order { return order{e.ladder, e.cfg.Channel, e.cfg.Limits} }

// made is what a run of an order encodes: at the step that the load allows, or all of it where that is not known yet.
func (e *Encoder) made(o order) ffmpeg.Channel {
	if o.ladder == e.ladder {
		return e.channel()
	}
	return o.channel
}

// ask takes note of what is to be encoded.
func (e *Encoder) ask(o order) {
	switch {
	case o.ladder != e.ladder && e.lastID == 0:
		e.convert(o)
	case o.ladder != e.ladder && e.want != nil && e.want.ladder == o.ladder:
		e.want.order = o
	case o.ladder != e.ladder:
		e.want = &wanted{order: o}
	default:
		e.want = nil
		e.refine(o)
	}
}

// refine makes runs of the ladder on air those of other bitrates, presets or limits.
func (e *Encoder) refine(o order) {
	if reflect.DeepEqual(e.cfg.Channel, o.channel) && e.cfg.Limits == o.limits {
		return
	}
	e.cfg.Channel, e.cfg.Limits = o.channel, o.limits
	e.version++
	faults := e.care.faults
	e.care = newCare(o.channel) // what the old one was too much for says little about the new one
	e.care.faults = faults
}

// convert makes another ladder the one on air.
func (e *Encoder) convert(o order) {
	e.ladder, e.cfg.Channel, e.cfg.Limits = o.ladder, o.channel, o.limits
	e.care = newCare(o.channel)
	e.version++
	if e.active != nil {
		e.active.version = e.version
	}
	if e.want != nil && e.want.ladder == o.ladder {
		o = e.want.order // its bitrates may have changed meanwhile
		e.want = nil
		e.refine(o)
	}
}

// desperate takes the wanted ladder for the run that begins, because those of the old one only fail.
func (e *Encoder) desperate(at place) {
	if e.want != nil && e.failures >= hopeless && (e.resume || at.gap) {
		e.convert(e.want.order)
	}
}

// arrived tells whether every rendition of the run that is to take over has come: of another ladder nothing is known
// before.
func (e *Encoder) arrived() bool {
	if e.next.order.ladder == e.ladder {
		return true
	}
	for i := range e.next.tracks {
		if e.next.tracks[i].out.Load() == 0 {
			return false
		}
	}
	return true
}

// late tells whether a run of another ladder has been waited for long enough: what viewers see must not wait longer.
func (e *Encoder) late(reached tick.Tick) bool {
	return reached >= e.switchAt+max(straggling, e.cfg.Channel.Grid.T)
}

// takeOver ends the active run for the next one, which goes on.
func (e *Encoder) takeOver() {
	old := e.active
	old.stop()
	e.cfg.Output.Done(old.id)
	e.active, e.next, e.last = e.next, nil, e.next.src.Input
	e.cfg.Output.Expect(e.active.plan.Outputs)
	e.took(e.last, e.planned)
	e.event(Event{"info", CodeHandover, e.last, fmt.Sprintf("run %d took over from run %d at segment %d (%s)",
		e.active.id, old.id, e.cfg.Channel.Grid.K(e.switchAt), e.active.reason)})
	if e.active.order.ladder != e.ladder {
		e.convert(e.active.order)
	}
}

// postpone gives a change of the ladder up for a while. Nothing of the active run was refused for it.
func (e *Encoder) postpone(now tick.Tick) {
	r := e.next
	err := fmt.Errorf("its renditions have not come in time%s", r.lastWords(errors.New("")))
	if r.over() {
		err = e.why(r)
	}
	e.drop()
	e.delay(now, r.src.Input, err)
}

// delay has the wanted ladder tried again later.
func (e *Encoder) delay(now tick.Tick, input string, err error) {
	pause := tryAgain
	if w := e.want; w != nil {
		pause = min(tryAgain<<min(w.tries, 10), tryAgainMost)
		w.at = now + pause
		w.tries++
	}
	e.event(Event{"error", CodeLadder, input, fmt.Sprintf(
		"the new ladder cannot take over, the old one stays and it is tried again in %v: %v",
		pause.Duration().Round(time.Second), err)})
}
