package hls_test

import (
	"os"
	"testing"

	"onair/pkg/hls"
	"onair/pkg/tick"
)

// TestLookAt: playlists of our own, and of others who write what ReadMedia refuses.
func TestLookAt(t *testing.T) {
	t.Parallel()
	const head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:7\n"
	for text, want := range map[string]hls.Glance{
		head + "#EXTINF:4,\na.ts\n#EXTINF:4,\nb.ts\n":             {Media: true, Target: 4 * tick.Second, Newest: 8},
		head + "#EXTINF:4,\na.ts\n#EXT-X-GAP\n#EXTINF:4,\nb.ts\n": {Media: true, Target: 4 * tick.Second, Newest: 7},
		head + "#EXTINF:4,\r\na.ts\r\n#EXT-X-ENDLIST\r\n":         {Media: true, Ended: true, Target: 4 * tick.Second, Newest: 7},
		head: {Media: true, Target: 4 * tick.Second, Newest: -1},
		"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n": {Newest: -1},
		"": {Newest: -1}, "<html>\nx\n": {Newest: -1},
		"#EXTM3U\n#EXT-X-TARGETDURATION:-4\n#EXT-X-MEDIA-SEQUENCE:99999999999999999999\nx\n": {Media: true},
	} {
		if got := hls.LookAt([]byte(text)); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
	for file, newest := range map[string]int64{"video.m3u8": 0, "audio-gaps.m3u8": 0, "index-ladder.m3u8": -1} {
		data, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		got := hls.LookAt(data)
		if newest == 0 {
			p, err := hls.ReadMedia(data)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range p.Segments {
				if !s.Gap {
					newest = s.K
				}
			}
		}
		if got.Newest != newest || got.Media != (newest > 0) {
			t.Errorf("%s: %+v, newest %d", file, got, newest)
		}
	}
}

// FuzzLookAt: whatever it is, the numbers are possible ones.
func FuzzLookAt(f *testing.F) {
	f.Add([]byte("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-GAP\n#EXTINF:4,\na.ts\n#EXT-X-ENDLIST"))
	f.Add([]byte("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		g := hls.LookAt(data)
		if g.Newest < -1 || g.Target < 0 || g.Target > 3600*tick.Second || !g.Media && g.Newest != -1 {
			t.Errorf("%+v", g)
		}
	})
}
