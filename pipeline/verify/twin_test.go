package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"onair/pipeline/verify"
	"onair/pkg/fmp4"
)

// noDecoder keeps comparisons fast that are about something else than decoding.
const noDecoder = "/no/such/ffmpeg"

// undecoded is what is told then.
const undecoded = "(twin.decoded)"

// pairOf routes requests to one of two fakes.
type pairOf struct{ a, b *fake }

func (p pairOf) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "a.example" {
		return p.a.RoundTrip(r)
	}
	return p.b.RoundTrip(r)
}

func newTwins(t *testing.T, a, b *fake, ffmpeg string, length time.Duration) *verify.Twins {
	t.Helper()
	w, err := verify.NewTwins(verify.TwinConfig{A: "http://a.example/news/", B: "http://b.example/news/index.m3u8",
		For: length, Interval: time.Second, FFmpeg: ffmpeg, Client: &http.Client{Transport: pairOf{a, b}}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// compare compares two fakes for some of their own time.
func compare(t *testing.T, a, b *fake, ffmpeg string, length time.Duration) verify.TwinReport {
	t.Helper()
	r, err := newTwins(t, a, b, ffmpeg, length).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// failing are the rules that did not hold; soft ones in brackets.
func failing(r verify.TwinReport) []string { return broken(verify.Report{Rules: r.Rules}) }

func TestTwinsThatAreInterchangeable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := compare(t, newFake(t), newFake(t), "", 24*time.Second)
		if got := failing(r); len(got) > 0 || !r.OK {
			t.Errorf("broken: %s\n%+v", got, r.Findings)
		}
		if len(r.Renditions) != 2 || r.A.LastK == 0 || r.A.FirstK != r.B.FirstK || r.A.Requests == 0 || r.B.Bytes == 0 {
			t.Fatalf("%+v", r)
		}
		for i, per := range []int64{50, 94} {
			x, d := r.Renditions[i], r.Renditions[i].Decode
			if x.Compared < 13 || x.Differing != 0 || x.MatchRatio != 1 || x.OnlyA+x.OnlyB+x.Gaps != 0 {
				t.Errorf("%+v", x)
			}
			// each in both orders, and one in five once more, where a splice joins the one before
			most := 2 * per * int64(d.Segments+d.Segments/5)
			if d.Segments != x.Compared || d.Skipped != 0 || d.Frames != d.Expected || d.Frames > most || d.Frames < most*9/10 {
				t.Errorf("%+v", d)
			}
		}
		if len(r.Rules) < 25 {
			t.Errorf("only %d rules were applied", len(r.Rules))
		}
	})
}

// TestDifferencesOfTwinsAreFound bends one of two outputs and wants the rule that stands against it.
func TestDifferencesOfTwinsAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		bend func(*fake)
		want string
		text string // of the finding
	}{
		"rendition only in one": {edit(`index\.m3u8`, func(s string) string { return aSound.ReplaceAllString(s, "") }),
			"twin.renditions", "A has the playlist a.m3u8, B has not"},
		"other bandwidth": {replace(`index\.m3u8`, `BANDWIDTH=300000`, "BANDWIDTH=310000"), "twin.multivariant",
			"BANDWIDTH is 300000 in A and 310000 in B"},
		"other group": {replace(`index\.m3u8`, `LANGUAGE="en"`, `LANGUAGE="de"`), "twin.multivariant",
			`LANGUAGE is "en" in A and "de" in B`},
		"other variant":  {replace(`index\.m3u8`, `"audio"`, `"sound"`), "twin.multivariant", "only A declares it"},
		"other codecs":   {replace(`manifest\.mpd`, `codecs="avc1[^"]*"`, `codecs="avc1.4d401f"`), "twin.mpd", "and avc1.4d401f in B"},
		"other template": {replace(`manifest\.mpd`, `init-1\.mp4`, "init-2.mp4"), "twin.mpd", "initialization is"},
		"other timescale": {replace(`manifest\.mpd`, `timescale="48000"`, `timescale="96000"`), "twin.mpd",
			"timescale is 48000 in A and 96000 in B"},
		"Representation only in one": {replace(`manifest\.mpd`, `<AdaptationSet id="2".*\n`, ""), "twin.mpd",
			"only A has the Representation"},
		"other epoch":           {replace(`manifest\.mpd`, `1970-01-01`, "2000-01-01"), "twin.mpd", "availabilityStartTime"},
		"other startNumber":     {edit(`manifest\.mpd`, shiftNumber), "twin.mpd-number", "in A, v/"},
		"other target duration": {replace(`v\.m3u8`, `TARGETDURATION:2`, "TARGETDURATION:3"), "twin.target-duration", "2 in A and 3 in B"},
		"other names":           {replace(`v\.m3u8`, `v/(\d+)\.m4s`, "./v/$1.m4s"), "twin.name", "in A and ./v/"},
		"other header": {edit(`v/init-1\.mp4`, func(s string) string { return s + "\x00\x00\x00\x08free" }), "twin.init",
			"v/init-1.mp4 of"},
		"other EXTINF": {replace(`v\.m3u8`, `#EXTINF:2.000`, "#EXTINF:2.002"), "twin.extinf", "2s in A and 2.002s in B"},
		"other dates":  {edit(`v\.m3u8`, shiftDates), "twin.program-date-time", ".005Z in B"},
		"discontinuity in one": {replace(`a\.m3u8`, `(#EXT-X-PROGRAM.*\n#EXTINF.*\na/\d*5\.m4s)`, "#EXT-X-DISCONTINUITY\n$1"),
			"twin.discontinuity", "in A false, in B true"},
		"other discontinuity sequence": {replace(`v\.m3u8`, `SEQUENCE:0`, "SEQUENCE:4"), "(twin.discontinuity-sequence)",
			"0 in A and 4 in B"},
		"other tfdt":            {func(f *fake) { f.bend = offGrid(f) }, "twin.tfdt", "s later"},
		"tfdt beyond all time":  {box(`v/\d+\.m4s`, "tfdt", 4, 0x7FFFFFFF), "twin.tfdt", "tfdt is"},
		"other sequence number": {box(`v/\d+\.m4s`, "mfhd", 4, 7), "twin.sequence-number", "and 7 in B"},
		"fewer samples":         {func(f *fake) { f.bend = short(f) }, "twin.samples", "50 samples in A and 49 in B"},
		"other durations": {videoSamples(func(s []fmp4.Sample) []fmp4.Sample {
			s[3].Duration, s[4].Duration = s[3].Duration+9, s[4].Duration-9
			return s
		}), "twin.durations", "sample 3 lasts 3600 units in A and 3609 in B"},
		"other composition": {videoSamples(func(s []fmp4.Sample) []fmp4.Sample {
			for i := range s {
				s[i].CTO += 3600
			}
			return s
		}), "twin.presentation-time", "by 0 units in A and 3600 in B"},
		"no IDR in one":  {func(f *fake) { f.bend = noKey(f) }, "twin.random-access", "in A true, in B false"},
		"slate in one":   {slate, "(twin.slate)", "A false, B true"},
		"gap in one":     {missing, "(twin.gap)", "A has it as media, B has a gap"},
		"segment is cut": {edit(`v/\d+\.m4s`, func(s string) string { return s[:len(s)-7] }), "media.segment", ""},
		"segment is gone": {status(`v/\d*7\.m4s`, 404), "http.status",
			"status 404: no: the disk is full"},
		"playlist is unreadable":    {replace(`v\.m3u8`, `#EXTINF`, "#EXTINF:2,\n#EXTINF"), "hls.syntax", "line"},
		"MPD is unreadable":         {replace(`manifest\.mpd`, `"dynamic"`, `"static"`), "dash.syntax", "static"},
		"header is junk":            {edit(`v/init-1\.mp4`, func(string) string { return "junk" }), "media.init", ""},
		"one is stale for a while":  {later(status(playlists, 503)), "(twin.answers)", "status 503"},
		"one stands still":          {held(time.Hour), "(twin.live-edge)", "A lists up to"},
		"one lags by several":       {func(f *fake) { f.bend = lagging(f) }, "(twin.live-edge)", "A lists up to"},
		"numbers of another epoch":  {edit(playlists, ahead), "twin.common", "no segment could be compared"},
		"all of one is away":        {status(segments, 503), "twin.common", "no segment could be compared"},
		"published when long gone":  {held(26 * time.Second), "(twin.listed)", "A has it as media, B does not list it"},
		"index names other objects": {replace(`index\.m3u8`, `\bv\.m3u8`, "w.m3u8"), "twin.renditions", "B has the playlist w.m3u8, A has not"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				length := 8 * time.Second
				switch c.want {
				case "(twin.listed)":
					length = 40 * time.Second
				case "http.status", "(twin.answers)", "(twin.live-edge)":
					length = 16 * time.Second
				}
				a, b := newFake(t), newFake(t)
				c.bend(b)
				wantFinding(t, compare(t, a, b, noDecoder, length), c.want, c.text)
			})
		})
	}
}

