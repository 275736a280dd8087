//go:build e2e

package e2e

import (
	"testing"
	"time"
)

// TestFormatChanges sends one source after another on the same tracks, the clock going on: what a viewer sees and hears goes
// on too.
func TestFormatChanges(t *testing.T) {
	const seconds = 10
	part := func(t testing.TB, offset string, extra ...string) string {
		return numbered(t, seconds, "25", append([]string{"-bf", "0", "-output_ts_offset", offset}, extra...)...)
	}
	for _, c := range []struct {
		name  string
		after []string
		held  int // pictures that the last one before the source's next key frame stands for
		short bool
	}{
		{
			name: "H.264 and AAC to interlaced MPEG-2 and MP2 by a new PMT", short: true,
			after: []string{
				"-s", "720x576", "-aspect", "16:9", "-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-top", "1", "-b:v", "6M", "-c:a", "mp2",
				"-tables_version", "1",
			},
		},
		{name: "H.264 to HEVC by a PMT of the same version", after: []string{"-c:v", "libx265", "-x265-params", "log-level=error:bframes=0"}},
		// The picture before the first 5.1 frame is a key frame; decoding begins at the next one, half a second later.
		{name: "2.0 to 5.1", after: []string{"-ac", "6", "-b:a", "384k"}},
		{name: "another size without a new PMT", after: []string{"-s", "960x540"}},
	} {
		if !c.short && !long {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t, "udp")
			file := join(t, part(t, "10"), part(t, "20", c.after...))
			s := newRungs(t, port, "", tiny)
			s.onAir(file, 2*seconds*time.Second, port, 9)
			st := s.status()
			if st.RunsStarted != 2 || st.RunRestarts != 0 {
				t.Errorf("%d runs, %d of them again; want 2 and 0", st.RunsStarted, st.RunRestarts)
			}
			s.wantExactWithSeams(timing{25, 1, 50}, 90000, 1)
			s.stop()
			s.wantVerified()
			s.wantHeard([]heard{{"a1", 440, 2, "eng"}})
			s.wantTwice(seconds*25, c.held)
		})
	}
}

// wantTwice fails unless the pictures show the numbers to n twice, one after the other, with at most so many held where they
// begin again. The first may be held.
func (s *station) wantTwice(n, held int) {
	s.t.Helper()
	numbers := s.frameNumbers("v180", 0)
	for len(numbers) > 1 && numbers[1] == numbers[0] {
		numbers = numbers[1:]
	}
	cuts, stood := 0, 0
	for i := 1; i < len(numbers); i++ {
		switch {
		case numbers[i] == numbers[i-1]+1:
		case cuts == 1 && numbers[i] == held && numbers[i-1] <= held:
			stood++
		case numbers[i-1] == n-1 && numbers[i] == 0:
			cuts++
		default:
			s.t.Errorf("picture %d shows frame %d after %d", i, numbers[i], numbers[i-1])
		}
	}
	if cuts != 1 || stood > held {
		s.t.Errorf("%d clean cuts from the last frame to the first, want 1; %d pictures held, %d at most", cuts, stood, held)
	}
}
