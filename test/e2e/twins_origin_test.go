//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"onair/pipeline/control"
	"onair/pkg/hls"
)

// TestTwinsShareAnOrigin: two pipelines publish to one onair origin. It is away for longer than anything is tried, comes
// back, and both go on there; then one is killed, and the list goes on without a gap.
func TestTwinsShareAnOrigin(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, "")
	output := fmt.Sprintf("  - {http: %q, user: west, password: %s, shared: true}\n", o.url, originPassword)
	file := strings.Replace(oneRung, "  - dir: %[3]s\n", output, 1) + "timeline:\n  dir: " + t.TempDir() + "\n"
	one, second, _ := newTwins(t, file, clip(t, 180, "25"), 0)
	twins := []*station{one, second()}
	list := func() hls.Playlist {
		_, body, _ := o.get("/ch/v180.m3u8")
		p, _ := hls.ReadMedia([]byte(body))
		return p
	}
	on := func(what string, s *station, n int64) int64 {
		t.Helper()
		_, from := o.listed()
		s.wait(what, 60*time.Second, func(st control.Status) bool {
			_, last := o.listed()
			return last >= from+n && st.Stores[0].LastK >= from+n
		})
		_, last := o.listed()
		return last
	}
	on("segments at the origin", twins[0], 3)
	on("segments of both", twins[1], 3)
	o.kill()
	for _, s := range twins {
		s.wait("a segment that is given up", 30*time.Second, func(st control.Status) bool { return st.Stores[0].Queue > 2 })
	}
	o.start()
	back := on("the origin that was away, by the first", twins[0], 3)
	on("the origin that was away, by the second", twins[1], 2)
	one.kill()
	on("one killed", twins[1], 3)
	one.start()
	one.wait("the one that was killed", 40*time.Second, segments(3))
	for _, s := range list().Segments {
		if s.K > back && s.Gap || s.Discontinuity {
			t.Errorf("%+v", s)
		}
	}
	for i, s := range twins {
		if st := s.status().Stores[0]; st.TwinSegments+st.TwinListed == 0 {
			t.Errorf("pipeline %d did not meet the other: %+v", i+1, st)
		}
	}
}
