package effort

import (
	"slices"

	"onair/pkg/tick"
)

// Again is how long a rendition that fails alone is left out: the first time, the second, and from then on.
var Again = [...]tick.Tick{60 * tick.Second, 5 * 60 * tick.Second, 30 * 60 * tick.Second}

const (
	strikes  = 2                     // failures within memory after which a rendition is left out
	memory   = 60 * tick.Second      // for which a failure is held against a rendition
	faithful = 10 * 60 * tick.Second // a rendition that has worked for so long after its return begins anew
)

// Faults are the renditions that fail alone.
type Faults struct {
	known map[string]*fault
}

type fault struct {
	reason string
	at     tick.Tick // the newest failure
	count  int       // failures within memory
	tries  int       // times it was left out
	out    bool
	back   tick.Tick // when it is tried again, or was
}

// Fails takes the failure of one rendition, while others did not fail. It tells whether the rendition is to be left out
// from now on: not for what happens once, unless it has been left out before.
func (f *Faults) Fails(now tick.Tick, name, reason string) bool {
	if f.known == nil {
		f.known = map[string]*fault{}
	}
	x := f.known[name]
	if x == nil {
		x = &fault{}
		f.known[name] = x
	}
	if x.tries > 0 && !x.out && now-x.back > faithful {
		*x = fault{}
	}
	if now-x.at > memory {
		x.count = 0
	}
	x.at, x.reason = now, reason
	if x.count++; x.count < strikes && x.tries == 0 {
		return false
	}
	x.out, x.count = true, 0
	x.back = now + Again[min(x.tries, len(Again)-1)]
	x.tries++
	return true
}

// Out are the renditions that are left out, sorted.
func (f *Faults) Out() []string {
	var out []string
	for name, x := range f.known {
		if x.out {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Why is what a rendition that is left out has failed by, and when it is tried again.
func (f *Faults) Why(name string) (reason string, back tick.Tick) {
	if x := f.known[name]; x != nil && x.out {
		return x.reason, x.back
	}
	return "", 0
}

// Due tells whether a rendition that is left out is to be tried again.
func (f *Faults) Due(now tick.Tick) bool {
	for _, x := range f.known {
		if x.out && now >= x.back {
			return true
		}
	}
	return false
}

// Return takes those back in that are due, and names them: they are in the next run.
func (f *Faults) Return(now tick.Tick) []string {
	var names []string
	for name, x := range f.known {
		if x.out && now >= x.back {
			x.out, x.back = false, now
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Forgive forgets everything: when all fail, none fails alone.
func (f *Faults) Forgive() { clear(f.known) }
