package selector_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"onair/pkg/selector"
	"onair/pkg/tick"
)

const (
	s    = tick.Second
	step = s / 10
)

var standard = selector.Conditions{
	Loss: s / 2, ReturnAfter: 30 * s, Errors: 10, Black: 5 * s, Freeze: 5 * s, Silence: 5 * s,
}

// world is inputs, a clock, and an encoder that does at once what it is told.
type world struct {
	sel    *selector.Selector
	now    tick.Tick
	health []selector.Health
	onAir  string
	log    []entry
}

type entry struct {
	at tick.Tick
	selector.Decision
}

func newWorld(c selector.Conditions, names ...string) *world {
	w := &world{sel: selector.New(c), now: 1000 * s}
	for _, n := range names {
		w.health = append(w.health, selector.Health{Name: n, Alive: true})
	}
	return w
}

func (w *world) in(name string) *selector.Health {
	for i := range w.health {
		if w.health[i].Name == name {
			return &w.health[i]
		}
	}
	return nil
}

// step decides once and does what was decided.
func (w *world) step() selector.Decision {
	w.now += step
	d := w.sel.Decide(w.now, w.health)
	if d.Input != w.onAir {
		w.log = append(w.log, entry{w.now, d})
		w.onAir = d.Input
	}
	w.sel.OnAir(w.onAir)
	return d
}

func (w *world) run(span tick.Tick) {
	for end := w.now + span; w.now < end; {
		w.step()
	}
}

func (w *world) want(t *testing.T, input string) {
	t.Helper()
	if w.onAir != input {
		t.Fatalf("on air is %q, want %q; log %+v", w.onAir, input, w.log)
	}
}

// last checks the newest switch.
func (w *world) last(t *testing.T, cause selector.Cause, urgent bool, reason string) {
	t.Helper()
	if len(w.log) == 0 {
		t.Fatal("nothing was switched")
	}
	e := w.log[len(w.log)-1]
	if e.Cause != cause || e.Urgent != urgent || !strings.Contains(e.Reason, reason) {
		t.Fatalf("the last switch is %+v; want cause %s, urgent %t, %q", e, cause, urgent, reason)
	}
}

