//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"onair/pipeline/control"
	"onair/pkg/tick"
)

// benchSeconds is how long each measurement runs.
const benchSeconds = 64

// three is a channel with the three-rung ladder that the measurements are made with.
const three = `channel: ch
http: "%[1]s"
inputs:
%[2]s
video:
  - {name: v1080, size: 1920x1080, bitrate: 5M}
  - {name: v720, size: 1280x720, bitrate: 3M}
  - {name: v480, size: 854x480, bitrate: 1500k}
audio:
  - {name: a1, bitrate: 128k, channels: 2, language: eng}
outputs:
  - dir: %[3]s
`

// usage is a process's own and its children's processor time, in seconds, and its memory.
type usage struct{ own, children, rss float64 }

// usageOf reads /proc; the children's time counts those that have ended and those that live.
func usageOf(tb testing.TB, pid int, live ...int) usage {
	tb.Helper()
	ticks := func(p int) (own, ended float64, rss float64) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
		if err != nil {
			tb.Fatal(err)
		}
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+2:]))
		at := func(i int) float64 { v, _ := strconv.ParseFloat(f[i-3], 64); return v } // numbered as in proc(5)
		return (at(14) + at(15)) / 100, (at(16) + at(17)) / 100, at(24) * float64(os.Getpagesize())
	}
	var u usage
	u.own, u.children, u.rss = ticks(pid)
	for _, p := range live {
		own, _, _ := ticks(p)
		u.children += own
	}
	return u
}

// bareArgs turns a run's command into one that encodes the same ladder to nothing.
func bareArgs(command []string) []string {
	var out []string
	for i := 0; i < len(command); i++ {
		switch a := command[i]; {
		case a == "-f" && command[i+1] == "mp4":
			out = append(out, "-f", "null")
			i++
		case a == "-movflags", a == "-use_editlist", a == "-progress", a == "-video_track_timescale", a == "-flush_packets":
			i++
		case strings.HasPrefix(a, "pipe:") && a != "pipe:0":
			out = append(out, "-")
		default:
			out = append(out, a)
		}
	}
	return out
}

// bare encodes a file at real time to nothing and tells the processor time.
func bare(tb testing.TB, file string, command []string) float64 {
	tb.Helper()
	feeder := exec.Command("ffmpeg", "-v", "error", "-nostdin", "-re", "-i", file, "-map", "0", "-c", "copy", "-copyts", "-f", "mpegts", "pipe:1")
	encoder := exec.Command("ffmpeg", bareArgs(command)...)
	pipe, err := feeder.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	encoder.Stdin = pipe
	if err := feeder.Start(); err != nil {
		tb.Fatal(err)
	}
	out, err := encoder.CombinedOutput()
	_ = feeder.Wait()
	if err != nil {
		tb.Fatalf("bare ffmpeg: %v\n%.2000s", err, out)
	}
	return (encoder.ProcessState.UserTime() + encoder.ProcessState.SystemTime()).Seconds()
}

// spare is how many processors an encoder may take that is to keep up on this machine, with what else has to run.
const spare = 1.4

// affordable makes the channel one that this machine can encode in real time: with the preset that is the default, or a
// faster one. It tells which, and what bare FFmpeg takes for it, in processor time per time of media.
func (s *station) affordable(file string, seconds float64) (preset string, reference float64) {
	s.t.Helper()
	b, err := os.ReadFile(s.file)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, preset = range []string{"veryfast", "superfast", "ultrafast"} {
		s.write(string(b) + "preset: " + preset + "\n")
		if reference = bare(s.t, file, s.plan()) / seconds; reference <= spare {
			break
		}
	}
	return preset, reference
}

// usage is that of the program and its run, and how many frames that has made.
func (s *station) usage() (usage, uint64) {
	s.t.Helper()
	st := s.wait("a run", 20*time.Second, func(st control.Status) bool { return len(st.Runs) > 0 })
	return usageOf(s.t, s.cmd.Process.Pid, st.Runs[0].PID), st.Runs[0].Frames
}

// plan is the command of a run as check prints it.
func (s *station) plan() []string {
	s.t.Helper()
	out, err := exec.Command(program, "check", s.file).Output()
	if err != nil {
		s.t.Fatal(err)
	}
	command := string(out[bytes.LastIndex(out, []byte("ffmpeg -hide_banner")):])
	// A shell takes the quotes off.
	args, err := exec.Command("sh", "-c", "printf '%s\\n' "+command[len("ffmpeg "):]).Output()
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(args)), "\n")
}

