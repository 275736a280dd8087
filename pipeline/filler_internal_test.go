package pipeline

import (
	"testing"

	"onair/pkg/tick"
)

// A source that decides the channel's rate or size for good is waited for longer than one that does not.
func TestHowLongTheFirstSourceIsWaitedFor(t *testing.T) {
	t.Parallel()
	const ladder = "video: [{name: v1, size: 640x360, bitrate: 800k}]\n"
	for name, c := range map[string]struct {
		more  string
		sends bool
		want  tick.Tick
	}{
		"all is left open":               {"", false, 15 * tick.Second},
		"the rate is":                    {ladder, false, 15 * tick.Second},
		"the ladder is":                  {"frame_rate: 50\n", false, 15 * tick.Second},
		"nothing is":                     {"frame_rate: 50\n" + ladder, false, 3 * tick.Second},
		"nothing is and something comes": {"frame_rate: 50\n" + ladder, true, 9 * tick.Second},
		"sound alone":                    {"video: []\n", false, 3 * tick.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ch := newChannel(t, t.TempDir(), c.more)
			if !ch.patient(ch.started+c.want-1, c.sends) || ch.patient(ch.started+c.want, c.sends) {
				t.Errorf("not waited for %v", c.want.Duration())
			}
		})
	}
}
