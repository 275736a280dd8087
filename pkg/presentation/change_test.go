package presentation_test

import (
	"slices"
	"strings"
	"testing"

	"onair/pkg/ladder"
	"onair/pkg/presentation"
	"onair/pkg/tick"
)

// ladderOf makes tracks of names that begin with v for pictures.
func ladderOf(init string, names ...string) (out []presentation.Track) {
	for _, name := range names {
		t := presentation.Track{Name: name, Kind: ladder.Audio, Init: init}
		if name[0] == 'v' {
			t.Kind = ladder.Video
		}
		out = append(out, t)
	}
	return out
}

func change(t *testing.T, w *presentation.Window, init string, names ...string) {
	t.Helper()
	if err := w.Change(ladderOf(init, names...)); err != nil {
		t.Fatal(err)
	}
}

func names(tracks []presentation.Track) string {
	var out []string
	for _, t := range tracks {
		out = append(out, t.Name)
	}
	return strings.Join(out, " ")
}

// drawn is gaps, with a bar before each discontinuity.
func drawn(s *presentation.Snapshot, track string) string {
	var b strings.Builder
	all := gaps(s, track)
	for i, seg := range s.Segments(track) {
		if seg.Discontinuity {
			b.WriteByte('|')
		}
		b.WriteByte(all[i])
	}
	return b.String()
}

func TestChangeOfTracks(t *testing.T) {
	w := window(t, 8)
	list(t, w, k0)
	list(t, w, k0+1)
	before := w.Snapshot()
	change(t, w, "init-2.mp4", "v1080", "v360", "a1")
	list(t, w, k0+2)
	s := w.Snapshot()
	equal(t, "tracks", names(s.Tracks()), "v1080 v360 a1")
	equal(t, "with those that are gone", names(s.All()), "v1080 v360 a1 v720")
	equal(t, "offered", names(s.Offered()), "v360 a1")
	for track, want := range map[string]string{"v1080": "..|#", "v360": "##|#", "a1": "##|#", "v720": "##|."} {
		equal(t, track, drawn(s, track), want)
	}
	for _, seg := range s.Segments("v1080") {
		equal(t, "init of what is new", seg.Init, "init-2.mp4")
	}
	equal(t, "init of what stays, before", s.Segments("v360")[1].Init, "init-1.mp4")
	equal(t, "and after", s.Segments("v360")[2].Init, "init-2.mp4")
	equal(t, "a snapshot of before", names(before.All())+" "+drawn(before, "v720"), "v720 v360 a1 ##")
	st := s.Stretches()
	equal(t, "stretches", len(st), 2)
	equal(t, "the first", names(st[0].Tracks())+" "+st[0].Tracks()[1].Init, "v720 v360 a1 init-1.mp4")
	equal(t, "the second", names(st[1].Tracks())+" "+st[1].Tracks()[1].Init, "v1080 v360 a1 init-2.mp4")
	equal(t, "where it begins", st[1].ID, k0+2)
	list(t, w, k0+3)
	list(t, w, k0+4)
	equal(t, "offered with three segments", names(w.Snapshot().Offered()), "v1080 v360 a1")
	for k := int64(k0 + 5); k < k0+9; k++ {
		list(t, w, k)
	}
	equal(t, "its last media is listed", names(w.Snapshot().All()), "v1080 v360 a1 v720")
	list(t, w, k0+9)
	s = w.Snapshot()
	equal(t, "and is not any more", names(s.All()), "v1080 v360 a1")
	equal(t, "at the head", drawn(s, "v1080"), "|########")
	list(t, w, k0+10)
	equal(t, "sequence", w.Snapshot().DiscontinuitySequence(), 1)
}

func TestChangesInARow(t *testing.T) {
	w := window(t, 8)
	list(t, w, k0)
	change(t, w, "init-2.mp4", "v720", "v90", "a1")
	change(t, w, "init-3.mp4", "v90", "a2")
	list(t, w, k0+1)
	change(t, w, "init-1.mp4", "v720", "v360", "a1")
	list(t, w, k0+2)
	s := w.Snapshot()
	for track, want := range map[string]string{"v720": "#|.|#", "v90": ".|#|.", "a1": "#|.|#", "a2": ".|#|.", "v360": "#|.|#"} {
		equal(t, track, drawn(s, track), want)
	}
	equal(t, "what is back is offered like what is new", names(s.Offered()), "v720 v360 a1")
	list(t, w, k0+9)
	equal(t, "after an absence", names(w.Snapshot().All()), "v720 v360 a1")
}

