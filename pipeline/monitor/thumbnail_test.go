package monitor_test

import (
	"bytes"
	"context"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"onair/pipeline/monitor"
	"onair/pkg/tick"
)

// thumbnails of a rig, made by a program that notes each time it is started; lag is added to the rig's clock.
func (r *rig) thumbnails(program string, lag func() tick.Tick) *monitor.Thumbnails {
	return monitor.NewThumbnails(monitor.Config{
		FFmpeg: program, Spool: r.spool, Source: r.source, Now: func() tick.Tick { return r.now() + lag() },
	})
}

// counting is an FFmpeg that writes a line to a file for each start.
func counting(t *testing.T) (program string, starts func() int) {
	t.Helper()
	dir := t.TempDir()
	program, notes := filepath.Join(dir, "ffmpeg"), filepath.Join(dir, "starts")
	script := "#!/bin/sh\necho x >>" + notes + "\nexec ffmpeg \"$@\"\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	return program, func() int {
		b, _ := os.ReadFile(notes)
		return bytes.Count(b, []byte("x"))
	}
}

func none() tick.Tick { return 0 }

// pour brings a stream at once.
func (r *rig) pour(ts []byte) { r.programme.Datagram(ts, r.now(), 0) }

func TestThumbnailIsMadeOnceForAll(t *testing.T) {
	t.Parallel()
	program, starts := counting(t)
	r := newStill(t)
	th := r.thumbnails(program, none)
	r.pour(clip(t, "-f lavfi -i testsrc2=s=640x480:r=25:d=2 -vf setsar=4/3 "+h264))
	if n := starts(); n != 0 {
		t.Fatalf("%d starts though nobody has asked", n)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			b, _, err := th.Picture(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			img, err := jpeg.DecodeConfig(bytes.NewReader(b))
			if err != nil || img.Width != 320 || img.Height != 180 {
				t.Errorf("%dx%d, %v; want 320x180", img.Width, img.Height, err)
			}
		})
	}
	wg.Wait()
	if n := starts(); n != 1 {
		t.Errorf("%d starts for eight who asked at once", n)
	}
	r.still += 6 * tick.Second
	r.pour(clip(t, "-f lavfi -i testsrc2=s=640x480:r=25:d=2 "+h264))
	if _, _, err := th.Picture(t.Context()); err != nil || starts() != 2 {
		t.Errorf("after six seconds: %d starts, want another; %v", starts(), err)
	}
}

func TestThumbnailSaysWhyThereIsNone(t *testing.T) {
	t.Parallel()
	video := "-f lavfi -i testsrc2=s=320x180:r=25:d=2 " + h264
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\ncat >/dev/null\necho no such luck >&2\nexit 3\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ args, program, want string }{
		"nothing":             {"", "", "nothing has arrived"},
		"no picture":          {"-f lavfi -i sine=d=2" + aac, "", "no picture"},
		"silent":              {video, "silent", "nothing arrives"},
		"a decoder's failure": {video, broken, "no such luck"},
		"no program":          {video, "/nonexistent", "starting ffmpeg"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, lag := newStill(t), none
			if c.args != "" {
				r.pour(clip(t, c.args))
			}
			if c.program == "silent" {
				c.program, lag = "", func() tick.Tick { return 10 * tick.Second }
			}
			b, _, err := r.thumbnails(c.program, lag).Picture(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || len(b) > 0 {
				t.Errorf("%d bytes, %v; want %q", len(b), err, c.want)
			}
		})
	}
}

// TestThumbnailGivesUpWithWhoAsked: an FFmpeg that hangs goes with the request.
func TestThumbnailGivesUpWithWhoAsked(t *testing.T) {
	t.Parallel()
	hung := filepath.Join(t.TempDir(), "hung")
	if err := os.WriteFile(hung, []byte("#!/bin/sh\nexec sleep 60\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	r := newStill(t)
	r.pour(clip(t, "-f lavfi -i testsrc2=s=320x180:r=25:d=2 "+h264))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if _, _, err := r.thumbnails(hung, none).Picture(ctx); err == nil || time.Since(begun) > 3*time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
}

// TestThumbnailsOfCaptures: interlaced, anamorphic, upright, open GOP, HEVC: each in its own shape.
func TestThumbnailsOfCaptures(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("ONAIR_MEDIA")
	if dir == "" {
		t.Skip("ONAIR_MEDIA is not set: no captures to test against")
	}
	for name, height := range map[string]int{
		"mpeg2-576i25-mp2.ts": 180, "ac3-576-h264-seg0.ts": 180, "portrait-720x1280.ts": 568, "hevc-main10-360p30-video-only.ts": 180,
		"dvbt-1080i25-h264-3xeac3-dvbsub-clear.ts": 180, "mpts-2prog-1080i25-h264-ac3-dvbsub.ts": 180,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(filepath.Join(dir, "ts", name))
			if err != nil {
				t.Fatal(err)
			}
			r := newStill(t)
			r.pour(b)
			made, _, err := r.thumbnails("", none).Picture(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if img, err := jpeg.DecodeConfig(bytes.NewReader(made)); err != nil || img.Width != 320 || img.Height != height {
				t.Errorf("%dx%d, %v; want 320x%d", img.Width, img.Height, err, height)
			}
		})
	}
}
