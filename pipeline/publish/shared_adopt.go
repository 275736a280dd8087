package publish

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"onair/pkg/hls"
	"onair/pkg/presentation"
	"onair/pkg/store"
)

// goAlong takes over what the other pipeline has listed. It gives errOvertaken when that is done.
func (p *Publisher) goAlong(ctx context.Context, snap *presentation.Snapshot) error {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.RetryFor)
	defer cancel()
	lists, err := p.allTheirs(ctx, snap)
	if err != nil {
		return fmt.Errorf("reading what the other pipeline has listed: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.adopt(lists); err != nil {
		return fmt.Errorf("taking over what the other pipeline has listed: %w", err)
	}
	return errOvertaken
}

// allTheirs reads the playlists of all tracks that have one, side by side.
func (p *Publisher) allTheirs(ctx context.Context, snap *presentation.Snapshot) (map[string]hls.Playlist, error) {
	lists, errs := map[string]hls.Playlist{}, make([]error, len(snap.All()))
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, t := range snap.All() {
		wg.Go(func() {
			list, there, err := p.theirs(ctx, t.Name)
			if errs[i] = err; there {
				mu.Lock()
				defer mu.Unlock()
				lists[t.Name] = list
			}
		})
	}
	wg.Wait()
	return lists, errors.Join(errs...)
}

