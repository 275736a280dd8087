package presentation_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"onair/pkg/ladder"
	"onair/pkg/presentation"
	"onair/pkg/tick"
)

const (
	k0   = 446_250_000
	hour = k0 - 300 // at 4 s
)

func pal() tick.Rate { return tick.Rate{Num: 25, Den: 1} }

func config(segments int64) presentation.Config {
	return presentation.Config{
		Channel: "news", Grid: tick.Grid{Rate: pal(), Frames: 100, GOP: 50, T: 4 * tick.Second},
		Audio: tick.Audio{Rate: 48_000, Samples: 1024}, Window: tick.Tick(segments) * 4 * tick.Second,
		Tracks: []presentation.Track{
			{Name: "v720", Kind: ladder.Video, Init: "init-1.mp4"}, {Name: "v360", Kind: ladder.Video, Init: "init-1.mp4"},
			{Name: "a1", Kind: ladder.Audio, Init: "init-1.mp4"},
		},
	}
}

func window(t testing.TB, segments int64) *presentation.Window {
	t.Helper()
	w, err := presentation.New(config(segments))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// list appends k with media in every track but those named.
func list(t testing.TB, w *presentation.Window, k int64, gaps ...string) {
	t.Helper()
	segs := map[string]presentation.Segment{}
	for _, tr := range w.Snapshot().Tracks() {
		if !slices.Contains(gaps, tr.Name) {
			segs[tr.Name] = presentation.Segment{Bytes: 1}
		}
	}
	if err := w.Append(k, segs); err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// gaps draws a track: # is media, . is a gap.
func gaps(s *presentation.Snapshot, track string) string {
	var b strings.Builder
	for _, seg := range s.Segments(track) {
		if seg.Gap {
			b.WriteByte('.')
		} else {
			b.WriteByte('#')
		}
	}
	return b.String()
}

func TestConfigIsChecked(t *testing.T) {
	for name, spoil := range map[string]func(*presentation.Config){
		"no grid":         func(c *presentation.Config) { c.Grid.T = 0 },
		"no tracks":       func(c *presentation.Config) { c.Tracks = nil },
		"name twice":      func(c *presentation.Config) { c.Tracks[1].Name = "v720" },
		"no name":         func(c *presentation.Config) { c.Tracks[1].Name = "" },
		"no audio grid":   func(c *presentation.Config) { c.Audio = tick.Audio{} },
		"neither of both": func(c *presentation.Config) { c.Tracks[0].Kind = 0 },
		"more than 64":    func(c *presentation.Config) { c.Tracks = make([]presentation.Track, 65) },
	} {
		cfg := config(8)
		spoil(&cfg)
		if _, err := presentation.New(cfg); err == nil || !strings.Contains(err.Error(), `"news"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEmptyWindow(t *testing.T) {
	s := window(t, 8).Snapshot()
	equal(t, "listed", s.Len(), 0)
	equal(t, "last before first", s.Last(), s.First()-1)
	equal(t, "ready", s.Ready(), false)
	if _, ok := s.NewestMedia(); ok || len(s.Stretches()) != 0 || len(s.Segments("v720")) != 0 {
		t.Error("something is listed")
	}
	from, to := window(t, 8).Expired()
	equal(t, "expired range is empty", from > to, true)
}

func TestMissingBecomesGap(t *testing.T) {
	w := window(t, 8)
	list(t, w, k0)
	list(t, w, k0+1, "v720")
	list(t, w, k0+4)
	if err := w.Append(k0+5, map[string]presentation.Segment{"v720": {Gap: true, Slate: true, Bytes: 5}}); err != nil {
		t.Fatal(err)
	}
	s := w.Snapshot()
	equal(t, "v720", gaps(s, "v720"), "#...#.")
	equal(t, "a1", gaps(s, "a1"), "##..#.")
	equal(t, "a gap is nothing else", s.Segments("v720")[5].Slate || s.Segments("v720")[5].Bytes > 0, false)
	for i, seg := range s.Segments("a1") {
		equal(t, "number", seg.K, k0+int64(i))
		if i > 0 {
			equal(t, "audio has no hole", seg.Start, s.Segments("a1")[i-1].End)
		}
	}
	newest, ok := s.NewestMedia()
	equal(t, "newest media", newest, k0+4)
	equal(t, "has media", ok, true)
}

func TestListedNeverChanges(t *testing.T) {
	w := window(t, 8)
	list(t, w, k0)
	list(t, w, k0+3)
	before := w.Snapshot()
	for _, k := range []int64{k0 + 3, k0 + 2, k0, 0} {
		if err := w.Append(k, map[string]presentation.Segment{"v720": {}}); !errors.Is(err, presentation.ErrListed) {
			t.Errorf("segment %d: %v", k, err)
		}
	}
	equal(t, "still", gaps(w.Snapshot(), "v720"), gaps(before, "v720"))
}

func TestAppendRefusesWhatIsNotOurs(t *testing.T) {
	w := window(t, 8)
	for name, segs := range map[string]map[string]presentation.Segment{
		"unknown track": {"v1080": {}},
		"off the grid":  {"v720": {Start: 1, End: 2}},
	} {
		if err := w.Append(k0, segs); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	equal(t, "listed", w.Snapshot().Len(), 0)
	if err := w.SetTrack(presentation.Track{Name: "v1080"}); err == nil {
		t.Error("unknown track is set")
	}
	cfg := config(8)
	cfg.Tracks[0].Init = ""
	w, err := presentation.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(k0, map[string]presentation.Segment{"v720": {}}); err == nil {
		t.Error("media without an init")
	}
}

func TestSnapshotStaysAsItWas(t *testing.T) {
	w := window(t, 6)
	for k := int64(k0); k < k0+6; k++ {
		list(t, w, k)
	}
	s := w.Snapshot()
	tracks := s.Tracks()
	for k := int64(k0 + 6); k < k0+40; k++ {
		list(t, w, k, "v720")
	}
	if err := w.SetTrack(presentation.Track{Name: "v720", Init: "init-2.mp4"}); err != nil {
		t.Fatal(err)
	}
	equal(t, "v720", gaps(s, "v720"), "######")
	equal(t, "first", s.First(), k0)
	equal(t, "last number", s.Segments("v720")[5].K, k0+5)
	equal(t, "init", tracks[0].Init, "init-1.mp4")
	equal(t, "one stretch", len(s.Stretches()), 1)
	equal(t, "its end", s.Stretches()[0].Last, k0+5)
}

func TestWindowSlides(t *testing.T) {
	w := window(t, 10)
	for k := int64(k0); k < k0+25; k++ {
		list(t, w, k)
		s := w.Snapshot()
		equal(t, "last", s.Last(), k)
		equal(t, "listed", int64(s.Len()), min(10, k-k0+1))
	}
	equal(t, "least window", window(t, 1).Snapshot().Size(), 6)
}

func TestOutageLongerThanTheWindow(t *testing.T) {
	w := window(t, 8)
	for k := int64(k0); k < k0+8; k++ {
		list(t, w, k)
	}
	list(t, w, k0+1_000_000_000)
	s := w.Snapshot()
	equal(t, "only gaps before", gaps(s, "a1"), ".......#")
	equal(t, "last", s.Last(), k0+1_000_000_000)
	equal(t, "not ready", s.Ready(), false)
	equal(t, "one stretch", len(s.Stretches()), 1)
}

func TestReadyWithThreeSegmentsOfMedia(t *testing.T) {
	w := window(t, 8)
	list(t, w, k0)
	list(t, w, k0+2)
	equal(t, "two and a gap", w.Snapshot().Ready(), false)
	list(t, w, k0+3, "v720")
	equal(t, "three", w.Snapshot().Ready(), true)
}

func TestStretches(t *testing.T) {
	w := window(t, 12)
	list(t, w, k0)
	list(t, w, k0+1)
	list(t, w, k0+3)
	list(t, w, k0+4, "v720")
	list(t, w, k0+5, "v720")
	list(t, w, k0+6)
	list(t, w, k0+7, "a1")
	list(t, w, k0+8, "v720", "v360")
	list(t, w, k0+9)
	var got []string
	for _, st := range w.Snapshot().Stretches() {
		names := ""
		for _, tr := range st.Tracks() {
			names += " " + tr.Name
		}
		id := string(rune('0' + st.ID - k0))
		if st.ID == hour {
			id = "h"
		}
		got = append(got, id+string(rune('0'+st.First-k0))+string(rune('0'+st.Last-k0))+names)
	}
	want := []string{"h01 v720 v360 a1", "333 v720 v360 a1", "445 v360 a1", "666 v720 v360 a1", "999 v720 v360 a1"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for k := int64(k0 + 10); k < k0+17; k++ {
		list(t, w, k)
	}
	st := w.Snapshot().Stretches()[0]
	equal(t, "id stays when the head leaves", st.ID, k0+4)
	equal(t, "first listed", st.First, k0+5)
}

func TestDiscontinuityIsCountedWhenItLeaves(t *testing.T) {
	w := window(t, 6)
	list(t, w, k0)
	if err := w.SetTrack(presentation.Track{Name: "a1", Init: "init-2.mp4"}); err != nil {
		t.Fatal(err)
	}
	list(t, w, k0+1)
	list(t, w, k0+2)
	s := w.Snapshot()
	for _, tr := range s.Tracks() {
		segs := s.Segments(tr.Name)
		equal(t, tr.Name+" before", segs[0].Discontinuity, false)
		equal(t, tr.Name+" at the change", segs[1].Discontinuity, true)
		equal(t, tr.Name+" after", segs[2].Discontinuity, false)
	}
	equal(t, "kind is kept", s.Tracks()[2].Kind, ladder.Audio)
	equal(t, "stretches", len(s.Stretches()), 2)
	equal(t, "old init", s.Stretches()[0].Tracks()[2].Init, "init-1.mp4")
	equal(t, "sequence", s.DiscontinuitySequence(), 0)
	for k := int64(k0 + 3); k < k0+8; k++ {
		list(t, w, k)
	}
	equal(t, "sequence after it left", w.Snapshot().DiscontinuitySequence(), 1)
	w = window(t, 6)
	if err := w.SetTrack(presentation.Track{Name: "a1", Init: "init-2.mp4"}); err != nil {
		t.Fatal(err)
	}
	list(t, w, k0)
	equal(t, "no change before the first segment", w.Snapshot().Segments("a1")[0].Discontinuity, false)
}

func TestTargetDurationHoldsEverySegment(t *testing.T) {
	for _, c := range []struct {
		rate   tick.Rate
		frames int64
		want   int64
	}{
		{pal(), 48, 2}, {pal(), 50, 2}, {pal(), 100, 4}, {pal(), 112, 5}, {tick.Rate{Num: 30000, Den: 1001}, 60, 2},
		{tick.Rate{Num: 30000, Den: 1001}, 180, 6},
		{tick.Rate{Num: 24000, Den: 1001}, 128, 5}, {pal(), 137, 6}, {pal(), 250, 10},
	} {
		cfg := config(8)
		cfg.Grid = tick.Grid{Rate: c.rate, Frames: c.frames, T: tick.Tick(c.frames) * c.rate.Frame()}
		w, err := presentation.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		k := cfg.Grid.K(1_785_000_000 * tick.Second)
		for n := range int64(64) {
			list(t, w, k+n)
			s := w.Snapshot()
			equal(t, "target duration", s.TargetDuration(), c.want)
			for _, tr := range s.Tracks() {
				segs := s.Segments(tr.Name)
				last := segs[len(segs)-1]
				ms := last.End.FloorMs() - last.Start.FloorMs()
				if (ms+500)/1000 > c.want {
					t.Fatalf("%s %d: EXTINF of %d ms over a target of %d s", c.rate, last.K, ms, c.want)
				}
			}
		}
	}
}

func TestFilesOutliveThePlaylist(t *testing.T) {
	w := window(t, 10)
	gone := int64(-1)
	for n := range int64(60) {
		list(t, w, k0+n)
		from, to := w.Expired()
		if n == 0 {
			gone = from - 1
		}
		if from <= to {
			equal(t, "no number left out or told twice", from, gone+1)
			gone = to
		}
		oldest := w.Snapshot().Oldest()
		equal(t, "the rest is kept", oldest, gone+1)
		// The segment left the playlist when last was gone+10: 11 segments of 4 s ago at least.
		if left := gone + 10; k0+n-left < 11 {
			t.Fatalf("%d goes %d segments after it left", gone, k0+n-left)
		}
	}
}

func TestRestoreGoesOn(t *testing.T) {
	w := window(t, 8)
	for n := range int64(12) {
		if n != 9 {
			list(t, w, k0+n)
		}
	}
	s := w.Snapshot()
	listed := presentation.Listed{First: s.First(), Segments: map[string][]presentation.Segment{
		"gone": make([]presentation.Segment, 20),
	}}
	for _, tr := range s.Tracks() {
		listed.Segments[tr.Name] = s.Segments(tr.Name)
	}
	for _, st := range s.Stretches() {
		listed.Periods = append(listed.Periods, st.ID)
	}
	again := window(t, 8)
	if err := again.Restore(listed); err != nil {
		t.Fatal(err)
	}
	for _, x := range []*presentation.Window{w, again} {
		list(t, x, k0+14)
	}
	a, b := w.Snapshot(), again.Snapshot()
	equal(t, "first", b.First(), a.First())
	for _, tr := range a.Tracks() {
		if !slices.Equal(a.Segments(tr.Name), b.Segments(tr.Name)) {
			t.Errorf("%s was %v and is %v", tr.Name, a.Segments(tr.Name), b.Segments(tr.Name))
		}
	}
	equal(t, "periods", len(b.Stretches()), len(a.Stretches()))
	for i, st := range a.Stretches() {
		equal(t, "period", b.Stretches()[i].ID, st.ID)
	}
	equal(t, "the first began before the window", b.Stretches()[0].ID, hour)
	if err := again.Restore(listed); err == nil {
		t.Error("restored over what is listed")
	}
}

// A process may die between playlists and MPD: the MPD is then one round older.
func TestRestoreWithAnOlderListOfPeriods(t *testing.T) {
	for _, c := range []struct {
		periods []int64
		want    int64
	}{
		{[]int64{k0 - 100, k0 - 20}, k0 - 20},
		{[]int64{k0 - 100, k0}, k0},
		{[]int64{k0 - 100, k0 + 1}, k0 - 100},
		{[]int64{k0 + 1}, hour},
		{nil, hour},
	} {
		w := window(t, 8)
		if err := w.Restore(presentation.Listed{First: k0, Periods: c.periods, Segments: map[string][]presentation.Segment{
			"v720": {{Init: "init-1.mp4"}}, "v360": {{Init: "init-1.mp4"}}, "a1": {{Init: "init-1.mp4"}},
		}}); err != nil {
			t.Fatal(err)
		}
		equal(t, fmt.Sprint(c.periods), w.Snapshot().Stretches()[0].ID, c.want)
	}
}

func TestRestoredTracksAreDescribedLater(t *testing.T) {
	w := window(t, 8)
	if err := w.Restore(presentation.Listed{First: k0, Segments: map[string][]presentation.Segment{
		"v720": {{Init: "init-1.mp4"}}, "v360": {{Init: "init-1.mp4"}}, "a1": {{Init: "init-1.mp4"}},
	}}); err != nil {
		t.Fatal(err)
	}
	if err := w.SetTrack(presentation.Track{Name: "a1", Codecs: "mp4a.40.2", Init: "init-1.mp4"}); err != nil {
		t.Fatal(err)
	}
	list(t, w, k0+1)
	st := w.Snapshot().Stretches()
	equal(t, "stretches", len(st), 1)
	equal(t, "codecs", st[0].Tracks()[2].Codecs, "mp4a.40.2")
	equal(t, "no discontinuity", w.Snapshot().Segments("a1")[1].Discontinuity, false)
}

func BenchmarkAppendAndSnapshot(b *testing.B) {
	w := window(b, 1800)
	segs := map[string]presentation.Segment{"v720": {}, "v360": {}, "a1": {}}
	k := int64(k0)
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Append(k, segs); err != nil {
			b.Fatal(err)
		}
		_ = w.Snapshot()
		k++
	}
}

// TestStretchesOfTwo: of two windows, one begun later and one with something missing, the stretches are the same again
// from the next planned one on.
func TestStretchesOfTwo(t *testing.T) {
	ids := func(w *presentation.Window) (out []int64) {
		for _, st := range w.Snapshot().Stretches() {
			out = append(out, st.ID)
		}
		return out
	}
	a, b, c := window(t, 12), window(t, 12), window(t, 12)
	const next = int64(hour + 900)
	for k := next - 20; k < next+20; k++ {
		list(t, a, k)
		if k > next-15 {
			list(t, b, k)
		}
		if k != next-8 {
			list(t, c, k)
		}
		if k > next-15 && !slices.Equal(ids(a), ids(b)) {
			t.Fatalf("at %d: %v begun earlier, %v later", k-next, ids(a), ids(b))
		}
		if k >= next+12 && !slices.Equal(ids(a), ids(c)) {
			t.Fatalf("at %d: %v, %v with something missing", k-next, ids(a), ids(c))
		}
		switch k {
		case next - 2:
			equal(t, "stretches, whole", fmt.Sprint(ids(a)), fmt.Sprint([]int64{hour}))
			equal(t, "stretches after a gap", fmt.Sprint(ids(c)), fmt.Sprint([]int64{hour, next - 7}))
		case next + 5:
			equal(t, "stretches over the hour", fmt.Sprint(ids(a)), fmt.Sprint([]int64{hour, next}))
		}
	}
	equal(t, "stretches at the end", fmt.Sprint(ids(c)), fmt.Sprint([]int64{next}))
}
