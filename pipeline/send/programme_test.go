package send_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onair/pipeline/send"
	"onair/pkg/mpegts"
	"onair/pkg/pace"
	"onair/pkg/testpicture"
	"onair/pkg/tick"
)

var errRounds = errors.New("enough rounds")

// record keeps so many seconds of a made programme in a file.
func record(t *testing.T, c send.TestConfig, length time.Duration) string {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	source, err := send.NewTest(c)
	if err != nil {
		t.Fatal(err)
	}
	var data []byte
	pacer := pace.New(func(p mpegts.Packet, at tick.Tick) error {
		data = append(data, p...)
		if at > tick.FromDuration(length) {
			return errRounds
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(context.Background(), length+20*time.Second)
	defer cancel()
	if err := source.Run(ctx, pacer.Push); err != errRounds {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "test.ts")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func ffmpeg(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", append([]string{"-hide_banner", "-loglevel", "warning", "-nostdin"}, args...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || errs.Len() > 0 {
		t.Errorf("ffmpeg: %v\n%.2000s", err, errs.String())
	}
	return out
}

// The programme decodes cleanly, each picture has the number after the one before, and beeps come with their flashes.
func TestMadeProgrammeIsWholeAndInSync(t *testing.T) {
	for _, c := range []send.TestConfig{
		{Width: 640, Height: 360},
		{Width: 320, Height: 180, Rate: tick.Rate{Num: 30000, Den: 1001}, Codec: "mpeg2video"},
		{Width: 320, Height: 180, Rate: tick.Rate{Num: 50, Den: 1}, Codec: "hevc"},
	} {
		t.Run(c.Codec, func(t *testing.T) {
			name := record(t, c, 6*time.Second) // longer than is looked at: the end is cut
			const w, h = 80, 45
			raw := ffmpeg(t, "-i", name, "-t", "4.5", "-map", "0:v", "-fps_mode", "passthrough", "-vf", "scale=80:45,format=gray", "-f", "rawvideo", "-")
			var numbers []uint32
			var flashes []int
			for i := 0; (i+1)*w*h <= len(raw); i++ {
				r, ok := testpicture.Read(testpicture.Luma{Pix: raw[i*w*h : (i+1)*w*h], Width: w, Height: h})
				if !ok {
					t.Fatalf("picture %d cannot be read", i)
				}
				if r.Flash && (i == 0 || numbers[i-1]+1 != r.Number || len(flashes) == 0 || i-flashes[len(flashes)-1] > 2) {
					flashes = append(flashes, i)
				}
				numbers = append(numbers, r.Number)
			}
			for i, n := range numbers {
				if int(n) != i {
					t.Fatalf("picture %d has number %d", i, n)
				}
			}
			rate := c.Rate
			if rate.IsZero() {
				rate = tick.Rate{Num: 25, Den: 1}
			}
			beeps := testpicture.Beeps(pcm(ffmpeg(t, "-i", name, "-t", "4.5", "-map", "0:a", "-ac", "1", "-f", "s16le", "-")))
			wantInSync(t, flashes, beeps, rate, startTime(t, name, "v")-startTime(t, name, "a"))
		})
	}
}

func pcm(b []byte) []int16 {
	out := make([]int16, len(b)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return out
}

// startTime is the first presentation time of a stream.
func startTime(t *testing.T, name, stream string) tick.Tick {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", stream, "-show_entries", "stream=start_time", "-of", "csv=p=0", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	d, err := time.ParseDuration(strings.TrimRight(strings.Split(string(out), "\n")[0], ",\r ") + "s")
	if err != nil {
		t.Fatal(err)
	}
	return tick.FromDuration(d)
}

// wantInSync: each beep begins with its flash. ahead is how much later the pictures begin than the sound.
func wantInSync(t *testing.T, flashes, beeps []int, rate tick.Rate, ahead tick.Tick) {
	t.Helper()
	if len(flashes) < 4 || len(beeps) < 4 {
		t.Fatalf("%d flashes and %d beeps in 4 s", len(flashes), len(beeps))
	}
	for i := range 4 {
		flash := rate.At(int64(flashes[i])) + ahead
		beep := tick.FromUnits(int64(beeps[i]), testpicture.SampleRate)
		if off := beep - flash; off.Abs() > 3*tick.Millisecond {
			t.Errorf("beep %d comes %v after its flash", i, off.Duration())
		}
	}
}

func TestMadeProgrammeComesInRealTime(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	start := time.Now()
	record(t, send.TestConfig{Width: 96, Height: 72}, 3*time.Second)
	if took := time.Since(start); took < 2800*time.Millisecond || took > 8*time.Second {
		t.Errorf("3 s took %v", took)
	}
}

func TestEncoderThatEndsIsTold(t *testing.T) {
	source, err := send.NewTest(send.TestConfig{Width: 96, Height: 72, Program: "false"})
	if err != nil {
		t.Fatal(err)
	}
	err = source.Run(context.Background(), func(mpegts.Packet) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("%v", err)
	}
	if source, err = send.NewTest(send.TestConfig{Program: "/no/such/ffmpeg"}); err != nil {
		t.Fatal(err)
	}
	if err = source.Run(context.Background(), func(mpegts.Packet) error { return nil }); err == nil {
		t.Error("a program that is not there runs")
	}
}

func TestMadeProgrammeEndsWithItsContext(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	source, err := send.NewTest(send.TestConfig{Width: 96, Height: 72})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := source.Run(ctx, func(mpegts.Packet) error { return nil }); err != context.DeadlineExceeded {
		t.Error(err)
	}
}

func TestProgrammesThatCannotBe(t *testing.T) {
	for _, c := range []send.TestConfig{{Codec: "vp9"}, {Width: 11, Height: 11}, {Width: 1280}, {Width: 641, Height: 360}} {
		if _, err := send.NewTest(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}
