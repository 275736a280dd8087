//go:build e2e

package edge_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"onair/test/edge"
)

// viewer asks for one playlist over and over, and fails when it goes back.
type viewer struct {
	t     *testing.T
	url   string
	first int
	last  int
	from  string
	code  int
	body  string
}

var (
	sequence  = regexp.MustCompile(`#EXT-X-MEDIA-SEQUENCE:(\d+)`)
	published = regexp.MustCompile(`publishTime="2026-01-01T00:00:(\d\d)Z"`)
)

// look asks once.
func (v *viewer) look() {
	v.t.Helper()
	got := get(v.t, v.url)
	v.code, v.from = got.status, got.head.Get("X-Onair-Pipeline")
	if v.code != http.StatusOK {
		return
	}
	v.body = got.body
	first, last := 0, 0
	if m := sequence.FindStringSubmatch(got.body); m != nil {
		first, _ = strconv.Atoi(m[1])
		last = first + strings.Count(got.body, "#EXTINF") - 1
	} else if m := published.FindStringSubmatch(got.body); m != nil {
		last, _ = strconv.Atoi(m[1])
	}
	if first < v.first || last < v.last {
		v.t.Fatalf("from %d to %d after %d to %d: %v", first, last, v.first, v.last, got)
	}
	v.first, v.last = first, last
}

// until looks until a condition holds.
func (v *viewer) until(what string, cond func() bool) {
	v.t.Helper()
	if !eventually(30*time.Second, func() bool { v.look(); return cond() }) {
		v.t.Fatalf("%s: not so; now %d from %s, %d to %d", what, v.code, v.from, v.first, v.last)
	}
}

func (v *viewer) reaches(last int, from string) {
	v.t.Helper()
	v.until(fmt.Sprintf("%d from %s", last, from), func() bool {
		return v.code == http.StatusOK && v.last == last && v.from == from
	})
}

func (v *viewer) gets(code int) {
	v.t.Helper()
	v.until(strconv.Itoa(code), func() bool { return v.code == code })
}

// format is one of the two kinds of playlist.
type format struct {
	path string
	list func(first, last int) []byte
}

var formats = map[string]format{
	"HLS":  {"/ch/v.m3u8", func(first, last int) []byte { return []byte(list(first, last)) }},
	"DASH": {"/ch/manifest.mpd", func(_, last int) []byte { return []byte(mpd(last) + "</MPD>\n") }},
}

// pair is an edge before two origins, and a viewer of a playlist.
func pair(t *testing.T, f format, segment string) (a, b *origin, v *viewer, e *edge.Edge) {
	a, b = newOrigin(t, "a"), newOrigin(t, "b")
	e = edge.Start(t, a.address, b.address, "EDGE_SEGMENT="+segment)
	return a, b, &viewer{t: t, url: e.URL + f.path}, e
}

func (f format) on(o *origin, first, last int) { o.on(f.path, object(ofPlaylist, f.list(first, last))) }

// TestNeverBack: when the origin that is preferred fails and the other one is behind, what was served last is served
// until the other has caught up; one that comes back older is not gone back to.
func TestNeverBack(t *testing.T) {
	t.Parallel()
	for name, f := range formats {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b, v, _ := pair(t, f, "20")
			f.on(a, 1, 10)
			f.on(b, 1, 9)
			v.reaches(10, "a")
			a.on(f.path, status(http.StatusServiceUnavailable))
			asked := b.count(f.path)
			v.until("the other one asked", func() bool { return b.count(f.path) > asked+1 })
			if v.code != http.StatusOK || v.last != 10 {
				t.Fatalf("%d, %d while the other one is behind", v.code, v.last)
			}
			f.on(b, 1, 10)
			v.reaches(10, "b")
			f.on(b, 1, 11)
			v.reaches(11, "b")
			f.on(a, 1, 10) // comes back, older
			b.on(f.path, drop)
			asked = a.count(f.path)
			v.until("the one that came back asked", func() bool { return a.count(f.path) > asked+1 })
			f.on(a, 1, 12)
			v.reaches(12, "a")
		})
	}
}

// TestHeldUntilStale: what was served last is not served for longer than one and a half segments.
func TestHeldUntilStale(t *testing.T) {
	t.Parallel()
	for name, f := range formats {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b, v, e := pair(t, f, "2")
			f.on(a, 1, 10)
			f.on(b, 1, 9)
			v.reaches(10, "a")
			a.on(f.path, drop)
			v.gets(http.StatusServiceUnavailable)
			f.on(b, 1, 11)
			v.reaches(11, "b")
			// Numbers that begin anew, as with segments of another length, are those of the channel after a while.
			b.on(f.path, drop)
			v.gets(http.StatusServiceUnavailable)
			forget(t, e, f.path)
			f.on(a, 1, 3)
			v.first, v.last = 0, 0
			v.reaches(3, "a")
		})
	}
}

