package encode

import (
	"fmt"
	"slices"

	"onair/pkg/ffmpeg"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

// A sound track that stays away while pictures come is replaced by silence, and used again after it has come for a
// while.
const (
	soundless = tick.Second
	soundBack = 2 * tick.Second
)

// trackKey is a sound track of an input.
type trackKey struct {
	input string
	pid   uint16
}

// presence is whether a track comes.
type presence struct {
	absent bool
	back   tick.Tick // since when an absent one comes again; 0: it does not
}

// listen marks the tracks of a source that do not come. Nothing is said about an input of which nothing comes, or one
// with hardly two pictures a second: the sound of those comes in bursts as long as they are.
func (e *Encoder) listen(src *Source, now tick.Tick) {
	if !src.hasVideo() || len(src.Probe.Audio) == 0 || frameOf(*src) > soundless/2 {
		return
	}
	stats := src.Spool.Stats()
	copied := false
	for i, t := range src.Probe.Audio {
		p := e.presence(trackKey{src.Input, t.PID})
		if now-stats.Newest < soundless/4 {
			e.follow(p, src, t.PID, now)
		}
		if p.absent {
			if !copied {
				src.Probe.Audio, copied = slices.Clone(src.Probe.Audio), true
			}
			src.Probe.Audio[i].Absent = true
		}
	}
}

func (e *Encoder) presence(k trackKey) *presence {
	p := e.tracks[k]
	if p == nil {
		if len(e.tracks) > maxTold {
			clear(e.tracks)
		}
		p = &presence{}
		e.tracks[k] = p
	}
	return p
}

// follow looks whether a track comes.
func (e *Encoder) follow(p *presence, src *Source, pid uint16, now tick.Tick) {
	since := now // when the first picture of the last second came
	newest, ok := src.Spool.Find(func(s spool.Entry) bool {
		old := now-s.Arrival > soundless
		if s.Video && !old {
			since = s.Arrival
		}
		return s.PID == pid || old
	})
	comes := ok && now-newest.Arrival <= soundless
	pictures := ok && now-since > soundless*3/4
	switch {
	case !p.absent && !comes && pictures:
		*p = presence{absent: true}
		e.event(Event{"warning", CodeMute, src.Input,
			fmt.Sprintf("input %s: the sound on PID %d has stopped: silence in its place", src.Input, pid)})
	case !p.absent:
	case !comes:
		p.back = 0
	case p.back == 0:
		p.back = now
	case now-p.back >= soundBack:
		*p = presence{}
		e.event(Event{"info", CodeSound, src.Input, fmt.Sprintf("input %s: the sound on PID %d is back", src.Input, pid)})
	}
}

// stopped tells whether a track that a run reads does not come any more; back, whether one comes that it does without.
func stopped(r *run, src Source) (gone, back bool) {
	absent := func(s Source, pid uint16) bool {
		i := slices.IndexFunc(s.Probe.Audio, func(t ffmpeg.AudioTrack) bool { return t.PID == pid })
		return i >= 0 && s.Probe.Audio[i].Absent
	}
	for _, t := range src.Probe.Audio {
		was := absent(r.src, t.PID)
		gone = gone || t.Absent && !was && slices.Contains(r.plan.PIDs, t.PID)
		back = back || !t.Absent && was
	}
	return gone, back
}