// wantFinding fails unless a rule, soft in brackets, is broken with a message, and the verdict is what it makes it.
func wantFinding(t *testing.T, r verify.TwinReport, want, text string) {
	t.Helper()
	soft := strings.HasPrefix(want, "(")
	told := slices.ContainsFunc(r.Findings, func(f verify.Finding) bool {
		return f.Rule == strings.Trim(want, "()") && strings.Contains(f.Message, text) &&
			(!strings.HasPrefix(f.Rule, "twin.") || f.Cause != "" && f.Advice != "")
	})
	if got := failing(r); !slices.Contains(got, want) || !told || r.OK != soft {
		t.Errorf("found %v, ok %t; want %s with %q\n%.3000v", got, r.OK, want, text, r.Findings)
	}
}

// TestDecodedDifferencesOfTwins are what only a decoder sees.
func TestDecodedDifferencesOfTwins(t *testing.T) {
	for name, c := range map[string]struct {
		bend       func(*fake)
		want, text string
	}{
		"a damaged picture":         {videoSamples(damaged), "twin.decode", "taken in turns from A on: FFmpeg says"},
		"picture of another moment": {moved, "twin.content", "B shows it 50 pictures before A"},
		"sound a frame later":       {delayed, "twin.content", "later than A"},
		"another picture":           {another("v"), "(twin.alike)", "of 255 levels"},
		"another sound":             {another("a"), "(twin.alike)", "% of their power"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newFake(t), newFake(t)
				c.bend(b)
				wantFinding(t, compare(t, a, b, "", 6*time.Second), c.want, c.text)
			})
		})
	}
}

