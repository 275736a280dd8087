package pipeline

import (
	"strings"
	"testing"

	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// offered makes a ladder of the rig's renditions and a second picture, w.
func (r *assemblyRig) offered(number int) {
	r.t.Helper()
	w := ladder.Rendition{Name: "w", Kind: ladder.Video, Width: 96, Height: 54, Rate: grid2.Rate, Bitrate: 50_000}
	of := []ladder.Rendition{r.now.tracks[0].Rendition, w.WithDefaults(), r.now.tracks[1].Rendition}
	if err := r.offer(number, of); err != nil {
		r.t.Fatal(err)
	}
	r.changed = func(message string) { r.events.add("info", message) }
}

// begin puts frames of a run at an instant.
func (r *assemblyRig) begin(at tick.Tick) {
	r.n = map[string]int64{"a": aac.Next(at), "v": int64((at - noon) / slot), "w": int64((at - noon) / slot)}
}

// TestAnotherLadderHasItsPlace: segments of the old one up to the change, all of the new one from there on, in one
// announcement, and nothing of it before it has taken over.
func TestAnotherLadderHasItsPlace(t *testing.T) {
	r := newAssemblyRig(t)
	r.heads(1)
	r.Take(1, 0, noon, noon)
	r.until(1, "v", 3)
	r.until(1, "a", 3)
	r.wantWaiting(1, 0)
	version := r.now.version
	r.offered(1)
	at := noon + 4*tick.Second
	r.Take(2, 1, at, at)
	old := r.n
	r.begin(at)
	for name, of := range map[string]string{"v": "hevc", "w": "h264", "a": "aac"} {
		if err := r.Header(2, name, header(t, of)); err != nil {
			t.Fatal(err)
		}
		r.until(2, name, 7)
	}
	r.wantWaiting(1, 3) // three of the new ladder, which may yet fail
	r.n = old
	for _, name := range []string{"v", "a"} {
		r.until(1, name, 7)
	}
	r.wantWaiting(2, 5) // and two of the old one, for that case
	if video, audio, _ := r.Next(false); min(video, audio) < at {
		t.Errorf("the old ladder's next are %v and %v after noon", (video - noon).Duration(), (audio - noon).Duration())
	}
	r.Done(1)
	r.Expect([]string{"v", "w", "a"})
	r.wantWaiting(3, 0)
	if r.now.number != 1 || r.now.version == version || !strings.Contains(r.events.text(), "another ladder from segment") {
		t.Errorf("ladder %d is on air with %q; told %q", r.now.number, r.now.version, r.events.text())
	}
	if names := strings.Join(namesOf(r.current()), " "); names != "v w a" {
		t.Errorf("tracks %s", names)
	}
	if st := renditionStatus(r.now.byName["v"]); st.Segments != 4 { // with the one of the old ladder that came to nothing
		t.Errorf("%d segments", st.Segments)
	}
}

// TestALadderThatComesToNothingLeavesNoMark: what the old one has brought meanwhile is published as if it had not been.
func TestALadderThatComesToNothingLeavesNoMark(t *testing.T) {
	r := newAssemblyRig(t)
	r.heads(1)
	r.Take(1, 0, noon, noon)
	r.offered(1)
	at := noon + 2*tick.Second
	r.Take(2, 1, at, at)
	for _, name := range []string{"v", "a"} {
		r.until(1, name, 7)
	}
	r.wantWaiting(1, 4)
	old := r.n
	r.begin(at)
	r.until(2, "w", 5)
	r.wantWaiting(1, 5)
	r.Take(1, 0, at, at) // it is given up
	r.Done(2)
	r.wantWaiting(3, 0)
	r.until(2, "w", 9) // a straggler
	r.wantWaiting(3, 0)
	r.n = old
	for _, name := range []string{"v", "a"} {
		r.until(1, name, 9)
	}
	r.wantWaiting(4, 0)
	if r.events.text() != "" || r.now.number != 0 {
		t.Errorf("told %q", r.events.text())
	}
	// and tried again
	at = noon + 10*tick.Second
	r.Take(3, 1, at, at)
	for _, name := range []string{"v", "a"} {
		r.until(1, name, 10)
	}
	r.begin(at)
	for name, of := range map[string]string{"v": "h264", "w": "h264", "a": "aac"} {
		if err := r.Header(3, name, header(t, of)); err != nil {
			t.Fatal(err)
		}
	}
	r.Expect([]string{"v", "w", "a"})
	for _, name := range []string{"v", "w", "a"} {
		r.until(3, name, 13)
	}
	r.wantWaiting(6, 0)
}

// TestTheLadderThatFollowsAnEnd: without a run of the old ladder the new one begins with the segment that is not
// complete, and what there is of that one is let go.
func TestTheLadderThatFollowsAnEnd(t *testing.T) {
	r := newAssemblyRig(t)
	r.heads(1)
	r.Take(1, 0, noon, noon)
	r.until(1, "v", 5)
	r.until(1, "a", 3)
	r.wantWaiting(1, 1)
	r.Done(1)
	r.offered(1)
	at, _, _ := r.Next(true)
	r.Take(2, 1, at, at)
	r.Expect([]string{"v", "w", "a"})
	r.wantWaiting(1, 0)
	r.begin(at)
	for name, of := range map[string]string{"v": "h264", "w": "h264", "a": "aac"} {
		if err := r.Header(2, name, header(t, of)); err != nil {
			t.Fatal(err)
		}
		r.until(2, name, 7)
	}
	r.wantWaiting(3, 0)
}

// TestAnotherLadderSinksWhatIsDeclaredLater: the segments of the old ladder are listed under the same name.
func TestAnotherLadderSinksWhatIsDeclaredLater(t *testing.T) {
	r := newAssemblyRig(t)
	r.heads(1)
	r.Take(1, 0, noon, noon)
	r.until(1, "v", 1)
	r.until(1, "a", 1)
	of := []ladder.Rendition{r.now.tracks[0].Rendition, r.now.tracks[1].Rendition}
	before := of[0].Bitrate
	of[0].Bitrate /= 2
	if err := r.offer(1, of); err != nil {
		t.Fatal(err)
	}
	r.rerate(1, of, 8*tick.Second)
	r.change(1, 2, "hevc")
	v := r.now.byName["v"]
	if v.Bitrate != before/2 || v.declared != before {
		t.Fatalf("%d declared, %d encoded, %d before", v.declared, v.Bitrate, before)
	}
	r.rerate(1, of, 16*tick.Second) // a longer list keeps them for longer
	leaves := r.now.from + int64(16*tick.Second/r.grid.T) + leastListed
	if err := r.offer(2, of); err != nil {
		t.Fatal(err)
	}
	r.change(2, 4, "h264") // which took no more than the one before
	v = r.now.byName["v"]
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sink(v, leaves-1); v.declared != before {
		t.Errorf("%d declared while the first ladder's are listed", v.declared)
	}
	if r.sink(v, leaves); v.declared != before/2 || v.sinks != 0 {
		t.Errorf("%d declared when they have gone", v.declared)
	}
}

// change has the ladder of a number take over after so many seconds.
func (r *assemblyRig) change(number int, after tick.Tick, codec string) {
	r.t.Helper()
	at, old, run := noon+after*tick.Second, number, number+1
	r.Take(run, number, at, at)
	for _, name := range []string{"v", "a"} {
		r.until(old, name, int(after)+1)
	}
	r.begin(at)
	for name, of := range map[string]string{"v": codec, "a": "aac"} {
		if err := r.Header(run, name, header(r.t, of)); err != nil {
			r.t.Fatal(err)
		}
		r.until(run, name, int(after)+1)
	}
	r.Done(old)
	r.Expect([]string{"v", "a"})
	if r.now.number != number {
		r.t.Fatalf("ladder %d is on air", r.now.number)
	}
}
