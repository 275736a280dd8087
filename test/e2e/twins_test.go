//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"onair/pipeline/control"
	"onair/pipeline/verify"
	"onair/test/feed"
)

// newTwins starts two pipelines of one channel that share a timeline, each with two legs of the same feed, those of the
// second 300 ms after those of the first. The second one starts later.
func newTwins(t *testing.T, seconds int, rate string) (first *station, second func() *station, source *feed.Feed) {
	t.Helper()
	var ports []int
	for range 4 {
		ports = append(ports, freePort(t, "udp"))
	}
	var legs []string
	for _, p := range ports {
		legs = append(legs, fmt.Sprintf("127.0.0.1:%d", p))
	}
	reel, err := os.ReadFile(clip(t, seconds, rate))
	if err != nil {
		t.Fatal(err)
	}
	source = feed.New(legs, feed.Once(reel))
	source.Skew = 100 * time.Millisecond
	file := channel + "timeline:\n  dir: " + t.TempDir() + "\n"
	first = newStationOf(t, file, twoLegs(ports[0], ports[1])).answering()
	source.Start(context.Background())
	t.Cleanup(source.Stop)
	return first, func() *station {
		return newStationOf(t, file, twoLegs(ports[2], ports[3])).answering()
	}, source
}

// wantInterchangeable fails unless every segment that both have of a rendition can stand in for the other: names,
// initialization, begin, and every sample's duration. It tells how many there are.
func wantInterchangeable(t *testing.T, a, b *station, rendition string) (common []int64) {
	t.Helper()
	ha, hb := a.header(rendition), b.header(rendition)
	wantSameInit(t, a, b, rendition)
	for _, k := range a.numbers(rendition) {
		if !slices.Contains(b.numbers(rendition), k) {
			continue
		}
		common = append(common, k)
		sa, sb := a.segment(ha, rendition, k), b.segment(hb, rendition, k)
		if sa.BaseTime != sb.BaseTime || sa.Sequence != sb.Sequence || len(sa.Samples) != len(sb.Samples) {
			t.Errorf("%s segment %d: %d samples from %d, and %d from %d", rendition, k, len(sa.Samples), sa.BaseTime,
				len(sb.Samples), sb.BaseTime)
			continue
		}
		for i := range sa.Samples {
			if sa.Samples[i].Duration != sb.Samples[i].Duration {
				t.Errorf("%s segment %d: sample %d differs", rendition, k, i)
			}
		}
	}
	return common
}

func wantSameInit(t *testing.T, a, b *station, rendition string) {
	t.Helper()
	read := func(s *station) (string, string) {
		inits, _ := filepath.Glob(filepath.Join(s.origin(), rendition, "init-*.mp4"))
		body, err := os.ReadFile(inits[0])
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Base(inits[0]), string(body)
	}
	nameA, initA := read(a)
	nameB, initB := read(b)
	if nameA != nameB || initA != initB {
		t.Errorf("%s: %s and %s differ", rendition, nameA, nameB)
	}
}

// spliced is a rendition of both, segment by segment in turns.
func spliced(t *testing.T, a, b *station, rendition string, common []int64) []byte {
	t.Helper()
	out := a.mediaIf(rendition, func(int64, bool) bool { return false })
	for i, k := range common {
		from := []*station{a, b}[i%2]
		body, err := os.ReadFile(filepath.Join(from.origin(), rendition, fmt.Sprintf("%d.m4s", k)))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, body...)
	}
	return out
}

// TestTwinsAreInterchangeable: two pipelines that start 7 s apart, with a jump of the source's clock while both are on
// air, make segments of which each can stand in for the other's.
func TestTwinsAreInterchangeable(t *testing.T) {
	t.Parallel()
	a, start, source := newTwins(t, 60, "25")
	a.wait("segments of the first", 30*time.Second, segments(3))
	b := start()
	b.wait("segments of the second", 30*time.Second, segments(4))
	source.JumpAtKey(time.Hour)
	before := b.status().Segments
	for _, s := range []*station{a, b} {
		st := s.wait("segments after the jump", 30*time.Second, func(st control.Status) bool {
			return st.Segments >= before+6
		})
		if in := st.Inputs[0]; in.Lock != control.Locked || in.Generations != 1 {
			t.Errorf("%+v", in)
		}
	}
	a.stop()
	b.stop()
	wantVerifiedTwins(t, a, b)
	for _, rendition := range []string{"v360", "v180", "a1"} {
		common := wantInterchangeable(t, a, b, rendition)
		if len(common) < 8 {
			t.Errorf("%s: %d segments in common", rendition, len(common))
		}
		media := spliced(t, a, b, rendition, common)
		if rendition == "v180" {
			wantConsecutive(t, numbersIn(t, media))
		} else {
			decode(t, media, "-f", "null")
		}
	}
}

// wantVerifiedTwins fails unless the program's own comparison of two outputs holds, everything decoded.
func wantVerifiedTwins(t *testing.T, a, b *station) {
	t.Helper()
	out, err := exec.Command(program, "verify", "--twin", a.origin(), b.origin(), "--for", "5s", "--json").Output()
	var r verify.TwinReport
	if jsonErr := json.Unmarshal(out, &r); err != nil || jsonErr != nil {
		t.Fatalf("verify --twin: %v, %v\n%s", err, jsonErr, out)
	}
	if len(r.Renditions) != 3 {
		t.Errorf("%d renditions", len(r.Renditions))
	}
	for _, x := range r.Renditions {
		d := x.Decode
		t.Logf("%s: %d compared, match ratio %.3f, %d of %d frames decoded", x.Name, x.Compared, x.MatchRatio, d.Frames, d.Expected)
		if x.Compared < 8 || x.Differing > 0 || x.MatchRatio != 1 || d.Segments != x.Compared || d.Frames != d.Expected {
			t.Errorf("%+v\n%+v", x, r.Findings)
		}
	}
}
