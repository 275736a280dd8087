package dash_test

import (
	"bytes"
	"slices"
	"testing"

	"onair/pkg/dash"
	"onair/pkg/ladder"
	"onair/pkg/presentation"
)

func TestReadPeriods(t *testing.T) {
	w := window(t, config(pal(), video("v720", 1280, 720, 3e6), audio("a1", "en", 128e3)))
	for n := range int64(12) {
		if n != 9 {
			list(t, w, k0+n)
		}
	}
	periods, err := dash.ReadPeriods(manifest(t, w.Snapshot()))
	got := ids(periods)
	if want := []int64{hour, k0 + 10}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	for _, bad := range []string{
		"", "<MPD", `<MPD profiles="x"><Period id="x1"/></MPD>`, `<MPD profiles="x"><Period id="P-1"/></MPD>`,
	} {
		if got, err := dash.ReadPeriods([]byte(bad)); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func ids(periods []dash.Period) (out []int64) {
	for _, p := range periods {
		out = append(out, p.ID)
	}
	return out
}

// TestReadTracks: what is read back makes the same manifest.
func TestReadTracks(t *testing.T) {
	ladders := [][]presentation.Track{
		{
			video("v720", 1280, 720, 3e6), hevc("v360", 640, 360, 1e6), audio("a1", "en", 128e3), audio("a2", "de", 96e3),
		},
		{video("v540", 960, 540, 2e6), audio("a1", "en", 128e3), surround("a2", "de")},
	}
	ladders[0][0].Captions = []ladder.Caption{{Channel: "CC1", Language: "en"}, {Channel: "SERVICE2", Language: "de"}}
	for i := range ladders[1] {
		ladders[1][i].Init = "init-2.mp4"
	}
	w := window(t, config(pal(), ladders[0]...))
	for n := range int64(8) {
		if n == 4 {
			if err := w.Change(ladders[1]); err != nil {
				t.Fatal(err)
			}
		}
		list(t, w, k0+n)
	}
	want := manifest(t, w.Snapshot())
	periods, err := dash.ReadPeriods(want)
	if err != nil || len(periods) != 2 {
		t.Fatalf("%v, %v", periods, err)
	}
	l := presentation.Listed{First: k0, Periods: ids(periods), Segments: map[string][]presentation.Segment{},
		Described: map[string][]presentation.Track{}}
	for _, p := range periods {
		l.Described[p.Tracks[0].Init] = p.Tracks
	}
	for _, tr := range w.Snapshot().All() {
		l.Segments[tr.Name] = w.Snapshot().Segments(tr.Name)
		if _, ok := w.Snapshot().Track(tr.Name); ok && tr.Name[0] == 'v' && tr.Name != "v540" {
			l.Gone = append(l.Gone, tr)
		}
	}
	again := window(t, config(pal(), ladders[1]...))
	if err := again.Restore(l); err != nil {
		t.Fatal(err)
	}
	if got := manifest(t, again.Snapshot()); !bytes.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func hevc(name string, w, h int, peak int64) presentation.Track {
	t := video(name, w, h, peak)
	t.Codecs = "hvc1.1.6.L93.B0"
	return t
}

func surround(name, lang string) presentation.Track {
	t := audio(name, lang, 384e3)
	t.Channels = 6
	return t
}

func FuzzReadPeriods(f *testing.F) {
	w := window(f, config(pal(), video("v720", 1280, 720, 3e6), audio("a1", "en", 128e3)))
	list(f, w, k0)
	list(f, w, k0+2)
	f.Add(manifest(f, w.Snapshot()))
	f.Fuzz(func(t *testing.T, data []byte) {
		periods, err := dash.ReadPeriods(data)
		if err == nil && slices.ContainsFunc(ids(periods), func(id int64) bool { return id < 0 }) {
			t.Error(ids(periods))
		}
	})
}
