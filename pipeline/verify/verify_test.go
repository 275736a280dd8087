package verify_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"onair/pipeline/verify"
)

// watch runs a viewing of the fake for 30 s of its own time.
func watch(t *testing.T, f *fake) verify.Report {
	t.Helper()
	return watchFor(t, f, 30*time.Second)
}

func watchFor(t *testing.T, f *fake, length time.Duration) verify.Report {
	t.Helper()
	v, err := verify.New(verify.Config{Target: "http://origin.example/news/", For: length,
		Client: &http.Client{Transport: f}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := v.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// broken are the rules that did not hold; soft ones in brackets.
func broken(r verify.Report) (out []string) {
	for _, t := range r.Rules {
		if t.Failed > 0 && t.Hard {
			out = append(out, t.Rule)
		} else if t.Failed > 0 {
			out = append(out, "("+t.Rule+")")
		}
	}
	return out
}

func TestFaultlessChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := watch(t, newFake(t))
		if got := strings.Join(broken(r), " "); got != "(hls.i-frame-playlists)" || !r.OK {
			t.Errorf("broken: %s\n%+v", got, r.Findings)
		}
		if len(r.Rules) < 50 {
			t.Errorf("only %d rules were applied", len(r.Rules))
		}
		for _, x := range r.Renditions {
			if x.Read < 15 || x.Updates < 14 || x.Latency == nil || x.Latency.Min < 0.5 || x.Latency.Max > 1.3 ||
				x.LongestUpdate > 2.6 {
				t.Errorf("%+v %+v", x, x.Latency)
			}
		}
		if r.Channel.SegmentSeconds != 2 || r.Channel.TargetDuration != 2 || r.Channel.Variants != 1 ||
			r.Channel.Periods != 1 {
			t.Errorf("%+v", r.Channel)
		}
	})
}

// A line that is slow at first is no fault of the origin: the playlist was not looked at meanwhile.
func TestSlowReadingIsNotHeldAgainstTheOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		left := 6
		f.bend = func(name string, _ *answer) {
			f.mu.Lock()
			slow := strings.HasSuffix(name, ".m4s") && left > 0
			if slow {
				left--
			}
			f.mu.Unlock()
			if slow {
				time.Sleep(3 * time.Second)
			}
		}
		r := watch(t, f)
		if got := strings.Join(broken(r), " "); got != "(hls.i-frame-playlists)" || !r.OK {
			t.Errorf("broken: %s\n%+v", got, r.Findings)
		}
	})
}

func TestGapIsAWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		missing := newest() + 9
		f.gap = func(k int64) bool { return k == missing || k == missing+1 }
		r := watch(t, f)
		if got := strings.Join(broken(r), " "); got != "(hls.gap) (hls.i-frame-playlists)" || !r.OK {
			t.Errorf("broken: %s\n%+v", got, r.Findings)
		}
		if r.Renditions[0].Gaps != 2 || r.Channel.Periods != 2 {
			t.Errorf("%+v %+v", r.Renditions[0], r.Channel)
		}
	})
}

// replace bends the objects whose name matches.
func replace(name, old, by string) func(*fake) {
	return edit(name, func(s string) string { return regexp.MustCompile(old).ReplaceAllString(s, by) })
}

func edit(name string, change func(string) string) func(*fake) {
	form := regexp.MustCompile("^" + name + "$")
	return func(f *fake) {
		f.bend = func(n string, a *answer) {
			if form.MatchString(n) && a.status == 200 {
				a.body = []byte(change(string(a.body)))
			}
		}
	}
}

// header sets a header field of the objects whose name matches.
func header(name, key, value string) func(*fake) {
	form := regexp.MustCompile("^" + name + "$")
	return func(f *fake) {
		f.bend = func(n string, a *answer) {
			if form.MatchString(n) && a.status == 200 {
				a.header.Set(key, value)
			}
		}
	}
}

