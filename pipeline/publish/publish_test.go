package publish_test

import (
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

func TestPlaylistsNameOnlyWhatIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		r.play(5)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		at := map[string]int{}
		for i, name := range s.writes() {
			if _, ok := at[name]; !ok {
				at[name] = i
			}
			switch {
			case strings.HasSuffix(name, ".m4s"):
				track := strings.Split(name, "/")[1]
				if _, ok := at["news/"+track+"/init-1.mp4"]; !ok {
					t.Errorf("%s was written before its init", name)
				}
			case name == "news/index.m3u8" || name == "news/manifest.mpd":
				if _, ok := at["news/v.m3u8"]; !ok {
					t.Errorf("%s was written before the media playlists", name)
				}
			}
		}
		r.expect(both("mmmmm"))
		first := at["news/v.m3u8"]
		if third := at[segmentName("v", r.k-3)]; first < third {
			t.Error("playlists appeared before three segments were stored")
		}
		if want := []int64{r.k - 5, r.k - 4, r.k - 3, r.k - 2, r.k - 1}; !slices.Equal(r.listed, want) {
			t.Errorf("told as listed: %v, want %v", r.listed, want)
		}
	})
}

func segmentName(track string, k int64) string {
	return "news/" + track + "/" + tickName(k) + ".m4s"
}

func TestObjectsCarryTypesAndCaching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		r.p.Segment(publish.Segment{Track: "v", K: r.k - 1, Body: []byte("s"), Slate: true})
		r.p.Segment(publish.Segment{Track: "a", K: r.k - 1, Body: []byte("s"), Slate: true})
		r.play(3)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string][2]string{
			"news/index.m3u8":         {"application/vnd.apple.mpegurl", "public, max-age=10"},
			"news/v.m3u8":             {"application/vnd.apple.mpegurl", "public, max-age=2"},
			"news/manifest.mpd":       {"application/dash+xml", "public, max-age=0, s-maxage=2"},
			"news/v/init-1.mp4":       {"video/mp4", "public, max-age=88, immutable"},
			"news/a/init-1.mp4":       {"audio/mp4", "public, max-age=88, immutable"},
			segmentName("v", r.k-1):   {"video/iso.segment", "public, max-age=88, immutable"},
			segmentName("v", r.k-3-1): {"video/iso.segment", "public, max-age=1"},
		} {
			o, err := s.Get(t.Context(), name)
			if err != nil || o.Type != want[0] || o.Cache != want[1] {
				t.Errorf("%s: %q %q, %v; want %q", name, o.Type, o.Cache, err, want)
			}
		}
	})
}

// An encoder looks ahead, so video comes later than audio by as much as its preset wants: that is no reason for a gap.
func TestUsualLagIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		for range 30 {
			r.segment("a", r.k)
			time.Sleep(2500 * time.Millisecond)
			r.segment("v", r.k)
			time.Sleep(segmentLength - 2500*time.Millisecond)
			r.k++
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		r.expect(both("mmmmmmmmmm"))
		if st := r.p.Status(); st.Gaps != 0 || st.Late != 0 {
			t.Errorf("gaps %d, late %d", st.Gaps, st.Late)
		}
	})
}

func TestLateTrackIsAGapAndHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		r.play(20) // both come together: the usual lag is none
		r.segment("v", r.k)
		time.Sleep(900 * time.Millisecond)
		synctest.Wait()
		if last := r.p.Status().LastK; last != r.k-1 {
			t.Errorf("segment %d is listed, %d is waited for", last, r.k)
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if last := r.p.Status().LastK; last != r.k {
			t.Errorf("segment %d is listed 1.1 s after %d came", last, r.k)
		}
		r.segment("a", r.k) // too late: what is listed never changes
		r.k++
		time.Sleep(segmentLength)
		r.play(1)
		r.expect(map[string]string{"v": "mmmmmmmmmm", "a": "mmmmmmmm-m"})
		if st := r.p.Status(); st.Gaps != 1 || st.Late != 1 || st.Untaken != 0 {
			t.Errorf("gaps %d, late %d, %d not taken by the store", st.Gaps, st.Late, st.Untaken)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestTrackThatWentOnIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, newTestStore(), nil)
		r.play(3)
		r.segment("v", r.k)
		r.segment("a", r.k+1)
		r.segment("v", r.k+1)
		synctest.Wait()
		if last := r.p.Status().LastK; last != r.k+1 {
			t.Errorf("segment %d is listed, want %d at once", last, r.k+1)
		}
		r.expect(map[string]string{"v": "mmmmm", "a": "mmm-m"})
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestTrackThatIsNotLiveIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, newTestStore(), nil)
		r.p.Expect([]string{"v"})
		for range 4 {
			r.segment("v", r.k)
			synctest.Wait()
			r.k++
		}
		if last := r.p.Status().LastK; last != r.k-1 {
			t.Errorf("segment %d is listed, want %d at once", last, r.k-1)
		}
		r.p.Expect([]string{"v", "a"})
		r.play(1)
		r.expect(map[string]string{"v": "mmmmm", "a": "----m"})
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestMissingNumbersAreGaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, newTestStore(), nil)
		r.play(3)
		time.Sleep(3 * segmentLength)
		r.k += 3
		r.play(1)
		r.expect(both("mmm---m"))
		if st := r.p.Status(); st.Gaps != 6 || st.Tracks[0].Gaps != 3 || st.Untaken != 0 {
			t.Errorf("%d gaps, %d of them not taken by the store", st.Gaps, st.Untaken)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestChangedInitIsADiscontinuityInAllTracks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		r.play(3)
		r.init("init-2.mp4")
		r.play(2)
		r.expect(both("mmm|mm"))
		for k, want := range map[int64]string{r.k - 3: "init-1.mp4", r.k - 2: "init-2.mp4"} {
			for _, track := range []string{"v", "a"} {
				p := playlist(t, s, track)
				if got := p.Segments[k-p.First].Init; got != want {
					t.Errorf("segment %d of %s needs %s, want %s", k, track, got, want)
				}
			}
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// A new init comes while segments of the old one still wait for the store.
func TestChangedInitWhileSegmentsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		s.trouble(delay(time.Second))
		r := start(t, s, nil)
		r.segment("v", r.k)
		r.segment("a", r.k)
		r.init("init-2.mp4")
		r.k++
		r.play(3)
		r.expect(both("m|mmm"))
		mustStop(t, r)
	})
}

func TestSegmentThatComesTwiceCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, newTestStore(), nil)
		r.segment("v", r.k)
		r.segment("v", r.k)
		r.segment("a", r.k)
		r.k++
		r.play(3)
		if st := r.p.Status(); st.Late != 1 || st.QueueBytes != 0 || st.Tracks[0].Segments != 4 {
			t.Errorf("%+v", st)
		}
		mustStop(t, r)
	})
}

func TestEndFlushesWhatIsCompleteOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		r.play(3)
		s.trouble(delay(time.Second))
		r.segment("v", r.k)
		r.segment("a", r.k)
		r.segment("v", r.k+1) // its audio never comes
		began := time.Now()
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("stopping took %v", took)
		}
		r.expect(both("mmmm"))
	})
}

func TestFreshness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		if r.p.Fresh() == nil {
			t.Error("fresh before anything is listed")
		}
		r.play(2)
		if r.p.Fresh() == nil {
			t.Error("fresh before playlists exist")
		}
		r.play(1) // and 4 s later
		if err := r.p.Fresh(); err != nil {
			t.Error(err)
		}
		// Gaps do not count: playlists go on being written.
		s.trouble(failWhere(func(name string) bool { return strings.HasSuffix(name, ".m4s") }))
		r.segment("v", r.k)
		r.segment("a", r.k)
		time.Sleep(2900 * time.Millisecond) // 6.9 s since the newest media
		if err := r.p.Fresh(); err != nil {
			t.Error(err)
		}
		time.Sleep(200 * time.Millisecond)
		err := r.p.Fresh()
		if err == nil || !strings.Contains(err.Error(), tickName(r.k-1)) {
			t.Errorf("7.1 s after the newest media: %v", err)
		}
		time.Sleep(2 * time.Second)
		r.expect(both("mmm-"))
		if r.p.Fresh() == nil {
			t.Error("a listed gap made the channel fresh")
		}
		s.trouble(nil)
		r.k += 2
		r.play(1)
		if err := r.p.Fresh(); err != nil {
			t.Error(err)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// Two pipelines with the same segments write the same bytes: nothing depends on when they started or on a local count.
func TestTwoPublishersWriteTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := newTestStore(), newTestStore()
		r := start(t, one, nil)
		r.play(7)
		q := start(t, two, nil)
		for range 12 {
			q.k = r.k
			for _, track := range []string{"v", "a"} {
				q.segment(track, q.k)
			}
			r.play(1)
		}
		for _, name := range []string{"index.m3u8", "v.m3u8", "a.m3u8"} {
			a, err1 := one.Get(t.Context(), "news/"+name)
			b, err2 := two.Get(t.Context(), "news/"+name)
			if err1 != nil || err2 != nil || string(a.Body) != string(b.Body) {
				t.Errorf("%s differs (%v, %v):\n%s\n%s", name, err1, err2, a.Body, b.Body)
			}
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		if err := q.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestExpiredObjectsAreDeletedAndNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		for _, name := range []string{
			"news/grid.json", "newsroom/v/5.m4s", "news/v/readme.txt", "news/old.m3u8", "news/old/7.m4s",
		} {
			if err := s.Put(t.Context(), store.Object{Name: name, Body: []byte("x")}); err != nil {
				t.Fatal(err)
			}
		}
		r := start(t, s, nil)
		first := r.k
		r.play(5)
		r.init("init-2.mp4")
		const window = 10
		r.play(60)
		size := int64(window)
		oldest := r.k - 1 - 2*size - 1
		for k := first; k < r.k; k++ {
			_, err := s.Get(t.Context(), segmentName("v", k))
			if (err == nil) != (k >= oldest) {
				t.Errorf("segment %d, %d behind the newest: %v", k, r.k-1-k, err)
			}
		}
		for name, there := range map[string]bool{
			"news/grid.json": true, "newsroom/v/5.m4s": true, "news/v/readme.txt": true, "news/v/init-2.mp4": true,
			"news/v/init-1.mp4": false, "news/old.m3u8": false, "news/old/7.m4s": false,
		} {
			if _, err := s.Get(t.Context(), name); (err == nil) != there {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWhatDoesNotBelongIsCountedNotListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, newTestStore(), nil)
		r.p.SetInit(presentation.Track{Name: "ghost", Init: "init-1.mp4"}, nil)
		r.p.Segment(publish.Segment{Track: "ghost", K: r.k, Body: []byte("x")})
		r.p.Segment(publish.Segment{Track: "v", K: r.k, Start: tick.Second, End: 2 * tick.Second, Body: []byte("x")}) // off the grid
		r.segment("a", r.k)
		r.k++
		time.Sleep(segmentLength)
		r.play(3)
		if st := r.p.Status(); st.Errors < 3 || st.LastError != "" {
			t.Errorf("errors %d, last %q after all went well", st.Errors, st.LastError)
		}
		r.expect(both("-mmm"))
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
}
