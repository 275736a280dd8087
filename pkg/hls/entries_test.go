package hls_test

import (
	"os"
	"testing"
	"time"

	"onair/pkg/hls"
	"onair/pkg/tick"
)

func TestFind(t *testing.T) {
	t.Parallel()
	const list = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-OTHER:1\n" +
		"#EXT-X-MAP:URI=\"v/init-1.mp4\"\n#EXTINF:2.000,\nv/7.m4s\n" +
		"#EXT-X-GAP\n#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:16.000Z\n#EXTINF:2.002,\nv/8.m4s\r\n" +
		"#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"v/init-2.mp4\"\n#EXTINF:1.999,\nv/9.m4s\n"
	ms := tick.Second / 1000
	for k, want := range map[int64]hls.Entry{
		7: {K: 7, URI: "v/7.m4s", Init: "v/init-1.mp4", Duration: 2 * tick.Second, First: true},
		8: {K: 8, URI: "v/8.m4s", Init: "v/init-1.mp4", Duration: 2002 * ms, Gap: true, Date: tick.FromTime(time.Unix(16, 0))},
		9: {K: 9, URI: "v/9.m4s", Init: "v/init-2.mp4", Duration: 1999 * ms, Discontinuity: true},
	} {
		got, err := hls.Find([]byte(list), k)
		if err != nil || !got.Has || got.Entry != want || got.First != 7 || got.Last != 9 {
			t.Errorf("%d: %+v, %v; want %+v", k, got, err, want)
		}
	}
	for _, k := range []int64{6, 10} {
		if got, err := hls.Find([]byte(list), k); err != nil || got.Has {
			t.Errorf("%d: %+v, %v", k, got, err)
		}
	}
	for _, text := range []string{"", "<html>", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n"} {
		if got, err := hls.Find([]byte(text), 7); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

// TestFindAgreesWithReadMedia: on playlists that were written here.
func TestFindAgreesWithReadMedia(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"video.m3u8", "audio-gaps.m3u8"} {
		data, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := hls.ReadMedia(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range p.Segments {
			got, err := hls.Find(data, s.K)
			e := got.Entry
			if err != nil || !got.Has || e.Gap != s.Gap || e.Discontinuity != s.Discontinuity || e.Date == 0 || e.Duration == 0 {
				t.Errorf("%s: %+v, %v; want %+v", file, got, err, s)
			}
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add([]byte("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF:4,\na.m4s\n#EXT-X-GAP\n#EXTINF:4,\nb.m4s\n"), int64(8))
	f.Fuzz(func(t *testing.T, data []byte, k int64) {
		got, err := hls.Find(data, k)
		if err != nil {
			return
		}
		if got.First < 0 || got.Last < got.First-1 || got.Has && (k < got.First || k > got.Last) {
			t.Errorf("%+v of %d", got, k)
		}
	})
}
