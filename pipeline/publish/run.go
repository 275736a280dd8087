package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"onair/pkg/presentation"
	"onair/pkg/tick"
)

// stuckAfter is how long Run waits at its end for a store that does not let go of a write.
const stuckAfter = time.Second

// Run reads back what the store lists, then publishes until ctx ends, then writes what is complete. Its error tells
// only that the store held on to a write: everything else is retried, counted and told by Status.
func (p *Publisher) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	ending := ctx.Done()
	var over <-chan time.Time
	for {
		next, idle := p.advance(work, ending == nil)
		if ending == nil && idle {
			break
		}
		timer.Reset(time.Until(next))
		select {
		case <-p.wake:
			continue
		case <-timer.C:
			continue
		case <-ending:
			ending = nil
			t := time.NewTimer(p.cfg.Flush)
			defer t.Stop()
			over = t.C
			continue
		case <-over:
		}
		break
	}
	stop()
	return p.wait()
}

// wait lets the jobs end. A write that cannot be cancelled, as to a dead network mount, is left behind.
func (p *Publisher) wait() error {
	done := make(chan struct{})
	go func() {
		p.jobs.Wait()
		close(done)
	}()
	t := time.NewTimer(stuckAfter)
	defer t.Stop()
	select {
	case <-done:
		return nil
	case <-t.C:
		return fmt.Errorf("store %s: a write does not return: the destination hangs", p.cfg.Store)
	}
}

// spawn runs f beside the loop, which then looks again.
func (p *Publisher) spawn(f func()) {
	p.jobs.Go(func() {
		f()
		p.signal()
	})
}

// advance settles what can be settled and starts the jobs that are due. next is when to come back without being woken;
// idle tells that nothing is left to write.
func (p *Publisher) advance(ctx context.Context, ending bool) (next time.Time, idle bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	next = now.Add(time.Minute)
	sooner := func(t time.Time) {
		if t.After(now) && t.Before(next) {
			next = t
		}
	}
	if !p.restored {
		if p.reading.due(now) {
			p.reading.running = true
			p.spawn(func() { p.readBack(ctx) })
		}
		sooner(p.reading.after)
		return next, ending && p.queue.len() == 0
	}
	p.lookAtWrites(now, sooner)
	if !ending {
		p.startLook(ctx)
	}
	p.settle(ctx, now, sooner)
	p.writeQueue(ctx, now, sooner)
	if p.manifest.wanted != nil && p.manifest.due(now) {
		p.manifest.running = true
		m, first := p.manifest, p.manifest.tries == 0
		p.spawn(func() { p.writeManifests(ctx, m, first) })
	}
	sooner(p.manifest.after)
	if p.shared != nil && !ending {
		p.startPoll(ctx, now, sooner)
	}
	if len(p.trash.names) > 0 && !ending && p.trash.due(now) {
		p.trash.running = true
		names := p.trash.take()
		p.spawn(func() { p.deleteObjects(ctx, names) })
	}
	sooner(p.trash.after)
	return next, ending && !p.unfinished() && p.manifest.wanted == nil
}

// unfinished tells whether a segment number waits that can still be settled: one that every live track has brought.
func (p *Publisher) unfinished() bool {
	e := p.queue.oldest()
	return e != nil && !p.queue.judge(e, time.Now(), p.ready).incomplete
}

func (j *job) due(now time.Time) bool { return !j.running && !now.Before(j.after) }

// failed notes a try that failed; the next one waits.
func (j *job) failed(now time.Time) {
	j.running = false
	j.after = now.Add(min(firstBackOff<<min(j.tries, 10), maxBackOff))
	j.tries++
}

func (j *job) succeeded() { *j = job{} }

// ready tells whether the initialization that an item needs is stored.
func (p *Publisher) ready(it *item) bool { return p.hasInit(it.track) }

// hasInit tells whether the initialization that a track has now is stored.
func (p *Publisher) hasInit(t presentation.Track) bool {
	o := p.inits[p.objectName(t.Name, t.Init)]
	return o != nil && o.stored
}

