package fmp4_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"onair/pkg/fmp4"
)

var update = flag.Bool("update", false, "rewrite the files in testdata (needs ffmpeg)")

// muxer are the options with which an encoder run writes its pipes.
const muxer = "-f mp4 -movflags empty_moov+default_base_moof+frag_every_frame+skip_trailer+delay_moov+frag_discont+" +
	"negative_cts_offsets -use_editlist 0 -avoid_negative_ts disabled pipe:1"

const picture = "-f lavfi -i testsrc2=s=192x108:r=25:d=0.48 -vf setpts=PTS+2/TB,setsar=1,format=yuv420p," +
	"setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv "

// fixtures are what FFmpeg writes for each codec, twelve pictures or 23 audio frames from second 2 on.
var fixtures = []struct{ name, args string }{
	{"h264", picture + "-c:v libx264 -b:v 200k -profile:v high -level 3.1 -bf 2 -x264-params scenecut=0:keyint=infinite:open-gop=0 " +
		"-force_key_frames expr:eq(mod(n,6),0) -video_track_timescale 90000 "},
	{"hevc", picture + "-c:v libx265 -b:v 200k -preset ultrafast -x265-params log-level=none:level-idc=31:scenecut=0:open-gop=0 " +
		"-tag:v hvc1 -video_track_timescale 90000 "},
	{"av1", picture + "-c:v libaom-av1 -usage realtime -cpu-used 8 -b:v 100k -video_track_timescale 90000 "},
	{"aac", "-f lavfi -i sine=r=48000:d=0.48 -af asetpts=PTS+94208 -c:a aac -b:a 32k -ac 2 "},
}

// fixture is the content of testdata/<name>.mp4; with -update it is made anew.
func fixture(tb testing.TB, name string) []byte {
	tb.Helper()
	path := filepath.Join("testdata", name+".mp4")
	if *update {
		for _, f := range fixtures {
			if f.name == name {
				b := ffmpeg(tb, nil, f.args+muxer)
				if err := os.WriteFile(path, b, 0o644); err != nil {
					tb.Fatal(err)
				}
			}
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// ffmpeg runs it, fails on any warning, and returns what it wrote to stdout.
func ffmpeg(tb testing.TB, stdin []byte, args string) []byte {
	tb.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		tb.Skip("ffmpeg is not installed")
	}
	cmd := exec.CommandContext(tb.Context(), path, append([]string{"-hide_banner", "-v", "warning", "-nostats"},
		strings.Fields(args)...)...)
	var out, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		tb.Fatalf("ffmpeg %s: %v\n%s", args, err, stderr.String())
	}
	return out.Bytes()
}

// readAll reads a whole file's frames.
func readAll(tb testing.TB, b []byte) (fmp4.Header, []fmp4.Frame, error) {
	tb.Helper()
	r := fmp4.NewReader(bytes.NewReader(b))
	h, err := r.Header()
	if err != nil {
		return h, nil, err
	}
	var frames []fmp4.Frame
	for {
		f, err := r.Next()
		if err != nil {
			return h, frames, err
		}
		frames = append(frames, f)
	}
}

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs, run with -update and look at the difference:\n%s", path, got)
	}
}