// row prints a line of the table of scripts/bench.
func row(what, ours, beside string, ratio float64, bound string) {
	fmt.Printf("%s\t%s\t%s\t%.3f\t%s\n", what, ours, beside, ratio, bound)
}

// benchClip is a 1080p contribution of about 10 Mb/s.
func benchClip(t testing.TB) string {
	t.Helper()
	name := filepath.Join(clips, "bench.ts")
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=1920x1080:r=25:d=%d", benchSeconds+5),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=f=440:r=48000:d=%d", benchSeconds+5), "-c:v", "libx264", "-preset", "ultrafast", "-g", "50",
		"-b:v", "9300k", "-minrate", "9300k", "-maxrate", "9300k", "-bufsize", "1M", "-x264-params", "nal-hrd=cbr", "-c:a", "aac", "-muxrate", "10M",
		"-f", "mpegts", name).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return name
}

// TestBenchPipeline measures the whole pipeline beside bare FFmpeg; scripts/bench-pipeline runs it.
func TestBenchPipeline(t *testing.T) {
	if os.Getenv("ONAIR_BENCH") == "" {
		t.Skip("a measurement, not a test: scripts/bench pipeline")
	}
	port := freePort(t, "udp")
	s := &station{t: t, dir: t.TempDir(), http: fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp"))}
	s.write(fmt.Sprintf(three, s.http, rtpInput(port), filepath.Join(s.dir, "origin")))
	file := benchClip(t)
	preset, before := s.affordable(file, benchSeconds+5)
	s.start()
	s.wait("the program", 10*time.Second, func(st control.Status) bool { return st.Channel != "" })
	begun := time.Now()
	ffmpeg(t, fmt.Sprintf("-re -i %s -map 0 -c copy -f rtp_mpegts rtp://127.0.0.1:%d?pkt_size=1316", file, port))
	st := s.wait("a run", 20*time.Second, func(st control.Status) bool { return len(st.Runs) > 0 && st.Runs[0].Frames > 0 })
	command := st.Runs[0].Command
	var first time.Duration
	eventually(30*time.Second, func() bool {
		code, _ := s.get("/ch/index.m3u8")
		first = time.Since(begun)
		return code == 200
	})
	catchingUp, lag := s.listLag(t, 4), s.listLag(t, 4)
	from, fromFrames := s.usage()
	look := time.NewTimer(benchSeconds*time.Second - time.Since(begun)) // asking for the state costs processor time too
	<-look.C
	to, toFrames := s.usage()
	s.stop()
	seconds := float64(toFrames-fromFrames) / 25
	own := (to.own - from.own) / seconds
	whole := own + (to.children-from.children)/seconds
	// Before and after: the machine may be another one by then.
	reference := (before + bare(t, file, command)/(benchSeconds+5)) / 2
	row("pipeline CPU s per s of media, beside bare ffmpeg ("+preset+")", fmt.Sprintf("%.3f", whole), fmt.Sprintf("%.3f", reference), whole/reference, "<= 1.03")
	row("onair's own CPU, of a core", fmt.Sprintf("%.3f", own), "0.04", own/0.04, "<= 1")
	row("RSS with a filled spool, MB", fmt.Sprintf("%.0f", to.rss/1e6), "150", to.rss/150e6, "<= 1")
	row("first playlist after the first packet, s ("+preset+")", fmt.Sprintf("%.2f", first.Seconds()), "15", first.Seconds()/15, "<= 1")
	row("segment listed after its last frame arrived, s ("+preset+")", fmt.Sprintf("%.2f", lag), "1.3", lag/1.3, "<= 1")
	row("the same of the first four, while the encoder catches up", fmt.Sprintf("%.2f", catchingUp), "1.3", catchingUp/1.3, "")
}

// listLag is the mean time from the end of a segment on the timeline, which is when its last frame arrives, to its listing.
func (s *station) listLag(t testing.TB, n int) float64 {
	t.Helper()
	var sum float64
	last := int64(0)
	for got := 0; got < n; {
		s.wait("another segment", 20*time.Second, func(st control.Status) bool {
			if len(st.Stores) == 0 || st.Stores[0].LastK <= last || st.Stores[0].ListedAt.IsZero() {
				return false
			}
			k := st.Stores[0].LastK
			if last != 0 {
				end := tick.Tick(k+1) * 4 * tick.Second
				sum += st.Stores[0].ListedAt.Sub(end.Time()).Seconds() + st.Inputs[0].ClockOffsetMs/1000
				got++
			}
			last = k
			return true
		})
	}
	return sum / float64(n)
}