// theirs reads a track's playlist as the store has it.
func (p *Publisher) theirs(ctx context.Context, track string) (list hls.Playlist, there bool, err error) {
	name := p.below(hls.MediaName(track))
	o, err := p.shared.store.Get(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		p.shared.know(name, version{})
		return list, false, nil
	}
	if err != nil {
		return list, false, err
	}
	p.shared.know(name, version{o.Tag, p.lastOf(o)})
	if list, err = hls.ReadMedia(o.Body); err != nil {
		return list, false, nil // whoever replaces it tells
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.manifest.written[name] = o.Body
	return list, len(list.Segments) > 0, nil
}

// adopt makes the window that of the playlists, and appends what is settled here and not listed yet. The caller holds
// mu.
func (p *Publisher) adopt(lists map[string]hls.Playlist) error {
	l, end, ok := p.merge(lists)
	if !ok || p.manifest.any && end < p.manifest.shown {
		p.want()
		return nil
	}
	was := p.window.Snapshot()
	w, err := p.window.Adopt(l)
	if err != nil {
		return err
	}
	p.window = w
	for _, t := range p.applied {
		if t.Init == "" { // nothing was listed with it here
			continue
		}
		if err := w.SetTrack(t); err != nil {
			return err
		}
	}
	p.queue.pass(end)
	p.shared.last = time.Now()
	p.welcome(was, end)
	rows := p.shared.rows
	p.shared.rows = nil
	for _, r := range rows {
		if r.k > end {
			p.shared.rows = append(p.shared.rows, r)
			p.enlist(r.k, p.shared.rules.apply(r.k, r.segs))
		}
	}
	p.expire()
	p.manifest.wanted = nil
	p.want()
	return nil
}

// welcome counts what is new of what the other pipeline has listed, and notes that viewers see it.
func (p *Publisher) welcome(was *presentation.Snapshot, end int64) {
	snap := p.window.Snapshot()
	from := snap.First()
	if p.manifest.any {
		from = max(from, p.manifest.shown+1)
	}
	for _, t := range snap.Tracks() {
		for _, s := range snap.Segments(t.Name) {
			if s.Gap && s.K >= from && s.K > was.Last() && p.queue.since[t.Name] <= s.K {
				p.status.tracks[t.Name].Gaps++
			}
			if !s.Gap {
				p.trash.use(p.objectName(t.Name, s.Init), s.K)
				p.hold(s.K, t.Name)
			}
		}
	}
	if from > end {
		return
	}
	p.status.Adopted += uint64(end - from + 1)
	p.shared.newest = max(p.shared.newest, end)
	at := p.cfg.Now()
	p.listed(snap, at)
	p.status.LastK, p.status.ListedAt = end, at
	p.tell(snap, at)
}

// merge makes one list of the tracks' playlists up to the last number that all have. What only some list beyond it
// rules when that number is listed. A track without a playlist is listed as it is here.
func (p *Publisher) merge(lists map[string]hls.Playlist) (l presentation.Listed, end int64, ok bool) {
	now := p.window.Snapshot()
	for _, t := range now.Tracks() {
		list, there := lists[t.Name]
		if !there {
			continue
		}
		last := list.First + int64(len(list.Segments)) - 1
		if !ok || last < end {
			end = last
		}
		if !ok || list.First > l.First {
			l.First, l.Discontinuities = list.First, list.Discontinuities
		}
		ok = true
	}
	if !ok || end < l.First {
		return l, end, false
	}
	l.Segments, p.shared.rules = map[string][]presentation.Segment{}, rules{}
	for _, t := range now.All() {
		list, there := lists[t.Name]
		if !there {
			list = hls.Playlist{First: now.First(), Segments: now.Segments(t.Name)}
		}
		l.Segments[t.Name] = cut(list, l.First, end, t.Init)
		for i := max(0, end+1-list.First); there && i < int64(len(list.Segments)); i++ {
			p.shared.rules.add(list.First+i, t.Name, list.Segments[i])
		}
	}
	return l, end, true
}

func (r rules) add(k int64, track string, s presentation.Segment) {
	if r[k] == nil {
		r[k] = map[string]presentation.Segment{}
	}
	r[k][track] = s
}

// cut is what a playlist lists from one number to another; what it lacks is a gap.
func cut(list hls.Playlist, first, last int64, init string) []presentation.Segment {
	out := make([]presentation.Segment, 0, last-first+1)
	for k := first; k <= last; k++ {
		s := presentation.Segment{K: k, Gap: true, Init: init}
		if i := k - list.First; i >= 0 && i < int64(len(list.Segments)) {
			is := list.Segments[i]
			s.Gap, s.Discontinuity, s.Slate, s.Bytes = is.Gap, is.Discontinuity, is.Slate, is.Bytes
			if is.Init != "" {
				s.Init = is.Init
			}
			init = s.Init
		}
		out = append(out, s)
	}
	return out
}

// startPoll reads the playlists when nothing was written for longer than it should take: the other pipeline may go on
// alone. The caller holds mu.
func (p *Publisher) startPoll(ctx context.Context, now time.Time, sooner func(time.Time)) {
	t := p.cfg.Presentation.Grid.T.Duration()
	wait := t * 5 / 4
	if p.waits(now) {
		wait = t / 2
	}
	due := p.shared.last.Add(wait)
	if now.Before(due) || p.manifest.wanted != nil || !p.manifest.due(now) {
		sooner(due)
		return
	}
	p.manifest.running = true
	p.shared.last = now
	snap := p.window.Snapshot()
	p.spawn(func() { p.poll(ctx, snap) })
}

// waits tells whether something waits for what the other pipeline may bring. The caller holds mu.
func (p *Publisher) waits(now time.Time) bool {
	e := p.queue.oldest()
	if e == nil {
		return false
	}
	for _, it := range e.items {
		if it.state == waiting && it.tries == 0 && it.after.After(now) {
			return true
		}
	}
	return p.shared.search.k == e.k && !p.shared.search.done
}

// poll looks whether the other pipeline has listed something.
func (p *Publisher) poll(ctx context.Context, snap *presentation.Snapshot) {
	bounded, cancel := context.WithTimeout(ctx, p.cfg.RetryFor)
	defer cancel()
	var err error
	if tracks := snap.Tracks(); len(tracks) > 0 {
		name := p.below(hls.MediaName(tracks[0].Name))
		known := p.shared.version(name)
		if _, _, err = p.theirs(bounded, tracks[0].Name); err == nil && p.shared.version(name) != known {
			err = p.goAlong(ctx, snap)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil && !errors.Is(err, errOvertaken) {
		p.manifest.failed(time.Now())
		p.failed(err)
		return
	}
	p.manifest.succeeded()
}
