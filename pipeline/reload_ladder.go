package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"onair/pipeline/config"
	"onair/pkg/ffmpeg"
	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// encoded is what a reading of the file has encoded.
func (c *Channel) encoded(air *onAir, file *config.Channel) ffmpeg.Channel {
	return ffmpeg.Channel{
		Grid: air.grid, Audio: air.audio, Preset: file.Preset, Renditions: renditions(file, air.stored, air.grid),
	}
}

// anotherLadder has the ladder of a newer reading of the file encoded if it is another one than that of the newest so
// far, or says why it cannot be. The caller holds reloading.
func (c *Channel) anotherLadder(air *onAir, next *config.Channel) config.Problems {
	was, is := c.encoded(air, c.latest.Load()), c.encoded(air, next)
	if _, why := was.Unlike(is); why == "" {
		return nil
	}
	if key, why := cannotFollow(was.Renditions, is.Renditions); why != "" {
		return config.Problems{next.Refuse(key, "needs a restart: "+why)}
	}
	for _, r := range is.Renditions {
		if kind, known := air.kinds[r.Name]; known && kind != r.Kind {
			return config.Problems{next.Refuse(r.Kind.String(), fmt.Sprintf(
				"needs a restart: rendition %s was %s before, and players may still have its playlist", r.Name, kind))}
		}
	}
	if err := c.rehearse(is); err != nil {
		return config.Problems{next.Refuse("video", err.Error())}
	}
	if err := air.assembly.offer(air.ladder+1, is.Renditions); err != nil {
		return config.Problems{next.Refuse("video", err.Error())}
	}
	air.ladder++
	for _, r := range is.Renditions {
		air.kinds[r.Name] = r.Kind
	}
	return nil
}

// cannotFollow says why one ladder cannot take the place of another under players: those of HLS read once which
// renditions there are, so a picture that they know has to stay. To another picture they change by themselves, to
// another sound they do not.
func cannotFollow(was, is []ladder.Rendition) (key, why string) {
	for _, kind := range []ladder.Kind{ladder.Video, ladder.Audio} {
		before, after := namesOfKind(was, kind), namesOfKind(is, kind)
		kept := slices.ContainsFunc(after, func(name string) bool { return slices.Contains(before, name) })
		switch {
		case len(before) == 0 && len(after) > 0:
			return kind.String(), "the channel is one without " + kind.String()
		case len(before) > 0 && len(after) == 0:
			return kind.String(), "the channel is one with " + kind.String()
		case kind == ladder.Audio && lost(before, after) != "":
			return kind.String(), fmt.Sprintf("players that play rendition %s do not change to another sound by themselves",
				lost(before, after))
		case len(before) > 0 && !kept:
			return kind.String(), fmt.Sprintf("players in mid-programme know no %s but %s: one of these names has to stay",
				kind, strings.Join(before, ", "))
		}
	}
	return "", ""
}

// lost is the first of some names that is not among others; empty: all are.
func lost(before, after []string) string {
	for _, name := range before {
		if !slices.Contains(after, name) {
			return name
		}
	}
	return ""
}

func namesOfKind(of []ladder.Rendition, kind ladder.Kind) (out []string) {
	for _, r := range of {
		if r.Kind == kind {
			out = append(out, r.Name)
		}
	}
	return out
}

// rehearse finds out whether a run of a channel can be planned.
func (c *Channel) rehearse(ch ffmpeg.Channel) error {
	src := assumed
	if ch.Grid.Rate.IsZero() {
		src = ffmpeg.Source{Audio: []ffmpeg.AudioTrack{{PID: 256, Codec: "aac", SampleRate: 48_000, Channels: 2}}}
	}
	at := ch.Grid.Start(ch.Grid.K(c.now()))
	_, err := ffmpeg.NewPlan(src, ch, ffmpeg.Interval{Base: ffmpeg.Base(at, ch.Grid, ch.Audio), Start: at})
	return err
}

// rerate has other bitrates declared: higher ones at once, lower ones when what was encoded before has left the window.
func (a *assembly) rerate(number int, renditions []ladder.Rendition, window tick.Tick) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.resize(int64(window/a.grid.T) + leastListed)
	ed := a.now
	if a.coming != nil && a.coming.number == number {
		ed = a.coming
	}
	if ed.number != number {
		return // it begins with them
	}
	for _, r := range renditions {
		t := ed.byName[r.Name]
		if t == nil || t.target() == r.Bitrate {
			continue
		}
		t.mu.Lock()
		t.Bitrate = r.Bitrate
		t.mu.Unlock()
		t.sinks = t.emitted + a.listed
		if r.Bitrate > t.declared {
			t.declared = r.Bitrate
		}
		a.declare(t)
	}
}

// leastListed is how many segments are listed at least, and some that were on their way.
const leastListed = 10

// resize takes the length of what is listed. What was encoded before stays for longer in a longer one. The caller holds
// mu.
func (a *assembly) resize(listed int64) {
	if more := listed - a.listed; more > 0 {
		for _, t := range a.now.tracks {
			if t.sinks != 0 {
				t.sinks += more
			}
		}
	}
	a.listed = listed
}

// declare tells the publishers what is told of a rendition. The caller holds mu.
func (a *assembly) declare(t *track) {
	if t.of.version == "" || !t.announced {
		return
	}
	for i, other := range t.of.tracks {
		if other != t {
			continue
		}
		desc := a.describe(t, i)
		for _, p := range a.outlets {
			p.SetInit(desc, t.init)
		}
	}
}

// sink declares a lower bitrate when the time for it has come. The caller holds mu.
func (a *assembly) sink(t *track, k int64) {
	if t.sinks != 0 && k >= t.sinks {
		t.sinks, t.declared = 0, t.target()
		a.declare(t)
	}
}

func (t *track) target() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.Bitrate
}
