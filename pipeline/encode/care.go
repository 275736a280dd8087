package encode

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"onair/pkg/effort"
	"onair/pkg/ffmpeg"
	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// care is how the encoder looks after the load of its runs and the renditions that fail alone.
type care struct {
	pace     *effort.Pace
	faults   effort.Faults
	steps    []step    // what a run is made with at each step of pace
	room     bool      // there is room for a step up
	forgiven tick.Tick // when all renditions had failed in turn; 0: never
	why      string    // of the newest step down

	measured tick.Tick // when the processors were last looked at
	sample   effort.Sample
	used     time.Duration // by the run, and how long the machine was idle, then
	idle     time.Duration
	said     tick.Tick // when it was last told that nothing helps
}

// step is how much is encoded: presets so many times faster, and so many of the largest pictures left out.
type step struct{ haste, without int }

// newCare plans the steps of a channel: faster presets first, then the largest pictures go, to the last but one.
func newCare(ch ffmpeg.Channel) care {
	c := care{}
	hurries := ch.Hurries()
	for n := range hurries + 1 {
		c.steps = append(c.steps, step{haste: n})
	}
	for n := 1; n < len(largest(ch)); n++ {
		c.steps = append(c.steps, step{hurries, n})
	}
	cost := make([]float64, 0, len(c.steps))
	for _, s := range c.steps {
		cost = append(cost, s.of(ch).Work())
	}
	c.pace = effort.New(effort.Config{Cost: cost})
	return c
}

// of is the channel at a step: the last of the pictures stays.
func (s step) of(ch ffmpeg.Channel) ffmpeg.Channel {
	pictures := largest(ch)
	ch = ch.Without(pictures[:min(s.without, max(0, len(pictures)-1))])
	ch.Haste = s.haste
	return ch
}

// largest names the video renditions, the largest first.
func largest(ch ffmpeg.Channel) []string {
	var rungs []ladder.Rendition
	for _, r := range ch.Renditions {
		if r.Kind == ladder.Video {
			rungs = append(rungs, r)
		}
	}
	slices.SortStableFunc(rungs, func(a, b ladder.Rendition) int {
		return cmp.Or(cmp.Compare(b.Width*b.Height, a.Width*a.Height), cmp.Compare(b.Bitrate, a.Bitrate))
	})
	out := make([]string, 0, len(rungs))
	for _, r := range rungs {
		out = append(out, r.Name)
	}
	return out
}

// channel is what the next run encodes.
func (e *Encoder) channel() ffmpeg.Channel {
	return e.care.steps[e.care.pace.Step()].of(e.cfg.Channel.Without(e.care.faults.Out()))
}

// without names the renditions that a run leaves out.
func (e *Encoder) without(ch ffmpeg.Channel) []string {
	var out []string
	for _, r := range e.cfg.Channel.Renditions {
		if !slices.ContainsFunc(ch.Renditions, func(x ladder.Rendition) bool { return x.Name == r.Name }) {
			out = append(out, r.Name)
		}
	}
	return out
}

// tend looks after the speed of the active run and after each of its renditions; true: it was ended for one.
func (e *Encoder) tend(now tick.Tick) bool {
	r := e.active
	if r.still || e.next != nil || r.over() || r.feed.finish.Load() {
		return false
	}
	if name := r.stuck(now); name != "" {
		r.blamed = name
		e.bury(now, fmt.Errorf("rendition %s has come to a stop while others go on", name))
		return true
	}
	lag, ok := r.lag()
	if !ok || e.lost(r.src.Input, now) {
		return false
	}
	r.gauge(now)
	e.measure(now, r)
	e.care.sample.Run, e.care.sample.Lag = r.id, lag
	switch e.care.pace.Look(now, e.care.sample) {
	case effort.Down:
		e.stepDown(now, r, fmt.Sprintf("it is slower than real time for %v, at %.2f times its speed, and %.1f s behind",
			effort.Slow.Duration(), r.speed(), lag.Duration().Seconds()))
		return true
	case effort.Helpless:
		if e.care.said == 0 || now-e.care.said > 10*60*tick.Second {
			e.care.said = now
			e.event(Event{"error", CodeSlow, r.src.Input, fmt.Sprintf(
				"the encoder is slower than real time and %.1f s behind, and there is nothing left that could be left out",
				lag.Duration().Seconds())})
		}
	case effort.Up:
		e.care.room = true
	case effort.Keep:
		e.care.room = false
	}
	return false
}

// lag is how far what comes out is behind what has arrived; false: nothing has come out yet.
func (r *run) lag() (tick.Tick, bool) {
	last := tick.Tick(r.lastPTS.Load())
	head, ok := r.src.head()
	if !ok || last == 0 {
		return 0, false
	}
	return max(0, head-last), true
}