// later applies a bend from 10 s on.
func later(bend func(*fake)) func(*fake) {
	return func(f *fake) {
		bend(f)
		inner, from := f.bend, time.Now().Add(10*time.Second)
		f.bend = func(n string, a *answer) {
			if time.Now().After(from) {
				inner(n, a)
			}
		}
	}
}

// box overwrites bytes at an offset behind the name of a segment's box.
func box(name, kind string, at int, value uint32) func(*fake) {
	return edit(name, func(s string) string {
		b := []byte(s)
		if i := bytes.Index(b, []byte(kind)); i > 0 {
			binary.BigEndian.PutUint32(b[i+4+at:], value)
		}
		return string(b)
	})
}

func status(name string, code int) func(*fake) {
	form := regexp.MustCompile("^" + name + "$")
	return func(f *fake) {
		f.bend = func(n string, a *answer) {
			if form.MatchString(n) {
				a.status, a.body = code, []byte("no: the disk is full")
			}
		}
	}
}

const (
	segments  = `[va]/\d+\.m4s`
	playlists = `[va]\.m3u8`
)

// TestFaultsAreFound bends one thing at a time and wants the rule that stands against it.
func TestFaultsAreFound(t *testing.T) {
	n := 0
	for name, c := range map[string]struct {
		bend func(*fake)
		want string
	}{
		"segment missing":          {status(`v/\d*7\.m4s`, 404), "http.status"},
		"playlist stale":           {later(status(`v\.m3u8`, 503)), "http.status"},
		"redirect":                 {status(`a/\d*7\.m4s`, 302), "http.status"},
		"wrong type of a playlist": {header(playlists, "Content-Type", "text/plain"), "http.content-type"},
		"wrong type of a segment":  {header(segments, "Content-Type", "application/octet-stream"), "http.content-type"},
		"no CORS":                  {header(segments, "X-Cors", "none"), "http.cors"},
		"playlist cached for long": {header(playlists, "Cache-Control", "public, max-age=60"), "http.caching"},
		"segment not cached":       {header(segments, "Cache-Control", "no-store"), "http.caching"},
		"no ETag":                  {header(segments, "ETag", ""), "http.etag"},
		"old Last-Modified": {header(playlists, "Last-Modified", "Fri, 31 Dec 1999 12:00:00 GMT"),
			"http.last-modified"},
		"segments deleted early": {func(f *fake) { f.bend = gone }, "http.retained"},
		"byte order mark":        {replace(`v\.m3u8`, `^#EXTM3U`, "\xEF\xBB\xBF#EXTM3U"), "hls.syntax"},
		"tag twice": {replace(`v\.m3u8`, `#EXT-X-VERSION:6\n`, "#EXT-X-VERSION:6\n#EXT-X-VERSION:6\n"),
			"hls.syntax"},
		"attribute twice": {replace(`index\.m3u8`, `BANDWIDTH=300000,`, "BANDWIDTH=300000,BANDWIDTH=300000,"),
			"hls.syntax"},
		"unquoted string":           {replace(`index\.m3u8`, `NAME="a"`, "NAME=a b"), "hls.syntax"},
		"unknown tag":               {replace(`a\.m3u8`, `#EXTINF`, "#EXT-X-UNHEARD-OF\n#EXTINF"), "hls.syntax"},
		"over-declared version":     {replace(`a\.m3u8`, `VERSION:6`, "VERSION:9"), "(hls.version)"},
		"target duration too short": {replace(playlists, `TARGETDURATION:2`, "TARGETDURATION:1"), "hls.target-duration"},
		"target durations differ": {replace(`a\.m3u8`, `TARGETDURATION:2`, "TARGETDURATION:3"),
			"hls.target-duration-fixed"},
		"target duration changes": {later(replace(playlists, `TARGETDURATION:2`, "TARGETDURATION:3")),
			"hls.target-duration-fixed"},
		"ENDLIST": {replace(`v\.m3u8`, `$`, "#EXT-X-ENDLIST\n"), "hls.live"},
		"EVENT": {replace(`v\.m3u8`, `#EXT-X-TARGET`, "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-TARGET"),
			"hls.live"},
		"not independent": {replace(`index\.m3u8`, `#EXT-X-INDEPENDENT-SEGMENTS\n`, ""),
			"hls.independent-segments"},
		"no dates":                  {replace(`a\.m3u8`, `#EXT-X-PROGRAM-DATE-TIME:.*\n`, ""), "hls.program-date-time"},
		"date without milliseconds": {replace(`a\.m3u8`, `\.\d{3}Z`, "Z"), "hls.syntax"},
		"dates off the grid":        {edit(`v\.m3u8`, shiftDates), "hls.program-date-time-of-k"},
		"number is not the name":    {edit(`v\.m3u8`, shiftSequence), "hls.number-is-name"},
		"no map":                    {replace(`v\.m3u8`, `#EXT-X-MAP.*\n`, ""), "hls.map"},
		"map changes":               {edit(`v\.m3u8`, secondMap), "hls.map"},
		"short playlist":            {edit(playlists, shorten), "hls.length"},
		"no discontinuity sequence": {replace(playlists, `#EXT-X-DISCONTINUITY-SEQUENCE:0\n`, ""),
			"(hls.discontinuity-sequence)"},
		"goes back": {func(f *fake) { f.bend = back(f) }, "hls.sequence-regress"},
		"discontinuities not counted": {later(replace(playlists, `DISCONTINUITY-SEQUENCE:0`, "DISCONTINUITY-SEQUENCE:1")),
			"hls.sequence-regress"},
		"listed segment changes": {later(replace(`v\.m3u8`, `v/(\d*3)\.m4s`, "v//$1.m4s")), "hls.listed-changed"},
		"media turns into a gap": {later(replace(`v\.m3u8`, `#EXTINF:2.000,\nv/(\d*3)\.m4s`,
			"#EXT-X-GAP\n#EXTINF:2.000,\nv/$1.m4s")), "hls.listed-changed"},
		"updates stop":      {func(f *fake) { f.bend = frozen(f) }, "hls.cadence"},
		"audio lags behind": {func(f *fake) { f.bend = lagging(f) }, "hls.renditions-aligned"},
		"discontinuity in one only": {replace(`a\.m3u8`, `(#EXT-X-PROGRAM.*\n#EXTINF.*\na/\d*5\.m4s)`,
			"#EXT-X-DISCONTINUITY\n$1"), "hls.renditions-aligned"},
		"EXTINF wrong":          {replace(`v\.m3u8`, `#EXTINF:2.000`, "#EXTINF:2.002"), "hls.extinf"},
		"no AVERAGE-BANDWIDTH":  {replace(`index\.m3u8`, `AVERAGE-BANDWIDTH=200000,`, ""), "hls.variant"},
		"wrong resolution":      {replace(`index\.m3u8`, `64x36`, "64x48"), "hls.variant"},
		"wrong frame rate":      {replace(`index\.m3u8`, `25\.000`, "29.970"), "hls.variant"},
		"group does not exist":  {replace(`index\.m3u8`, `AUDIO="audio"`, `AUDIO="other"`), "hls.groups"},
		"no language":           {replace(`index\.m3u8`, `LANGUAGE="en",`, ""), "hls.groups"},
		"captions not declared": {replace(`index\.m3u8`, `CLOSED-CAPTIONS=NONE,`, ""), "hls.closed-captions"},
		"wrong codecs":          {replace(`index\.m3u8`, `mp4a\.40\.2`, "mp4a.40.5"), "hls.codecs"},
		"bandwidth too low": {replace(`index\.m3u8`, `BANDWIDTH=300000,AVERAGE-BANDWIDTH=200000`,
			"BANDWIDTH=50000,AVERAGE-BANDWIDTH=50000"), "hls.bandwidth"},
		"average too low": {replace(`index\.m3u8`, `AVERAGE-BANDWIDTH=200000`, "AVERAGE-BANDWIDTH=50000"),
			"(hls.average-bandwidth-so-far)"},
		"MPD is no XML":         {replace(`manifest\.mpd`, `</MPD>`, ""), "dash.syntax"},
		"static MPD":            {replace(`manifest\.mpd`, `"dynamic"`, `"static"`), "dash.syntax"},
		"another epoch":         {replace(`manifest\.mpd`, `1970-01-01`, "2000-01-01"), "dash.availability-start"},
		"no clock":              {replace(`manifest\.mpd`, `<UTCTiming.*?/>`, ""), "dash.utc-timing"},
		"clock does not answer": {replace(`manifest\.mpd`, `value="manifest.mpd"`, `value="time"`), "dash.utc-timing"},
		"publishTime stands still": {replace(`manifest\.mpd`, `publishTime="[^"]*"`,
			`publishTime="2000-01-01T00:00:00Z"`), "dash.publish-time"},
		"period renamed": {later(replace(`manifest\.mpd`, `id="P\d+"`, `id="P400000001"`)), "dash.invariants"},
		"representation changes": {later(replace(`manifest\.mpd`, `codecs="avc1[^"]*"`, `codecs="avc1.4d401f"`)),
			"dash.invariants"},
		"hole in a timeline": {replace(`manifest\.mpd`, `<S t="(\d+)" d="180000"/>`, `<S t="$1" d="179999"/>`),
			"dash.contiguous"},
		"number is not K": {edit(`manifest\.mpd`, shiftNumber), "dash.number-is-k"},
		"offset is not the start": {replace(`manifest\.mpd`, `presentationTimeOffset="(\d+)"`,
			`presentationTimeOffset="1$1"`), "dash.period"},
		"MPD lists other files": {replace(`manifest\.mpd`, `\$Number\$\.m4s`, `$$Number$$.mp4`), "dash.same-files"},
		"MPD says another codec": {replace(`manifest\.mpd`, `codecs="avc1[^"]*"`, `codecs="avc1.4d401f"`),
			"dash.representation"},
		"init changes": {later(edit(`v/init-1\.mp4`,
			func(s string) string { return s + "\x00\x00\x00\x08free" })), "media.init"},
		"init is junk":         {edit(`v/init-1\.mp4`, func(string) string { return "junk" }), "media.init"},
		"segment is cut":       {edit(`v/\d+\.m4s`, func(s string) string { return s[:len(s)-7] }), "media.segment"},
		"segment is empty":     {edit(`a/\d*5\.m4s`, func(string) string { return "" }), "media.segment"},
		"tfdt off by one":      {func(f *fake) { f.bend = offGrid(f) }, "media.tfdt"},
		"tfdt beyond all time": {box(`v/\d+\.m4s`, "tfdt", 4, 0x7FFFFFFF), "media.tfdt"},
		"MPD beyond all time":  {replace(`manifest\.mpd`, `<S t="\d+"`, `<S t="9223372036854775807"`), "dash.syntax"},
		"offset beyond all time": {replace(`manifest\.mpd`, `presentationTimeOffset="\d+"`,
			`presentationTimeOffset="9223372036854775807"`), "dash.syntax"},
		"sequence number":             {box(`v/\d+\.m4s`, "mfhd", 4, 7), "media.sequence-number"},
		"audio of the segment before": {func(f *fake) { f.bend = other(f, "a", -1) }, "media.audio-video"},
		"video of the next segment":   {func(f *fake) { f.bend = other(f, "v", 1) }, "media.contiguous"},
		"no key frame at the start":   {func(f *fake) { f.bend = noKey(f) }, "media.random-access"},
		"producer time":               {box(`v/\d+\.m4s`, "prft", 8, 12345), "media.prft"},
		"segment changes":             {func(f *fake) { f.bend = changing(f) }, "media.immutable"},
		"slate":                       {slate, "(media.slate)"},
		"slate cached for long": {replace(segments, `^(....)stypmsdh....msdh`, "${1}stypslat\x00\x00\x00\x00msdh"),
			"http.caching"},
		"segment without its last GOP": {func(f *fake) { f.bend = short(f) }, "media.duration"},
	} {
		if n++; raced && n%5 != 0 { // some of them, others each time, as a map has no order
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				c.bend(f)
				r := watch(t, f)
				got := broken(r)
				found := false
				for _, rule := range got {
					found = found || rule == c.want
				}
				if !found || r.OK == !strings.HasPrefix(c.want, "(") {
					t.Errorf("found %v, ok %t; want %s\n%.2000v", got, r.OK, c.want, r.Findings)
				}
			})
		})
	}
}

