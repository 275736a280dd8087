package selector

import (
	"fmt"
	"slices"
	"time"

	"onair/pkg/tick"
)

// span is a duration for people.
func span(t tick.Tick) string {
	d := t.Duration()
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// input is what is remembered of one.
type input struct {
	Health
	usable      bool  // it can be shown
	well        bool  // and nothing is wrong with it
	cause       Cause // what is wrong
	usableSince tick.Tick
	wellSince   tick.Tick
	unknown     tick.Tick   // since when it sends without being usable; 0: it does not
	failures    []tick.Tick // when it was left because it had failed, within Memory
}

// observe takes the newest health.
func (in *input) observe(now tick.Tick, h Health, c Conditions) {
	in.Health = h
	in.cause = in.judge(c)
	usable, well := in.cause != Loss, in.cause == ""
	if usable && !in.usable {
		in.usableSince = now
	}
	if well && !in.well {
		in.wellSince = now
	}
	in.usable, in.well = usable, well
	switch {
	case usable || h.Silent > c.Loss:
		in.unknown = 0
	case in.unknown == 0:
		in.unknown = now
	}
	in.failures = slices.DeleteFunc(in.failures, func(t tick.Tick) bool { return now-t > Memory })
}

// judge is what is wrong; empty: nothing.
func (in *input) judge(c Conditions) Cause {
	beyond := func(t, limit tick.Tick) bool { return limit > 0 && t >= limit }
	switch {
	case !in.Alive || in.Silent > c.Loss:
		return Loss
	case in.Leaving:
		return Config
	case c.Errors > 0 && in.Errors >= c.Errors:
		return Errors
	case beyond(in.Health.Black, c.Black):
		return Black
	case beyond(in.Health.Freeze, c.Freeze):
		return Freeze
	case beyond(in.Health.Silence, c.Silence):
		return Silence
	}
	return ""
}

// lost tells whether the input, which is on air, can no longer be: one that sends is given time to be found out about.
func (in *input) lost(now tick.Tick) bool {
	return !in.usable && (in.unknown == 0 || now-in.unknown >= Probing)
}

// settled tells whether an input that is as it is since then may be taken.
func (in *input) settled(now, since tick.Tick) bool { return in.rest(now, since) == 0 }

// rest is how long it is until then.
func (in *input) rest(now, since tick.Tick) tick.Tick {
	n := len(in.failures)
	if n == 0 {
		return 0
	}
	return max(0, min(Settle<<min(n-1, 8), SettleMost)-(now-since))
}

// trouble says what is wrong, for people.
func (in *input) trouble(c Conditions) string {
	switch in.cause {
	case Errors:
		return fmt.Sprintf("%s has %d transport errors in a second", in.Name, in.Health.Errors)
	case Black:
		return fmt.Sprintf("%s is black for %s", in.Name, span(in.Health.Black))
	case Freeze:
		return fmt.Sprintf("%s stands still for %s", in.Name, span(in.Health.Freeze))
	case Silence:
		return fmt.Sprintf("%s has no sound for %s", in.Name, span(in.Health.Silence))
	case Config:
		return in.Name + " is changed in the channel's file"
	case Loss:
		if in.Silent > Never/2 {
			return in.Name + " is lost"
		}
		if in.Silent > c.Loss {
			return fmt.Sprintf("%s is lost, nothing has come for %s", in.Name, span(in.Silent))
		}
		return in.Name + " sends nothing that can be used"
	}
	return in.Name + " is well"
}
