// Package selector decides which of a channel's inputs is on air. It is pure: what is known about the inputs and the
// time are arguments, and nothing happens by itself.
//
// The rules, in their order:
//
//   - An input that is lost, or of whose content something is wrong while another's is right, is left at once. The
//     first in order that is well is taken, else the first that can be shown at all: black is better than no input.
//   - An input that has failed is taken again only when it has been well for a while, see Settle.
//   - A preferred input is returned to when it has been well for Conditions.ReturnAfter without a break.
//   - What was chosen by hand is left for nothing but its loss, and taken again when it is back and settled.
//   - An input that is to go is left at a segment boundary as soon as another one is well.
package selector

import (
	"cmp"
	"fmt"
	"slices"

	"onair/pkg/tick"
)

// Settle is how long an input that has failed on air must be well before it is taken again where nothing, or nothing
// that is well, is on air. It doubles with every further failure within Memory, up to SettleMost: a source that comes
// and goes is shown the less, and one cut of a line costs two seconds more than itself.
const (
	Settle     = 2 * tick.Second
	SettleMost = 8 * tick.Second
	Memory     = 30 * tick.Second
)

// Probing is how long the input on air, or at the start a preferred one, may send without its format being known.
const Probing = 3 * tick.Second

// Never is the Silent of an input from which nothing ever came.
const Never tick.Tick = 1 << 62

// Auto is what Choose takes to give the choice back.
const Auto = "auto"

// Health is what is known about an input. What nobody measures is zero, which is well.
type Health struct {
	Name    string
	Alive   bool      // its format is known, and runs can read it
	Silent  tick.Tick // how long nothing, or no picture, has come; very long: nothing ever did
	Errors  int       // transport errors in the last second
	Black   tick.Tick // for how long the picture has been black; 0: it is not
	Freeze  tick.Tick // for how long it has not changed
	Silence tick.Tick // for how long there has been no sound
	Leaving bool      // it is to be left at the next segment boundary, if another is well, and not taken
}

// Conditions are the bounds beyond which an input has failed. Zero switches all but Loss and ReturnAfter off.
type Conditions struct {
	Loss        tick.Tick // default 500 ms
	ReturnAfter tick.Tick
	Errors      int // TS errors in a second
	Black       tick.Tick
	Freeze      tick.Tick
	Silence     tick.Tick
}

// Cause is why a switch is made.
type Cause string

// Causes of a switch.
const (
	Start   Cause = "start"   // nothing was on air before
	Loss    Cause = "loss"    // nothing comes from the input, or nothing that can be used
	Errors  Cause = "errors"  // its stream is damaged
	Black   Cause = "black"   // its picture is black
	Freeze  Cause = "freeze"  // its picture stands still
	Silence Cause = "silence" // it has no sound
	Return  Cause = "return"  // a preferred input is well again
	Manual  Cause = "manual"  // it was asked for
	Back    Cause = "back"    // an input can be shown again
	Config  Cause = "config"  // the channel's file no longer has it, or has it otherwise
)

// Decision says what should be on air.
type Decision struct {
	Input  string // empty: none can be shown
	Cause  Cause  // of the switch; empty: there is none to make
	Reason string // of the switch, for people
	Urgent bool   // at once, not at the next segment boundary
}

// Selector decides. It is not safe for concurrent use.
type Selector struct {
	cond   Conditions
	inputs []*input // in order of preference, as in the last Decide
	choice string
	onAir  string // empty: none
	begun  bool   // something was on air
	first  tick.Tick
	at     tick.Tick // of the last Decide
	urgent bool      // what that said
}

// New makes a selector of which nothing is on air.
func New(c Conditions) *Selector {
	if c.Loss == 0 {
		c.Loss = tick.Second / 2
	}
	return &Selector{cond: c, choice: Auto}
}

// Choose asks for an input by name; Auto gives the choice back. It is for who calls to know that the name exists.
func (s *Selector) Choose(name string) { s.choice = name }

// OnAir tells what has been put on air: a decision may take its time, or fail. Empty is none of the inputs.
func (s *Selector) OnAir(name string) {
	if name == s.onAir {
		return
	}
	if from := s.find(s.onAir); from != nil && s.urgent {
		from.failures = append(from.failures, s.at)
	}
	s.onAir = name
	s.begun = s.begun || name != ""
}

// Decide says what should be on air, given the health of all inputs in order of preference.
func (s *Selector) Decide(now tick.Tick, all []Health) Decision {
	s.know(all)
	for i, h := range all {
		s.inputs[i].observe(now, h, s.cond)
	}
	d := s.decide(now)
	s.at, s.urgent = now, d.Urgent
	return d
}

