package selector

import "onair/pkg/tick"

// Standing is how an input stands in the choice, as of the last decision.
type Standing struct {
	Name  string
	Cause Cause     // what is wrong with it; empty: nothing
	Take  tick.Tick // it is to be taken in so long if all stays as it is; Never: it is not
}

// Standings are those of all inputs, in order of preference; none before the first decision.
func (s *Selector) Standings() []Standing {
	current, asked := s.find(s.onAir), s.find(s.choice)
	out := make([]Standing, 0, len(s.inputs))
	preferred := true
	for _, in := range s.inputs {
		preferred = preferred && in != current
		out = append(out, Standing{in.Name, in.cause, s.take(in, current, asked, preferred)})
	}
	return out
}

// take is how long it is until an input is taken; it follows decide.
func (s *Selector) take(in, current, asked *input, preferred bool) tick.Tick {
	switch {
	case in == current, !in.usable, in.Leaving:
	case asked != nil && asked != current && asked.usable:
		if in == asked {
			return in.rest(s.at, in.usableSince)
		}
	case current == nil && in.well, current != nil && asked != current && !current.well && in.well:
		return in.rest(s.at, in.wellSince)
	case current == nil:
		return in.rest(s.at, in.usableSince)
	case asked != current && current.well && preferred && in.well:
		return max(0, s.cond.ReturnAfter-(s.at-in.wellSince))
	}
	return Never
}
