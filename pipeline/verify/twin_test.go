package verify_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"onair/pipeline/verify"
)

// noDecoder keeps comparisons of tests fast that are about something else.
const noDecoder = "/no/such/ffmpeg"

// pairOf routes requests to one of two fakes.
type pairOf struct{ a, b *fake }

func (p pairOf) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "a.example" {
		return p.a.RoundTrip(r)
	}
	return p.b.RoundTrip(r)
}

// compare compares two fakes for 16 s of their own time.
func compare(t *testing.T, a, b *fake, ffmpeg string) verify.TwinReport {
	t.Helper()
	w, err := verify.NewTwins(verify.TwinConfig{A: "http://a.example/news/", B: "http://b.example/news/index.m3u8",
		For: 16 * time.Second, FFmpeg: ffmpeg, Client: &http.Client{Transport: pairOf{a, b}}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// failing are the rules that did not hold; soft ones in brackets.
func failing(r verify.TwinReport) string {
	return strings.Join(broken(verify.Report{Rules: r.Rules}), " ")
}

func TestTwinsThatAreInterchangeable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := compare(t, newFake(t), newFake(t), "")
		if got := failing(r); got != "" || !r.OK {
			t.Errorf("broken: %s\n%+v", got, r.Findings)
		}
		if len(r.Renditions) != 2 || r.A.LastK == 0 || r.A.FirstK != r.B.FirstK || r.A.Requests == 0 || r.B.Bytes == 0 {
			t.Fatalf("%+v", r)
		}
		for i, per := range []int64{50, 94} {
			x := r.Renditions[i]
			if x.Compared < 10 || x.Differing != 0 || x.MatchRatio != 1 || x.OnlyA+x.OnlyB+x.Gaps != 0 {
				t.Errorf("%+v", x)
			}
			d := x.Decode
			if d.Segments != x.Compared || d.Skipped != 0 || d.Frames != d.Expected || d.Frames < 2*per*int64(d.Segments)-20 {
				t.Errorf("%+v", d)
			}
		}
	})
}
