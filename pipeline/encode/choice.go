package encode

import (
	"onair/pkg/tick"
)

// wanted is the name of the input that was asked for, or "auto".
func (e *Encoder) wanted() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.choice
}

// choose is the input that should be on air: the one that was asked for if it can, else the one on air as long as it is
// alive, else the first that is.
func (e *Encoder) choose(now tick.Tick) (Source, bool) {
	current := e.last
	if current == "" {
		current = e.preferred(now)
	}
	for _, name := range [2]string{e.wanted(), current} {
		in := e.input(name)
		if in == nil || in.Silent(now) > e.cfg.Loss {
			continue
		}
		if src, ok := in.Source(); ok {
			return e.bounded(src), true
		}
		if name == current && (e.active != nil || now-e.freedAt < probing) {
			return Source{}, false // its format is being probed
		}
	}
	for _, in := range e.cfg.Inputs {
		if in.Silent(now) > e.cfg.Loss {
			continue
		}
		if src, ok := in.Source(); ok {
			return e.bounded(src), true
		}
	}
	return Source{}, false
}

// preferred is, before the first run, the input that is waited for while it is probed: the first one that is alive.
func (e *Encoder) preferred(now tick.Tick) string {
	for _, in := range e.cfg.Inputs {
		if in.Silent(now) <= e.cfg.Loss {
			if e.freedAt == 0 {
				e.freedAt = now
			}
			return in.Name()
		}
	}
	return ""
}

// bounded is a source whose longer absences are not bridged: those for which a run is ended when they are seen.
func (e *Encoder) bounded(src Source) Source {
	src.bridge = e.cfg.Loss + e.cfg.Hold + tick.Second/2
	return src
}

// input is the one with a name, nil if there is none.
func (e *Encoder) input(name string) Input {
	for _, in := range e.cfg.Inputs {
		if in.Name() == name {
			return in
		}
	}
	return nil
}

func (e *Encoder) silent(input string, now tick.Tick) tick.Tick {
	if in := e.input(input); in != nil {
		return in.Silent(now)
	}
	return 0
}
