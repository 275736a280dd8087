//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"onair/pipeline/control"
)

// TestClipIsLooped: a clip goes on air at once and again and again, without a picture missing; at a seam the last one may
// stay for a moment, where sound lasts longer.
func TestClipIsLooped(t *testing.T) {
	t.Parallel()
	const seconds, frames = 8, 8 * 25
	s := newStationOf(t, lean, legOf("file://"+clip(t, seconds, "25")))
	began := time.Now()
	s.wait("the clip on air", 20*time.Second, func(st control.Status) bool { return st.ActiveInput == "main" })
	t.Logf("on air after %v", time.Since(began).Round(time.Millisecond))
	s.wantLooped(frames, 11)
	st := s.status()
	if st.RunRestarts != 0 || st.Inputs[0].Generations != 0 || st.Inputs[0].TS.Errors() != 0 {
		t.Errorf("%d runs started again, %d jumps of the clock, %+v", st.RunRestarts, st.Inputs[0].Generations, st.Inputs[0].TS)
	}
}

// wantLooped waits for segments of a clip of so many pictures and looks at them.
func (s *station) wantLooped(frames int, n uint64) {
	s.t.Helper()
	s.wait("segments", 60*time.Second, segments(n))
	numbers := s.frameNumbers("v180", 0)
	for len(numbers) > 1 && numbers[1] == numbers[0] { // held back to the begin of the segment
		numbers = numbers[1:]
	}
	seams := 0
	for i := 1; i < len(numbers); i++ {
		before, now := numbers[i-1], numbers[i]
		switch {
		case now == before+1:
		case now == 0 && before == frames-1:
			seams++
		case now == before && now == frames-1:
		default:
			s.t.Errorf("picture %d of %d shows frame %d after %d", i, len(numbers), now, before)
		}
	}
	if seams < 2 {
		s.t.Errorf("%d seams in %d pictures", seams, len(numbers))
	}
	s.wantOnGrid("v180", 3600)
	s.wantOnGrid("a1", 1024)
}

// TestClipAsBackup: the clip takes over from an input that ends, also when the file came later and was replaced.
func TestClipAsBackup(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	name := filepath.Join(t.TempDir(), "backup.ts")
	s := newStationOf(t, lean+"failover: {return_after: 2s}\n", rtpInput(port)+fmt.Sprintf("\n  - name: clip\n    legs: [%q]", "file://"+name))
	s.wait("the missing file to be told", 20*time.Second, func(st control.Status) bool {
		return len(st.Inputs) == 2 && st.Inputs[1].Legs[0].Error == "cannot open the file: no such file or directory"
	})
	put := func(source string) {
		b, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name+".new", b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(name+".new", name); err != nil {
			t.Fatal(err)
		}
	}
	put(clip(t, 8, "25"))
	main := ffmpeg(t, fmt.Sprintf("-re -i %s -map 0 -c copy -f rtp_mpegts rtp://127.0.0.1:%d?pkt_size=1316", clip(t, 40, "25"), port))
	s.wait("main on air", 20*time.Second, func(st control.Status) bool {
		return st.ActiveInput == "main" && st.Inputs[1].Legs[0].State == control.LegReceiving
	})
	put(clip(t, 40, "25"))
	s.wait("the other file", 10*time.Second, func(st control.Status) bool {
		return st.Inputs[1].Legs[0].State == control.LegReceiving && st.Inputs[1].Generations > 0
	})
	st := s.wait("segments of main", 30*time.Second, segments(4))
	_ = main.Process.Kill()
	s.wait("the clip on air", 15*time.Second, func(st control.Status) bool { return st.ActiveInput == "clip" })
	s.wait("segments of the clip", 30*time.Second, segments(st.Segments+4))
	s.wantOnGrid("v180", 3600)
	if _, playlist := s.get("/ch/v180.m3u8"); len(playlist) == 0 {
		t.Error("no playlist")
	}
}
