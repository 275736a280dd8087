package verify_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
)

// What a reload of the channel file does on air is no fault, and what only looks like it is one.

const faultless = "(hls.i-frame-playlists)"

func TestBandwidthOfTheMPDMayChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		higher, first := []byte(`bandwidth="160000"`), newest()+5
		f.bend = func(name string, a *answer) {
			if name == "manifest.mpd" && newest() >= first {
				a.body = bytes.ReplaceAll(a.body, []byte(`bandwidth="150000"`), higher)
			}
		}
		r := watch(t, f)
		if got := strings.Join(broken(r), " "); got != faultless || !r.OK {
			t.Errorf("broken: %s\n%+v", got, r.Findings)
		}
	})
}

func TestWhatChangedInARepresentationIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		later(replace(`manifest\.mpd`, `codecs="avc1[^"]*"`, `codecs="avc1.4d401f"`))(f)
		want := "dash.invariants manifest.mpd P400000000 v: codecs was " + f.m.codecs[0] + " and is avc1.4d401f"
		found := false
		r := watch(t, f)
		for _, x := range r.Findings {
			found = found || x.Rule+" "+x.Object+": "+x.Message == want
		}
		if !found {
			t.Errorf("no %q in\n%+v", want, r.Findings)
		}
	})
}

// A rendition that is taken away leaves the multivariant playlist while the others go on.
func TestRenditionIsTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		later(edit(`index\.m3u8`, func(s string) string { return aSound.ReplaceAllString(s, "") }))(f)
		r := watch(t, f)
		if got := strings.Join(broken(r), " "); got != faultless || !r.OK || len(r.Renditions) != 1 {
			t.Errorf("broken: %s\n%+v", got, r.Findings)
		}
	})
}

// aSound is what the multivariant playlist has of a sound.
var aSound = regexp.MustCompile(`#EXT-X-MEDIA.*\n|AUDIO="audio",|,mp4a\.40\.2`)

// added makes the sound one that is added: the MPD has it from segment k0 on, the multivariant playlist when there are
// so many of its segments.
func added(f *fake, k0, after int64) {
	f.gap = func(k int64) bool { return k == k0-1 } // a Period begins at k0
	sound := regexp.MustCompile(`<AdaptationSet id="2".*\n`)
	old := regexp.MustCompile(`(?s)<Period id="P(\d+)".*?</Period>`)
	f.bend = func(name string, a *answer) {
		switch {
		case name == "manifest.mpd":
			a.body = old.ReplaceAllFunc(a.body, func(p []byte) []byte {
				if bytes.HasPrefix(p, fmt.Appendf(nil, `<Period id="P%d"`, k0)) {
					return p
				}
				return sound.ReplaceAll(p, nil)
			})
		case name == "index.m3u8" && newest() < k0+after-1:
			a.body = aSound.ReplaceAll(a.body, nil)
		}
	}
}

func TestAddedRenditionIsNamedByHLSLater(t *testing.T) {
	for after, want := range map[int64]string{
		3: "(hls.gap) " + faultless,
		6: "(hls.gap) " + faultless + " dash.representation",
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			added(f, newest()+4, after)
			r := watch(t, f)
			if got := strings.Join(broken(r), " "); got != want || len(r.Renditions) != 2 {
				t.Errorf("named after %d: %s, wanted %s\n%+v", after, got, want, r.Findings)
			}
		})
	}
}
