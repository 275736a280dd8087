//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"onair/pkg/mpegts"
)

// numberBits is how many bits of the frame number the made picture shows, as squares in its top row.
const numberBits = 16

// clipMu lets one test at a time make clips.
var clipMu sync.Mutex

// clip makes (once) a TS of a moving picture with its frame number in squares, and a tone.
func clip(t testing.TB, seconds int, rate string, extra ...string) string {
	t.Helper()
	clipMu.Lock()
	defer clipMu.Unlock()
	name := filepath.Join(clips, fmt.Sprintf("clip-%d-%s-%s.ts", seconds, strings.ReplaceAll(rate, "/", "_"), strings.Join(extra, "")))
	name = strings.ReplaceAll(name, " ", "")
	if _, err := os.Stat(name); err == nil {
		return name
	}
	var boxes []string
	for i := range numberBits {
		boxes = append(boxes, fmt.Sprintf("drawbox=x=%d:y=0:w=40:h=40:c=white:t=fill:enable='gte(mod(n,%d),%d)'", i*40, 2<<i, 1<<i))
	}
	args := []string{
		"-hide_banner", "-loglevel", "error", "-nostdin",
		"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=640x360:r=%s:d=%d", rate, seconds),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=f=440:r=48000:d=%d", seconds),
		"-vf", "drawbox=x=0:y=0:w=640:h=40:c=black:t=fill," + strings.Join(boxes, ","),
		"-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-bf", "2", "-b:v", "2M", "-pix_fmt", "yuv420p", "-c:a", "aac",
	}
	args = append(args, extra...)
	args = append(args, "-f", "mpegts", name+".part")
	if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("making a clip: %v\n%s", err, out)
	}
	if err := os.Rename(name+".part", name); err != nil {
		t.Fatal(err)
	}
	return name
}

// media is a rendition's init and segments from the folder, from segment number first on, as one file: those that inputs
// have filled, the slate left out.
func (s *station) media(rendition string, first int64) []byte {
	s.t.Helper()
	return s.mediaIf(rendition, func(k int64, slate bool) bool { return k >= first && !slate })
}

// isSlate tells whether a segment has the brand of the slate.
func isSlate(segment []byte) bool {
	return bytes.Contains(segment[:min(len(segment), 40)], []byte("slat"))
}

// mediaIf is a rendition's init and those segments of it that are wanted.
func (s *station) mediaIf(rendition string, want func(k int64, slate bool) bool) []byte {
	s.t.Helper()
	dir := filepath.Join(s.origin(), rendition)
	inits, _ := filepath.Glob(filepath.Join(dir, "init-*.mp4"))
	if len(inits) != 1 {
		s.t.Fatalf("%d initializations in %s, want 1", len(inits), dir)
	}
	out, err := os.ReadFile(inits[0])
	if err != nil {
		s.t.Fatal(err)
	}
	for _, k := range s.numbers(rendition) {
		b, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.m4s", k)))
		if err != nil {
			s.t.Fatal(err)
		}
		if want(k, isSlate(b)) {
			out = append(out, b...)
		}
	}
	return out
}

// numbers are the segment numbers of a rendition in the folder, ascending.
func (s *station) numbers(rendition string) []int64 {
	s.t.Helper()
	files, _ := filepath.Glob(filepath.Join(s.origin(), rendition, "*.m4s"))
	var ks []int64
	for _, f := range files {
		k, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(f), ".m4s"), 10, 64)
		if err != nil {
			s.t.Fatalf("a file that is no segment: %s", f)
		}
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}

// decode lets FFmpeg decode media and fails on anything it complains about.
func decode(t testing.TB, media []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", append(append([]string{"-hide_banner", "-loglevel", "warning", "-nostdin", "-copyts", "-i", "pipe:0"}, args...), "pipe:1")...)
	cmd.Stdin = bytes.NewReader(media)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("decoding: %v\n%s", err, errs.String())
	}
	if errs.Len() > 0 {
		t.Errorf("the decoder complains:\n%.2000s", errs.String())
	}
	return out.Bytes()
}

// frameNumbers reads the number in each picture of a rendition.
func (s *station) frameNumbers(rendition string, first int64) []int {
	s.t.Helper()
	return numbersIn(s.t, s.media(rendition, first))
}

// numbersIn reads the number in each picture of media.
func numbersIn(t testing.TB, media []byte) []int {
	t.Helper()
	const w, h = 320, 180
	raw := decode(t, media, "-fps_mode", "passthrough", "-vf", fmt.Sprintf("scale=%d:%d,format=gray", w, h), "-f", "rawvideo")
	var out []int
	for ; len(raw) >= w*h; raw = raw[w*h:] {
		n := 0
		for i := range numberBits {
			if raw[10*w+i*w/numberBits+w/numberBits/2] > 128 {
				n |= 1 << i
			}
		}
		out = append(out, n)
	}
	return out
}

// wantConsecutive fails when a frame is missing or shown twice. The first picture may be repeated: it is held back to the
// begin of the segment in which the source began.
func wantConsecutive(t testing.TB, numbers []int) {
	t.Helper()
	if len(numbers) == 0 {
		t.Fatal("no frames")
	}
	for len(numbers) > 1 && numbers[1] == numbers[0] {
		numbers = numbers[1:]
	}
	for i := 1; i < len(numbers); i++ {
		if numbers[i] != numbers[i-1]+1 {
			t.Errorf("picture %d of %d shows frame %d after %d", i, len(numbers), numbers[i], numbers[i-1])
		}
	}
	t.Logf("%d frames, %d to %d", len(numbers), numbers[0], numbers[len(numbers)-1])
}

// wantOnGrid fails when a rendition's decode times have a hole or an overlap, in units of its timescale.
func (s *station) wantOnGrid(rendition string, step int64) {
	s.t.Helper()
	wantSteps(s.t, rendition, s.media(rendition, 0), step)
}

func wantSteps(t testing.TB, rendition string, media []byte, step int64) {
	t.Helper()
	cmd := exec.Command("ffprobe", "-v", "error", "-show_entries", "packet=dts", "-of", "csv=p=0", "pipe:0")
	cmd.Stdin = bytes.NewReader(media)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var last int64
	for i, line := range strings.Fields(string(out)) {
		dts, err := strconv.ParseInt(strings.Trim(line, ","), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 && dts-last != step {
			t.Errorf("%s: packet %d at %d, %d after the one before; want %d", rendition, i, dts, dts-last, step)
		}
		last = dts
	}
}

// withoutPID is a TS file in which a stream is missing between two instants, in seconds of the picture's times.
func withoutPID(t testing.TB, file string, pid uint16, from, to float64) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	first, now := -1.0, 0.0
	for ; len(b) >= mpegts.Size; b = b[mpegts.Size:] {
		p := mpegts.Packet(b[:mpegts.Size])
		if base, _, ok := p.PCR(); ok {
			if now = float64(base) / 90000; first < 0 {
				first = now
			}
		}
		if p.PID() == pid && now-first >= from && now-first < to {
			continue
		}
		out = append(out, p...)
	}
	name := filepath.Join(t.TempDir(), "without.ts")
	if err := os.WriteFile(name, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
