package drill

import (
	"math/rand/v2"
	"slices"
	"time"

	"onair/pipeline/fault"
)

// Span is a length by chance between two bounds.
type Span struct{ Least, Most time.Duration }

// Target is what the chooser knows of a target.
type Target struct {
	Name   string
	Region string
	Allow  []fault.Kind // what may be done to it
	Legs   []string     // of a relay
}

// Keep says that of these targets and regions so many have to be whole at any time.
type Keep struct {
	Of    []string
	Whole int
}

// Step is a fault at its time.
type Step struct {
	At     time.Duration
	Fault  fault.Kind
	Target string // or a region
	Leg    string
	For    Span // zero: that of the plan
}

// Amount says how grave faults are.
type Amount struct {
	Loss  float64
	Delay time.Duration
	Slow  int64
	Jump  time.Duration
	Rest  int64
}

// Plan says what may be done to whom, and when.
type Plan struct {
	Seed     uint64
	For      time.Duration
	Every    time.Duration // 0: by schedule
	Schedule []Step
	AtOnce   int
	Lasts    map[fault.Kind]Span // of faults that last
	Amount   Amount
	Targets  []Target
	Keep     []Keep
}

// Action is a fault that has been chosen, and the targets that it is done to: one, or those of a region.
type Action struct {
	Fault   fault.Fault
	Region  string
	Targets []string
}

// World is what counts when a fault is chosen.
type World struct {
	Whole map[string]bool // targets by name
	Busy  int             // faults under way
}

// At is when the n-th decision is due, counted from the beginning; false: there is none.
func (p *Plan) At(n int) (time.Duration, bool) {
	if p.Every > 0 {
		at := time.Duration(n+1) * p.Every
		return at, at < p.For
	}
	if n >= len(p.Schedule) {
		return 0, false
	}
	return p.Schedule[n].At, p.Schedule[n].At < p.For
}

// Choose decides on the n-th fault. It depends on the plan, n and the world only. The text says why there is none.
//
// By chance every fault that is allowed has its turn once before any comes again; where it cannot be done now, the next
// one that can is.
func (p *Plan) Choose(n int, w World) (Action, string) {
	if p.Every == 0 {
		s := p.Schedule[n]
		a := p.action(candidate{s.Fault, s.Target}, s, n)
		return a, p.hindrance(a, w)
	}
	all := p.candidates()
	if len(all) == 0 {
		return Action{}, "no target allows a fault"
	}
	round, turn := n/len(all), n%len(all)
	order := rand.New(rand.NewPCG(p.Seed, uint64(round))).Perm(len(all)) //nolint:gosec // not negative
	why := ""
	for i := range all {
		c := all[order[(turn+i)%len(all)]]
		a := p.action(c, Step{}, n)
		h := p.hindrance(a, w)
		if h == "" {
			return a, ""
		}
		if why == "" {
			why = h
		}
	}
	return Action{}, why
}

// candidate is something that could be done to a target, or to a region.
type candidate struct {
	fault fault.Kind
	name  string
}

// candidates are all that is allowed, in the order of the plan.
func (p *Plan) candidates() (out []candidate) {
	var regions []string
	for _, t := range p.Targets {
		for _, k := range t.Allow {
			if k != fault.Region {
				out = append(out, candidate{k, t.Name})
			} else if !slices.Contains(regions, t.Region) {
				regions = append(regions, t.Region)
				out = append(out, candidate{k, t.Region})
			}
		}
	}
	return out
}

// action fills in what is left to chance.
func (p *Plan) action(c candidate, s Step, n int) Action {
	rnd := rand.New(rand.NewPCG(p.Seed, 1<<32+uint64(n))) //nolint:gosec // not negative
	a := Action{Fault: fault.Fault{Kind: c.fault, Leg: s.Leg}}
	for _, t := range p.Targets {
		switch {
		case c.fault == fault.Region && t.Region == c.name && slices.Contains(t.Allow, fault.Region):
			a.Region, a.Targets = c.name, append(a.Targets, t.Name)
		case c.fault != fault.Region && t.Name == c.name && slices.Contains(t.Allow, c.fault):
			a.Targets = append(a.Targets, t.Name)
			if leg := rnd.IntN(max(1, len(t.Legs))); c.fault == fault.Cut && s.Leg == "" && len(t.Legs) > 0 {
				a.Fault.Leg = t.Legs[leg]
			}
		}
	}
	span := s.For
	if span == (Span{}) {
		span = p.Lasts[c.fault]
	}
	f := &a.Fault
	f.For = span.Least
	if d := span.Most - span.Least; d > 0 {
		f.For += time.Duration(rnd.Int64N(int64(d) + 1)).Round(100 * time.Millisecond)
	}
	f.Seed = rnd.Uint64()
	p.amount(f, rnd)
	return a
}

func (p *Plan) amount(f *fault.Fault, rnd *rand.Rand) {
	switch f.Kind {
	case fault.Loss:
		f.Loss = p.Amount.Loss
	case fault.Delay:
		f.Delay = p.Amount.Delay
	case fault.Slow:
		f.Rate = p.Amount.Slow
	case fault.Fill:
		f.Rest = p.Amount.Rest
	case fault.Jump:
		f.Jump = p.Amount.Jump
		if rnd.IntN(2) == 0 {
			f.Jump = -f.Jump
		}
	default:
	}
}

// hindrance says why something must not be done now; empty: it may.
func (p *Plan) hindrance(a Action, w World) string {
	if len(a.Targets) == 0 {
		return "no target allows it"
	}
	if w.Busy >= p.AtOnce {
		return "as many faults as at_once allows are under way"
	}
	for _, name := range a.Targets {
		if !w.Whole[name] {
			return name + " is not whole yet"
		}
	}
	for _, k := range p.Keep {
		if !p.concerns(k, a) {
			continue
		}
		left := 0
		for _, name := range k.Of {
			if p.whole(name, a, w) {
				left++
			}
		}
		if left < k.Whole {
			return "less would be whole than keep asks for"
		}
	}
	return ""
}

// concerns tells whether an action touches anybody whom a rule is about.
func (p *Plan) concerns(k Keep, a Action) bool {
	return slices.ContainsFunc(p.Targets, func(t Target) bool {
		return slices.Contains(a.Targets, t.Name) && (slices.Contains(k.Of, t.Name) ||
			t.Region != "" && slices.Contains(k.Of, t.Region))
	})
}

// whole tells whether a target, or a region, will be whole with an action.
func (p *Plan) whole(name string, a Action, w World) bool {
	return !slices.ContainsFunc(p.Targets, func(t Target) bool {
		of := t.Name == name || t.Region == name
		return of && (!w.Whole[t.Name] || slices.Contains(a.Targets, t.Name))
	})
}
