package encode

import (
	"errors"
	"fmt"
	"slices"

	"onair/pkg/selector"
	"onair/pkg/tick"
)

// lookSlack is how much earlier than leadTime a planned run may be started.
const lookSlack = tick.Second / 5

// straggling is how far beyond a hand-over a rendition gets before the others are no longer waited for: a track that
// the source no longer sends never arrives there. It is more than any encoder looks ahead.
const straggling = 3 * tick.Second

var errBehind = errors.New("its last pictures before the hand-over to the next run did not come, and it was killed")

// replace begins a planned hand-over if there is a reason, and the time for it has come.
func (e *Encoder) replace(src Source, now tick.Tick, d selector.Decision) {
	at, ok := e.boundary(src)
	if !ok {
		return
	}
	_, back := stopped(e.active, src)
	switch {
	case src.Input != e.active.src.Input:
		e.explain(d)
		e.planned = d
		e.plan(e.current(), src, at, now, d.Reason)
	case back:
		e.plan(e.current(), src, at, now, "sound that is back")
	case !slices.Equal(src.Select, e.active.src.Select) && !e.active.still:
		e.plan(e.current(), src, at, now, "other audio tracks in the channel's file")
	case e.want != nil && now >= e.want.at && !e.active.still:
		e.plan(e.want.order, src, at, now, "another ladder in the channel's file")
	case e.active.version != e.version && !e.active.still:
		e.plan(e.current(), src, at, now, "other bitrates, presets or limits in the channel's file")
	case now-e.active.began > e.cfg.Rotate:
		e.plan(e.current(), src, at, now, "planned rotation")
	case src.Table.Shifted(e.active.start, at):
		e.plan(e.current(), src, at, now, "correction of the source's clock")
	default:
		if how := e.better(now); how != "" {
			e.plan(e.current(), src, at, now, how)
		}
	}
}

// boundary is the next segment boundary at which a run of src can take over; ok is false while it is too early for
// that. Of two sources that are not equally late it is the later one that decides: what the other has sent since is in
// its spool.
func (e *Encoder) boundary(src Source) (at tick.Tick, ok bool) {
	head, ok := src.head()
	if !ok {
		return 0, false
	}
	slow := src.Input
	if other, known := e.active.src.head(); known && other < head && !e.active.slate() {
		head, slow = other, e.active.src.Input
	}
	grid := e.cfg.Channel.Grid
	at = grid.Start(grid.NextK(head + leadTime))
	if next, _, any := e.cfg.Output.Next(false); any && at < next {
		at, head = grid.Start(grid.NextK(next)), next // the source lies behind the one on air
	}
	return at, at-head <= leadTime+max(lookSlack, e.tide.rises(slow, head, grid.T))
}

// tide is how far the head of a source rises at a time: the slate, and a source that comes in bursts, may never be seen
// just before what a run has to begin with.
type tide struct {
	input string
	head  tick.Tick
	rise  tick.Tick
}

// rises takes note of a source's head and tells how far it has risen at once, most at the most.
func (t *tide) rises(input string, head, most tick.Tick) tick.Tick {
	switch {
	case t.input != input || head < t.head:
		*t = tide{input: input, head: head}
	case head > t.head:
		t.head, t.rise = head, min(head-t.head, most)
	}
	return t.rise
}

// plan prepares the hand-over to a run of src at a segment boundary.
func (e *Encoder) plan(o order, src Source, at, now tick.Tick, reason string) {
	src.rejoin()
	src.asOf = at
	in, ok := src.enter(at, now)
	if !ok {
		return
	}
	r, err := e.start(o, src, place{video: at, audio: at, in: in}, reason)
	switch {
	case err != nil && o.ladder != e.ladder:
		e.delay(now, src.Input, err)
		return
	case err != nil:
		e.fail(now, src.Input, err)
		return
	}
	e.next, e.switchAt = r, at
	e.cfg.Output.Take(r.id, o.ladder, at, at)
	r.open()
}

// handOver looks after a planned hand-over until it is complete or given up.
func (e *Encoder) handOver(now tick.Tick, d selector.Decision) {
	video, audio, _ := e.cfg.Output.Next(false)
	switch {
	case min(video, audio) >= e.switchAt && e.arrived():
		e.takeOver()
	case e.active.over():
		e.bury(now, nil)
	case e.stalled(e.active, now):
		e.bury(now, errStalled)
	case e.behind(video, now):
		e.bury(now, errBehind)
	case max(video, audio) >= e.switchAt+straggling && e.arrived():
		e.takeOver()
	case e.next.over(), e.stalled(e.next, now), e.late(max(video, audio)):
		e.keep(now)
	case e.lost(e.active.src.Input, now):
		e.cut(d) // it cannot reach the hand-over: what follows goes on at its end
	case e.lost(e.next.src.Input, now):
		e.keep(now)
	}
}

// behind tells whether pictures of the active run are missing before the hand-over, although what follows it has come:
// they are encoded again. One that brings them slowly is given as much time again.
func (e *Encoder) behind(video, now tick.Tick) bool {
	a := e.active
	if video >= e.switchAt || !a.src.hasVideo() || a.feed.finish.Load() {
		return false
	}
	limit := straggling
	if now-a.pictureAt() < hungAfter {
		limit *= 2
	}
	return tick.Tick(e.next.newest.Load()) >= e.switchAt+limit
}

// keep gives a hand-over up because the run that was to take over has failed. The active one goes on, unless some of
// its frames have been refused in favour of the other's.
func (e *Encoder) keep(now tick.Tick) {
	if e.next.order.ladder != e.ladder {
		e.postpone(now)
		return
	}
	err := fmt.Errorf("run %d, which was to take over (%s), failed: %w", e.next.id, e.next.reason, e.why(e.next))
	input := e.next.src.Input
	e.next.stop()
	e.relapse(now, e.next)
	e.drop()
	if e.active.reached() >= e.switchAt {
		e.bury(now, err)
		return
	}
	e.fail(now, input, err)
}

// drop ends the planned run, and gives its share back to the active one.
func (e *Encoder) drop() {
	e.next.stop()
	e.cfg.Output.Take(e.active.id, e.ladder, e.switchAt, e.switchAt)
	e.cfg.Output.Done(e.next.id)
	e.next = nil
}
