//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"onair/pipeline/control"
)

// monitorSeconds is how long the monitor and the run are measured, after they have settled.
const monitorSeconds = 25

// ordinaryClip is a 1080p25 contribution of 10 Mb/s as hardware encoders make it: CABAC, two B pictures between
// references, a key picture every 2 s.
func ordinaryClip(t testing.TB, seconds int) string {
	t.Helper()
	name := filepath.Join(clips, "ordinary.ts")
	out, err := exec.Command("ffmpeg", "-v", "error", "-nostdin", "-y",
		"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=1920x1080:r=25:d=%d", seconds),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=f=440:r=48000:d=%d", seconds), "-vf", "noise=alls=3:allf=t",
		"-c:v", "libx264", "-preset", "superfast", "-g", "50", "-bf", "2", "-b:v", "9300k", "-maxrate", "9300k",
		"-bufsize", "9300k", "-x264-params", "b-adapt=0:b-pyramid=0:cabac=1", "-c:a", "aac", "-ac", "2",
		"-f", "mpegts", name).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return name
}

// children are the processes that a process has started and that still run.
func children(t testing.TB, pid int) []int {
	t.Helper()
	var out []int
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tasks {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // a thread that has ended
		}
		for _, field := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(field); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}

// TestBenchMonitor measures the FFmpeg that watches an input beside the one that encodes it; scripts/bench-monitor runs it.
func TestBenchMonitor(t *testing.T) {
	if os.Getenv("ONAIR_BENCH") == "" {
		t.Skip("a measurement, not a test: scripts/bench monitor")
	}
	port := freePort(t, "udp")
	const clipSeconds = monitorSeconds + 30
	clip := ordinaryClip(t, clipSeconds)
	s := &station{t: t, dir: t.TempDir(), http: fmt.Sprintf("127.0.0.1:%d", freePort(t, "tcp"))}
	s.write(fmt.Sprintf(three, s.http, fmt.Sprintf("  - {name: main, monitor: on, legs: [\"rtp://127.0.0.1:%d\"]}", port),
		filepath.Join(s.dir, "origin")))
	encode := bare(t, clip, s.plan()) / clipSeconds
	if encode > spare { // the monitor is to have the time that it wants
		s.rewrite("outputs:", "preset: ultrafast\noutputs:")
	}
	s.start()
	t.Cleanup(s.stop)
	ffmpeg(t, fmt.Sprintf("-re -i %s -map 0 -c copy -f rtp_mpegts rtp://127.0.0.1:%d?pkt_size=1316", clip, port))
	st := s.wait("a run and its monitor", 20*time.Second, func(st control.Status) bool {
		return len(st.Runs) == 1 && st.Runs[0].Frames > 50 && st.Inputs[0].Content != nil
	})
	run := st.Runs[0].PID
	watching := slices.DeleteFunc(children(t, s.cmd.Process.Pid), func(pid int) bool { // the slate is drawn by another one
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		return pid == run || err != nil || !strings.Contains(string(line), "-skip_frame:v")
	})
	if len(watching) != 1 {
		t.Fatalf("children beside the run: %v, want the monitor alone", watching)
	}
	cpu := func(pid int) float64 { return usageOf(t, pid).own }
	from := cpu(watching[0])
	time.Sleep(monitorSeconds * time.Second) // what is measured is time
	monitor := (cpu(watching[0]) - from) / monitorSeconds
	row("content monitor CPU of a core, beside the encode", fmt.Sprintf("%.3f", monitor), fmt.Sprintf("%.3f", encode),
		monitor/encode, "<= 0.10")
}
