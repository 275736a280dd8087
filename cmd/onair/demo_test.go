//go:build e2e

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"onair/pkg/testpicture"
	"onair/pkg/tick"
)

// screen is what a verb prints, readable while it runs.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// The demonstration comes on air, shows each picture of its test programme once, with its sound, and ends cleanly.
func TestDemoIsOnAir(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	for _, program := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program + " is not installed")
		}
	}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var out, log screen
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"demo", "--http", "127.0.0.1:0", "--dir", dir}, &out, &log) }()
	deadline := time.Now().Add(90 * time.Second)
	for !strings.Contains(out.String(), "on air after") || len(demoSegments(dir, "v360")) < 4 {
		select {
		case c := <-code:
			t.Fatalf("ended with %d\n%s%s", c, out.String(), log.String())
		case <-time.After(100 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("not on air\n%s%s", out.String(), log.String())
		}
	}
	asked, before := time.Now(), len(log.String())
	cancel()
	if c := <-code; c != exitOK || time.Since(asked) > 10*time.Second {
		t.Errorf("ended with %d after %v\n%s", c, time.Since(asked), log.String())
	}
	for _, bad := range []string{`"level":"error"`, "panic"} {
		if strings.Contains(log.String(), bad) {
			t.Errorf("the log has %s:\n%s", bad, log.String())
		}
	}
	if last := log.String()[before:]; strings.Contains(last, `"level":"warn"`) {
		t.Errorf("the end makes it warn:\n%s", last)
	}
	wantDemoWhole(t, dir)
	if t.Failed() {
		t.Log(log.String())
	}
}

// demoSegments are a rendition's segment numbers in the folder.
func demoSegments(dir, rendition string) (ks []int) {
	names, _ := filepath.Glob(filepath.Join(dir, "origin/demo", rendition, "*.m4s"))
	for _, n := range names {
		if k, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(n), ".m4s")); err == nil {
			ks = append(ks, k)
		}
	}
	slices.Sort(ks)
	return ks
}

// decodeDemo decodes the segments of a rendition.
func decodeDemo(t *testing.T, dir, rendition string, args ...string) []byte {
	t.Helper()
	base := filepath.Join(dir, "origin/demo", rendition)
	inits, _ := filepath.Glob(filepath.Join(base, "init-*.mp4"))
	if len(inits) != 1 {
		t.Fatalf("%s: %d initializations", rendition, len(inits))
	}
	names := inits
	for _, k := range demoSegments(dir, rendition) {
		names = append(names, filepath.Join(base, fmt.Sprint(k)+".m4s"))
	}
	var media bytes.Buffer
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		media.Write(b)
	}
	cmd := exec.Command("ffmpeg", append(append([]string{"-v", "warning", "-nostdin", "-i", "pipe:0"}, args...), "pipe:1")...)
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stderr = &media, &errs
	out, err := cmd.Output()
	if err != nil || errs.Len() > 0 {
		t.Fatalf("%s: %v\n%s", rendition, err, errs.String())
	}
	return out
}

// wantDemoWhole reads the pictures' numbers and holds flashes against beeps.
func wantDemoWhole(t *testing.T, dir string) {
	t.Helper()
	const w, h = 80, 45
	raw := decodeDemo(t, dir, "v360", "-fps_mode", "passthrough", "-vf", "scale=80:45,format=gray", "-f", "rawvideo")
	var flashes []int
	last, moving := testpicture.Reading{}, false
	for i := 0; (i+1)*w*h <= len(raw); i++ {
		r, ok := testpicture.Read(testpicture.Luma{Pix: raw[i*w*h : (i+1)*w*h], Width: w, Height: h})
		moving = moving || i > 0 && r.Number != last.Number // the first picture stands for the time before it
		if !ok || moving && r.Number != last.Number+1 {
			t.Errorf("picture %d is number %d (%v) after %d", i, r.Number, ok, last.Number)
		}
		if r.Flash && !last.Flash && moving {
			flashes = append(flashes, i)
		}
		last = r
	}
	sound := decodeDemo(t, dir, "a1", "-ac", "1", "-f", "s16le")
	samples := make([]int16, len(sound)/2)
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(sound[2*i:]))
	}
	beeps := testpicture.Beeps(samples)
	t.Logf("%d pictures, the last number %d; %d flashes, %d beeps", len(raw)/w/h, last.Number, len(flashes), len(beeps))
	if len(flashes) < 10 || len(beeps) < len(flashes)-1 {
		t.Fatalf("%d flashes, %d beeps", len(flashes), len(beeps))
	}
	for i, f := range flashes {
		flash := tick.Tick(f) * tick.Second / 25
		nearest := 10 * tick.Second
		for _, b := range beeps {
			if off := tick.FromUnits(int64(b), testpicture.SampleRate) - flash; off.Abs() < nearest.Abs() {
				nearest = off
			}
		}
		if nearest.Abs() > 30*tick.Millisecond {
			t.Errorf("the beep of flash %d comes %v after it", i, nearest.Duration())
		}
	}
}

func TestDemoRemovesItsFolder(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // at once
	var out, log screen
	if c := run(ctx, []string{"demo", "--http", "127.0.0.1:0"}, &out, &log); c == exitUsage {
		t.Errorf("ended with %d\n%s", c, log.String())
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if c := run(context.Background(), []string{"demo", "--http", "nonsense"}, &out, &log); c != exitUsage {
		t.Errorf("a wrong address ends with %d", c)
	}
}