func TestTwinsWithOtherKeys(t *testing.T) {
	for kid, want := range map[string]string{"0123456789abcdef": undecoded, "another key here": "twin.init twin.key-id"} {
		synctest.Test(t, func(t *testing.T) {
			a, b := newFake(t), newFake(t)
			encrypted("0123456789abcdef")(a)
			encrypted(kid)(b)
			r := compare(t, a, b, "", 8*time.Second)
			if got := strings.Join(failing(r), " "); got != want {
				t.Errorf("%s: %s\n%+v", kid, got, r.Findings)
			}
		})
	}
}

// A decoder that is not there, hangs, or prints a fault.
func TestTwinsWithoutADecoder(t *testing.T) {
	script := func(text string) string {
		name := filepath.Join(t.TempDir(), "ffmpeg")
		if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for program, want := range map[string]string{
		noDecoder: "segments were not decoded: /no/such/ffmpeg is not installed",
		script("cat >/dev/null; echo 'out of sorts' >&2; exit 3"): `FFmpeg says "out of sorts", exit status 3`,
		script("cat >/dev/null"):                                  "0 frames of",
		script("exec cat /dev/zero >&3"):                          "frames of",
		script("cat >/dev/null; kill -9 $$"):                      "signal: killed",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := compare(t, newFake(t), newFake(t), program, 4*time.Second)
			if told := slices.ContainsFunc(r.Findings, func(f verify.Finding) bool { return strings.Contains(f.Message, want) }); !told {
				t.Errorf("no %q in %+v", want, r.Findings)
			}
		})
	}
}

