package dash_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"onair/pkg/dash"
	"onair/pkg/ladder"
	"onair/pkg/presentation"
	"onair/pkg/tick"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	k0   = 446_250_000 // 2026-07-25T17:20:00Z at 4 s
	hour = k0 - 300    // 17:00
)

func config(rate tick.Rate, tracks ...presentation.Track) presentation.Config {
	g, err := tick.NewGrid(rate, 4*tick.Second, 2*tick.Second)
	if err != nil {
		panic(err)
	}
	return presentation.Config{
		Channel: "news", Grid: g, Audio: tick.Audio{Rate: 48_000, Samples: 1024}, Window: 32 * tick.Second, Tracks: tracks,
	}
}

func pal() tick.Rate { return tick.Rate{Num: 25, Den: 1} }

func video(name string, w, h int, average int64) presentation.Track {
	return presentation.Track{
		Name: name, Kind: ladder.Video, Codecs: "avc1.64001f", Peak: average * 12 / 10, Average: average, Width: w, Height: h,
		Rate: pal(), Timescale: 90_000, Init: "init-1a2b.mp4",
	}
}

func audio(name, lang string, average int64) presentation.Track {
	return presentation.Track{
		Name: name, Kind: ladder.Audio, Codecs: "mp4a.40.2", Peak: average * 11 / 10, Average: average,
		Timescale: 48_000, SampleRate: 48_000, Channels: 2, Language: lang, Init: "init-1a2b.mp4",
	}
}

func window(t testing.TB, cfg presentation.Config) *presentation.Window {
	t.Helper()
	w, err := presentation.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// list appends k with media in every track but those named.
func list(t testing.TB, w *presentation.Window, k int64, gaps ...string) {
	t.Helper()
	segs := map[string]presentation.Segment{}
	for _, tr := range w.Snapshot().Tracks() {
		segs[tr.Name] = presentation.Segment{Bytes: 1}
	}
	for _, g := range gaps {
		delete(segs, g)
	}
	if err := w.Append(k, segs); err != nil {
		t.Fatal(err)
	}
}

func manifest(t testing.TB, s *presentation.Snapshot) []byte {
	t.Helper()
	b, err := dash.MPD(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs:\n%s", name, got)
	}
}

func TestOnePeriod(t *testing.T) {
	v := video("v720", 1280, 720, 3e6)
	v.Captions = []ladder.Caption{
		{Channel: "CC1", Language: "en"}, {Channel: "CC3", Language: "es"}, {Channel: "SERVICE1"},
	}
	german := audio("a2", "de", 192e3)
	german.Channels = 6
	w := window(t, config(pal(), v, video("v360", 640, 360, 8e5), audio("a1", "en", 128e3), german))
	for k := int64(k0); k < k0+5; k++ {
		list(t, w, k)
	}
	golden(t, "one-period.mpd", manifest(t, w.Snapshot()))
}

func TestPeriodKeepsIDAndStartWhenItsHeadLeaves(t *testing.T) {
	w := window(t, config(pal(), video("v720", 1280, 720, 3e6), audio("a1", "en", 128e3)))
	for k := int64(k0); k < k0+11; k++ {
		list(t, w, k)
	}
	golden(t, "moved-on.mpd", manifest(t, w.Snapshot()))
}

func TestMissingMediaSplitsPeriods(t *testing.T) {
	w := window(t, config(pal(), video("v720", 1280, 720, 3e6), video("v360", 640, 360, 8e5), audio("a1", "en", 128e3)))
	list(t, w, k0)
	list(t, w, k0+1)
	list(t, w, k0+3)               // hole in all
	list(t, w, k0+4, "v720")       // one rendition missing: a Period without it
	list(t, w, k0+5)               //
	list(t, w, k0+6, "a1")         // all sound missing: no Period
	list(t, w, k0+7)               //
	list(t, w, k0+8, "v720", "a1") // at the end: the last Period stays open
	golden(t, "gaps.mpd", manifest(t, w.Snapshot()))
}

func TestChangedInitOpensAPeriod(t *testing.T) {
	v := video("v720", 1280, 720, 3e6)
	w := window(t, config(pal(), v, audio("a1", "en", 128e3)))
	list(t, w, k0)
	v.Init, v.Codecs = "init-3c4d.mp4", "avc1.640028"
	if err := w.SetTrack(v); err != nil {
		t.Fatal(err)
	}
	list(t, w, k0+1)
	golden(t, "init.mpd", manifest(t, w.Snapshot()))
}

func TestFractionalRates(t *testing.T) {
	ntsc := tick.Rate{Num: 24000, Den: 1001}
	v := video("v720", 1280, 720, 3e6)
	v.Rate, v.Timescale = ntsc, ntsc.Timescale()
	cfg := config(ntsc, v, audio("a1", "en", 128e3))
	cfg.Grid = tick.Grid{Rate: ntsc, Frames: 128, GOP: 64, T: 128 * ntsc.Frame()} // 5.338667 s
	w := window(t, cfg)
	list(t, w, 334_353_146)
	list(t, w, 334_353_147)
	golden(t, "fractional.mpd", manifest(t, w.Snapshot()))
}

func TestAudioOnly(t *testing.T) {
	cfg := config(pal(), audio("a1", "und", 128e3), audio("a2", "und", 64e3))
	cfg.Grid = tick.Grid{T: 4 * tick.Second}
	w := window(t, cfg)
	list(t, w, k0)
	golden(t, "audio-only.mpd", manifest(t, w.Snapshot()))
}

func TestNothingToPlay(t *testing.T) {
	w := window(t, config(pal(), video("v720", 1280, 720, 3e6)))
	if b, err := dash.MPD(w.Snapshot()); !errors.Is(err, dash.ErrEmpty) {
		t.Errorf("%v\n%s", err, b)
	}
	v := video("v720", 1280, 720, 3e6)
	v.Codecs = ""
	w = window(t, config(pal(), v))
	list(t, w, k0)
	if b, err := dash.MPD(w.Snapshot()); err == nil {
		t.Errorf("codecs unknown:\n%s", b)
	}
}

func BenchmarkMPD(b *testing.B) {
	for _, minutes := range []int64{10, 120} {
		b.Run(fmt.Sprintf("%d min", minutes), func(b *testing.B) {
			cfg := config(pal(), video("v1080", 1920, 1080, 6e6), video("v720", 1280, 720, 3e6), audio("a1", "en", 128e3))
			cfg.Window = tick.Tick(minutes) * 60 * tick.Second
			w := window(b, cfg)
			for k := int64(k0); k < k0+minutes*15; k++ {
				list(b, w, k)
			}
			s := w.Snapshot()
			b.ReportAllocs()
			for b.Loop() {
				manifest(b, s)
			}
		})
	}
}
