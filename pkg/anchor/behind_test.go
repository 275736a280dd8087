package anchor_test

import (
	"testing"

	"onair/pkg/anchor"
	"onair/pkg/tick"
)

// A source that plays a short clip over and over steps back at each end: by more in the pictures than in the sound, which
// must not stay behind on the old clock.
func TestShortStepsBackTakeAllStreamsAlong(t *testing.T) {
	for name, back := range map[string]struct{ video, audio int64 }{
		"both more than half a second": {150_000, 85_000},
		"sound by less":                {150_000, 40_000},
	} {
		t.Run(name, func(t *testing.T) {
			table := anchor.NewTable()
			clock := anchor.NewClock(table, nil, nil)
			clock.SetGrid(frame)
			now := epoch()
			video, audio := int64(9_000_000), int64(8_990_000)
			var v, a anchor.Place
			for i := range 400 {
				if i == 100 {
					video, audio = video-back.video, audio-back.audio
				}
				v = clock.Push(anchor.Stamp{Stream: 0, Ref: true, PTS: uint64(video), DTS: uint64(video), Arrival: now})
				a = clock.Push(anchor.Stamp{Stream: 1, PTS: uint64(audio), DTS: uint64(audio), Arrival: now})
				now, video, audio = now+frame, video+frame90, audio+frame90
			}
			if v.Gen != 2 || a.Gen != v.Gen {
				t.Errorf("picture in generation %d, sound in %d, want both in 2", v.Gen, a.Gen)
			}
			at, _ := table.Map(a.Gen, a.PTS)
			if behind := now - at; behind > 3*tick.Second {
				t.Errorf("sound lies %v behind its arrival", behind.Duration())
			}
		})
	}
}

func epoch() tick.Tick { return 1_700_000_000 * tick.Second }