// know has an input remembered for every health, by its name: inputs come, go and change places.
func (s *Selector) know(all []Health) {
	if slices.EqualFunc(s.inputs, all, func(in *input, h Health) bool { return in.Name == h.Name }) {
		return
	}
	inputs := make([]*input, 0, len(all))
	for _, h := range all {
		in := s.find(h.Name)
		if in == nil {
			in = &input{Health: Health{Name: h.Name}}
		}
		inputs = append(inputs, in)
	}
	s.inputs = inputs
}

// Change sets other conditions.
func (s *Selector) Change(c Conditions) {
	c.Loss = cmp.Or(c.Loss, tick.Second/2)
	s.cond = c
}

func (s *Selector) decide(now tick.Tick) Decision {
	current, asked := s.find(s.onAir), s.find(s.choice)
	switch {
	case asked != nil && asked != current && asked.usable && !asked.Leaving && asked.settled(now, asked.usableSince):
		return s.ask(now, asked, current)
	case current == nil:
		return s.enter(now)
	case current.lost(now):
		return s.leave(now, current)
	case asked == current && !current.Leaving, !current.usable:
		return s.stay()
	case !current.well:
		return s.avoid(now, current)
	}
	return s.comeBack(now, current)
}

func (s *Selector) stay() Decision { return Decision{Input: s.onAir} }

func (s *Selector) find(name string) *input {
	for _, in := range s.inputs {
		if name != "" && in.Name == name {
			return in
		}
	}
	return nil
}

// ask goes to what was chosen by hand.
func (s *Selector) ask(now tick.Tick, to, from *input) Decision {
	d := Decision{Input: to.Name, Cause: Manual, Reason: "asked for: switching to " + to.Name}
	if from != nil && from.lost(now) {
		d.Urgent, d.Reason = true, fmt.Sprintf("%s: switching to %s, which was asked for", from.trouble(s.cond), to.Name)
	}
	return d
}

// enter begins, or leaves the slate: with the first input that is well and settled, else with the first that can be
// shown.
func (s *Selector) enter(now tick.Tick) Decision {
	if !s.begun && s.awaited(now) {
		return Decision{}
	}
	to := s.best(now, nil)
	switch {
	case to == nil:
		return Decision{}
	case !s.begun:
		return Decision{Input: to.Name, Cause: Start, Reason: "start with " + to.Name}
	}
	return Decision{Input: to.Name, Cause: Back, Reason: fmt.Sprintf("%s is back: switching to it", to.Name)}
}

// awaited tells whether, at the start, a preferred input sends but is not known yet.
func (s *Selector) awaited(now tick.Tick) bool {
	for _, in := range s.inputs {
		if in.Silent > s.cond.Loss {
			continue
		}
		if s.first == 0 {
			s.first = now
		}
		return !in.usable && now-s.first < Probing
	}
	return false
}

// leave goes away from an input that is lost, to whatever can be shown.
func (s *Selector) leave(now tick.Tick, from *input) Decision {
	if to := s.best(now, from); to != nil {
		return Decision{to.Name, Loss, fmt.Sprintf("%s: switching to %s", from.trouble(s.cond), to.Name), true}
	}
	return Decision{"", Loss, from.trouble(s.cond) + ": no other input can be shown", true}
}

// avoid goes away from an input of whose content something is wrong, if another's is right.
func (s *Selector) avoid(now tick.Tick, from *input) Decision {
	for _, to := range s.inputs {
		if to == from || !to.well || !to.settled(now, to.wellSince) {
			continue
		}
		reason := fmt.Sprintf("%s: switching to %s", from.trouble(s.cond), to.Name)
		return Decision{to.Name, from.cause, reason, from.cause != Config}
	}
	return s.stay()
}

// comeBack returns to a preferred input.
func (s *Selector) comeBack(now tick.Tick, current *input) Decision {
	for _, to := range s.inputs {
		if to == current {
			break
		}
		if to.well && now-to.wellSince >= s.cond.ReturnAfter {
			return Decision{Input: to.Name, Cause: Return, Reason: fmt.Sprintf("%s has been well for %s: returning to it",
				to.Name, span(s.cond.ReturnAfter))}
		}
	}
	return s.stay()
}

// best is the first input, other than one, that is well and settled, else the first that is usable and settled.
func (s *Selector) best(now tick.Tick, but *input) *input {
	var usable *input
	for _, in := range s.inputs {
		switch {
		case in == but || !in.usable || in.Leaving:
		case in.well && in.settled(now, in.wellSince):
			return in
		case usable == nil && in.settled(now, in.usableSince):
			usable = in
		}
	}
	return usable
}
