package verify_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"onair/pkg/fmp4"
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

// dear makes the segments up to a number several times as large, by filler data, and has every list of them declare it
// that begins at or before a number.
func dear(f *fake, last, until int64) {
	declared := regexp.MustCompile(`BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+`)
	filler := append([]byte{0, 1, 0, 0, 12}, bytes.Repeat([]byte{0xFF}, 65_535)...)
	large := rebuilt(f, func(s []fmp4.Sample) []fmp4.Sample {
		for i := range 2 {
			s[i].Data = append(bytes.Clone(s[i].Data), filler...)
		}
		return s
	})
	f.bend = func(name string, a *answer) {
		if k, ok := segmentNumber(name); ok && k <= last {
			large(name, a)
		}
		if name == "index.m3u8" && newest()-keep+1 <= until {
			a.body = declared.ReplaceAll(a.body, []byte("BANDWIDTH=800000,AVERAGE-BANDWIDTH=700000"))
		}
	}
}

func TestBandwidthSinksWithWhatIsListed(t *testing.T) {
	for early, want := range map[int64]string{0: faultless, 3: "hls.bandwidth " + faultless} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			last := newest() + 1
			dear(f, last, last-early)
			r := watch(t, f)
			if got := strings.Join(broken(r), " "); got != want {
				t.Errorf("%d segments early: %s, wanted %s\n%+v", early, got, want, r.Findings)
			}
		})
	}
}

// A BANDWIDTH that was too low is a fault, whatever is declared in the end.
func TestBandwidthThatRisesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		began := time.Now()
		low := strings.NewReplacer("BANDWIDTH=300000,AVERAGE-BANDWIDTH=200000", "BANDWIDTH=50000,AVERAGE-BANDWIDTH=50000")
		f.bend = func(name string, a *answer) {
			if name == "index.m3u8" && time.Since(began) < 5*time.Second {
				a.body = []byte(low.Replace(string(a.body)))
			}
		}
		if r := watch(t, f); !strings.Contains(strings.Join(broken(r), " "), "hls.bandwidth") || r.OK {
			t.Errorf("%v", broken(r))
		}
	})
}

// The multivariant playlist may be read a moment after a media playlist, and name what comes with the next segment.
func TestIndexThatIsReadLaterThanItsPlaylists(t *testing.T) {
	for last, want := range map[time.Duration]string{
		400 * time.Millisecond: faultless, 1100 * time.Millisecond: "hls.codecs " + faultless,
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			began, length := time.Now(), 29_750*time.Millisecond
			f.bend = func(name string, a *answer) {
				if name == "index.m3u8" && time.Since(began) > length-last {
					a.body = bytes.ReplaceAll(a.body, []byte("mp4a.40.2"), []byte("mp4a.40.5"))
				}
			}
			if got := strings.Join(broken(watchFor(t, f, length)), " "); got != want {
				t.Errorf("for %v: %s, wanted %s", last, got, want)
			}
		})
	}
}

// shortened leaves out the first four segments of a playlist.
func shortened(s string) string {
	parts := strings.SplitAfter(s, ".m4s\n")
	head, _, _ := strings.Cut(parts[0], "#EXT-X-PROGRAM")
	for range 4 {
		head = shiftSequence(head)
	}
	return head + strings.Join(parts[4:], "")
}

// A shorter window moves the begin of every playlist far at once; one request may come before, another after that.
func TestShorterWindowBetweenTwoRequests(t *testing.T) {
	for late, want := range map[time.Duration]string{
		400 * time.Millisecond: faultless, 1100 * time.Millisecond: "hls.renditions-aligned " + faultless,
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			began := time.Now()
			f.bend = func(name string, a *answer) {
				since := time.Since(began) - 10*time.Second + 100*time.Millisecond
				if name == "v.m3u8" && since > 0 || name == "a.m3u8" && since > late {
					a.body = []byte(shortened(string(a.body)))
				}
			}
			if got := strings.Join(broken(watch(t, f)), " "); got != want {
				t.Errorf("%v later: %s, wanted %s", late, got, want)
			}
		})
	}
}
