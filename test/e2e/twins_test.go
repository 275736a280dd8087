//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"onair/pipeline/control"
	"onair/pipeline/verify"
	"onair/test/feed"
)

// oneRung is a channel without its larger picture: two pipelines of it are no more for a machine than one.
var oneRung = strings.Replace(channel, "  - {name: v360, size: 640x360, bitrate: 800k}\n", "", 1)

// newTwins starts a pipeline of a channel whose timeline is shared, with two legs of a feed of a clip, and gives what starts
// the other one, whose legs come 300 ms later.
func newTwins(t *testing.T, file, reel string, wrap time.Duration) (first *station, second func() *station, source *feed.Feed) {
	t.Helper()
	return newTwinsOf(t, []string{file, file}, reel, wrap)
}

// newTwinsOf is newTwins with a file for each.
func newTwinsOf(t *testing.T, files []string, reel string, wrap time.Duration) (first *station, second func() *station, source *feed.Feed) {
	t.Helper()
	var ports []int
	var legs []string
	for range 4 {
		ports = append(ports, freePort(t, "udp"))
		legs = append(legs, fmt.Sprintf("127.0.0.1:%d", ports[len(ports)-1]))
	}
	body, err := os.ReadFile(reel)
	if err != nil {
		t.Fatal(err)
	}
	source = feed.New(legs, feed.Once(body))
	source.Skew, source.Wrap = 100*time.Millisecond, wrap
	first = newStationOf(t, files[0], twoLegs(ports[0], ports[1])).answering()
	source.Start(context.Background())
	t.Cleanup(source.Stop)
	return first, func() *station { return newStationOf(t, files[1], twoLegs(ports[2], ports[3])).answering() }, source
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

// twinsCase is a source of two pipelines.
type twinsCase struct {
	rate    string
	extra   []string      // of the clip's encoder
	wrap    time.Duration // after which its clocks wrap
	jump    bool          // its clock jumps once
	seconds int
	long    bool // only with ONAIR_LONG
}

// TestTwinsAreInterchangeable: two pipelines that start some seconds apart make segments of which each can stand in for
// the other's, whatever the source's clock does meanwhile. With ONAIR_LONG=1 that is ten minutes, at all rates.
func TestTwinsAreInterchangeable(t *testing.T) {
	for name, c := range map[string]twinsCase{
		"25, a jump":    {rate: "25", jump: true},
		"29.97, a wrap": {rate: "30000/1001", wrap: 25 * time.Second},
		"50":            {rate: "50", long: true},
		"23.976, 44.1":  {rate: "24000/1001", extra: []string{"-ar", "44100"}, long: true},
		"25, 44.1, a wrap and a jump": {
			rate: "25", extra: []string{"-ar", "44100", "-bf", "0"}, wrap: 20 * time.Second, jump: true, long: true,
		},
	} {
		c.seconds = 60
		if long {
			c.seconds = 630
		} else if c.long {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

func (c twinsCase) run(t *testing.T) {
	file := channel + "timeline:\n  dir: " + t.TempDir() + "\n"
	a, start, source := newTwins(t, file, clip(t, c.seconds, c.rate, c.extra...), c.wrap)
	a.wait("segments of the first", 30*time.Second, segments(3))
	b := start()
	a.compareWith(b)
	b.compareWith(a)
	b.wait("segments of the second", 30*time.Second, segments(4))
	made := uint64(0)
	if c.jump {
		source.JumpAtKey(time.Hour)
		made = 1
	}
	until := uint64(c.seconds/2 - 14)
	for _, s := range []*station{a, b} {
		st := s.wait("the segments", time.Duration(c.seconds)*time.Second, func(st control.Status) bool {
			return st.Segments >= until-min(until, 4)
		})
		if in := st.Inputs[0]; in.Lock != control.Locked || in.Generations != made {
			t.Errorf("%+v", in)
		}
	}
	wantMatching(t, a.status().Twin)
	wantMatching(t, b.status().Twin)
	a.stop()
	b.stop()
	wantVerifiedTwins(t, a, b)
	for _, rendition := range []string{"v360", "v180", "a1"} {
		common := wantInterchangeable(t, a, b, rendition)
		t.Logf("%s: %d segments in common", rendition, len(common))
		if len(common) < 8 {
			t.Errorf("%s: too few", rendition)
		}
		media := spliced(t, a, b, rendition, common)
		if rendition == "v180" {
			wantConsecutive(t, numbersIn(t, media))
		} else {
			decode(t, media, "-f", "null")
		}
	}
}

// compareWith tells a pipeline on air where its twin publishes.
func (s *station) compareWith(twin *station) {
	s.t.Helper()
	text, err := os.ReadFile(s.file)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(string(text) + "twin:\n  http: http://" + twin.http + "\n")
	eventually(10*time.Second, func() bool { // it may be just going on air
		code, _ := s.reload()
		return code == http.StatusOK
	})
}

// wantMatching fails unless a pipeline has compared some segments with those of its twin, and found them alike.
func wantMatching(t *testing.T, twin *control.Twin) {
	t.Helper()
	switch {
	case twin == nil:
		t.Error("the twin is not known")
	case twin.MatchRatio == nil || *twin.MatchRatio != 1 || twin.Compared < 5 || twin.Mismatched != 0 || twin.LastError != "":
		t.Errorf("compared with its twin: %+v", twin)
	default:
		t.Logf("compared with its twin: %d, ratio %v, %d missing, %d errors", twin.Compared, *twin.MatchRatio, twin.Missing, twin.Errors)
	}
}

// TestWhoGetsAnotherFeedIsNotLocked: of two pipelines with a shared timeline and different feeds, the one that was there
// first has the common clock, and the other one says that it gets something else.
func TestWhoGetsAnotherFeedIsNotLocked(t *testing.T) {
	t.Parallel()
	file := oneRung + "timeline:\n  dir: " + t.TempDir() + "\n"
	var twins []*station
	for range 2 {
		port := freePort(t, "udp")
		body, err := os.ReadFile(clip(t, 120, "25"))
		if err != nil {
			t.Fatal(err)
		}
		source := feed.New([]string{fmt.Sprintf("127.0.0.1:%d", port)}, feed.Once(body))
		s := newStationOf(t, file, rtpInput(port)).answering()
		source.Start(context.Background())
		t.Cleanup(source.Stop)
		s.wait("segments", 30*time.Second, segments(3))
		twins = append(twins, s)
	}
	lock := func(s *station) control.Lock { return s.status().Inputs[0].Lock }
	if lock(twins[1]) != control.Unlocked {
		t.Error("the second one takes its clock for the common one before anybody could say a word")
	}
	for i, want := range []string{"that of this feed was there first", "and it was there first"} {
		twins[i].wait("a word of pipeline "+fmt.Sprint(i+1), time.Minute, func(st control.Status) bool {
			return slices.ContainsFunc(st.Events, func(e control.Event) bool {
				return e.Code == "clock_unlocked" && strings.Contains(e.Message, want)
			})
		})
	}
	if a, b := lock(twins[0]), lock(twins[1]); a != control.Locked || b != control.Unlocked {
		t.Errorf("the first is %s, the second %s", a, b)
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
