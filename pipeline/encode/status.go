package encode

import (
	"maps"

	"onair/pkg/child"
	"onair/pkg/ffmpeg"
	"onair/pkg/selector"
	"onair/pkg/tick"
)

// RunStatus describes a run.
type RunStatus struct {
	ID, PID         int
	Input           string
	State           string // starting, active, ending
	From            tick.Tick
	Frames          uint64
	Behind          tick.Tick
	Fed             int64
	Reason          string
	Command         []string
	Memory          int64   // bytes that its processes take
	Load            float64 // processors that they use; of the run on air
	ffmpeg.Progress         // its speed is that of the last seconds
}

// Effort is how much is encoded of what is configured.
type Effort struct {
	Step, Steps int      // 0 is everything; of so many
	Presets     []string // in use, by the encoders that have some in common
	Reason      string   // why it is not everything; empty at step 0
	Limits      child.Limits
	Enforced    child.Limits // those that the kernel holds the newest run to
	Out         []LeftOut
}

// LeftOut is a rendition that is not encoded.
type LeftOut struct {
	Name   string
	Reason string
	Again  tick.Tick // when it is tried again; 0: when there is time for it
}

// Status describes the encoder.
type Status struct {
	Active   string // input of the active run; empty: none
	Choice   string // "auto", or the input that was asked for
	Started  uint64
	Restarts uint64 // because a run died or stalled
	Runs     []RunStatus

	Switches  map[selector.Cause]uint64 // of what is on air, by cause
	SlateTime tick.Tick                 // for how long the slate was
	Effort    Effort
	Standings []selector.Standing // of the inputs, in order of preference
}

// Status tells what runs now.
func (e *Encoder) Status() Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	st := e.st
	st.Choice = e.choice
	return st
}

// publish refreshes what Status tells.
func (e *Encoder) publish() {
	st := Status{Started: uint64(e.lastID), Restarts: e.restarts, Switches: maps.Clone(e.switches), SlateTime: e.slateFor,
		Standings: e.sel.Standings()}
	st.Effort = e.effort()
	for i, r := range [2]*run{e.active, e.next} {
		if r == nil {
			continue
		}
		if i == 0 {
			st.Active = r.src.Input
		}
		st.Runs = append(st.Runs, r.status(i == 0 && e.next != nil))
		st.Effort.Enforced = r.proc.Enforced()
		if i == 0 && e.care.sample.Run == r.id {
			st.Runs[0].Load = e.care.sample.Busy
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.st = st
}

func (r *run) status(ending bool) RunStatus {
	s := RunStatus{
		ID: r.id, PID: r.proc.Pid(), Input: r.src.Input, State: "active", From: r.start, Frames: r.frames.Load(),
		Fed: r.feed.fed.Load(), Reason: r.reason, Command: r.plan.Args,
	}
	switch {
	case s.Frames == 0:
		s.State = "starting"
	case ending:
		s.State = "ending"
	}
	if lag, ok := r.lag(); ok {
		s.Behind = lag
	}
	if p := r.progress.Load(); p != nil {
		s.Progress = *p
	}
	if speed := r.speed(); speed > 0 {
		s.Speed = speed
	}
	s.Memory = r.taken.Memory
	return s
}

// effort is how much is encoded now.
func (e *Encoder) effort() Effort {
	ch := e.channel()
	out := Effort{
		Step: e.care.pace.Step(), Steps: len(e.care.steps) - 1, Presets: ch.Presets(), Limits: e.cfg.Limits,
	}
	if out.Step > 0 {
		out.Reason = e.care.why
	}
	if e.active != nil {
		ch = e.active.made
	}
	for _, name := range e.without(ch) {
		why, back := e.care.faults.Why(name)
		if why == "" {
			why = "no time for it"
		}
		out.Out = append(out.Out, LeftOut{name, why, back})
	}
	return out
}
