package ffmpeg_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"onair/pkg/ladder"
)

// makeTS makes a TS of the given FFmpeg arguments whose clock starts at second start.
func makeTS(t *testing.T, args string, start string) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", append(append([]string{"-hide_banner", "-loglevel", "error"}, strings.Fields(args)...),
		"-output_ts_offset", start, "-muxdelay", "0", "-muxpreload", "0", "-f", "mpegts", "pipe:1")...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestFormatChangesInMidRun feeds a source whose picture size and channel count change without a word in the PMT: the
// grid
// must hold, whatever the picture and the sound are.
func TestFormatChangesInMidRun(t *testing.T) {
	const (
		video = "-c:v libx264 -preset ultrafast -bf 2 -g 25 -pix_fmt "
		sound = " -f lavfi -i sine=f=440:r=48000:d=3 "
	)
	for name, parts := range map[string][2]string{
		"larger picture": {"-f lavfi -i testsrc2=s=320x180:r=25:d=3" + sound + video + "yuv420p -c:a mp2 -ac 2",
			"-f lavfi -i testsrc2=s=640x360:r=25:d=3" + sound + video + "yuv420p -c:a mp2 -ac 2"},
		"smaller picture": {"-f lavfi -i testsrc2=s=640x360:r=25:d=3" + sound + video + "yuv420p -c:a mp2 -ac 2",
			"-f lavfi -i testsrc2=s=320x180:r=25:d=3" + sound + video + "yuv420p -c:a mp2 -ac 2"},
		"other aspect": {"-f lavfi -i testsrc2=s=720x576:r=25:d=3,setsar=64/45" + sound + video + "yuv420p -c:a mp2 -ac 2", "-f lavfi -i testsrc2=s=720x576:r=25:d=3,setsar=16/15" + sound + video + "yuv420p -c:a mp2 -ac 2"},
		"deeper colour": {"-f lavfi -i testsrc2=s=320x180:r=25:d=3" + sound + video + "yuv420p -c:a mp2 -ac 2",
			"-f lavfi -i testsrc2=s=320x180:r=25:d=3" + sound + video + "yuv422p10 -c:a mp2 -ac 2"},
		"stereo to 5.1": {"-f lavfi -i testsrc2=s=320x180:r=25:d=3" + sound + video + "yuv420p -c:a ac3 -ac 2",
			"-f lavfi -i testsrc2=s=320x180:r=25:d=3" + sound + video + "yuv420p -c:a ac3 -ac 6"},
		"5.1 to stereo": {"-f lavfi -i testsrc2=s=320x180:r=25:d=3" + sound + video + "yuv420p -c:a ac3 -ac 6",
			"-f lavfi -i testsrc2=s=320x180:r=25:d=3" + sound + video + "yuv420p -c:a ac3 -ac 2"},
		"mono to stereo": {"-f lavfi -i testsrc2=s=320x180:r=25:d=3" + sound + video + "yuv420p -c:a mp2 -ac 1",
			"-f lavfi -i testsrc2=s=320x180:r=25:d=3" + sound + video + "yuv420p -c:a mp2 -ac 2"},
		"aac to 44.1 kHz": {"-f lavfi -i testsrc2=s=320x180:r=25:d=3" + sound + video + "yuv420p -c:a aac -ac 2",
			"-f lavfi -i testsrc2=s=320x180:r=25:d=3" + sound + video + "yuv420p -c:a aac -ac 2 -ar 44100"},
	} {
		t.Run(name, func(t *testing.T) {
			first := makeTS(t, parts[0], "10")
			ts := append(bytes.Clone(first), makeTS(t, parts[1], "13")...)
			ch := channel(t, "25",
				ladder.Rendition{Name: "v", Kind: ladder.Video, Width: 320, Height: 180, Bitrate: 300_000},
				ladder.Rendition{Name: "a", Kind: ladder.Audio})
			plan, _, at := planned(t, first, ch, ch.Grid.Rate.NextSlot(epoch))
			ts = moved(ts, (at.Start-at.Base).Round(90_000)-firstPTS(first, 0x100))
			res := run(t, plan, whole(ts))
			if res.err != nil {
				t.Fatalf("%v\n%s", res.err, res.stderr)
			}
			checkVideo(t, res, "v", ch, at)
			checkSlots(t, res.frames["a"])
		})
	}
}

// checkSlots wants a sound frame in every slot of the audio grid, apart from the one in which the two parts were
// joined:
// their sound neither ends nor begins on a frame.
func checkSlots(t *testing.T, frames []take) {
	t.Helper()
	have := map[int64]bool{}
	for _, f := range frames {
		have[(f.PTS+512)/1024] = true
	}
	missing := 0
	for n := (frames[0].PTS + 512) / 1024; n <= (frames[len(frames)-1].PTS+512)/1024; n++ {
		if !have[n] {
			missing++
		}
	}
	if missing > 1 || len(have) < 275 {
		t.Errorf("%d sound frames, %d missing between them", len(have), missing)
	}
}
