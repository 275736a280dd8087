//go:build e2e

package monitor_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"onair/pkg/tick"
)

// moving is a picture of 320x180 that moves, and a tone.
const moving = "-f lavfi -i testsrc2=s=320x180:r=25:d=%d -f lavfi -i sine=f=440:r=48000:d=%d "

// TestConditionsAreTold: black from 4 to 7 s, still from 9 to 12 s, mute from 13 to 16 s.
func TestConditionsAreTold(t *testing.T) {
	t.Parallel()
	const faults = " -filter_complex '[0:v]select=not(between(t\\,9.02\\,11.99)),fps=25,trim=0:18," +
		"drawbox=c=black:t=fill:enable=between(t\\,4\\,6.99)[v];[1:a]volume=0:enable=between(t\\,13\\,15.99)," +
		"aformat=channel_layouts=stereo[a]' -map [v] -map [a] "
	cases := map[string]string{
		"h264":  h264,
		"mpeg2": mpeg2,
	}
	for name, codec := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ts := clip(t, strings.ReplaceAll(moving, "%d", "18")+faults+codec+aac)
			r := newRig(t, "")
			known, offset := 0, 0
			r.play(ts, 18, func(at float64) {
				c, ok := r.monitor.Content()
				if !ok {
					if at > 4 {
						t.Errorf("%.1f s: nothing is known", at)
					}
					return
				}
				known++
				within(t, "black", c.Black, at, 4, 7)
				within(t, "silent", c.Silence, at, 13, 16)
				if at < 4 || at > 8.5 { // what is black stands still too
					within(t, "still", c.Freeze, at, 9, 12)
				}
				if c.Offset {
					offset++
					if c.AVOffset.Abs() > tick.Second/2 {
						t.Errorf("%.1f s: sound %v after its picture", at, c.AVOffset.Duration())
					}
				}
				if at > 9 && at < 13 && (!c.Loud || c.LoudnessLUFS < -30 || c.LoudnessLUFS > -10) {
					t.Errorf("%.1f s: loudness %.1f LUFS (%t)", at, c.LoudnessLUFS, c.Loud)
				}
			})
			if known < 120 || offset < 100 {
				t.Errorf("known at %d looks of 180, the offset at %d", known, offset)
			}
			if told := r.told(); len(told) > 0 {
				t.Errorf("events: %q", told)
			}
		})
	}
}

// TestHarmlessContentIsNotTold: noise is no still picture, a dark one not black, a quiet sound not silent.
func TestHarmlessContentIsNotTold(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"noise and a quiet tone": "-f lavfi -i nullsrc=s=320x180:r=25:d=10,geq=lum=random(1)*255:cb=128:cr=128 " +
			"-f lavfi -i sine=f=440:r=48000:d=10 -af volume=-32dB ",
		"dark and moving, sound of opposite channels": "-f lavfi -i testsrc2=s=320x180:r=25:d=10,lutyuv=y=30+val/16 " +
			"-f lavfi -i sine=f=440:r=48000:d=10 -af 'pan=stereo|c0=c0|c1=-1*c0' ",
		"one thing that moves": "-f lavfi -i color=gray:s=320x180:r=25:d=10 -f lavfi -i sine=f=440:r=48000:d=10 " +
			"-filter_complex 'color=white:s=24x24:r=25:d=10[x];[0:v][x]overlay=x=40+20*t:y=60' ",
	}
	for name, args := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ts := clip(t, args+h264+aac)
			r := newRig(t, "")
			picture, sound := 0, 0
			r.play(ts, 10, func(at float64) {
				c, _ := r.monitor.Content()
				if c.Picture {
					picture++
				}
				if c.Sound {
					sound++
				}
				if c.Black > 0 || c.Freeze > 3*tick.Second/2 || c.Silence > 0 {
					t.Errorf("%.1f s: black %v, still %v, silent %v", at, c.Black.Duration(), c.Freeze.Duration(), c.Silence.Duration())
				}
			})
			if picture < 40 || sound < 40 {
				t.Errorf("picture known at %d, sound at %d looks of 100", picture, sound)
			}
		})
	}
}

