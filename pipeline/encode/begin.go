package encode

import (
	"onair/pkg/ffmpeg"
	"onair/pkg/selector"
	"onair/pkg/tick"
)

// overdue is how far the timeline may fall behind while an input that is there brings no random access point.
const overdue = 2 * tick.Second

// place is where a run begins.
type place struct {
	video, audio tick.Tick // first slots
	in           entrance
	gap          bool // something is missing before it
}

// begin starts a run where the timeline goes on.
func (e *Encoder) begin(now tick.Tick, d selector.Decision) {
	if now < e.retryAt {
		return
	}
	src, at, ok := e.entry(now, d)
	if !ok || src.Input == Slate && e.still(now) {
		return
	}
	reason := "start"
	if e.resume {
		reason = "again from the spool"
	} else if e.lastID > 0 {
		reason = "goes on"
	}
	e.desperate(at)
	r, err := e.start(e.current(), src, at, reason+" with "+src.Input)
	if err != nil {
		e.fail(now, src.Input, err)
		return
	}
	e.explain(d)
	e.took(src.Input, d)
	e.active, e.last, e.resume, e.skip = r, src.Input, false, false
	e.cfg.Output.Take(r.id, e.ladder, at.video, at.audio)
	if src.Input != Slate && at.in.at > at.video {
		e.cfg.Output.Held(at.video, at.in.at)
	}
	e.cfg.Output.Expect(r.plan.Outputs)
	r.open()
}

// entry is the source for the next run, and where that begins: the input that was decided on, or the slate when there
// is none, or when that one would leave a gap that the slate can fill.
func (e *Encoder) entry(now tick.Tick, d selector.Decision) (src Source, at place, ok bool) {
	if d.Input == "" {
		if src, ok = e.slate(now); ok {
			at, ok = e.where(src, now)
		}
		return src, at, ok
	}
	if src, ok = e.source(d.Input, now); !ok {
		return src, at, false
	}
	switch {
	case src.Input != e.last:
		src.rejoin()
	case !e.resume || e.skip:
		src.after = e.usedUp
	}
	if at, ok = e.where(src, now); ok && !at.gap {
		return src, at, true
	}
	if filler, there := e.source(Slate, now); there && !e.starting(now) && !e.lost(Slate, now) {
		video, _, any := e.cfg.Output.Next(e.resume)
		other, can := e.where(filler, now)
		if any && can && !other.gap && (ok || now-video > overdue) {
			return filler, other, true
		}
	}
	return src, at, ok
}

// where decides the first slot of a run: what is wanted next, or, when the source begins in a later segment, that one's
// start. Pictures missing at the begin are filled by the first one, so less than a segment.
func (e *Encoder) where(src Source, now tick.Tick) (at place, ok bool) {
	grid := e.cfg.Channel.Grid
	video, audio, any := e.cfg.Output.Next(e.resume)
	audio = max(audio, video-ffmpeg.MaxSoundAhead) // what is missing for longer stays a gap
	want := video
	switch {
	case any:
	case src.Input == Slate:
		want = now
	default:
		want = 0 // nothing before: from the first point at which the source can be decoded
	}
	src.asOf = want
	if any {
		src.sound = min(video, audio)
	}
	in, ok := src.enter(want, now)
	if !ok {
		return place{}, false
	}
	from := grid.Start(grid.K(in.at))
	gap := any && from > video
	if !any || gap {
		video, audio, src.asOf, src.sound = from, from, from, 0
		if in, ok = src.enter(video, now); !ok {
			return place{}, false
		}
	}
	return place{video, audio, in, gap}, true
}
