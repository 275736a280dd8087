package ffmpeg_test

import (
	"slices"
	"strings"
	"testing"

	"onair/pkg/ffmpeg"
)

// TestMonitorPlan: what is there is watched, and only that is fed; the sound is the one that the input's selectors choose.
func TestMonitorPlan(t *testing.T) {
	t.Parallel()
	picture := ffmpeg.Source{Video: &ffmpeg.Video{Codec: "h264"}, VideoPID: 256}
	sounds := []ffmpeg.AudioTrack{{PID: 257, Language: "deu"}, {PID: 258, Language: "eng"}}
	both := picture
	both.Audio = sounds
	for name, c := range map[string]struct {
		src            ffmpeg.Source
		choice         []string
		pids           []uint16
		picture, sound int
	}{
		"both":                    {both, nil, []uint16{256, 257}, 0, 1},
		"sound by language":       {both, []string{"eng"}, []uint16{256, 258}, 0, 1},
		"sound by PID":            {both, []string{"0x102", "257"}, []uint16{256, 258}, 0, 1},
		"sound that is not there": {both, []string{"fra"}, []uint16{256, 257}, 0, 1},
		"picture alone":           {picture, []string{"eng"}, []uint16{256}, 0, -1},
		"sound alone":             {ffmpeg.Source{Audio: sounds}, nil, []uint16{257}, -1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := ffmpeg.NewMonitorPlan(c.src, c.choice)
			if !slices.Equal(p.PIDs, c.pids) || p.Picture != c.picture || p.Sound != c.sound || p.Outputs != len(c.pids) {
				t.Errorf("pids %v, picture %d, sound %d of %d outputs", p.PIDs, p.Picture, p.Sound, p.Outputs)
			}
			text := strings.Join(p.Args, " ")
			for part, want := range map[string]bool{
				"blackdetect": c.picture >= 0, "freezedetect": c.picture >= 0, "silencedetect": c.sound >= 0, "ebur128": c.sound >= 0,
				`pipe\\:3`: true, `pipe\\:4`: len(c.pids) == 2,
			} {
				if strings.Contains(text, part) != want {
					t.Errorf("%s: want %t in %s", part, want, text)
				}
			}
		})
	}
}