// measure looks, once a second, what the run and the machine have to do.
func (e *Encoder) measure(now tick.Tick, r *run) {
	c := &e.care
	if now-c.measured < tick.Second && c.sample.Run == r.id {
		return
	}
	since := (now - c.measured).Duration().Seconds()
	idle, errIdle := e.cfg.Idle()
	used, again := r.taken.CPU, c.sample.Run == r.id
	c.sample.Idle = -1
	if again && errIdle == nil && used > 0 {
		c.sample.Busy = max(0, (used-c.used).Seconds()/since)
		c.sample.Idle = max(0, (idle-c.idle).Seconds()/since)
	}
	c.measured, c.used, c.idle = now, used, idle
}

// stepDown encodes less from the segment on that is under way: again from the spool.
func (e *Encoder) stepDown(now tick.Tick, r *run, why string) {
	e.doLess(now, r, why)
	e.end(r, now)
	e.resume = true
}

// doLess makes the runs that follow do less, if they can.
func (e *Encoder) doLess(now tick.Tick, r *run, why string) {
	before := e.channel()
	if !e.care.pace.Fall(now) {
		return
	}
	e.care.why = why
	e.event(Event{"warning", CodeSlow, r.src.Input, fmt.Sprintf("the encoder does less, because %s: %s", why,
		e.difference(before, e.channel()))})
}

// end takes a run that works off the air, for one that follows at once.
func (e *Encoder) end(r *run, now tick.Tick) {
	r.stop()
	e.active, e.freedAt, e.usedUp = nil, now, 0
	if !r.slate() {
		e.left = &r.src
	}
	e.cfg.Output.Done(r.id)
}

// difference says what another setting means.
func (e *Encoder) difference(before, after ffmpeg.Channel) string {
	var out []string
	if a, b := before.Presets(), after.Presets(); !slices.Equal(a, b) && len(b) > 0 {
		out = append(out, "preset "+strings.Join(b, ", "))
	}
	was, is := e.without(before), e.without(after)
	for _, name := range is {
		if !slices.Contains(was, name) {
			out = append(out, "rendition "+name+" is a gap")
		}
	}
	for _, name := range was {
		if !slices.Contains(is, name) {
			out = append(out, "rendition "+name+" again")
		}
	}
	return strings.Join(out, "; ")
}

// better is how the next run would be better than the active one: with what has to be tried again, or what there is
// room for. Empty: it would not.
func (e *Encoder) better(now tick.Tick) string {
	c, a := &e.care, e.active
	if a.still {
		return ""
	}
	for _, name := range c.faults.Return(now) {
		e.event(Event{"info", CodeRendition, "", "rendition " + name + " is tried again"})
	}
	if c.room {
		c.room = false
		before := e.channel()
		c.pace.Rise(now)
		e.event(Event{"info", CodeSlow, a.src.Input, fmt.Sprintf("the encoder is to do more again, there was room for %v: %s",
			effort.Room.Duration(), e.difference(before, e.channel()))})
	}
	return e.difference(a.made, e.channel())
}

// relapse notes that a run which was to take over has failed: if it was to do more than the active one, that was too
// much.
func (e *Encoder) relapse(now tick.Tick, r *run) {
	a := e.active
	if len(r.made.Renditions) > len(a.made.Renditions) {
		if name, why := r.culprit(); name != "" {
			e.leaveOut(now, name, why)
			return
		}
	}
	if r.made.Haste < a.made.Haste || e.care.pace.Step() > 0 && len(r.made.Renditions) > len(a.made.Renditions) {
		e.care.pace.Fall(now)
	}
}

// blame finds out whether a run ended because of one of its renditions; true: that is taken care of.
func (e *Encoder) blame(r *run, now tick.Tick) bool {
	name, why := r.culprit()
	if name == "" || e.care.forgiven != 0 && now-e.care.forgiven < effort.Room {
		return false
	}
	return e.leaveOut(now, name, why)
}

// leaveOut notes that a rendition has failed alone. What is left must hold a picture, if the channel has any.
func (e *Encoder) leaveOut(now tick.Tick, name, why string) bool {
	c := &e.care
	if !c.faults.Fails(now, name, why) {
		return true
	}
	rest := e.cfg.Channel.Without(c.faults.Out())
	if len(rest.Renditions) == 0 || len(largest(e.cfg.Channel)) > 0 && len(largest(rest)) == 0 {
		one := len(c.faults.Out()) == 1 // it is all there is
		c.faults.Forgive()
		if one {
			return false
		}
		c.forgiven = now
		e.event(Event{"error", CodeRendition, "", fmt.Sprintf(
			"rendition %s fails as all the others do (%s): none is left out for that", name, why)})
		return false
	}
	_, back := c.faults.Why(name)
	e.event(Event{"warning", CodeRendition, "", fmt.Sprintf("rendition %s fails alone and is left out for %v: %s",
		name, (back - now).Duration().Round(time.Second), why)})
	return true
}