// forget has the edge have served a playlist last a minute ago.
func forget(t *testing.T, e *edge.Edge, path string) {
	t.Helper()
	file := filepath.Join(e.Folder, "lists", strings.ReplaceAll(path, "/", "~"))
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var served map[string]any
	if err := json.Unmarshal(text, &served); err != nil {
		t.Fatal(err)
	}
	served["changed"] = time.Now().Add(-time.Minute).UnixMilli()
	if text, err = json.Marshal(served); err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestOnePlaylistOneOrigin: the other origin is not asked while the first one is fresh, however far it is ahead.
func TestOnePlaylistOneOrigin(t *testing.T) {
	t.Parallel()
	a, b, v, _ := pair(t, formats["HLS"], "20")
	f := formats["HLS"]
	for k := 5; k <= 8; k++ {
		f.on(a, 1, k)
		f.on(b, 1, k+2)
		v.reaches(k, "a")
	}
	if n := b.count(f.path); n != 0 {
		t.Errorf("the other one was asked %d times", n)
	}
}

// TestAStale200: an origin that answers 200 and lists nothing new is left for the other, if that one goes further.
func TestAStale200(t *testing.T) {
	t.Parallel()
	for name, f := range formats {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b, v, _ := pair(t, f, "1")
			f.on(a, 1, 10)
			f.on(b, 1, 10)
			v.reaches(10, "a")
			v.until("the other one asked", func() bool { return b.count(f.path) > 0 })
			if v.from != "a" {
				t.Errorf("the other one is taken although it goes no further")
			}
			f.on(b, 1, 12)
			v.reaches(12, "b")
		})
	}
}

// TestBrokenPlaylists: 200 with what is no playlist is no answer.
func TestBrokenPlaylists(t *testing.T) {
	t.Parallel()
	f := formats["HLS"]
	for _, body := range []string{"", "<html>sign in</html>", "#EXTM3U\n", "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n", "#EXTM3U\n#EXTINF:1,\nv/1.m4s\n"} {
		a, b, v, _ := pair(t, f, "20")
		a.on(f.path, object(ofPlaylist, []byte(body)))
		f.on(b, 1, 10)
		v.reaches(10, "b")
	}
	d := formats["DASH"]
	a, b, v, _ := pair(t, d, "20")
	a.on(d.path, object(ofPlaylist, []byte(mpd(12)))) // cut off
	d.on(b, 1, 10)
	v.reaches(10, "b")
}

// TestMediaBeforeGaps: where the first origin lists a gap last, the other one's media is served.
func TestMediaBeforeGaps(t *testing.T) {
	t.Parallel()
	f := formats["HLS"]
	a, b, v, _ := pair(t, f, "20")
	gap := strings.Replace(list(1, 10), "#EXTINF:1.000,\nv/10.m4s", "#EXT-X-GAP\n#EXTINF:1.000,\nv/10.m4s", 1)
	f.on(a, 1, 9)
	f.on(b, 1, 9)
	v.reaches(9, "a")
	a.on(f.path, object(ofPlaylist, []byte(gap)))
	b.on(f.path, object(ofPlaylist, []byte(gap)))
	v.reaches(10, "a")
	f.on(b, 1, 10)
	v.reaches(10, "b")
}

// TestTheWindowNeverGrowsBack: an origin that was away has a window that begins later. When the other one is gone back
// to, its playlist is cut, and what held for the segments behind still does.
func TestTheWindowNeverGrowsBack(t *testing.T) {
	t.Parallel()
	f := formats["HLS"]
	a, b, v, _ := pair(t, f, "20")
	f.on(b, 8, 10)
	v.reaches(10, "b")
	long := list(1, 11)
	for k, tag := range map[int]string{
		4: "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"v/init-2.mp4\"\n", 9: "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"v/init-3.mp4\"\n",
	} {
		date := fmt.Sprintf("#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:%02d.000Z\n", k)
		long = strings.Replace(long, date, tag+date, 1)
	}
	b.on(f.path, drop)
	tagged := object(ofPlaylist, []byte(long))
	a.on(f.path, tagged)
	v.reaches(11, "a")
	want := list(8, 11)
	want = strings.Replace(want, "SEQUENCE:2", "SEQUENCE:3", 1)
	want = strings.Replace(want, "init-1", "init-2", 1)
	date := "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:09.000Z\n"
	want = strings.Replace(want, date, "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"v/init-3.mp4\"\n"+date, 1)
	if v.body != want {
		t.Errorf("got\n%s\nwant\n%s", v.body, want)
	}
	if tag := get(t, v.url).head.Get("Etag"); !strings.HasSuffix(tag, `-from-8"`) {
		t.Errorf("the tag %s is that of another text", tag)
	}
	f.on(a, 9, 12)
	v.reaches(12, "a")
	if v.body != list(9, 12) {
		t.Errorf("cut without need:\n%s", v.body)
	}
}
