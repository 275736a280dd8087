package hls_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onair/pkg/hls"
	"onair/pkg/ladder"
	"onair/pkg/presentation"
	"onair/pkg/tick"
)

var update = flag.Bool("update", false, "write the golden files")

const k0 = 446_250_000 // 2026-07-25T17:20:00Z at 4 s

func config(video, audio []presentation.Track) presentation.Config {
	g, err := tick.NewGrid(tick.Rate{Num: 25, Den: 1}, 4*tick.Second, 2*tick.Second)
	if err != nil {
		panic(err)
	}
	return presentation.Config{
		Channel: "news", Grid: g, Audio: tick.Audio{Rate: 48_000, Samples: 1024}, Window: 32 * tick.Second,
		Tracks: append(append([]presentation.Track(nil), video...), audio...),
	}
}

func video(name string, w, h int, average int64) presentation.Track {
	return presentation.Track{
		Name: name, Kind: ladder.Video, Codecs: "avc1.64001f", Peak: average * 12 / 10, Average: average, Width: w, Height: h,
		Rate: tick.Rate{Num: 25, Den: 1}, Timescale: 90_000, Init: "init-1a2b.mp4",
	}
}

func audio(name, lang string, average int64) presentation.Track {
	return presentation.Track{
		Name: name, Kind: ladder.Audio, Codecs: "mp4a.40.2", Peak: average * 11 / 10, Average: average,
		Timescale: 48_000, SampleRate: 48_000, Channels: 2, Language: lang, Init: "init-1a2b.mp4",
	}
}

