//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"onair/pipeline/control"
	"onair/pkg/hls"
	"onair/pkg/presentation"
)

// listOf is a media playlist of a store that is not the first one; empty when there is none.
func listOf(t testing.TB, folder, rendition string) hls.Playlist {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(folder, "ch", rendition+".m3u8"))
	if err != nil {
		return hls.Playlist{}
	}
	p, err := hls.ReadMedia(b)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// mediaIn counts the segments of media that a store lists from number k on.
func mediaIn(t testing.TB, folder, rendition string, k int64) (n int) {
	t.Helper()
	for _, seg := range listOf(t, folder, rendition).Segments {
		if !seg.Gap && seg.K >= k {
			n++
		}
	}
	return n
}

// wantSame fails unless what a store lists of media is byte for byte what the first one has.
func (s *station) wantSame(folder, rendition string) {
	s.t.Helper()
	for _, seg := range listOf(s.t, folder, rendition).Segments {
		if seg.Gap {
			continue
		}
		for _, name := range []string{seg.Init, fmt.Sprintf("%d.m4s", seg.K)} {
			ours, err := os.ReadFile(filepath.Join(s.origin(), rendition, name))
			theirs, err2 := os.ReadFile(filepath.Join(folder, "ch", rendition, name))
			if err != nil || err2 != nil || !slices.Equal(ours, theirs) {
				s.t.Errorf("%s/%s differs: %v %v", rendition, name, err, err2)
			}
		}
	}
}

// TestReloadOfOutputs: a store is added, taken away and added once more while the channel goes on, and gets another ladder
// with the first one. The first store misses nothing; the other one lists gaps for the time it was not there.
func TestReloadOfOutputs(t *testing.T) {
	t.Parallel()
	s := newStationOf(t, onSlate, rtpInput(freePort(t, "udp"))).answering()
	second := filepath.Join(s.dir, "second")
	one := "  - dir: " + filepath.Dir(s.origin())
	two := one + "\n  - dir: " + second
	s.wait("segments", 40*time.Second, segments(3))

	s.rewrite(one, two)
	s.applied("outputs[1]")
	s.wait("the second store", 20*time.Second, func(st control.Status) bool {
		return len(st.Stores) == 2 && mediaIn(t, second, "v180", 0) >= 4 && mediaIn(t, second, "a1", 0) >= 4
	})
	for _, r := range []string{"v180", "v360", "a1"} {
		if list := listOf(t, second, r); slices.ContainsFunc(list.Segments, isGap) {
			t.Errorf("%s of the second store: %+v", r, list.Segments)
		}
		s.wantSame(second, r)
	}

	s.rewrite(two, one)
	s.applied("outputs")
	left := listOf(t, second, "v180")
	last := left.Segments[len(left.Segments)-1].K
	s.wait("the first store alone", 5*time.Second, func(st control.Status) bool { return len(st.Stores) == 1 })
	s.wantOn(3)
	if list := listOf(t, second, "v180"); !slices.Equal(list.Segments, left.Segments) {
		t.Errorf("the second store goes on after it was taken away: %+v", list.Segments)
	}

	s.rewrite(one, two, "size: 640x360", "size: 512x288")
	s.applied("video[0].size", "outputs[1]")
	s.wait("the second store with another ladder", 30*time.Second, func(control.Status) bool {
		n := 0
		for _, seg := range listOf(t, second, "v360").Segments {
			if n++; seg.Discontinuity {
				n = 0
			}
		}
		return n >= 2 && strings.Contains(s.log.String(), "another ladder from segment")
	})
	if n := mediaIn(t, second, "v180", last+1); n < 2 {
		t.Errorf("%d segments after the return", n)
	}
	s.refusesOutputs(two)
	st := s.wantOn(1)
	if st.Renditions[0].Gaps != 0 || st.Stores[0].Gaps != 0 || st.Stores[1].Errors != 0 {
		t.Errorf("renditions %+v, stores %+v", st.Renditions, st.Stores)
	}
	s.stop()
	for _, r := range []string{"v180", "v360", "a1"} {
		s.wantSame(second, r)
		if list := s.list(r); slices.ContainsFunc(list.Segments, isGap) {
			t.Errorf("%s of the first store: %+v", r, list.Segments)
		}
	}
	if at := s.wantDiscontinuities("v360", "v180", "a1"); len(at) != 1 {
		t.Errorf("discontinuities at %v, want one", at)
	}
}

// refusesOutputs offers files whose outputs cannot be: all stays as it is.
func (s *station) refusesOutputs(now string) {
	s.t.Helper()
	first, _, _ := strings.Cut(now, "\n")
	for to, want := range map[string]string{
		"  - dir: " + filepath.Join(s.dir, "third"): "outputs[0]: needs a restart: viewers are served from the first output",
		first + "\n  - dir: /proc/none":             "outputs[1]: ",
	} {
		s.rewrite(now, to)
		if code, body := s.reload(); code != http.StatusConflict || !strings.Contains(body, want) {
			s.t.Errorf("%s: %d %s", to, code, body)
		}
		s.rewrite(to, now)
	}
	s.applied()
}

func isGap(s presentation.Segment) bool { return s.Gap }