// TestComparisonIsEndedEarly: what is under way is given up, what was found is told. The decoder waits in real time, so
// the fakes do, too.
func TestComparisonIsEndedEarly(t *testing.T) {
	dir := t.TempDir()
	name, begun := filepath.Join(dir, "ffmpeg"), filepath.Join(dir, "begun")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n: >"+begun+"\nexec sleep 600\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		poll := time.NewTicker(20 * time.Millisecond)
		defer poll.Stop()
		for ctx.Err() == nil {
			<-poll.C
			if _, err := os.Stat(begun); err == nil {
				cancel()
			}
		}
	}()
	began := time.Now()
	r, err := newTwins(t, newFake(t), newFake(t), name, time.Second).Run(ctx)
	if err != nil || time.Since(began) > time.Minute {
		t.Fatalf("%v after %v", err, time.Since(began))
	}
	if got := strings.Join(failing(r), " "); got != undecoded || r.Renditions[0].Compared < 3 {
		t.Errorf("%s, %+v", got, r.Renditions)
	}
	if d := r.Renditions[0].Decode; d.Segments != 0 || d.Skipped != r.Renditions[0].Compared || d.Reason != "it was ended before" {
		t.Errorf("%+v", d)
	}
}

// TestWatchingIsEndedEarly: likewise while both are watched.
func TestWatchingIsEndedEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		r, err := newTwins(t, newFake(t), newFake(t), "", time.Hour).Run(ctx)
		if err != nil || r.Seconds > 10 || !r.OK || r.Renditions[0].Compared < 5 {
			t.Fatalf("%v, %+v", err, r)
		}
	})
}

// folderOf writes what a fake serves now.
func folderOf(t *testing.T, f *fake) string {
	t.Helper()
	dir := t.TempDir()
	names := append([]string{"index.m3u8", "manifest.mpd", "v.m3u8", "a.m3u8", "v/init-1.mp4", "a/init-1.mp4"},
		regexp.MustCompile(segments).FindAllString(f.playlist("v")+f.playlist("a"), -1)...)
	for _, name := range names {
		body, _, _ := f.object(name)
		path := filepath.Join(dir, "news", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTwinFolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		a, b := folderOf(t, f), folderOf(t, f)
		w, err := verify.NewTwins(verify.TwinConfig{A: a, B: b})
		if err != nil {
			t.Fatal(err)
		}
		r, err := w.Run(t.Context())
		if err != nil || !r.OK || r.A.Kind != "directory" || r.Renditions[0].Compared != keep || r.Renditions[1].Decode.Segments != keep {
			t.Errorf("%v, %+v", err, r)
		}
	})
}

func TestTwinTargets(t *testing.T) {
	here := t.TempDir()
	for _, c := range []struct{ a, b, want string }{
		{"/no/such/folder", "http://h/x", "A: "}, {"http://h/x", here, "B: " + here + " holds no index.m3u8"},
		{"http://user:secret@h/x", "ftp://user:secret@h/x", "B: "}, {"http://h/x", "http://h/x", "both targets are the same output"},
	} {
		_, err := verify.NewTwins(verify.TwinConfig{A: c.a, B: c.b})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s, %s: %v, want %q", c.a, c.b, err, c.want)
		}
	}
	if _, err := verify.NewTwins(verify.TwinConfig{A: "http://h/x", B: "http://h/y", For: -1}); err == nil {
		t.Error("a negative time")
	}
	w, err := verify.NewTwins(verify.TwinConfig{A: "http://user:secret@a/x?token=secret", B: "http://b/x",
		Client: &http.Client{Transport: refusing{}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "opening A, http://") || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

func TestTwinReportAsTextAndJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFake(t), newFake(t)
		box(`v/\d+\.m4s`, "mfhd", 4, 7)(b)
		r := compare(t, a, b, noDecoder, 16*time.Second)
		var text bytes.Buffer
		if err := r.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"A  http://a.example/news/: http, numbers ", "COMPARED", "0.000", "twin.sequence-number  v ",
			"pipeline: one of the two files", "more objects", "NOT OK: "} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("no %q in\n%s", want, text.String())
			}
		}
		if n := strings.Count(text.String(), "pipeline: one of the two files"); n != 1 {
			t.Errorf("advice is given %d times", n)
		}
		b2, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`"ok":false`, `"a":{"target":"http://a.example/news/"`, `"match_ratio":0,`, `"cause":"pipeline","advice":"one of`} {
			if !strings.Contains(string(b2), want) {
				t.Errorf("no %s in %.600s", want, b2)
			}
		}
	})
}
