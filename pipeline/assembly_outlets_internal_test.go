package pipeline

import (
	"testing"

	"onair/pipeline/publish"
	"onair/pkg/presentation"
	"onair/pkg/store"
	"onair/pkg/tick"
)

// joined is one more publisher of the rig's assembly.
func (r *assemblyRig) joined() *publish.Publisher {
	r.t.Helper()
	p, err := r.join(func(tracks []presentation.Track) (*publish.Publisher, error) {
		return publish.New(publish.Config{Store: store.NewMemory(), Presentation: presentation.Config{
			Channel: "news", Grid: grid2, Audio: aac, Window: 60 * tick.Second, Tracks: tracks,
		}})
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func wantGiven(t *testing.T, p *publish.Publisher, numbers int) {
	t.Helper()
	if st := p.Status(); st.Queue != numbers || st.Errors != 0 || st.Untaken != 0 {
		t.Errorf("%d segment numbers, %d errors (%s), %d untaken; want %d numbers", st.Queue, st.Errors, st.LastError,
			st.Untaken, numbers)
	}
}

// TestAPublisherThatJoinsGetsWhatFollows: whole segment numbers alone, until it leaves.
func TestAPublisherThatJoinsGetsWhatFollows(t *testing.T) {
	r := newAssemblyRig(t)
	early := r.joined() // before there is anything
	r.heads(1)
	r.Take(1, 0, noon, noon)
	r.until(1, "v", 9)
	r.until(1, "a", 3)
	r.wantWaiting(3, 1) // two without their sound
	late := r.joined()
	r.until(1, "a", 7) // which is too late for those
	wantGiven(t, late, 0)
	r.until(1, "a", 9)
	wantGiven(t, late, 1)
	r.leave(late)
	for _, rendition := range []string{"v", "a"} {
		r.until(1, rendition, 11)
	}
	wantGiven(t, late, 1)
	wantGiven(t, early, 5)
}

// TestAPublisherJoinsBesideAnotherLadder: before it is on air, and when it is but nothing of it is listed yet.
func TestAPublisherJoinsBesideAnotherLadder(t *testing.T) {
	r := newAssemblyRig(t)
	r.heads(1)
	r.Take(1, 0, noon, noon)
	r.until(1, "v", 3)
	r.until(1, "a", 3)
	r.offered(1)
	at := noon + 4*tick.Second
	r.Take(2, 1, at, at)
	before := r.joined()
	r.until(1, "v", 5)
	r.until(1, "a", 5)
	r.Done(1)
	r.Expect([]string{"v", "w", "a"})
	between := r.joined()
	r.begin(at)
	r.heads(2)
	if err := r.Header(2, "w", header(t, "h264")); err != nil {
		t.Fatal(err)
	}
	for _, rendition := range []string{"v", "w", "a"} {
		r.until(2, rendition, 9)
	}
	r.wantWaiting(4, 0)
	wantGiven(t, before, 3)
	wantGiven(t, between, 2)
	for _, p := range []*publish.Publisher{before, between} {
		if n := len(p.Status().Tracks); n != 3 {
			t.Errorf("%d tracks", n)
		}
	}
}
