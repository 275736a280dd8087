package flv_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"

	"onair/pkg/flv"
)

// TestRealHEVC: pictures of x265, with B pictures, as an encoder with Enhanced RTMP sends them and as older ones did. The
// stream is decoded without complaint, with every picture at its time.
func TestRealHEVC(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	const frames = 75
	dir := t.TempDir()
	source := filepath.Join(dir, "a.mp4")
	out, err := exec.Command("ffmpeg", strings.Fields("-v error -f lavfi -i testsrc2=s=320x180:r=25:d=3 -c:v libx265 -tag:v hvc1 "+
		"-preset ultrafast -x265-params log-level=0:keyint=25:bframes=3 -movflags empty_moov+default_base_moof+frag_every_frame+negative_cts_offsets "+source)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f, err := mp4.ReadMP4File(source)
	if err != nil {
		t.Fatal(err)
	}
	track := f.Init.Moov.Trak
	record := track.Mdia.Minf.Stbl.Stsd.HvcX.HvcC
	w := bits.NewFixedSliceWriter(int(record.Size()))
	if err := record.EncodeSW(w); err != nil {
		t.Fatal(err)
	}
	const boxHeader = 8
	config := w.Bytes()[boxHeader:]
	scale := uint64(track.Mdia.Mdhd.Timescale)
	for name, old := range map[string]bool{"enhanced": false, "older": true} {
		p, r := newPublisher(t)
		p.Announce(true, false)
		if old {
			p.video(0, join(0x1C, 0, 0, 0, 0, config))
		} else {
			p.video(0, join(0x90, "hvc1", config))
		}
		n := 0
		for _, segment := range f.Segments {
			for _, fragment := range segment.Fragments {
				samples, err := fragment.GetFullSamples(f.Init.Moov.Mvex.Trex)
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range samples {
					n++
					offset := 1000 + int64(s.CompositionTimeOffset)*1000/int64(scale) // never before it is decoded
					cts := []byte{byte(offset >> 16), byte(offset >> 8), byte(offset)}
					at := uint32(s.DecodeTime * 1000 / scale)
					if old {
						p.video(at, join(0x1C, 1, cts, s.Data))
					} else {
						p.video(at, join(0x91, "hvc1", cts, s.Data))
					}
				}
			}
		}
		made := filepath.Join(dir, name+".ts")
		if err := os.WriteFile(made, r.b, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("ffprobe", "-v", "warning", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames", "-of", "csv=p=0", made).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || n != frames || !strings.HasPrefix(got, "hevc,75") {
			t.Errorf("%s: %d samples, ffprobe says %s, %v", name, n, got, err)
		}
		pts, dts := r.units(256)
		for i := 1; i < len(dts); i++ {
			if dts[i] <= dts[i-1] || pts[i] < dts[i] {
				t.Errorf("%s: picture %d: pts %d dts %d after %d", name, i, pts[i], dts[i], dts[i-1])
			}
		}
	}
	if _, err := flv.Configuration("hevc", config); err != nil {
		t.Error(err)
	}
}