func TestSwitches(t *testing.T) {
	silent := func(h *selector.Health) { h.Silent = s }
	well := func(h *selector.Health) { *h = selector.Health{Name: h.Name, Alive: true} }
	black := func(h *selector.Health) { h.Black = 5 * s }
	unknown := func(h *selector.Health) { h.Alive = false }
	type act struct {
		input string
		do    func(*selector.Health)
		span  tick.Tick
		want  string
	}
	for name, c := range map[string]struct {
		choose string
		acts   []act
		cause  selector.Cause
		urgent bool
		reason string
	}{
		"starts with the first": {"", []act{{"a", well, s, "a"}}, selector.Start, false, "start with a"},
		"at the start a preferred one that sends is waited for": {"", []act{{"a", unknown, 2 * s, ""}, {"a", well, s, "a"}},
			selector.Start, false, "a"},
		"but not for ever":              {"", []act{{"a", unknown, 2 * s, ""}, {"a", unknown, 2 * s, "b"}}, selector.Start, false, "b"},
		"one that is lost is left":      {"", []act{{"a", well, s, "a"}, {"a", silent, s, "b"}}, selector.Loss, true, "a is lost, nothing has come for 1s: switching to b"},
		"in the order of preference":    {"", []act{{"a", well, s, "a"}, {"b", silent, s, "a"}, {"a", silent, s, "c"}}, selector.Loss, true, "to c"},
		"to nothing when there is none": {"", []act{{"b", silent, 0, ""}, {"c", silent, s, "a"}, {"a", silent, s, ""}}, selector.Loss, true, "no other input"},
		"what is well goes before what is black": {"", []act{{"a", well, s, "a"}, {"b", black, 0, "a"}, {"a", silent, s, "c"}},
			selector.Loss, true, "to c"},
		"black is better than nothing": {"", []act{{"c", silent, 0, ""}, {"b", black, s, "a"}, {"a", silent, s, "b"}}, selector.Loss, true, "to b"},
		"a black one is left":          {"", []act{{"a", well, s, "a"}, {"a", black, s, "b"}}, selector.Black, true, "a is black for 5s: switching to b"},
		"a frozen one is left": {"", []act{{"a", well, s, "a"}, {"a", func(h *selector.Health) { h.Freeze = 6 * s }, s, "b"}},
			selector.Freeze, true, "a stands still for 6s"},
		"a mute one is left": {"", []act{{"a", well, s, "a"}, {"a", func(h *selector.Health) { h.Silence = 6 * s }, s, "b"}},
			selector.Silence, true, "a has no sound for 6s"},
		"a damaged one is left": {"", []act{{"a", well, s, "a"}, {"a", func(h *selector.Health) { h.Errors = 10 }, s, "b"}},
			selector.Errors, true, "a has 10 transport errors"},
		"when all are black none is left": {"", []act{{"a", well, s, "a"}, {"b", black, 0, "a"}, {"c", black, 0, "a"}, {"a", black, 60 * s, "a"}},
			selector.Start, false, ""},
		"a format that changes is waited for": {"", []act{{"a", well, s, "a"}, {"a", unknown, 2 * s, "a"}, {"a", well, s, "a"}},
			selector.Start, false, ""},
		"but not for long":             {"", []act{{"a", well, s, "a"}, {"a", unknown, 4 * s, "b"}}, selector.Loss, true, "a sends nothing that can be used"},
		"not back before return_after": {"", []act{{"a", well, s, "a"}, {"a", silent, s, "b"}, {"a", well, 29 * s, "b"}}, selector.Loss, true, ""},
		"back after return_after": {"", []act{{"a", well, s, "a"}, {"a", silent, s, "b"}, {"a", well, 31 * s, "a"}},
			selector.Return, false, "a has been well for 30s: returning to it"},
		"a break begins it anew": {"", []act{
			{"a", well, s, "a"}, {"a", silent, s, "b"}, {"a", well, 20 * s, "b"}, {"a", black, s, "b"}, {"a", well, 25 * s, "b"},
		}, selector.Loss, true, ""},
		"from nothing back when settled": {"", []act{
			{"b", silent, 0, ""}, {"c", silent, s, "a"}, {"a", silent, s, ""}, {"a", well, s, ""}, {"a", well, 2 * s, "a"},
		}, selector.Back, false, "a is back"},
		"from nothing at once to what never failed": {"", []act{
			{"b", silent, 0, ""}, {"c", silent, s, "a"}, {"a", silent, s, ""}, {"b", well, s, "b"},
		}, selector.Back, false, "b is back"},
		"what is asked for": {"c", []act{{"a", well, s, "c"}}, selector.Manual, false, "asked for"},
		"it holds when black": {"c", []act{{"a", well, s, "c"}, {"c", black, 60 * s, "c"}},
			selector.Manual, false, ""},
		"it is left when lost": {"c", []act{{"a", well, s, "c"}, {"c", silent, s, "a"}},
			selector.Loss, true, "to a"},
		"and taken again when back and settled": {"c", []act{{"a", well, s, "c"}, {"c", silent, s, "a"}, {"c", well, s, "a"}, {"c", well, 2 * s, "c"}},
			selector.Manual, false, ""},
		"meanwhile the others are chosen from as ever": {"c", []act{{"a", well, s, "c"}, {"c", silent, s, "a"}, {"a", black, s, "b"}},
			selector.Black, true, "to b"},
		"what is asked for and lost is not gone to": {"c", []act{{"c", silent, s, "a"}}, selector.Start, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(standard, "a", "b", "c")
			if c.choose != "" {
				w.sel.Choose(c.choose)
			}
			for _, x := range c.acts {
				x.do(w.in(x.input))
				if x.span == 0 {
					continue
				}
				w.run(x.span)
				w.want(t, x.want)
			}
			w.last(t, c.cause, c.urgent, c.reason)
		})
	}
}

// TestInputsComeGoAndChangePlaces: what is to go is left without haste when another is well, and never taken; the order
// is that of the newest reading.
func TestInputsComeGoAndChangePlaces(t *testing.T) {
	w := newWorld(standard, "a", "b")
	w.run(s)
	w.in("a").Leaving, w.in("b").Black = true, 9*s
	w.run(s)
	w.want(t, "a") // the other one is black
	w.in("b").Black = 0
	w.run(s)
	w.want(t, "b")
	w.last(t, selector.Config, false, "a is changed in the channel's file: switching to b")
	w.in("b").Silent = s
	w.run(s)
	w.want(t, "")
	w.in("b").Silent = 0
	w.run(3 * s)
	w.want(t, "b")
	w.sel.Choose("a")
	w.run(60 * s)
	w.want(t, "b")
	w.sel.Choose("b") // by hand, and left all the same
	w.health = []selector.Health{{Name: "c", Alive: true}, {Name: "b", Alive: true, Leaving: true}}
	w.run(s)
	w.want(t, "c")
	w.sel.Choose(selector.Auto)
	w.health = []selector.Health{{Name: "b", Alive: true}, {Name: "c", Alive: true}}
	w.run(29 * s)
	w.want(t, "c")
	w.run(2 * s)
	w.want(t, "b")
	w.last(t, selector.Return, false, "b has been well")
	w.sel.Change(selector.Conditions{ReturnAfter: s, Black: s})
	w.in("b").Black = 2 * s
	w.run(s)
	w.want(t, "c")
}

