//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"
)

// tiny is one small rung and a sound.
const tiny = "video:\n  - {name: v180, size: 320x180, bitrate: 300k}\naudio:\n  - {name: a1, bitrate: 96k, channels: 2, language: eng}\n"

// interlaced makes fields of the pictures of a source at twice the rate.
const interlaced = " -vf interlace=scan=tff -flags +ilme+ildct -top 1"

func TestFrameRates(t *testing.T) {
	const seconds = 12
	fields := func(rate string) func(testing.TB) string {
		return func(t testing.TB) string {
			return made(t, "fields-"+rate[:2], fmt.Sprintf("-f lavfi -i testsrc2=s=320x240:r=%s:d=%d -f lavfi -i sine=f=440:r=48000:d=%[2]d"+
				interlaced+" -c:v mpeg2video -g 12 -b:v 2M -c:a mp2", rate, seconds))
		}
	}
	numbers := func(rate string) func(testing.TB) string {
		return func(t testing.TB) string { return numbered(t, seconds, rate) }
	}
	for _, c := range []struct {
		name, channel string
		source        func(testing.TB) string
		want          timing
		timescale     int64
		step          int // between the numbers of pictures; 0: they have none
		short         bool
	}{
		{"23.976", "", numbers("24000/1001"), timing{24000, 1001, 48}, 24000, 1, true},
		{"29.97 interlaced", "", fields("60000/1001"), timing{30000, 1001, 60}, 30000, 0, true},
		{"50 to 25", "frame_rate: 25\n", numbers("50"), timing{25, 1, 50}, 90000, 2, false},
		{"50", "", numbers("50"), timing{50, 1, 100}, 90000, 1, false},
		{"fields of 25 interlaced", "frame_rate: 50\n", fields("50"), timing{50, 1, 100}, 90000, 0, false},
		{"59.94", "", numbers("60000/1001"), timing{60000, 1001, 120}, 60000, 1, false},
		{"60", "", numbers("60"), timing{60, 1, 120}, 90000, 1, false},
		{"30", "", numbers("30"), timing{30, 1, 60}, 90000, 1, false},
	} {
		if !c.short && !long {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t, "udp")
			file := c.source(t)
			s := newRungs(t, port, "", c.channel+tiny)
			s.onAir(file, seconds*time.Second, port, 4)
			s.wantExact(c.want, c.timescale)
			s.wantManifests()
			s.stop()
			s.wantVerified()
			if got := s.probed("v180"); got.Field != "progressive" {
				t.Errorf("field order %q", got.Field)
			}
			if c.step != 0 {
				s.wantSteps("v180", c.step)
			}
		})
	}
}

// wantSteps fails unless the numbers in the pictures of a rendition ascend by step. The first may be held.
func (s *station) wantSteps(rendition string, step int) {
	s.t.Helper()
	numbers := s.frameNumbers(rendition, 0)
	for len(numbers) > 1 && numbers[1] == numbers[0] {
		numbers = numbers[1:]
	}
	for i := 1; i < len(numbers); i++ {
		if numbers[i] != numbers[i-1]+step {
			s.t.Errorf("%s: picture %d shows frame %d after %d", rendition, i, numbers[i], numbers[i-1])
		}
	}
	s.t.Logf("%s: %d pictures, %d to %d", rendition, len(numbers), numbers[0], numbers[len(numbers)-1])
}

// wantManifests fails unless ffprobe finds every rendition in the HLS and in the DASH manifest.
func (s *station) wantManifests() {
	s.t.Helper()
	want := map[string]int{}
	for _, r := range s.status().Renditions {
		want[string(r.Kind)]++
	}
	for _, name := range []string{"index.m3u8", "manifest.mpd"} {
		got := map[string]int{}
		for _, st := range ffprobe(s.t, s.url("/ch/"+name), nil) {
			got[st.Kind]++
		}
		if got["video"] != want["video"] || got["audio"] < want["audio"] { // an audio group counts once for each variant
			s.t.Errorf("ffprobe finds %v in %s, want %v", got, name, want)
		}
	}
}
