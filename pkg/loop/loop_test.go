package loop_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"onair/pkg/loop"
	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

// clip makes a TS with FFmpeg.
func clip(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	name := filepath.Join(t.TempDir(), "clip.ts")
	args = append([]string{"-hide_banner", "-loglevel", "error", "-nostdin"}, args...)
	if out, err := exec.Command("ffmpeg", append(args, "-f", "mpegts", name)...).CombinedOutput(); err != nil {
		t.Fatalf("making a clip: %v\n%s", err, out)
	}
	return name
}

// rounds loops a file and returns the packets of so many rounds, as copies.
func rounds(t *testing.T, name string, n int) [][]mpegts.Packet {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	l := loop.New()
	var out [][]mpegts.Packet
	for range n {
		var round []mpegts.Packet
		_, err := l.Round(bytes.NewReader(data), func(p mpegts.Packet) error {
			round = append(round, bytes.Clone(p))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, round)
		l.Again()
	}
	return out
}

// times are the decode times of a PID, unwrapped.
func times(packets []mpegts.Packet, pid uint16) (dts, pts []int64) {
	u := tick.Unwrapper{Bits: 33}
	for _, p := range packets {
		if p.PID() != pid || !p.Start() {
			continue
		}
		if t, ok := mpegts.PESTimes(p.Payload()); ok {
			d := u.Unwrap(t.DTS)
			dts, pts = append(dts, d), append(pts, u.Near(t.PTS, d))
		}
	}
	return dts, pts
}

func references(packets []mpegts.Packet) []int64 {
	var out []int64
	u := tick.Unwrapper{Bits: 33}
	for _, p := range packets {
		if base, ext, ok := p.PCR(); ok {
			out = append(out, u.Unwrap(base)*300+int64(ext))
		}
	}
	return out
}

const (
	videoPID = 0x100
	audioPID = 0x101
)

var loopClips = []struct {
	name  string
	frame int64 // in 90 kHz
	extra int64 // frames by which a seam may be longer: sound or clock last longer than the pictures
	args  []string
}{
	{"h264 with B pictures and aac, which has its priming more", 3600, 1, []string{"-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=4", "-f", "lavfi", "-i", "sine=r=48000:d=4",
		"-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-bf", "2", "-c:a", "aac"}},
	{"over the wrap of 33 bits", 3600, 1, []string{"-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=4", "-f", "lavfi", "-i", "sine=r=48000:d=4",
		"-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-bf", "2", "-c:a", "aac", "-output_ts_offset", "95437"}},
	{"mpeg2 and mp2 at a constant rate, 29.97", 3003, 1, []string{"-f", "lavfi", "-i", "testsrc2=s=160x90:r=30000/1001:d=4", "-f", "lavfi", "-i", "sine=r=48000:d=4",
		"-c:v", "mpeg2video", "-b:v", "1M", "-bf", "2", "-c:a", "mp2", "-muxrate", "2M"}},
	{"sound that is longer", 3600, 13, []string{"-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=3", "-f", "lavfi", "-i", "sine=r=48000:d=3.5",
		"-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac"}},
	{"pictures alone", 3600, 0, []string{"-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=4", "-c:v", "libx264", "-preset", "veryfast", "-bf", "2"}},
	{"sound that is shorter", 3600, 0, []string{"-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=3", "-f", "lavfi", "-i", "sine=r=48000:d=2",
		"-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac"}},
}

func TestLoopGoesOnOverTheSeam(t *testing.T) {
	const n = 4
	for _, c := range loopClips {
		t.Run(c.name, func(t *testing.T) {
			all := bytesOf(rounds(t, clip(t, c.args...), n))
			var cc mpegts.Continuity
			for i, p := range all {
				if v := cc.Check(p); v != mpegts.OK {
					t.Errorf("packet %d of %d, pid %#x: %v", i, len(all), p.PID(), v)
				}
			}
			wantSteps(t, all, c.frame, c.frame*(1+c.extra), n-1)
			if sound, _ := times(all, audioPID); len(sound) > 0 {
				wantRising(t, "sound", sound)
			}
			pcr := references(all)
			wantRising(t, "clock", pcr)
			for i := 1; i < len(pcr); i++ {
				if d := pcr[i] - pcr[i-1]; d > 27_000_000/10+c.extra*c.frame*300 {
					t.Errorf("clock reference %d is %d ms after the one before", i, d/27_000)
				}
			}
			wantFFprobe(t, all, c.frame, n-1, c.extra)
		})
	}
}

func bytesOf(rounds [][]mpegts.Packet) (all []mpegts.Packet) {
	for _, r := range rounds {
		all = append(all, r...)
	}
	return all
}

// wantSteps: pictures follow each other by one frame, at the seams by at most longest.
func wantSteps(t *testing.T, all []mpegts.Packet, frame, longest int64, seams int) {
	t.Helper()
	dts, _ := times(all, videoPID)
	odd := 0
	for i := 1; i < len(dts); i++ {
		d := dts[i] - dts[i-1]
		if d != frame {
			odd++
		}
		if d < frame || d > longest || d%frame != 0 {
			t.Errorf("picture %d of %d comes %d after the one before, want %d to %d", i, len(dts), d, frame, longest)
		}
	}
	if odd > seams {
		t.Errorf("%d irregular steps for %d seams", odd, seams)
	}
}

func wantRising(t *testing.T, what string, values []int64) {
	t.Helper()
	if len(values) < 10 {
		t.Fatalf("%s: only %d times", what, len(values))
	}
	for i := 1; i < len(values); i++ {
		if values[i] <= values[i-1] {
			t.Errorf("%s: %d after %d (%d of %d)", what, values[i], values[i-1], i, len(values))
		}
	}
}

// wantFFprobe lets another reader look at the seams.
func wantFFprobe(t *testing.T, all []mpegts.Packet, frame int64, seams int, extra int64) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "looped.ts")
	var data []byte
	for _, p := range all {
		data = append(data, p...)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ffprobe", "-v", "warning", "-select_streams", "v", "-show_entries", "packet=dts", "-of", "csv=p=0", name)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || errs.Len() > 0 {
		t.Errorf("ffprobe: %v\n%s", err, errs.String())
	}
	var last int64
	irregular := 0
	lines := strings.Fields(string(out))
	for i, line := range lines {
		dts, err := strconv.ParseInt(strings.TrimRight(line, ","), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if d := dts - last; i > 0 && d != frame {
			irregular++
			if d < frame || d > frame*(1+extra) {
				t.Errorf("ffprobe: packet %d of %d at %d, %d after the one before", i, len(lines), dts, d)
			}
		}
		last = dts
	}
	if irregular > seams || len(lines) < 100 {
		t.Errorf("ffprobe: %d packets, %d irregular", len(lines), irregular)
	}
}

