//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"onair/pipeline/control"
)

// ladderChange is what a reload does to the ladder that players play.
type ladderChange struct {
	name    string
	replace []string
	keys    []string
}

// light is a channel that leaves the machine time for a browser.
var light = strings.NewReplacer(
	"segment: 2s\ngop: 1s", "segment: 4s\ngop: 2s",
	"  - {name: v360, size: 640x360, bitrate: 800k}\n  - {name: v180, size: 320x180, bitrate: 300k}\n",
	"  - {name: v180, size: 320x180, bitrate: 200k}\n  - {name: v90, size: 160x90, bitrate: 100k}\n",
	"language: eng}", "language: eng}\n  - {name: a2, bitrate: 64k, channels: 2, language: deu}",
).Replace(channel)

var ladderChanges = []ladderChange{
	{
		"all at once",
		[]string{
			"  - {name: v180, size: 320x180, bitrate: 200k}\n", "", "160x90", "192x108",
			"audio:", "  - {name: v72, size: 128x72, bitrate: 60k}\naudio:",
			"96k, channels: 2, language: eng}", "96k, channels: 1, language: eng}\n  - {name: a3, bitrate: 48k, channels: 1, language: fra}",
		},
		[]string{"video[0].size", "video[1]", "video", "audio[0].channels", "audio[1]"},
	},
	{
		"sizes and a new rendition",
		[]string{"320x180", "288x162", "160x90", "192x108", "audio:", "  - {name: v72, size: 128x72, bitrate: 60k}\naudio:"},
		[]string{"video[0].size", "video[1].size", "video[2]"},
	},
	{
		"the rendition that plays is gone",
		[]string{"  - {name: v180, size: 320x180, bitrate: 200k}\n", "", "160x90", "192x108"},
		[]string{"video[0].size", "video"},
	},
	{
		"the sound becomes another",
		[]string{"96k, channels: 2, language: eng}", "96k, channels: 1, language: eng}\n  - {name: a3, bitrate: 48k, channels: 1, language: fra}"},
		[]string{"audio[0].channels", "audio[1]"},
	},
}

// TestPlayersOverAReload: players that are in mid-programme go on over a change of the ladder. ONAIR_LONG=1 has them meet
// each change by itself as well.
func TestPlayersOverAReload(t *testing.T) {
	for i, c := range ladderChanges {
		if !long && i > 0 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			port := freePort(t, "udp")
			s := newStationOf(t, light, rtpInput(port)).answering()
			ffmpeg(t, fmt.Sprintf("-re -stream_loop -1 -i %s -map 0 -c copy -f rtp_mpegts rtp://127.0.0.1:%d?pkt_size=1316",
				clip(t, 60, "25"), port))
			s.wait("four segments", 60*time.Second, segments(4))
			s.playOver(newWall(t, s.url("/ch/")), c)
		})
	}
}

// playOver reloads while players play, and plays on for a while beyond the change.
func (s *station) playOver(w *wall, c ladderChange) {
	s.t.Helper()
	first, begun := w.look(), time.Now()
	s.rewrite(c.replace...)
	s.applied(c.keys...)
	st := s.wait("the new ladder", 30*time.Second, func(st control.Status) bool { return st.RunsStarted == 2 && len(st.Runs) == 1 })
	s.wait("segments of it", 60*time.Second, segments(st.Segments+7))
	passed := time.Since(begun).Seconds()
	if gap := s.gapped(); gap != "" {
		s.t.Errorf("the channel itself has missed something: %s", gap)
	}
	for i, last := range w.look() {
		was := first[i]
		played := last.Time - was.Time
		s.t.Logf("%s: played %.1f s in %.1f s, %d frames (%d dropped by the browser), %d waits, %d ranges, %.1f s ahead, width %d, %d before, errors %v",
			last.Player, played, passed, last.Total, last.Dropped, last.Waits-was.Waits, last.Ranges, last.Ahead, last.Width, was.Width, last.Errors)
		if last.Waits != was.Waits || last.Paused || last.Corrupted > 0 {
			s.t.Errorf("%s: stalled %d times, paused %v, %d corrupted frames", last.Player, last.Waits-was.Waits, last.Paused, last.Corrupted)
		}
		if played < 0.9*passed {
			s.t.Errorf("%s: %.1f s played in %.1f s", last.Player, played, passed)
		}
	}
}

// gapped tells what the channel itself has missed; empty: nothing.
func (s *station) gapped() string {
	for _, ev := range s.status().Events {
		if ev.Level == control.Error {
			return ev.Message
		}
	}
	return ""
}