// TestOneKindAlone: what an input does not have is unknown, what it has is watched.
func TestOneKindAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args           string
		picture, sound bool
	}{
		"sound":   {"-f lavfi -i sine=f=440:r=48000:d=8 " + aac, false, true},
		"picture": {"-f lavfi -i testsrc2=s=320x180:r=25:d=8 " + h264, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "")
			seen := false
			r.play(clip(t, c.args), 8, func(float64) {
				got, ok := r.monitor.Content()
				seen = seen || ok
				if ok && (got.Picture != c.picture || got.Sound != c.sound || got.Offset) {
					t.Error(show(got, ok))
				}
			})
			if !seen {
				t.Errorf("nothing was known; events %q", r.told())
			}
		})
	}
}

// TestNoVerdictOutlivesItsSource: a frozen source that goes silent is unknown, and comes back as whatever it is then.
func TestNoVerdictOutlivesItsSource(t *testing.T) {
	t.Parallel()
	still := clip(t, "-f lavfi -i smptebars=s=320x180:r=25:d=8 -f lavfi -i anullsrc=r=48000:cl=stereo -t 8"+h264+aac)
	alive := clip(t, strings.ReplaceAll(moving, "%d", "8")+h264+aac)
	r := newRig(t, "")
	r.play(still, 8, nil)
	if c, ok := r.monitor.Content(); !ok || c.Freeze < 4*tick.Second || c.Silence < 4*tick.Second {
		t.Fatalf("a still and mute source: %s, events %q", show(c, ok), r.told())
	}
	r.until("end of the verdict", 3*time.Second, func() bool { _, ok := r.monitor.Content(); return !ok })
	r.until("end of FFmpeg", 3*time.Second, func() bool { return r.monitor.Stats().PID == 0 })
	known := false
	r.play(alive, 8, func(at float64) {
		c, ok := r.monitor.Content()
		known = known || ok
		if c.Freeze > tick.Second || c.Silence > 0 {
			t.Errorf("%.1f s after its return: %s", at, show(c, ok))
		}
	})
	if n := r.monitor.Stats().Restarts; !known || n != 0 {
		t.Errorf("known %t, %d restarts: %q", known, n, r.told())
	}
}

// TestClockJumpsAreFollowed: the source restarts with other clocks, without a pause.
func TestClockJumpsAreFollowed(t *testing.T) {
	t.Parallel()
	one := clip(t, strings.ReplaceAll(moving, "%d", "6")+h264+aac)
	two := clip(t, strings.ReplaceAll(moving, "%d", "8")+h264+aac+" -output_ts_offset 95440 ") // and wraps at 95443.7 s
	r := newRig(t, "")
	r.play(one, 6, nil)
	r.play(two, 8, func(at float64) {
		if c, ok := r.monitor.Content(); !ok && at > 1 || c.Freeze > 3*tick.Second/2 || c.Black > 0 || c.Silence > tick.Second {
			t.Errorf("%.1f s after the jump: %s, events %q", at, show(c, ok), r.told())
		}
	})
}

// TestMonitorIsReplaced: an FFmpeg that is killed or stopped leaves the content unknown, is told of, and is replaced.
func TestMonitorIsReplaced(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "stopped": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ts := clip(t, strings.ReplaceAll(moving, "%d", "17")+h264+aac)
			r := newRig(t, "")
			pid, unknown, again := 0, false, false
			r.play(ts, 17, func(at float64) {
				_, ok := r.monitor.Content()
				st := r.monitor.Stats()
				switch {
				case pid == 0 && at > 3 && ok:
					pid = st.PID
					if err := syscall.Kill(pid, sig); err != nil {
						t.Error(err)
					}
				case pid != 0 && !ok:
					unknown = true
				case unknown && ok && st.PID != pid && st.Restarts == 1:
					again = true
				}
			})
			told := r.told()
			if pid == 0 || !unknown || !again || len(told) != 1 || !strings.Contains(told[0], "not watched") {
				t.Errorf("pid %d, unknown %t, again %t, events %q", pid, unknown, again, told)
			}
		})
	}
}

// TestNoFFmpegIsNoFailure: a program that is missing or fails is told of with pauses that grow.
func TestNoFFmpegIsNoFailure(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\necho no such luck >&2\nexit 3\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	r := newRig(t, broken)
	r.play(clip(t, strings.ReplaceAll(moving, "%d", "8")+h264+aac), 8, func(float64) {
		if c, ok := r.monitor.Content(); ok {
			t.Error(show(c, ok))
		}
	})
	told := r.told()
	if len(told) < 2 || len(told) > 4 || !strings.Contains(told[0], "no such luck") {
		t.Errorf("events: %q", told)
	}
}
