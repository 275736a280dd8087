package encode

import (
	"cmp"
	"slices"

	"onair/pkg/selector"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

// Slate is the name of the source that fills the timeline when no input can; no input may bear it.
const Slate = "slate"

const (
	pictureless = tick.Second     // an input whose pictures have stayed away so long, while sound comes, is lost
	slateLost   = 4 * tick.Second // the slate brings a picture a second
	awaited     = 3 * tick.Second // at the start: how long the first packet of an input is waited for
	known       = 9 * tick.Second // and how long an input that sends may take to be found out about
)

// observe is the health of every input. One that no run shows, and whose pictures come too late for what is wanted
// next, cannot be read.
func (e *Encoder) observe(now tick.Tick) []selector.Health {
	e.health = e.health[:0]
	next, _, begun := e.cfg.Output.Next(false)
	for _, in := range e.cfg.Inputs {
		h := selector.Health{Name: in.Name(), Silent: in.Silent(now)}
		src, ok := in.Source()
		if h.Alive = ok; ok {
			e.listen(&src, now)
			h.Silent = max(h.Silent, e.pictureless(&src, now))
			h.Alive = !begun || e.shows(in.Name()) || !src.missed(next)
		}
		if e.cfg.Observe != nil {
			e.cfg.Observe(&h)
		}
		e.health = append(e.health, h)
	}
	return e.health
}

// shows tells whether the run on air reads an input that goes on.
func (e *Encoder) shows(input string) bool {
	return e.active != nil && !e.active.still && e.active.src.Input == input
}

// pictureless is for how long an input that has pictures has brought none, once that is long; else 0.
func (e *Encoder) pictureless(src *Source, now tick.Tick) tick.Tick {
	if !src.hasVideo() || e.cfg.Channel.Grid.Rate.IsZero() {
		return 0
	}
	newest, ok := src.Spool.Find(func(s spool.Entry) bool { return s.Video })
	if frame := src.Probe.Video.Rate.Frame(); !ok || now-newest.Arrival < max(pictureless, 2*frame) {
		return 0
	}
	return now - newest.Arrival
}

// decide says what should be on air.
func (e *Encoder) decide(now tick.Tick) selector.Decision {
	if e.first == 0 {
		e.first = now
	}
	e.mu.Lock()
	e.sel.Choose(e.choice)
	e.mu.Unlock()
	d := e.sel.Decide(now, e.observe(now))
	switch {
	case d.Input != "":
		e.bereft = 0
	case e.bereft == 0:
		e.bereft = now
	}
	if d.Reason == "" {
		e.explained = ""
	}
	return d
}

// source is the input's, ready for a run.
func (e *Encoder) source(name string, now tick.Tick) (Source, bool) {
	in := e.input(name)
	if in == nil {
		return Source{}, false
	}
	src, ok := in.Source()
	if !ok {
		return Source{}, false
	}
	if name != Slate {
		e.listen(&src, now)
		src.bridge = e.cfg.Failover.Loss + e.cfg.Hold + tick.Second/2 // longer ones end a run when they are seen
	}
	return src, true
}

// input is the one with a name, or the slate; nil if there is none.
func (e *Encoder) input(name string) Input {
	if name == Slate {
		return e.cfg.Slate
	}
	for _, in := range e.cfg.Inputs {
		if in.Name() == name {
			return in
		}
	}
	return nil
}

// silent is how long nothing that is of use has come from an input or the slate.
func (e *Encoder) silent(name string, now tick.Tick) tick.Tick {
	for _, h := range e.health {
		if h.Name == name {
			return h.Silent
		}
	}
	if in := e.input(name); in != nil {
		return in.Silent(now)
	}
	return 0
}

// lost tells whether so little comes from an input, or the slate, that a run of it has nothing to do.
func (e *Encoder) lost(name string, now tick.Tick) bool {
	if name == Slate {
		return e.silent(name, now) > slateLost
	}
	return e.silent(name, now) > e.cfg.Failover.Loss
}

// Patience tells whether a channel that was started at since is still to wait for its inputs before it goes on slate: a
// moment for the first packet, longer for finding out what it is that comes.
func Patience(since, now tick.Tick, sends bool) bool {
	return now-since < awaited || sends && now-since < known
}

// starting tells whether it is too early for the slate.
func (e *Encoder) starting(now tick.Tick) bool {
	if e.lastID > 0 {
		return false
	}
	sends := slices.ContainsFunc(e.health, func(h selector.Health) bool { return h.Silent <= e.cfg.Failover.Loss })
	return e.cfg.Wait || Patience(cmp.Or(e.cfg.Since, e.first), now, sends)
}

// slate is the source for the time without inputs. Before it is used the last picture may stay for a moment, in which
// an input that was lost for no longer than that comes back unnoticed.
func (e *Encoder) slate(now tick.Tick) (Source, bool) {
	if e.cfg.Slate == nil || e.starting(now) || now-e.bereft < e.grace() || e.lost(Slate, now) {
		return Source{}, false
	}
	return e.source(Slate, now)
}

// grace is how long a run whose input is lost goes on waiting for it where only the slate could follow. It is bounded
// by what a segment may be late.
func (e *Encoder) grace() tick.Tick { return min(e.cfg.Hold, e.cfg.Channel.Grid.T/4) }

// took notes what is on air now.
func (e *Encoder) took(name string, d selector.Decision) {
	if name == e.onAir {
		return
	}
	switch {
	case d.Cause != "":
	case e.onAir == "":
		d.Cause = selector.Start
	default:
		d.Cause = selector.Loss
	}
	e.onAir = name
	e.switches[d.Cause]++
	if name == Slate {
		name = ""
	}
	e.sel.OnAir(name)
}

// explain makes an event of a switch that begins, once.
func (e *Encoder) explain(d selector.Decision) {
	to := d.Input
	if to == "" {
		to = Slate
	}
	if d.Reason == "" || e.explained == e.onAir+">"+to || e.onAir == to {
		return
	}
	e.explained = e.onAir + ">" + to
	level := "info"
	if d.Urgent {
		level = "warning"
	}
	e.event(Event{level, CodeSwitch, d.Input, d.Reason})
}