func TestTargets(t *testing.T) {
	empty, two := t.TempDir(), t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.MkdirAll(filepath.Join(two, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(two, name, "index.m3u8"), []byte("#EXTM3U\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for target, want := range map[string]string{
		"/no/such/folder": "no such file", empty: "holds no index.m3u8", two: "2 channels", "ftp://host/x": "no http or https",
		"http:///x": "no http or https", "rtp://user:secret@239.0.0.1:5000": "no http or https",
	} {
		_, err := verify.New(verify.Config{Target: target})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", target, err, want)
		}
	}
}

type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

func TestServerThatDoesNotAnswer(t *testing.T) {
	v, err := verify.New(verify.Config{Target: "http://user:secret@h/news/index.m3u8?token=secret",
		Client: &http.Client{Transport: refusing{}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = v.Run(context.Background()); err == nil || strings.Contains(err.Error(), "secret") ||
		!strings.Contains(err.Error(), "refused") {
		t.Error(err)
	}
}

func TestWaitsForTheFirstPlaylist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		ready := time.Now().Add(8 * time.Second)
		f.bend = func(_ string, a *answer) {
			if time.Now().Before(ready) {
				a.status, a.body = 503, nil
			}
		}
		if r := watch(t, f); !r.OK {
			t.Errorf("%+v", r.Findings)
		}
	})
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		write := func(name string) {
			body, _, _ := f.object(name)
			path := filepath.Join(dir, "news", name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, body, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"index.m3u8", "manifest.mpd", "v.m3u8", "a.m3u8", "v/init-1.mp4", "a/init-1.mp4"} {
			write(name)
		}
		names := regexp.MustCompile(segments).FindAllString(f.playlist("v")+f.playlist("a"), -1)
		for _, name := range names {
			write(name)
		}
		look := func() verify.Report {
			v, err := verify.New(verify.Config{Target: dir})
			if err != nil {
				t.Fatal(err)
			}
			r, err := v.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		if r := look(); !r.OK || r.Renditions[1].Read != keep || strings.Join(broken(r), " ") != "(hls.i-frame-playlists)" {
			t.Errorf("%+v\n%+v", r.Findings, r.Renditions)
		}
		if err := os.Remove(filepath.Join(dir, "news", names[3])); err != nil {
			t.Fatal(err)
		}
		if r := look(); r.OK || broken(r)[0] != "http.status" {
			t.Errorf("a missing segment: %v", broken(r))
		}
	})
}

func TestReportAsTextAndJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		status(`v/\d+\.m4s`, 404)(f)
		r := watch(t, f)
		var b strings.Builder
		if err := r.WriteText(&b); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"http.status  v/", "more objects", "NOT OK", "mp4a.40.2"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("no %q in\n%s", want, b.String())
			}
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`"ok":false`, `"findings":[{"rule":"http.status","severity":"error"`,
			`"renditions":[{"name":"v"`} {
			if !strings.Contains(string(text), want) {
				t.Errorf("no %s in %.600s", want, text)
			}
		}
	})
}
