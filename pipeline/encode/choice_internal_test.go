package encode

import (
	"testing"

	"onair/pkg/tick"
)

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
