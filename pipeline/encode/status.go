package encode

import (
	"maps"

	"onair/pkg/ffmpeg"
	"onair/pkg/selector"
	"onair/pkg/tick"
)

// RunStatus describes a run.
type RunStatus struct {
	ID, PID int
	Input   string
	State   string // starting, active, ending
	From    tick.Tick
	Frames  uint64
	Behind  tick.Tick
	Fed     int64
	Reason  string
	Command []string
	ffmpeg.Progress
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
	Standings []selector.Standing       // of the inputs, in order of preference
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
	for i, r := range [2]*run{e.active, e.next} {
		if r == nil {
			continue
		}
		if i == 0 {
			st.Active = r.src.Input
		}
		st.Runs = append(st.Runs, r.status(i == 0 && e.next != nil))
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
	if last := r.lastPTS.Load(); last != 0 {
		s.Behind = max(0, tick.Tick(r.feed.newest.Load()-last))
	}
	if p := r.progress.Load(); p != nil {
		s.Progress = *p
	}
	return s
}
