package dash_test

import (
	"os"
	"testing"

	"onair/pkg/dash"
	"onair/pkg/tick"
)

// TestLookAt: manifests of our own, and of others.
func TestLookAt(t *testing.T) {
	t.Parallel()
	own, err := os.ReadFile("testdata/one-period.mpd")
	if err != nil {
		t.Fatal(err)
	}
	if g, err := dash.LookAt(own); err != nil || !g.Dynamic || !g.Listed || g.Longest < 2*tick.Second {
		t.Errorf("%+v, %v", g, err)
	}
	for text, want := range map[string]dash.Glance{
		`<?xml version="1.0"?><MPD type="dynamic" maxSegmentDuration="PT1M0.5S"></MPD>`:                   {Dynamic: true, Longest: 60*tick.Second + tick.Second/2},
		`<MPD type="static"><Period><SegmentTemplate duration="96000" timescale="48000"/></Period></MPD>`: {Longest: 2 * tick.Second},
		`<MPD maxSegmentDuration="PT9999H"><SegmentTimeline/>`:                                            {Listed: true},
	} {
		if got, err := dash.LookAt([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "#EXTM3U\n", "<html></html>", "<MPD", "<MPD><Period>"} {
		if g, err := dash.LookAt([]byte(text)); err == nil {
			t.Errorf("%q: %+v", text, g)
		}
	}
}

// FuzzLookAt: whatever it is, the length is a possible one.
func FuzzLookAt(f *testing.F) {
	f.Add([]byte(`<MPD type="dynamic" maxSegmentDuration="PT1M0.5S"><SegmentTemplate duration="1" timescale="0"/>`))
	f.Add([]byte(`<MPD maxSegmentDuration="PTNaNS"><SegmentTemplate duration="18446744073709551615"/></MPD>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if g, _ := dash.LookAt(data); g.Longest < 0 || g.Longest > 3600*tick.Second {
			t.Errorf("%+v", g)
		}
	})
}
