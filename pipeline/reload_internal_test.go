package pipeline

import (
	"strings"
	"testing"

	"onair/pipeline/config"
	"onair/pkg/ladder"
	"onair/pkg/tick"
)

func laddered(names ...string) (out []ladder.Rendition) {
	for _, name := range names {
		kind := ladder.Audio
		if strings.HasPrefix(name, "v") {
			kind = ladder.Video
		}
		out = append(out, ladder.Rendition{Name: name, Kind: kind})
	}
	return out
}

func TestWhichLadderCanFollow(t *testing.T) {
	for _, c := range []struct{ was, is, key, why string }{
		{"v1 v2 a1", "v2 v3 a1 a2", "", ""},
		{"v1 v2 a1", "v3 v4 a1", "video", "one of these names has to stay"},
		{"v1 a1", "v1 a2", "audio", "players that play rendition a1"},
		{"v1 a1", "a1", "video", "one with video"},
		{"v1 a1", "v1", "audio", "one with audio"},
		{"a1", "v1 a1", "video", "one without video"},
		{"v1", "v1 a1", "audio", "one without audio"},
		{"a1 a2", "a2", "audio", "players that play rendition a1"},
		{"a1", "a2 a1", "", ""},
	} {
		key, why := cannotFollow(laddered(strings.Fields(c.was)...), laddered(strings.Fields(c.is)...))
		if key != c.key || (why == "") != (c.why == "") || !strings.Contains(why, c.why) {
			t.Errorf("from %s to %s: %q %q, want %q %q", c.was, c.is, key, why, c.key, c.why)
		}
	}
}

// TestAnotherLadderIsRefusedOrNumbered: the number grows with each ladder that is taken, and with nothing else.
func TestAnotherLadderIsRefusedOrNumbered(t *testing.T) {
	rig := newAssemblyRig(t)
	file := func(size, name string, bitrate config.Bitrate) *config.Channel {
		video := config.Video{Name: "v", Size: config.Size{Width: 192, Height: 108}, Bitrate: bitrate, Codec: ladder.H264}
		other := config.Video{Name: name, Size: config.Size{Width: 96, Height: 54}, Bitrate: 50_000, Codec: ladder.H264}
		if size != "" {
			video.Size = config.Size{Width: 128, Height: 72}
		}
		return &config.Channel{Video: []config.Video{video, other},
			Audio: []config.Audio{{Name: "a", Bitrate: 64_000, Channels: 2, Language: "und"}}}
	}
	c := &Channel{now: func() tick.Tick { return noon }}
	air := &onAir{grid: grid2, audio: aac, kinds: map[string]ladder.Kind{"old": ladder.Audio}, assembly: rig.assembly}
	c.latest.Store(file("", "w", 100_000))
	for _, step := range []struct {
		next   *config.Channel
		ladder int
		refuse string
	}{
		{file("", "w", 120_000), 0, ""},
		{file("other", "w", 120_000), 1, ""},
		{file("other", "x", 120_000), 2, ""},
		{file("other", "old", 120_000), 2, "rendition old was audio before"},
	} {
		problems := c.anotherLadder(air, step.next)
		if air.ladder != step.ladder || (len(problems) > 0) != (step.refuse != "") {
			t.Errorf("ladder %d, want %d; problems %v", air.ladder, step.ladder, problems)
		}
		if step.refuse != "" && !strings.Contains(problems[0].Wrong, step.refuse) {
			t.Errorf("problems %v", problems)
		}
		if len(problems) == 0 {
			c.latest.Store(step.next)
		}
	}
}
