package publish_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"onair/pipeline/publish"
	"onair/pkg/hls"
	"onair/pkg/presentation"
	"onair/pkg/store"
	"onair/pkg/tick"
)

func TestRestartContinuesNumbersAndWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		r.play(5)
		mustStop(t, r)
		was := playlist(t, s, "v")
		time.Sleep(2 * segmentLength)
		q := start(t, s, nil)
		if last, any, done := q.p.Resumed(); last != r.k-1 || !any || !done {
			t.Errorf("resumed at %d %v %v", last, any, done)
		}
		q.play(2)
		mustStop(t, q)
		q.expect(both("mmmmm--mm"))
		if now := playlist(t, s, "v"); now.First != was.First {
			t.Errorf("media sequence %d, was %d", now.First, was.First)
		}
		if len(q.listed) != 4 || q.listed[0] != r.k {
			t.Errorf("told as listed: %v, want two gaps and two segments from %d", q.listed, r.k)
		}
		mpd, err := s.Get(t.Context(), "news/manifest.mpd")
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []int64{was.First, q.k - 2} {
			if !strings.Contains(string(mpd.Body), fmt.Sprintf(`id="P%d"`, id)) {
				t.Errorf("no period P%d in\n%s", id, mpd.Body)
			}
		}
	})
}

func TestRestartAfterAnOutageLongerThanTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		r.play(5)
		mustStop(t, r)
		first := r.k - 5
		time.Sleep(time.Hour)
		q := start(t, s, nil)
		if q.p.Fresh() == nil {
			t.Error("what was listed an hour ago is fresh")
		}
		q.play(3)
		mustStop(t, q)
		q.expect(both("-------mmm"))
		if _, err := s.Get(t.Context(), segmentName("v", first)); err == nil {
			t.Error("a segment of an hour ago is still there")
		}
		if p := playlist(t, s, "v"); p.First != q.k-10 {
			t.Errorf("media sequence %d, newest %d", p.First, q.k-1)
		}
	})
}

func TestQuickRestartIsFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		r.play(5)
		mustStop(t, r)
		q := start(t, s, nil)
		if err := q.p.Fresh(); err != nil {
			t.Errorf("4 s after the last listing: %v", err)
		}
		time.Sleep(3100 * time.Millisecond)
		if q.p.Fresh() == nil {
			t.Error("still fresh after 7 s")
		}
		mustStop(t, q)
	})
}

func TestRestartWithAMissingFileMakesItAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		r.play(5)
		mustStop(t, r)
		if err := s.Delete(t.Context(), segmentName("a", r.k-3)); err != nil {
			t.Fatal(err)
		}
		if err := s.Put(t.Context(), store.Object{Name: segmentName("v", r.k-2)}); err != nil { // as a power cut leaves it
			t.Fatal(err)
		}
		q := start(t, s, nil)
		q.play(1)
		mustStop(t, q)
		q.expect(map[string]string{"v": "mmm-mm", "a": "mm-mmm"})
	})
}

func TestListOfAnotherGridOrClockIsPutAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, func(c *publish.Config) {
			c.Now = func() tick.Tick { return tick.FromTime(time.Now().Add(24 * time.Hour)) } // a clock a day ahead
		})
		ahead := r.k + 24*900
		r.k = ahead
		r.play(4)
		mustStop(t, r)
		var told []string
		q := start(t, s, func(c *publish.Config) {
			c.Event = func(level, message string) { told = append(told, level+": "+message) }
		})
		q.play(2)
		if _, err := s.Get(t.Context(), segmentName("v", ahead)); err != nil {
			t.Errorf("a segment that a playlist still names is gone: %v", err)
		}
		q.play(2)
		if len(told) != 1 || !strings.Contains(told[0], "error: store memory: ") || !strings.Contains(told[0], "future") {
			t.Errorf("told %q", told)
		}
		q.expect(both("mmmm"))
		if _, err := s.Get(t.Context(), segmentName("v", ahead)); err == nil {
			t.Error("a segment of the future is still there")
		}
		mustStop(t, q)
	})
}

func TestForeignPlaylistIsPutAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		for name, body := range map[string]string{
			"news/v.m3u8":       "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nfoo.ts\n",
			"news/a.m3u8":       "\x00\x01 not a playlist",
			"news/manifest.mpd": "<MPD",
		} {
			if err := s.Put(t.Context(), store.Object{Name: name, Body: []byte(body)}); err != nil {
				t.Fatal(err)
			}
		}
		r := start(t, s, nil)
		r.play(4)
		r.expect(both("mmmm"))
		if st := r.p.Status(); st.Errors == 0 {
			t.Error("nobody was told")
		}
		mustStop(t, r)
	})
}

func TestStoreThatIsDownAtStartIsReadBackLater(t *testing.T) {
	for name, kind := range map[string]trouble{"refusing": fail, "hanging": hang} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTestStore()
				r := start(t, s, nil)
				r.play(5)
				mustStop(t, r)
				s.trouble(kind)
				q := start(t, s, func(c *publish.Config) { c.Queue = 3 })
				q.play(6)
				if st := q.p.Status(); st.Queue > 3 || st.Dropped != 3 {
					t.Errorf("waiting %d, dropped %d", st.Queue, st.Dropped)
				}
				s.trouble(nil)
				time.Sleep(12 * time.Second)
				q.k += 3
				q.play(1)
				if got := shape(playlist(t, s, "v")); !strings.HasSuffix(got, "---mmm---m") {
					t.Errorf("lists %s", got)
				}
				mustStop(t, q)
			})
		})
	}
}

func TestTrackThatIsNewSinceTheLastRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, func(c *publish.Config) { c.Presentation.Tracks = tracks()[:1] })
		r.play(4, "v")
		mustStop(t, r)
		q := start(t, s, nil)
		q.play(3)
		mustStop(t, q)
		q.expect(map[string]string{"v": "mmmmmmm", "a": "----mmm"})
	})
}

// Killed between the write of a segment and that of its playlists: the segment is there, so it is listed.
func TestStoredButNotListedIsListedByTheNext(t *testing.T) {
	for unwritten, was := range map[string]map[string]string{
		".m3u8":  both("mmmm"),
		"a.m3u8": {"v": "mmmmm", "a": "mmmm"},
	} {
		t.Run(unwritten, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTestStore()
				r := start(t, s, nil)
				r.play(4)
				s.trouble(failWhere(func(name string) bool { return strings.HasSuffix(name, unwritten) }))
				r.play(1)
				_ = r.stop()
				r.expect(was)
				s.trouble(nil)
				q := start(t, s, nil)
				q.k = r.k + 1
				q.play(1)
				mustStop(t, q)
				q.expect(both("mmmmm-m"))
			})
		})
	}
}

func TestWhatIsListedIsNotWrittenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		r.play(4)
		mustStop(t, r)
		name := segmentName("v", r.k-1)
		was, err := s.Get(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		q := start(t, s, nil)
		q.p.Segment(publish.Segment{Track: "v", K: r.k - 1, Body: []byte("something else")})
		q.play(1)
		mustStop(t, q)
		if now, err := s.Get(t.Context(), name); err != nil || string(now.Body) != string(was.Body) {
			t.Errorf("now %q, %v", now.Body, err)
		}
		if st := q.p.Status(); st.Late != 1 {
			t.Errorf("late %d", st.Late)
		}
	})
}

// Killed after any write whatever: the next process continues what viewers were shown, unchanged, and lists only what
// is stored.
func TestKilledAfterAnyWrite(t *testing.T) {
	total := 1
	for n := 0; n < total; n++ {
		t.Run(fmt.Sprintf("after %d writes", n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTestStore()
				s.trouble(diesAfter(n))
				short := func(c *publish.Config) { c.Presentation.Window = 24 * tick.Second } // the window slides, too
				r := start(t, s, short)
				r.play(9)
				_ = r.stop() // its flush fails as the rest did
				total = max(total, min(s.tried(), 80))
				was := visible(t, s)
				s.trouble(nil)
				q := start(t, s, short)
				q.k++ // one number is lost while it starts
				q.play(4)
				mustStop(t, q)
				checkContinues(t, s, was)
			})
		})
	}
	if total < 50 {
		t.Errorf("only %d writes were tried", total)
	}
}

// diesAfter is a process's end as the store sees it: nothing arrives after n writes.
func diesAfter(n int) trouble {
	var puts atomic.Int64
	return func(_ context.Context, op, _ string) error {
		if op == "put" {
			puts.Add(1)
		}
		if puts.Load() > int64(n) {
			return errDown
		}
		return nil
	}
}

func visible(t *testing.T, s store.Store) map[string]hls.Playlist {
	out := map[string]hls.Playlist{}
	for _, track := range []string{"v", "a"} {
		if _, err := s.Get(t.Context(), "news/"+track+".m3u8"); err == nil {
			out[track] = playlist(t, s, track)
		}
	}
	return out
}

func checkContinues(t *testing.T, s store.Store, was map[string]hls.Playlist) {
	t.Helper()
	now := visible(t, s)
	if len(now) != 2 || now["v"].First != now["a"].First || len(now["v"].Segments) != len(now["a"].Segments) {
		t.Fatalf("playlists differ: %+v", now)
	}
	for track, p := range now {
		if !strings.HasSuffix(shape(p), "mmmm") {
			t.Errorf("track %s lists %s", track, shape(p))
		}
		for _, seg := range p.Segments {
			if _, err := s.Get(t.Context(), segmentName(track, seg.K)); err != nil && !seg.Gap {
				t.Errorf("track %s: %v", track, err)
			}
		}
		old := was[track]
		if p.First < old.First {
			t.Errorf("track %s: media sequence went back from %d to %d", track, old.First, p.First)
		}
		for _, seg := range old.Segments {
			if i := seg.K - p.First; i >= 0 && !same(p.Segments[i], seg) {
				t.Errorf("track %s: segment %d was %+v and is %+v", track, seg.K, seg, p.Segments[i])
			}
		}
	}
}

func same(a, b presentation.Segment) bool {
	return a.K == b.K && a.Gap == b.Gap && a.Discontinuity == b.Discontinuity && a.Init == b.Init
}

func mustStop(t *testing.T, r *rig) {
	t.Helper()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
}