// pair is a channel with one video and one audio track.
func pair() presentation.Config {
	return config([]presentation.Track{video("v720", 1280, 720, 3e6)}, []presentation.Track{audio("a1", "en", 128e3)})
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

func media(t testing.TB, s *presentation.Snapshot, track string) []byte {
	t.Helper()
	b, err := hls.Media(s, track)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMediaPlaylists(t *testing.T) {
	w := window(t, pair())
	for k := int64(k0); k < k0+4; k++ {
		list(t, w, k)
	}
	golden(t, "video.m3u8", media(t, w.Snapshot(), "v720"))
	golden(t, "audio.m3u8", media(t, w.Snapshot(), "a1"))
	if _, err := hls.Media(w.Snapshot(), "other"); err == nil {
		t.Error("a playlist for an unknown track")
	}
}

func TestGapInOneTrackIsAGapThereOnly(t *testing.T) {
	w := window(t, pair())
	list(t, w, k0)
	list(t, w, k0+1, "v720")
	list(t, w, k0+4) // two skipped: gaps everywhere
	golden(t, "video-gaps.m3u8", media(t, w.Snapshot(), "v720"))
	golden(t, "audio-gaps.m3u8", media(t, w.Snapshot(), "a1"))
}

func TestChangedInitIsADiscontinuity(t *testing.T) {
	v := video("v720", 1280, 720, 3e6)
	w := window(t, config([]presentation.Track{v}, []presentation.Track{audio("a1", "en", 128e3)}))
	list(t, w, k0)
	v.Init = "init-3c4d.mp4"
	if err := w.SetTrack(v); err != nil {
		t.Fatal(err)
	}
	list(t, w, k0+1)
	list(t, w, k0+2)
	golden(t, "video-init.m3u8", media(t, w.Snapshot(), "v720"))
	golden(t, "audio-init.m3u8", media(t, w.Snapshot(), "a1"))
	for k := int64(k0 + 3); k < k0+12; k++ {
		list(t, w, k)
	}
	if b := media(t, w.Snapshot(), "a1"); !bytes.Contains(b, []byte("#EXT-X-DISCONTINUITY-SEQUENCE:1\n")) ||
		bytes.Contains(b, []byte("#EXT-X-DISCONTINUITY\n")) {
		t.Errorf("after the discontinuity left:\n%s", b)
	}
}

// An update may append, remove from the head, and raise the two sequence numbers, nothing else (RFC 8216bis §6.2.1).
func TestUpdatesOnlySlide(t *testing.T) {
	w := window(t, pair())
	var before []string
	first := int64(0)
	for n := range int64(40) {
		switch {
		case n%7 == 3:
			list(t, w, k0+n, "v720")
		case n%11 == 5: // skipped
		default:
			list(t, w, k0+n)
		}
		p, err := hls.ReadMedia(media(t, w.Snapshot(), "v720"))
		if err != nil {
			t.Fatal(err)
		}
		now := blocks(media(t, w.Snapshot(), "v720"))
		if before != nil {
			drop := int(p.First - first)
			if drop < 0 || len(before)-drop > len(now) {
				t.Fatalf("first went from %d to %d with %d listed", first, p.First, len(now))
			}
			for i, b := range before[drop:] {
				if now[i] != b {
					t.Fatalf("segment %d changed from\n%s\nto\n%s", p.First+int64(i), b, now[i])
				}
			}
		}
		before, first = now, p.First
	}
}

// blocks are the lines of each segment, EXT-X-MAP left out: it moves to the new head.
func blocks(playlist []byte) []string {
	var out []string
	var b strings.Builder
	for line := range strings.Lines(string(playlist)) {
		switch {
		case strings.HasPrefix(line, "#EXT-X-GAP"), strings.HasPrefix(line, "#EXT-X-DISCONTINUITY\n"),
			strings.HasPrefix(line, "#EXT-X-PROGRAM"), strings.HasPrefix(line, "#EXTINF"):
			b.WriteString(line)
		case !strings.HasPrefix(line, "#"):
			b.WriteString(line)
			out = append(out, b.String())
			b.Reset()
		}
	}
	return out
}

func TestReadMediaReturnsWhatWasWritten(t *testing.T) {
	v := video("v720", 1280, 720, 3e6)
	w := window(t, config([]presentation.Track{v}, []presentation.Track{audio("a1", "en", 128e3)}))
	list(t, w, k0)
	list(t, w, k0+2, "v720")
	v.Init = "init-3c4d.mp4"
	if err := w.SetTrack(v); err != nil {
		t.Fatal(err)
	}
	for k := int64(k0 + 3); k < k0+9; k++ {
		list(t, w, k)
	}
	s := w.Snapshot()
	listed := presentation.Listed{First: s.First(), Segments: map[string][]presentation.Segment{}}
	for _, tr := range s.Tracks() {
		p, err := hls.ReadMedia(media(t, s, tr.Name))
		if err != nil {
			t.Fatal(err)
		}
		listed.Segments[tr.Name], listed.Discontinuities = p.Segments, p.Discontinuities
	}
	again := window(t, config([]presentation.Track{v}, []presentation.Track{audio("a1", "en", 128e3)}))
	if err := again.Restore(listed); err != nil {
		t.Fatal(err)
	}
	for _, tr := range s.Tracks() {
		if a, b := media(t, s, tr.Name), media(t, again.Snapshot(), tr.Name); !bytes.Equal(a, b) {
			t.Errorf("%s was\n%sand is\n%s", tr.Name, a, b)
		}
	}
}

func TestReadMediaRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":         "",
		"a multivariant":  "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n",
		"another's names": "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:5\n#EXT-X-MAP:URI=\"v/init-1.mp4\"\n#EXTINF:4,\nv/6.m4s\n",
		"media, no init":  "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:5\n#EXTINF:4,\nv/5.m4s\n",
		"cut in a name":   "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:5\n#EXT-X-MAP:URI=\"v/init-1.mp4\"\n#EXTINF:4,\nv/5.m4s",
		"cut before one":  "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:5\n#EXT-X-MAP:URI=\"v/init-1.mp4\"\n#EXTINF:4,\n",
	} {
		if p, err := hls.ReadMedia([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func FuzzReadMedia(f *testing.F) {
	w := window(f, config([]presentation.Track{video("v720", 1280, 720, 3e6)}, nil))
	list(f, w, k0)
	list(f, w, k0+2)
	f.Add(media(f, w.Snapshot(), "v720"))
	f.Add([]byte("#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:1,\nx\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := hls.ReadMedia(data)
		if err != nil {
			return
		}
		for i, s := range p.Segments {
			if s.K != p.First+int64(i) || !s.Gap && s.Init == "" {
				t.Errorf("segment %d of %+v", i, p)
			}
		}
	})
}
