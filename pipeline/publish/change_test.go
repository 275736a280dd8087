package publish_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"onair/pipeline/publish"
	"onair/pkg/presentation"
	"onair/pkg/store"
	"onair/pkg/tick"
)

// other is another ladder: v is kept, w is new, and so is b in place of a.
func other(init string) (out []presentation.Track) {
	all := tracks()
	w, b := all[0], all[1]
	w.Name, w.Width, w.Height = "w", 640, 360
	b.Name, b.Language = "b", "de"
	for _, t := range []presentation.Track{all[0], w, b} {
		t.Init = init
		out = append(out, t)
	}
	return out
}

func (r *rig) change(tracks []presentation.Track) {
	inits := map[string][]byte{}
	for _, t := range tracks {
		inits[t.Name] = []byte(t.Name + t.Init)
	}
	r.p.Change(r.k, tracks, inits)
	var names []string
	for _, t := range tracks {
		names = append(names, t.Name)
	}
	r.p.Expect(names)
}

// texts are the playlists and the manifest of a store.
func texts(t *testing.T, s store.Store) map[string][]byte {
	t.Helper()
	infos, err := s.List(t.Context(), "news/")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, i := range infos {
		if strings.HasSuffix(i.Name, ".m3u8") || strings.HasSuffix(i.Name, ".mpd") {
			o, err := s.Get(t.Context(), i.Name)
			if err != nil {
				t.Fatal(err)
			}
			out[i.Name] = o.Body
		}
	}
	return out
}

func stored(t *testing.T, s store.Store, name string) bool {
	t.Helper()
	_, err := s.Get(t.Context(), "news/"+name)
	return err == nil
}

func TestAnotherLadderIsADiscontinuityInEveryTrack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		r.play(4)
		r.play(1, "v")
		r.change(other("init-2.mp4"))
		r.play(1, "v", "w", "b")
		r.expect(map[string]string{"v": "mmmmm|m", "w": "-----|m", "a": "mmmm-|-", "b": "-----|m"})
		index := string(texts(t, s)["news/index.m3u8"])
		if strings.Contains(index, "w.m3u8") || strings.Contains(index, "a.m3u8") || !strings.Contains(index, "b.m3u8") {
			t.Errorf("at the change:\n%s", index)
		}
		r.play(2, "v", "w", "b")
		if index := string(texts(t, s)["news/index.m3u8"]); !strings.Contains(index, "w.m3u8") {
			t.Errorf("later:\n%s", index)
		}
		writes := s.writes()
		for _, name := range []string{"v", "w", "b"} {
			init, first := slices.Index(writes, "news/"+name+"/init-2.mp4"), slices.Index(writes, segmentName(name, r.k-3))
			if init < 0 || first < init {
				t.Errorf("track %s: its init is write %d, its first segment %d", name, init, first)
			}
		}
		mustStop(t, r)
	})
}

// What a process that was killed after a change has published is published again by the next one, to the byte.
func TestAnotherLadderSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		r.play(4)
		r.change(other("init-2.mp4"))
		r.play(5, "v", "w", "b")
		before := texts(t, s)
		mustStop(t, r)
		q := startWith(t, s, other(""))
		q.k = r.k
		for _, tr := range other("init-2.mp4") {
			q.p.SetInit(tr, []byte(tr.Name+tr.Init))
		}
		q.play(1, "v", "w", "b")
		after := texts(t, s)
		for name, text := range before {
			if strings.HasSuffix(name, ".mpd") {
				continue
			}
			if !bytes.HasPrefix(after[name], bytes.TrimSuffix(text, []byte("\n"))) && !strings.HasSuffix(name, "index.m3u8") {
				t.Errorf("%s was\n%s\nand is\n%s", name, text, after[name])
			}
		}
		if !bytes.Equal(before["news/index.m3u8"], after["news/index.m3u8"]) {
			t.Errorf("index was\n%s\nand is\n%s", before["news/index.m3u8"], after["news/index.m3u8"])
		}
		cut := func(b []byte) string { // up to the end of the first Period
			first, _, _ := strings.Cut(string(b), "</Period>")
			_, period, _ := strings.Cut(first, "<Period")
			return period
		}
		if was, is := cut(before["news/manifest.mpd"]), cut(after["news/manifest.mpd"]); was != is {
			t.Errorf("the first Period was\n%s\nand is\n%s", was, is)
		}
		q.play(8, "v", "w", "b") // the window is ten: the change leaves it
		if p := playlist(t, s, "v"); p.Discontinuities != 1 || strings.Contains(shape(p), "|") {
			t.Errorf("%d discontinuities have left, %s is listed", p.Discontinuities, shape(p))
		}
		if p := playlist(t, s, "b"); p.Discontinuities != 1 {
			t.Errorf("%d discontinuities have left a track that came later", p.Discontinuities)
		}
		if stored(t, s, "a.m3u8") {
			t.Error("the playlist of a track that is gone is still there")
		}
		q.play(14, "v", "w", "b")
		time.Sleep(time.Minute)
		if stored(t, s, "a/init-1.mp4") || stored(t, s, "v/init-1.mp4") || !stored(t, s, "v/init-2.mp4") {
			t.Error("initializations are kept that nobody needs, or not kept that somebody does")
		}
		if infos, _ := s.List(t.Context(), "news/a/"); len(infos) != 0 {
			t.Errorf("of the track that is gone there is still %v", infos)
		}
		mustStop(t, q)
	})
}

// startWith is start with other tracks, of which no initialization is known yet.
func startWith(t *testing.T, s store.Store, tracks []presentation.Track) *rig {
	t.Helper()
	return start(t, s, func(c *publish.Config) { c.Presentation.Tracks = tracks })
}

func TestAWindowThatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		r.play(12)
		first := r.k - 10
		r.p.SetWindow(24 * tick.Second)
		r.play(1)
		if p := playlist(t, s, "v"); len(p.Segments) != 6 || p.First != r.k-6 {
			t.Errorf("%d segments from %d", len(p.Segments), p.First)
		}
		r.play(8)
		time.Sleep(time.Minute)
		if !stored(t, s, strings.TrimPrefix(segmentName("v", first), "news/")) {
			t.Error("what a longer playlist listed is gone too early")
		}
		r.play(12)
		time.Sleep(time.Minute)
		if infos, _ := s.List(t.Context(), "news/v/"); len(infos) > 16 {
			t.Errorf("%d objects are kept for a window of 6", len(infos))
		}
		r.p.SetWindow(80 * tick.Second)
		r.play(3)
		if p := playlist(t, s, "v"); len(p.Segments) != 9 {
			t.Errorf("%d segments", len(p.Segments))
		}
		mustStop(t, r)
	})
}
