//go:build e2e

package monitor_test

import (
	"strings"
	"syscall"
	"testing"

	"onair/pkg/tick"
)

// mpeg2 is the picture's codec of streams that are not h264.
const mpeg2 = " -c:v mpeg2video -g 12 -bf 2 -b:v 600k -maxrate 600k -bufsize 300k "

// TestFormatChangesAreFollowed: another codec, another size, sound that goes and comes back: what is there is watched, and
// nothing is told to have failed.
func TestFormatChangesAreFollowed(t *testing.T) {
	t.Parallel()
	picture := strings.ReplaceAll(moving, "%d", "7")
	silent := "-f lavfi -i testsrc2=s=320x180:r=25:d=7 "
	for name, c := range map[string]struct {
		next  string
		sound bool
	}{
		"codec":      {picture + mpeg2 + aac, true},
		"size":       {strings.Replace(picture, "320x180", "480x270", 1) + h264 + aac, true},
		"sound gone": {silent + h264, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, next := clip(t, strings.ReplaceAll(moving, "%d", "5")+h264+aac), clip(t, c.next)
			r := newRig(t, "")
			r.play(first, 5, nil)
			known := 0
			r.play(next, 7, func(at float64) {
				got, ok := r.monitor.Content()
				if ok && at > 4 && got.Picture && got.Sound == c.sound {
					known++
				}
				if got.Freeze > 3*tick.Second/2 || got.Black > 0 || got.Silence > 0 {
					t.Errorf("%.1f s after the change: %s", at, show(got, ok))
				}
			})
			if told := r.told(); known < 20 || len(told) > 0 {
				t.Errorf("known at %d looks of 30, events %q", known, told)
			}
		})
	}
}

// TestAPauseOfFFmpegIsCaughtUp: one that had no processor for some seconds leaves out what is too old, is not replaced,
// and tells of now.
func TestAPauseOfFFmpegIsCaughtUp(t *testing.T) {
	t.Parallel()
	ts := clip(t, strings.ReplaceAll(moving, "%d", "14")+
		" -filter_complex '[0:v]drawbox=c=black:t=fill:enable=between(t\\,8\\,14)[v]' -map [v] -map 1:a "+h264+aac)
	r := newRig(t, "")
	stopped, going := 0, false
	r.play(ts, 14, func(at float64) {
		c, ok := r.monitor.Content()
		switch {
		case stopped == 0 && at > 4:
			stopped = r.monitor.Stats().PID
			if err := syscall.Kill(stopped, syscall.SIGSTOP); err != nil {
				t.Error(err)
			}
		case !going && at > 9:
			if ok {
				t.Errorf("%.1f s: %s of an FFmpeg that is stopped", at, show(c, ok))
			}
			going = true
			if err := syscall.Kill(stopped, syscall.SIGCONT); err != nil {
				t.Error(err)
			}
		case at > 12:
			within(t, "black", c.Black, at, 8, 14)
		}
	})
	if st := r.monitor.Stats(); st.Restarts != 0 || st.PID != stopped {
		t.Errorf("%+v, was %d: %q", st, stopped, r.told())
	}
}
