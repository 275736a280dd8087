package publish_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"onair/pipeline/publish"
	"onair/pkg/store"
)

// Somebody removes the folder while the channel is on air: what is written from then on can be played, and a restart
// goes on with it.
func TestFolderThatIsRemovedComesBackWhole(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var told []string
		tell := func(c *publish.Config) {
			c.Event = func(level, message string) { told = append(told, level+": "+message) }
		}
		r := start(t, openDir(t, dir), tell)
		r.play(4)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		r.play(2)
		for _, name := range []string{
			"v/init-1.mp4", "a/init-1.mp4", "v.m3u8", "a.m3u8", "index.m3u8", "manifest.mpd", "v/" + tickName(r.k-1) + ".m4s",
		} {
			if _, err := os.Stat(filepath.Join(dir, "news", name)); err != nil {
				t.Error(err)
			}
		}
		mustStop(t, r)
		if all := strings.Join(told, "\n"); !strings.HasPrefix(all, "warning: store "+dir+": what it had taken is missing") ||
			!strings.Contains(all, "news/v/init-1.mp4") || !strings.Contains(all, "news/a/init-1.mp4") {
			t.Errorf("told %q", told)
		}
		q := start(t, openDir(t, dir), nil)
		q.k = r.k
		q.play(1)
		mustStop(t, q)
		q.expect(both("----mmm"))
	})
}

// A store that cannot tell that something was removed is looked at from time to time.
func TestInitThatIsRemovedIsWrittenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		var told []string
		r := start(t, s, func(c *publish.Config) {
			c.Event = func(level, message string) { told = append(told, level+": "+message) }
		})
		r.play(4)
		if err := s.Delete(t.Context(), "news/v/init-1.mp4"); err != nil {
			t.Fatal(err)
		}
		if err := s.Memory.Put(t.Context(), store.Object{Name: "news/a/init-1.mp4", Body: []byte("a")}); err != nil { // cut short
			t.Fatal(err)
		}
		r.play(16)
		for _, track := range []string{"v", "a"} {
			if o, err := s.Get(t.Context(), "news/"+track+"/init-1.mp4"); err != nil || string(o.Body) != track+"init-1.mp4" {
				t.Errorf("track %s: %q, %v", track, o.Body, err)
			}
		}
		r.expect(both("mmmmmmmmmm"))
		if len(told) != 1 || !strings.Contains(told[0], "(news/a/init-1.mp4, news/v/init-1.mp4)") {
			t.Errorf("told %q", told)
		}
		was := len(s.writes())
		r.play(20)
		if again := s.writes()[was:]; slices.Contains(again, "news/v/init-1.mp4") {
			t.Error("an init that is there is written again")
		}
		if len(told) != 1 {
			t.Errorf("told %q", told)
		}
		mustStop(t, r)
	})
}