// settle lists every segment number, in order, that waits for nothing more.
func (p *Publisher) settle(ctx context.Context, now time.Time, sooner func(time.Time)) {
	for {
		e := p.queue.oldest()
		if e == nil {
			return
		}
		v := p.queue.judge(e, now, p.ready)
		if !v.settled {
			sooner(v.next)
			return
		}
		if p.shared != nil && !p.searched(ctx, e, now, sooner) {
			return
		}
		p.queue.learn(e)
		p.list(e)
	}
}

// list appends a settled segment number to the window.
func (p *Publisher) list(e *entry) {
	segs := make(map[string]presentation.Segment, len(e.items))
	for name, it := range e.items {
		if it.state != stored || !p.ready(it) {
			p.status.Untaken++
			continue
		}
		p.describe(it.track)
		segs[name] = presentation.Segment{
			K: e.k, Start: it.Start, End: it.End, Slate: it.Slate, Init: it.track.Init, Bytes: int64(len(it.Body)),
		}
	}
	if p.shared != nil {
		p.appendShared(e.k, segs)
	} else {
		p.append(e.k, segs)
	}
	p.manifest.arrived = e.last
}

// describe brings the window's idea of every track up to date before a segment made with a new one is listed: an init
// changes in all tracks at once.
func (p *Publisher) describe(track presentation.Track) {
	was := p.applied[track.Name]
	if was.Init == track.Init && was.Codecs == track.Codecs && was.Peak == track.Peak && was.Average == track.Average {
		return
	}
	for _, t := range p.known {
		if t.Name == track.Name {
			t = track
		}
		if _, there := p.applied[t.Name]; !there || t.Init != track.Init {
			continue
		}
		if err := p.window.SetTrack(t); err != nil {
			p.failed(err)
			continue
		}
		p.applied[t.Name] = t
	}
}

// append lists k with what is there of it, asks for playlists and lets go what has expired.
func (p *Publisher) append(k int64, segs map[string]presentation.Segment) {
	p.queue.pass(k)
	skipped := int64(0)
	if s := p.window.Snapshot(); s.Len() > 0 {
		skipped = max(0, k-s.Last()-1)
	}
	segs, ok := p.enlist(k, segs)
	if !ok {
		return
	}
	p.countGaps(k, uint64(skipped), segs)
	if len(segs) > 0 {
		p.status.settled++
	}
	p.expire()
	p.want()
}

// enlist appends k to the window with what is there of it, or with nothing if that cannot be listed.
func (p *Publisher) enlist(k int64, segs map[string]presentation.Segment) (map[string]presentation.Segment, bool) {
	p.turn(k)
	if err := p.window.Append(k, segs); err != nil {
		p.failed(err)
		if errors.Is(err, presentation.ErrListed) {
			return nil, false
		}
		segs = nil
		if err := p.window.Append(k, nil); err != nil {
			return nil, false
		}
	}
	for name, s := range segs {
		p.trash.use(p.objectName(name, s.Init), k)
	}
	return segs, true
}

// want has the window's state written, once viewers may see it.
func (p *Publisher) want() {
	if snap := p.window.Snapshot(); snap.Ready() {
		p.manifest.wanted, p.manifest.media = snap, p.status.settled
	}
}

// countGaps counts what the tracks lack: whole numbers that were skipped, and what is missing of the newest one.
func (p *Publisher) countGaps(k int64, skipped uint64, segs map[string]presentation.Segment) {
	for name := range p.known {
		if p.queue.since[name] > k {
			continue
		}
		t := p.status.tracks[name]
		t.Gaps += skipped
		if _, there := segs[name]; !there {
			t.Gaps++
		}
	}
}

// listed notes that viewers can see snap since now.
func (p *Publisher) listed(snap *presentation.Snapshot, now tick.Tick) {
	if k, ok := snap.NewestMedia(); ok {
		if old := p.fresh.Load(); old == nil || k > old.k {
			p.fresh.Store(&listing{k: k, at: now})
		}
	}
}
