package publish_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"onair/pipeline/publish"
	"onair/pkg/tick"
)

// A power cut can take the end of files that the system had not written yet.
func TestRestartWithFilesCutShortMakesThemGaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		r.play(5)
		s.trouble(failWhere(func(name string) bool { return strings.HasSuffix(name, ".m3u8") }))
		r.play(1) // stored, not listed
		_ = r.stop()
		s.trouble(nil)
		cut := func(name string, change func([]byte) []byte) {
			o, err := s.Get(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			o.Body = change(slices.Clone(o.Body))
			if err := s.Put(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		shorter := func(b []byte) []byte { return b[:len(b)-1] }
		cut(segmentName("a", r.k-1), shorter)
		cut(segmentName("v", r.k-2), shorter)
		cut(segmentName("v", r.k-3), func(b []byte) []byte { return make([]byte, len(b)) }) // its length is known, its content lost
		cut(segmentName("a", r.k-6), shorter)
		var told []string
		q := start(t, s, func(c *publish.Config) {
			c.Event = func(level, message string) { told = append(told, level+": "+message) }
		})
		q.k = r.k
		q.play(1)
		mustStop(t, q)
		q.expect(map[string]string{"v": "mmm--mm", "a": "-mmmm-m"})
		if len(told) != 4 || !strings.HasPrefix(told[0], "warning: store memory: "+segmentName("a", r.k-1)+" is not whole") {
			t.Errorf("told %q", told)
		}
		if st := q.p.Status(); st.Errors != 0 {
			t.Errorf("%d errors: what is told as an event must not be told again as trouble", st.Errors)
		}
	})
}

// What was written long before the end is on the disk, and is not read: there may be hours of it.
func TestRestartReadsTheNewestSegmentsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		long := func(c *publish.Config) { c.Presentation.Window = 400 * tick.Second }
		r := start(t, s, long)
		r.play(40)
		mustStop(t, r)
		read := 0
		s.gets = func(name string) {
			if strings.HasSuffix(name, ".m4s") {
				read++
			}
		}
		q := start(t, s, long)
		if _, any, done := q.p.Resumed(); !any || !done {
			t.Error("nothing was read back")
		}
		if read != 20 { // 40 s of two tracks
			t.Errorf("%d segments were read", read)
		}
		mustStop(t, q)
	})
}
