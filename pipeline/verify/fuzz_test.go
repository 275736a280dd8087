package verify_test

import (
	"os"
	"path/filepath"
	"testing"

	"onair/pipeline/verify"
)

func FuzzReadMedia(f *testing.F) {
	f.Add([]byte("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-MAP:URI=\"i\"\n" +
		"#EXT-X-PROGRAM-DATE-TIME:2026-07-25T17:20:00.000Z\n#EXTINF:2.000,\n7.m4s\n#EXT-X-GAP\n#EXTINF:1.5,x\n8.m4s\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := verify.ReadMedia(b)
		if err == nil && m == nil {
			t.Error("neither a playlist nor an error")
		}
	})
}

func FuzzReadMultivariant(f *testing.F) {
	f.Add([]byte("#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"b\",URI=\"c\"\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"x,y\"\nv.m3u8\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := verify.ReadMultivariant(b)
		if err == nil && len(m.Playlists()) == 0 {
			t.Error("a multivariant playlist without variants")
		}
	})
}

func FuzzReadManifest(f *testing.F) {
	f.Add([]byte(`<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic" profiles="p" publishTime="2026-07-25T17:20:00Z" minimumUpdatePeriod="PT2S" ` +
		`minBufferTime="PT2S" timeShiftBufferDepth="P1DT2H3M4.5S" suggestedPresentationDelay="PT6S"><Period id="P1" start="PT2S"><AdaptationSet ` +
		`mimeType="video/mp4"><SegmentTemplate media="$Number$" initialization="i" timescale="1"><SegmentTimeline><S t="2" d="2" r="3"/></SegmentTimeline>` +
		`</SegmentTemplate><Representation id="v" bandwidth="1" codecs="c"/></AdaptationSet></Period></MPD>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := verify.ReadManifest(b); err == nil && m == nil {
			t.Error("neither a manifest nor an error")
		}
	})
}

// TestOthersManifests reads playlists and MPDs of other projects: nothing may panic, and what their authors call valid
// HLS
// must be readable.
func TestOthersManifests(t *testing.T) {
	dir := os.Getenv("ONAIR_MEDIA")
	if dir == "" {
		t.Skip("ONAIR_MEDIA is not set: no manifests to test against")
	}
	read := 0
	err := filepath.WalkDir(filepath.Join(dir, "manifests"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, errMedia := verify.ReadMedia(b)
		_, errMulti := verify.ReadMultivariant(b)
		_, errMPD := verify.ReadManifest(b)
		if errMedia == nil || errMulti == nil || errMPD == nil {
			read++
		}
		return nil
	})
	if err != nil || read < 40 {
		t.Errorf("%d were read, %v", read, err)
	}
}
