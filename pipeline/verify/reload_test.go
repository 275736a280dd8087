package verify_test

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
)

// What a reload of the channel file does on air is no fault, and what only looks like it is one.

const faultless = "(hls.i-frame-playlists)"

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
