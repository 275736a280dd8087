package effort_test

import (
	"slices"
	"testing"

	"onair/pkg/effort"
	"onair/pkg/tick"
)

func TestAFailureThatHappensOnceIsForgiven(t *testing.T) {
	var f effort.Faults
	for i := range 5 {
		if f.Fails(minute+2*minute*tick.Tick(i), "v", "x") {
			t.Fatal("left out for failures minutes apart")
		}
	}
	if len(f.Out()) != 0 || f.Due(100*minute) {
		t.Fatalf("out: %v", f.Out())
	}
}

func TestARenditionThatFailsAgainIsLeftOutLongerAndLonger(t *testing.T) {
	var f effort.Faults
	now := minute
	f.Fails(now, "v", "first")
	f.Fails(now, "w", "another's")
	for i, want := range []int{1, 5, 30, 30, 30} {
		if !f.Fails(now+second, "v", "broken") {
			t.Fatalf("failure %d: not left out", i)
		}
		reason, back := f.Why("v")
		if reason != "broken" || back != now+second+minute*tick.Tick(want) || !slices.Equal(f.Out(), []string{"v"}) {
			t.Fatalf("failure %d: out %v because of %q until %v", i, f.Out(), reason, (back - now).Duration())
		}
		if f.Due(back-1) || !f.Due(back) || f.Return(back-1) != nil {
			t.Fatal("back at another time")
		}
		if got := f.Return(back); !slices.Equal(got, []string{"v"}) || len(f.Out()) != 0 {
			t.Fatalf("back are %v", got)
		}
		now = back
	}
	now += 20 * minute // it has worked
	if f.Fails(now, "v", "x") {
		t.Fatal("one failure after a long time")
	}
	f.Fails(now, "v", "x")
	if _, back := f.Why("v"); back != now+minute {
		t.Fatalf("out for %v", (back - now).Duration())
	}
	f.Forgive()
	if f.Out() != nil || f.Due(now+60*minute) {
		t.Fatal("not forgiven")
	}
}