// A capture is cut anywhere and has lost packets; looping adds nothing to that.
func TestLoopingACaptureAddsNoErrors(t *testing.T) {
	dir := os.Getenv("ONAIR_MEDIA")
	if dir == "" {
		t.Skip("ONAIR_MEDIA is not set: no captures to test against")
	}
	files, err := filepath.Glob(filepath.Join(dir, "ts", "*.ts"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			parts := rounds(t, name, 4)
			var cc mpegts.Continuity
			var lost [4]int
			for i, part := range parts {
				for _, p := range part {
					if cc.Check(p) == mpegts.Lost {
						lost[i]++
					}
				}
			}
			if lost[1] > lost[0] || lost[2] > lost[0] || lost[3] > lost[0] {
				t.Errorf("continuity errors by round: %v", lost)
			}
			pcr := references(parts[0])
			if len(pcr) < 2 {
				return
			}
			second := references(parts[1])
			if len(second) != len(pcr) {
				t.Errorf("%d references in the second round, %d in the first", len(second), len(pcr))
			}
			if !strings.HasPrefix(filepath.Base(name), "corrupt") { // its clock references are damaged too
				wantSeam(t, parts[0], parts[1])
			}
		})
	}
}

// wantSeam: the clock that paces goes on from one round to the next.
func wantSeam(t *testing.T, a, b []mpegts.Packet) {
	t.Helper()
	var pid uint16
	for _, p := range a {
		if _, _, ok := p.PCR(); ok {
			pid = p.PID()
			break
		}
	}
	var last, next int64 = -1, -1
	for _, p := range a {
		if base, _, ok := p.PCR(); ok && p.PID() == pid {
			last = int64(base)
		}
	}
	for _, p := range b {
		if base, _, ok := p.PCR(); ok && p.PID() == pid {
			next = int64(base)
			break
		}
	}
	u := tick.Unwrapper{Bits: 33}
	d := u.Near(uint64(next), last) - last
	if d <= 0 || d > 3*90_000 {
		t.Errorf("the clock goes on %d ms later", d/90)
	}
}

// FuzzLoop: two rounds of anything keep packets packets.
func FuzzLoop(f *testing.F) {
	f.Add(bytes.Repeat(append([]byte{0x47, 1, 0, 0x10}, make([]byte, 184)...), 3))
	f.Add(append([]byte{0x47, 0x41, 0, 0x30, 7, 0x10, 0, 0, 0, 1, 0x7E, 0}, make([]byte, 176)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := loop.New()
		for range 2 {
			_, err := l.Round(bytes.NewReader(b), func(p mpegts.Packet) error {
				if len(p) != mpegts.Size || p[0] != 0x47 {
					t.Fatalf("%d bytes beginning with %#x", len(p), p[0])
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			l.Again()
		}
		if l.Period() < 0 {
			t.Fatalf("a round of %v", l.Period())
		}
	})
}
