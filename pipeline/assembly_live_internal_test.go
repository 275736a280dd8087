package pipeline

import (
	"testing"

	"onair/pkg/tick"
)

func TestARenditionThatNoRunBringsIsNotWaitedFor(t *testing.T) {
	r := newAssemblyRig(t)
	r.Take(1, 0, noon, noon)
	if err := r.Header(1, "v", header(t, "h264")); err != nil {
		t.Fatal(err)
	}
	r.until(1, "v", 3)
	r.wantWaiting(0, 1)
	r.Expect([]string{"v"})
	r.wantWaiting(1, 0)
	r.until(1, "v", 6)
	r.wantWaiting(3, 0)
	if video, audio, ok := r.Next(false); !ok || video != noon+6*tick.Second || audio != video {
		t.Fatalf("next are %v and %v after noon", (video - noon).Duration(), (audio - noon).Duration())
	}
	if video, _, _ := r.Next(true); video != noon+6*tick.Second {
		t.Fatalf("the next whole segment is %v after noon", (video - noon).Duration())
	}
}

func TestARenditionThatIsBackCountsFromItsFirstSegment(t *testing.T) {
	r := newAssemblyRig(t)
	r.Expect([]string{"v"})
	r.Take(1, 0, noon, noon)
	if err := r.Header(1, "v", header(t, "h264")); err != nil {
		t.Fatal(err)
	}
	r.until(1, "v", 60)
	version := r.now.version
	from := noon + 60*tick.Second
	r.Take(2, 0, from, from) // a hand-over to a run that brings both
	r.Done(1)
	r.Expect([]string{"v", "a"})
	if err := r.Header(2, "a", header(t, "aac")); err != nil {
		t.Fatal(err)
	}
	if version == "" || r.now.version != version {
		t.Errorf("initializations are named %q, before %q", r.now.version, version)
	}
	held := r.p.Status().Queue
	r.until(2, "v", 63)
	r.wantWaiting(held, 1)
	r.n["a"] = aac.Next(from) - 2
	r.until(2, "a", 63)
	r.wantWaiting(held+1, 0)
	if all := r.events.text(); all != "" {
		t.Errorf("told: %s", all)
	}
}
