package encode

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"onair/pkg/ffmpeg"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

var errStalled = errors.New("it delivered nothing although it was fed, and was killed")

// bury takes leave of the active run, which has ended or, if there is a reason for that, is ended here.
func (e *Encoder) bury(now tick.Tick, reason error) {
	r := e.active
	r.stop()
	if e.next != nil {
		e.drop()
	}
	e.active = nil
	e.freedAt, e.usedUp = now, r.feed.pos
	if !r.slate() {
		e.left = &r.src
	}
	if errors.Is(r.feedErr, errFormat) || r.whole {
		e.usedUp = 0 // nothing is missing: what is needed for decoding may lie before
	}
	e.cfg.Output.Done(r.id)
	err := reason
	if err == nil {
		err = r.failure()
	}
	if err == nil {
		e.failures, e.stuck = 0, 0
		return
	}
	e.resume = true
	e.restarts++
	if !e.blame(r, now) {
		e.judge(r, now, err)
	}
	e.fail(now, r.src.Input, fmt.Errorf("run %d (pid %d) ended: %w%s", r.id, r.proc.Pid(), err, r.lastWords(err)))
}

// lastWords is what FFmpeg has said at last, besides what an error repeats.
func (r *run) lastWords(err error) string {
	tail := slices.DeleteFunc(r.proc.Tail(), func(line string) bool {
		return strings.Contains(err.Error(), ffmpeg.LastWords([]string{line}))
	})
	if said := ffmpeg.LastWords(tail); said != "" {
		return "; FFmpeg said before: " + said
	}
	return ""
}

// judge decides how the timeline goes on after a run that ended badly: from the spool, unless it is what is in there
// that ends one run after the other.
func (e *Encoder) judge(r *run, now tick.Tick, err error) {
	worked := r.frames.Load() >= uint64(max(1, e.cfg.Channel.Grid.GOP))
	at, _, _ := e.cfg.Output.Next(true)
	if at != e.stuckAt && worked {
		e.stuck, e.failures = 0, 0
	}
	e.stuckAt = at
	switch {
	case errors.Is(err, spool.ErrOverrun): // what the ring still holds would be overrun as well
		e.skip, e.usedUp = true, r.src.Spool.Stats().Next
		e.doLess(now, r, "its input's spool was overwritten before it was read")
	case r.killed():
		if worked {
			e.failures = 0
		}
	default:
		if e.stuck++; e.stuck >= poisoned {
			e.skip = true
			e.event(Event{"warning", CodeSkip, r.src.Input, fmt.Sprintf(
				"%d runs have ended in segment %d: what they read is left out", e.stuck, e.cfg.Channel.Grid.K(at))})
		}
	}
	if now-r.began > calm {
		e.failures = 0 // it worked: what ended it need not end the next one
	}
}

// fail tells an error with an input and delays the next attempt: at once the first time, then longer and longer.
func (e *Encoder) fail(now tick.Tick, input string, err error) {
	e.event(Event{"error", CodeRestart, input, err.Error()})
	e.retryAt = now + min(tick.Second*tick.Tick(e.failures*e.failures)/4, 5*tick.Second)
	e.failures++
}

func (e *Encoder) why(r *run) error {
	if !r.over() {
		return errStalled
	}
	if err := r.failure(); err != nil {
		return err
	}
	return errors.New("it ended early")
}

// unwatched is a time between two looks from which on nobody looked, because the process or the whole machine stood,
// and what a run had delivered was not read either. Looks that come late on a busy machine are nearer together.
const unwatched = tick.Second

// stalled tells whether a run has been fed but delivers nothing. Time in which nothing arrives for it does not count,
// nor does time in which nobody looked.
func (e *Encoder) stalled(r *run, now tick.Tick) bool {
	if r.over() {
		return false
	}
	limit, since := startupAfter, r.began
	if last := tick.Tick(r.lastFrame.Load()); last != 0 {
		limit, since = stallAfter, last
	}
	if last := r.pictureAt(); last != 0 && r.src.hasVideo() {
		since = last // sound alone is not what is wanted
	}
	finishing := r.feed.finish.Load()
	news, stood := since >= r.looked, r.looked != 0 && now-r.looked > unwatched
	if news {
		r.idle = 0
	}
	if stood || !news && !finishing && e.silent(r.src.Input, now) >= min(e.cfg.Failover.Loss, tick.Second) {
		r.idle += now - max(since, r.looked)
	}
	hung := r.hung(now)
	r.looked = now
	return hung || now-since-r.idle > limit && (finishing || !e.lost(r.src.Input, now))
}

// hung tells whether a run that has delivered does nothing at all any more: something waits to be read by it, no frame
// comes out, and its threads neither run nor want to, as those of a slow encoder or on a busy machine do. That need not
// be waited for as long as for a frame, of which an input may have none. A time in which nobody looked, because the
// whole machine stood, counts as one look.
func (r *run) hung(now tick.Tick) bool {
	last := r.lastFrame.Load()
	news := last != r.delivered
	r.delivered = last
	life := news || last == 0 || !r.feed.writing.Load() && r.proc.Unread() == 0
	return r.stands.Look(r.proc, life, min((now-r.looked).Duration(), 4*lookEvery), hungAfter.Duration())
}
