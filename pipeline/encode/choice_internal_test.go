package encode

import (
	"testing"

	"onair/pkg/tick"
)

func TestChoice(t *testing.T) {
	type state struct{ silent, unprobed bool }
	ok, silent, unprobed := state{}, state{silent: true}, state{unprobed: true}
	for name, c := range map[string]struct {
		a, b, c state
		asked   string
		last    string
		waited  tick.Tick // since the last run ended
		want    string    // empty: none yet
	}{
		"at the start the first":                              {ok, ok, ok, "auto", "", 0, "a"},
		"at the start the first is waited for":                {unprobed, ok, ok, "auto", "", 0, ""},
		"but not for ever":                                    {unprobed, ok, ok, "auto", "", 4 * tick.Second, "b"},
		"a silent one is not waited for":                      {silent, ok, ok, "auto", "", 0, "b"},
		"the one on air stays":                                {ok, ok, ok, "auto", "b", 0, "b"},
		"the one on air is waited for while it is probed":     {ok, unprobed, ok, "auto", "b", tick.Second, ""},
		"the one on air is left when it stays without result": {ok, unprobed, ok, "auto", "b", 4 * tick.Second, "a"},
		"the one on air is lost":                              {ok, silent, ok, "auto", "b", 0, "a"},
		"the one that is asked for":                           {ok, ok, ok, "c", "b", 0, "c"},
		"it cannot: the one on air stays":                     {ok, ok, silent, "c", "b", 0, "b"},
		"it is not probed yet: the one on air stays":          {ok, ok, unprobed, "c", "b", 0, "b"},
		"nothing comes":                                       {silent, silent, silent, "auto", "a", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 'a', 'b', 'c')
			for i, s := range []state{c.a, c.b, c.c} {
				r.sources[i].arrive(noon + slot)
				r.sources[i].unprobed = s.unprobed
				if s.silent {
					r.sources[i].last = noon - 10*tick.Second
				}
			}
			now := noon + 20*tick.Second
			for _, s := range r.sources {
				s.last += 20*tick.Second - slot
			}
			r.e.last, r.e.choice, r.e.freedAt = c.last, c.asked, now-c.waited
			src, ok := r.e.choose(now)
			if ok != (c.want != "") || src.Input != c.want {
				t.Fatalf("chose %q", src.Input)
			}
		})
	}
}

func TestRejoinLeavesOutWhatLiesBeforeAnAbsence(t *testing.T) {
	b := newBench()
	b.anchor(1)
	b.frames(0, 50, 1, 1)
	src := b.src
	src.bridge = 2 * tick.Second
	src.rejoin()
	if src.after != 0 {
		t.Fatalf("position %d without an absence", src.after)
	}
	next := b.spool.Stats().Next
	b.frames(500, 5, 1, 1)
	src.rejoin()
	if src.after != next {
		t.Fatalf("begins at position %d, want %d", src.after, next)
	}
	if in, ok := src.enter(noon+520*slot, noon+505*slot); !ok || in.at != noon+500*slot {
		t.Fatalf("enters at slot %d (%t)", (in.at-noon)/slot, ok)
	}
}

func TestFeedEndsAtAnAbsenceThatIsNotBridged(t *testing.T) {
	for name, c := range map[string]struct {
		missing int
		frames  int
	}{"short": {40, 50 + 60}, "long": {60, 50}} {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			b.anchor(1)
			b.frames(0, 50, 1, 1)
			b.frames(50+c.missing, 60, 1, 1)
			b.src.bridge = 2 * tick.Second
			f, out := b.feed(t, bothPIDs, noon)
			if err := drain(t, f); (err == nil) != (c.missing < 50) {
				t.Fatalf("feed ended with %v", err)
			}
			if n := len(fed(t, out.Bytes())[videoPID]); n != c.frames {
				t.Fatalf("%d frames, want %d", n, c.frames)
			}
		})
	}
}
