package encode

import (
	"fmt"

	"onair/pkg/tick"
)

// still starts a run that shows the last picture of the input that was lost, for as long as Hold says. It tells whether
// there is one; if it fails the slate simply begins earlier.
func (e *Encoder) still(now tick.Tick) bool {
	if e.left == nil {
		return false
	}
	src := *e.left
	e.left = nil
	grid := e.cfg.Channel.Grid
	if !src.hasVideo() || grid.Rate.IsZero() || e.resume || e.cfg.Hold < grid.Rate.Frame() {
		return false
	}
	src.Probe.Audio, src.asOf, src.after = nil, 0, 0
	video, audio, any := e.cfg.Output.Next(false)
	in, ok := src.enter(video, now)
	if !any || !ok || in.at >= video || video-in.at > patience {
		return false
	}
	in.late, in.end = true, e.usedUp
	in.hold = grid.Rate.At(grid.Rate.Slot(e.cfg.Hold))
	at := place{video: video, audio: audio, in: in}
	r, err := e.start(e.current(), src, at, fmt.Sprintf("the last picture of %s is held", src.Input))
	if err != nil {
		e.event(Event{"warning", CodeRestart, src.Input,
			fmt.Sprintf("the last picture of %s cannot be held: %v", src.Input, err)})
		return false
	}
	r.feed.finish.Store(true)
	e.active = r
	e.cfg.Output.Take(r.id, e.ladder, video, audio)
	e.cfg.Output.Expect(r.plan.Outputs)
	r.open()
	return true
}