func TestChangeBeforeAnythingIsListed(t *testing.T) {
	w := window(t, 8)
	change(t, w, "init-2.mp4", "v90", "a1")
	list(t, w, k0)
	s := w.Snapshot()
	equal(t, "all", names(s.All())+names(s.Offered()), "v90 a1v90 a1")
	equal(t, "no discontinuity", drawn(s, "v90"), "#")
	if err := w.Change(nil); err == nil {
		t.Error("no tracks are taken")
	}
}

func TestChangeWithTheSameInit(t *testing.T) {
	w := window(t, 8)
	list(t, w, k0)
	change(t, w, "init-1.mp4", "v360", "a1")
	list(t, w, k0+1)
	equal(t, "no discontinuity", drawn(w.Snapshot(), "v360"), "##")
	equal(t, "what is gone", drawn(w.Snapshot(), "v720"), "#.")
}

// A window that was read back goes on as the one that was written.
func TestRestoreAfterAChange(t *testing.T) {
	w := window(t, 8)
	list(t, w, k0)
	change(t, w, "init-2.mp4", "v1080", "v360", "a1")
	list(t, w, k0+1)
	cfg := config(8)
	cfg.Tracks = ladderOf("", "v1080", "v360", "a1")
	again, err := presentation.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l := presentation.Listed{First: k0, Segments: map[string][]presentation.Segment{}, Gone: ladderOf("init-1.mp4", "v720")}
	for _, tr := range w.Snapshot().All() {
		l.Segments[tr.Name] = w.Snapshot().Segments(tr.Name)
	}
	l.Described = map[string][]presentation.Track{"init-1.mp4": ladderOf("init-1.mp4", "v720", "v360", "a1")}
	if err := again.Restore(l); err != nil {
		t.Fatal(err)
	}
	for _, tr := range cfg.Tracks {
		tr.Init = "init-2.mp4"
		if err := again.SetTrack(tr); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []*presentation.Window{w, again} {
		list(t, x, k0+2)
	}
	a, b := w.Snapshot(), again.Snapshot()
	equal(t, "tracks", names(b.All()), names(a.All()))
	for _, tr := range a.All() {
		if !slices.Equal(withoutBytes(a.Segments(tr.Name)), withoutBytes(b.Segments(tr.Name))) {
			t.Errorf("%s: %+v, want %+v", tr.Name, b.Segments(tr.Name), a.Segments(tr.Name))
		}
	}
	for i, st := range a.Stretches() {
		equal(t, "stretch", names(b.Stretches()[i].Tracks()), names(st.Tracks()))
		equal(t, "its end", b.Stretches()[i].Last, st.Last)
	}
}

func withoutBytes(segs []presentation.Segment) []presentation.Segment {
	out := slices.Clone(segs)
	for i := range out {
		out[i].Bytes = 0
	}
	return out
}

func TestResize(t *testing.T) {
	w := window(t, 10)
	for k := int64(k0); k < k0+20; k++ {
		list(t, w, k)
	}
	w.Resize(24 * tick.Second)
	list(t, w, k0+20)
	s := w.Snapshot()
	equal(t, "listed", s.Len(), 6)
	equal(t, "kept for the longer list", s.Oldest(), k0+20-21)
	for k := int64(k0 + 21); k < k0+32; k++ {
		list(t, w, k)
	}
	equal(t, "kept for the shorter one", w.Snapshot().Oldest(), k0+31-13)
	w.Resize(60 * tick.Second)
	list(t, w, k0+32)
	equal(t, "what has left does not come back", w.Snapshot().First(), k0+26)
	equal(t, "a longer list keeps more", w.Snapshot().Oldest(), k0+32-31)
}
