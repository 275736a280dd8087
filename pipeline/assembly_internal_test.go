package pipeline

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"onair/pipeline/encode"
	"onair/pipeline/publish"
	"onair/pkg/fmp4"
	"onair/pkg/ladder"
	"onair/pkg/presentation"
	"onair/pkg/store"
	"onair/pkg/tick"
)

const slot = tick.Second / 25

var (
	noon  = tick.Tick(1_785_000_000) * tick.Second
	grid2 = tick.Grid{Rate: tick.Rate{Num: 25, Den: 1}, Frames: 50, GOP: 25, T: 2 * tick.Second}
	aac   = tick.Audio{Rate: 48_000, Samples: 1024}
)

// assemblyRig is an assembly of one picture and one sound, with a publisher that does not run: what waits there shows.
type assemblyRig struct {
	*assembly
	t      *testing.T
	p      *publish.Publisher
	events *told
	n      map[string]int64 // next frame of each rendition, counted from noon's
}

func newAssemblyRig(t *testing.T) *assemblyRig {
	t.Helper()
	rs := []ladder.Rendition{
		ladder.Rendition{Name: "v", Kind: ladder.Video, Width: 192, Height: 108, Rate: grid2.Rate, Bitrate: 100_000}.WithDefaults(),
		ladder.Rendition{Name: "a", Kind: ladder.Audio, Bitrate: 64_000, Channels: 2}.WithDefaults(),
	}
	a, err := newAssembly(grid2, aac, rs)
	if err != nil {
		t.Fatal(err)
	}
	var tracks []presentation.Track
	for _, r := range rs {
		tracks = append(tracks, trackOf(r, grid2.T))
	}
	p, err := publish.New(publish.Config{Store: store.NewMemory(), Presentation: presentation.Config{
		Channel: "news", Grid: grid2, Audio: aac, Window: 60 * tick.Second, Tracks: tracks,
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := &assemblyRig{assembly: a, t: t, p: p, events: &told{}, n: map[string]int64{"a": aac.Next(noon)}}
	a.outlets, a.event = []outlet{{Publisher: p}}, r.events.add
	return r
}

func header(t *testing.T, name string) fmp4.Header {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "pkg", "fmp4", "testdata", name+".mp4"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := fmp4.NewReader(bytes.NewReader(b)).Header()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (r *assemblyRig) heads(run int) {
	r.t.Helper()
	for name, of := range map[string]string{"v": "h264", "a": "aac"} {
		if err := r.Header(run, name, header(r.t, of)); err != nil {
			r.t.Fatal(err)
		}
	}
}

// until brings a rendition's frames up to seconds after noon.
func (r *assemblyRig) until(run int, rendition string, seconds int) {
	end := noon + tick.Tick(seconds)*tick.Second
	for {
		at := noon + tick.Tick(r.n[rendition])*slot
		if rendition == "a" {
			at = aac.At(r.n[rendition])
		}
		if at >= end {
			return
		}
		f := encode.Frame{PTS: at, DTS: at, Sync: rendition == "a" || r.n[rendition]%25 == 0, Data: []byte("x")}
		if err := r.Frame(run, rendition, f); err != nil {
			r.t.Error(err)
			return
		}
		r.n[rendition]++
	}
}

func (r *assemblyRig) wantWaiting(published, held int) {
	r.t.Helper()
	r.mu.Lock()
	n := len(r.held)
	r.mu.Unlock()
	if q := r.p.Status().Queue; q != published || n != held {
		r.t.Fatalf("%d segment numbers published, %d segments held; want %d and %d", q, n, published, held)
	}
}

func TestSegmentsWaitForEveryInitialization(t *testing.T) {
	r := newAssemblyRig(t)
	r.Take(1, 0, noon, noon)
	if err := r.Header(1, "v", header(t, "h264")); err != nil {
		t.Fatal(err)
	}
	r.until(1, "v", 3)
	r.wantWaiting(0, 1)
	if err := r.Header(1, "a", header(t, "aac")); err != nil {
		t.Fatal(err)
	}
	r.wantWaiting(0, 1)
	r.until(1, "a", 3)
	r.wantWaiting(1, 0)
}

func TestANumberWaitsForItsRenditionsButNotForEver(t *testing.T) {
	r := newAssemblyRig(t)
	r.heads(1)
	r.Take(1, 0, noon, noon)
	r.until(1, "v", 3)
	r.wantWaiting(0, 1)
	r.until(1, "a", 3)
	r.wantWaiting(1, 0)
	for s := 5; s <= 13; s += 2 { // no sound any more: each number comes two seconds after its end, not later and later
		r.until(1, "v", s)
		r.wantWaiting(s/2-1, 1)
		r.until(1, "v", s+1)
		r.wantWaiting(s/2, 1) // the next one is complete
	}
}

// While a run is replaced nothing advances: whatever that takes, no number is given up.
func TestACrashGivesNoNumberUp(t *testing.T) {
	r := newAssemblyRig(t)
	r.heads(1)
	r.Take(1, 0, noon, noon)
	r.until(1, "v", 3)
	r.until(1, "a", 5)
	r.wantWaiting(1, 1)
	r.Done(1)
	at, _, _ := r.Next(true)
	r.Take(2, 0, at, at)
	r.heads(2)
	r.n["v"], r.n["a"] = 50, aac.Next(at)
	for s := 3; s <= 7; s++ {
		r.until(2, "a", s)
		r.until(2, "v", s)
	}
	r.wantWaiting(3, 0)
}

// In a hand-over the pictures before it are waited for as long as the old run lives, however far the new one is. Its
// sound is not: the source may have none any more.
func TestAHandOverGivesNoPicturesUp(t *testing.T) {
	r := newAssemblyRig(t)
	r.heads(1)
	r.Take(1, 0, noon, noon)
	r.until(1, "v", 3)
	r.until(1, "a", 4)
	at := noon + 4*tick.Second
	r.Take(2, 0, at, at)
	r.heads(2)
	lacking := r.n["v"]
	r.n["v"] = int64((at - noon) / slot)
	r.until(2, "v", 9)
	r.until(2, "a", 9)
	r.wantWaiting(1, 3) // the sound of the segment that lacks pictures, and of two more
	if video, _, _ := r.Next(false); video != noon+3*tick.Second {
		t.Errorf("pictures are wanted %v after noon", (video - noon).Duration())
	}
	r.n["v"] = lacking
	r.until(1, "v", 4)
	r.wantWaiting(4, 0)

	at = noon + 10*tick.Second
	r.Take(3, 0, at, at)
	r.n["v"] = int64(9 * tick.Second / slot)
	r.until(2, "v", 10)
	r.wantWaiting(4, 1)
	r.until(3, "v", 13)
	r.wantWaiting(5, 1)
}

func TestASegmentThatIsGivenUpDelaysNoOther(t *testing.T) {
	r := newAssemblyRig(t)
	r.heads(1)
	r.Take(1, 0, noon, noon)
	r.until(1, "v", 3)
	r.until(1, "a", 1)
	r.wantWaiting(0, 1)
	r.n["a"] = aac.Next(noon + 3*tick.Second) // sound is missing
	r.until(1, "a", 4)
	r.wantWaiting(1, 0)
	if !strings.Contains(r.events.text(), "frames are missing") {
		t.Fatalf("events %q", r.events.text())
	}
}

func TestAnotherInitializationIsRefused(t *testing.T) {
	r := newAssemblyRig(t)
	r.heads(1)
	r.heads(2) // the same
	if err := r.Header(3, "v", header(t, "hevc")); err == nil || !strings.Contains(err.Error(), "run 3") {
		t.Fatalf("error %v", err)
	}
}

func TestNext(t *testing.T) {
	r := newAssemblyRig(t)
	if _, _, ok := r.Next(false); ok {
		t.Fatal("something is wanted before anything")
	}
	r.from = noon - 10*tick.Second
	if v, a, ok := r.Next(true); !ok || v != r.from || a != r.from {
		t.Fatalf("after an earlier process %d, %d, %t", v, a, ok)
	}
	r.heads(1)
	r.Take(1, 0, noon, noon)
	r.until(1, "v", 5)
	r.until(1, "a", 3)
	if v, a, _ := r.Next(false); v != noon+5*tick.Second || a != aac.At(aac.Next(noon+3*tick.Second)) {
		t.Fatalf("wanted next: %v and %v after noon", (v - noon).Duration(), (a - noon).Duration())
	}
	if v, a, _ := r.Next(true); v != noon+2*tick.Second || a != v {
		t.Fatalf("first incomplete segment: %v and %v after noon", (v - noon).Duration(), (a - noon).Duration())
	}
}

// What is listed is not encoded again, however far back a rendition is that was given up.
func TestNextLeavesOutWhatIsListed(t *testing.T) {
	r := newAssemblyRig(t)
	r.heads(1)
	r.Take(1, 0, noon, noon)
	r.until(1, "a", 3)
	r.until(1, "v", 61)
	listed := noon + 58*tick.Second
	for whole, want := range map[bool][2]tick.Tick{
		true: {listed, listed}, false: {noon + 61*tick.Second, listed},
	} {
		if v, a, _ := r.Next(whole); v != want[0] || a != want[1] {
			t.Errorf("whole %v: wanted next %v and %v after noon", whole, (v - noon).Duration(), (a - noon).Duration())
		}
	}
}

func TestARunThatRepeatsASegmentFillsIt(t *testing.T) {
	r := newAssemblyRig(t)
	r.heads(1)
	r.Take(1, 0, noon, noon)
	r.until(1, "v", 5)
	r.until(1, "a", 3)
	r.Done(1)
	at, _, _ := r.Next(true)
	r.Take(2, 0, at, at)
	r.heads(2)
	r.n["v"], r.n["a"] = 50, aac.Next(at)
	r.until(2, "v", 7)
	r.until(2, "a", 7)
	r.wantWaiting(3, 0)
	if r.events.text() != "" {
		t.Fatal(r.events.text())
	}
}

// Renditions come from goroutines of their own, and so do those of two runs at a hand-over.
func TestFramesOfTwoRunsAtOnce(t *testing.T) {
	r := newAssemblyRig(t)
	r.heads(1)
	r.heads(2)
	r.Take(1, 0, noon, noon)
	at := noon + 8*tick.Second
	r.Take(2, 0, at, at)
	var wg sync.WaitGroup
	for _, name := range []string{"v", "a"} {
		first, second := *r, *r
		first.n, second.n = map[string]int64{"a": aac.Next(noon)}, map[string]int64{"v": 200, "a": aac.Next(at)}
		wg.Go(func() { first.until(1, name, 8) })
		wg.Go(func() { second.until(2, name, 16) })
	}
	wg.Go(func() {
		for range 100 {
			r.Next(true)
			for _, tr := range r.current() {
				renditionStatus(tr)
			}
		}
	})
	wg.Wait()
	for _, tr := range r.current() {
		if err := r.Frame(2, tr.Name, encode.Frame{DTS: noon, PTS: noon}); err != nil { // a late one, to take in what waited
			t.Fatal(err)
		}
	}
	r.wantWaiting(8, 0)
	if r.events.text() != "" {
		t.Fatal(r.events.text())
	}
}

func TestNextOfSoundAlone(t *testing.T) {
	sound := ladder.Rendition{Name: "a", Kind: ladder.Audio, Bitrate: 96_000}.WithDefaults()
	a, err := newAssembly(tick.Grid{T: 2 * tick.Second}, aac, []ladder.Rendition{sound})
	if err != nil {
		t.Fatal(err)
	}
	a.Take(1, 0, noon, noon)
	for _, whole := range []bool{false, true} {
		if video, audio, ok := a.Next(whole); !ok || video != audio || (audio-noon).Abs() > aac.Frame() {
			t.Errorf("whole %v: video %v, audio %v, %v", whole, video-noon, audio-noon, ok)
		}
	}
}
