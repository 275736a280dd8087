//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"onair/pipeline/control"
	"onair/pkg/hls"
	"onair/test/edge"
)

// region is a pipeline and the origin that it pushes to.
type region struct {
	pipeline *station
	origin   *originProcess
}

// lose ends both without warning.
func (r *region) lose() {
	r.origin.kill()
	r.pipeline.kill()
}

// listed is the range of numbers that are listed; 0 where none is.
func (o *originProcess) listed() (first, last int64) {
	_, body, _ := o.get("/ch/v180.m3u8")
	p, err := hls.ReadMedia([]byte(body))
	if err != nil || len(p.Segments) == 0 {
		return 0, 0
	}
	return p.First, p.First + int64(len(p.Segments)) - 1
}

// TestRegionLost: two regions, each with a pipeline and an origin, behind an edge. One is lost while three players play:
// none stalls or tells of an error; it comes back, and none notices that either.
func TestRegionLost(t *testing.T) {
	t.Parallel()
	file := oneRung
	var regions []*region
	var origins []*originProcess
	for range 2 {
		origins = append(origins, newOrigin(t, ""))
	}
	output := func(o *originProcess) string {
		return fmt.Sprintf("  - {http: %q, user: west, password: %s}\n", o.url, originPassword)
	}
	shared := "timeline:\n  dir: " + t.TempDir() + "\n"
	a, second, _ := newTwinsOf(t, []string{file + output(origins[0]) + shared, file + output(origins[1]) + shared}, clip(t, 180, "25"), 0)
	a.wait("segments of the first", 40*time.Second, segments(3))
	b := second()
	regions = append(regions, &region{a, origins[0]}, &region{b, origins[1]})
	has := func(o *originProcess, n int64) func(control.Status) bool {
		return func(control.Status) bool { first, last := o.listed(); return first > 0 && last-first >= n }
	}
	b.wait("segments of the second", 40*time.Second, has(origins[1], 5))
	host := func(o *originProcess) string { return strings.TrimPrefix(o.url, "http://") }
	e := edge.Start(t, host(origins[0]), host(origins[1]), "EDGE_SEGMENT=2")
	w := newWall(t, e.URL+"/ch/")

	first, begun := w.look(), time.Now()
	on := func(what string, o *originProcess, n int64) []seat {
		t.Helper()
		_, from := o.listed()
		if !eventually(60*time.Second, func() bool { _, last := o.listed(); return last >= from+n }) {
			t.Fatalf("%s: no new segments", what)
		}
		now := w.look()
		for _, s := range now {
			t.Logf("%s: %s is %.1f s behind live, %.1f s ahead in its buffer, %d waits", what, s.Player, s.Latency, s.Ahead, s.Waits)
		}
		return now
	}
	on("both there", origins[1], 3)
	regions[0].lose()
	on("one lost", origins[1], 8)
	origins[0].start()
	a.start()
	a.wait("the region that was lost", 60*time.Second, has(origins[0], 5))
	last := on("it is back", origins[1], 5)
	slow := strings.Contains(a.log.String()+b.log.String(), "slower than real time")
	for i, s := range last {
		s.wantUnnoticed(t, first[i], time.Since(begun), slow)
	}
	if t.Failed() {
		t.Logf("the edge:\n%s", strings.Join(e.Lines("fill.log", ""), ""))
	}
}
