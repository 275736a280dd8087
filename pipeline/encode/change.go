package encode

import (
	"slices"

	"onair/pkg/child"
	"onair/pkg/ffmpeg"
	"onair/pkg/selector"
	"onair/pkg/tick"
)

// Settings are what may change while the encoder works.
type Settings struct {
	// Inputs are what there is from now on, in order of preference. One that is on air must stay among them until it is
	// not: its health says that it is to be left.
	Inputs   []Input
	Failover selector.Conditions
	Hold     tick.Tick
	// Channel is encoded from a segment boundary on. Where its runs make other initializations than those before
	// (ffmpeg.Channel.Unlike) Ladder is another number, which Output knows.
	Channel ffmpeg.Channel
	Ladder  int
	Limits  child.Limits // of every run
}

// Change takes other settings. They hold from the next look on; a run of another channel takes over at a segment
// boundary.
func (e *Encoder) Change(s Settings) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settings = &s
}

// Uses tells whether an input is, or is about to be, read by a run, as of the last look.
func (e *Encoder) Uses(input string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.settings != nil || slices.ContainsFunc(e.st.Runs, func(r RunStatus) bool { return r.Input == input })
}

// adopt makes settings that were asked for those that hold.
func (e *Encoder) adopt() {
	e.mu.Lock()
	s := e.settings
	e.settings = nil
	astray := false
	if s != nil {
		astray = e.forget(s.Inputs)
		e.cfg.Inputs, e.cfg.Failover, e.cfg.Hold = s.Inputs, s.Failover, s.Hold // Choose reads them
	}
	e.mu.Unlock()
	if s == nil {
		return
	}
	if astray {
		e.event(Event{"warning", CodeSwitch, "", "the input that was asked for is removed: the choice is automatic again"})
	}
	e.sel.Change(s.Failover)
	e.ask(order{s.Ladder, s.Channel, s.Limits})
}

// forget lets go what is remembered of inputs that are gone or have been replaced: places in their spools mean nothing
// in another. It tells whether the choice by hand was one of them. The caller holds mu.
func (e *Encoder) forget(inputs []Input) (astray bool) {
	kept := func(name string) bool {
		old := slices.IndexFunc(e.cfg.Inputs, func(in Input) bool { return in.Name() == name })
		return old < 0 || slices.Contains(inputs, e.cfg.Inputs[old])
	}
	if !kept(e.last) {
		e.last, e.usedUp = "", 0
	}
	known := func(in Input) bool { return in.Name() == e.choice }
	astray = e.choice != selector.Auto && !slices.ContainsFunc(inputs, known)
	if astray {
		e.choice = selector.Auto
	}
	return astray
}