func TestAutoGivesTheChoiceBack(t *testing.T) {
	w := newWorld(standard, "a", "b")
	w.run(s)
	w.sel.Choose("b")
	w.run(60 * s)
	w.want(t, "b")
	w.sel.Choose(selector.Auto)
	w.run(s)
	w.want(t, "a") // it has been well all the time
	w.last(t, selector.Return, false, "")
}

func TestConditionsThatAreOffAreNotLookedAt(t *testing.T) {
	w := newWorld(selector.Conditions{Loss: s / 2, ReturnAfter: 30 * s}, "a", "b")
	w.run(s)
	*w.in("a") = selector.Health{Name: "a", Alive: true, Errors: 1000, Black: 99 * s, Freeze: 99 * s, Silence: 99 * s}
	w.run(10 * s)
	w.want(t, "a")
}

// An encoder that does not follow is asked again and again; what it shows is what counts.
func TestADecisionThatIsNotCarriedOutStands(t *testing.T) {
	w := newWorld(standard, "a", "b")
	w.run(s)
	w.in("a").Silent = s
	for range 100 {
		w.now += step
		if d := w.sel.Decide(w.now, w.health); d.Input != "b" || !d.Urgent {
			t.Fatalf("decided %+v", d)
		}
	}
	w.in("a").Silent = 0
	w.run(10 * s)
	w.want(t, "a")
	if n := len(w.log); n != 1 {
		t.Fatalf("%d switches, the input came back before one was made: %+v", n, w.log)
	}
}

func TestAFlappingInputIsTakenEverMoreSeldom(t *testing.T) {
	w := newWorld(standard, "a")
	w.run(s)
	for range 60 { // a cut of a second every three seconds
		w.in("a").Silent = s
		w.run(s)
		w.in("a").Silent = 0
		w.run(2 * s)
	}
	if n := len(w.log); n < 4 || n > 4*3 {
		t.Fatalf("%d switches in three minutes", n)
	}
}

// Whatever the inputs do, none is put on air more than six times within Memory: at once, then after 2, 4, 8, 8 and 8 s.
func TestItNeverFlaps(t *testing.T) {
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(standard, "a", "b", "c")
		pace := s * tick.Tick(1+rnd.IntN(5)) / 2
		var taken []entry
		for range 400 {
			h := &w.health[rnd.IntN(3)]
			*h = selector.Health{Name: h.Name, Alive: rnd.IntN(8) > 0}
			switch rnd.IntN(7) {
			case 0, 1:
				h.Silent = s
			case 2:
				h.Black = 6 * s
			case 3:
				h.Errors = 50
			case 4:
				h.Freeze = 6 * s
			}
			if rnd.IntN(40) == 0 {
				w.sel.Choose([]string{"a", "b", "c", selector.Auto}[rnd.IntN(4)])
			}
			w.run(pace)
		}
		for _, e := range w.log {
			if e.Cause != selector.Manual {
				taken = append(taken, e)
			}
		}
		for i, e := range taken {
			n := 0
			for _, later := range taken[i:] {
				if later.at-e.at < selector.Memory && later.Input == e.Input && e.Input != "" {
					n++
				}
			}
			if n > 6 {
				t.Fatalf("seed %d: %s was put on air %d times within %v", seed, e.Input, n, selector.Memory.Duration())
			}
		}
		if len(taken) < 10 {
			t.Fatalf("seed %d: only %d switches", seed, len(taken))
		}
	}
}

// Nobody's picture is shown only while no input has come for as long as the most cautious settling takes.
func TestNothingIsShownOnlyWhenNothingCan(t *testing.T) {
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		w := newWorld(standard, "a", "b")
		since := [2]tick.Tick{}
		nothing := 0
		for range 400 {
			w.health[rnd.IntN(2)].Silent = s * tick.Tick(rnd.IntN(2))
			for range 10 + rnd.IntN(100) {
				w.step()
				for i, h := range w.health {
					if h.Silent > 0 {
						since[i] = w.now
					}
				}
				if w.onAir != "" {
					continue
				}
				nothing++
				if lasts := w.now - min(since[0], since[1]); lasts > selector.SettleMost+s {
					t.Fatalf("seed %d: nothing is on air although an input has come for %v", seed, lasts.Duration())
				}
			}
		}
		if nothing == 0 {
			t.Fatalf("seed %d: something was on air all the time", seed)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	w := newWorld(standard, "a", "b", "c")
	b.ReportAllocs()
	for b.Loop() {
		w.step()
	}
}
