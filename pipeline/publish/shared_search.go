package publish

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"onair/pkg/presentation"
	"onair/pkg/store"
)

// search is the job that looks for segments of the other pipeline where this one has none, before a gap is listed.
type search struct {
	job
	k     int64                      // entry for which it is, or was, made
	done  bool                       // found is what there is for k
	found map[string]map[int64]int64 // sizes by track and number
}

// graceEnd is when slate, or a gap, may be listed as segment k: one T after its end, in which the other pipeline's
// media may come; now, if that is over.
func (p *Publisher) graceEnd(now time.Time, k int64) time.Time {
	grid := p.cfg.Presentation.Grid
	return now.Add(max(0, (grid.Start(k+1) + grid.T - p.cfg.Now()).Duration()))
}

// lacking are the tracks that have nothing to list somewhere up to the entry, and the newest number of that.
func (p *Publisher) lacking(e *entry) (tracks []string, newest int64) {
	snap := p.window.Snapshot()
	skipped := snap.Len() > 0 && e.k > snap.Last()+1
	for _, name := range slices.Sorted(maps.Keys(p.known)) {
		if p.queue.since[name] > e.k || p.known[name].Init == "" {
			continue
		}
		_, ruled := p.shared.rules[e.k][name]
		it := e.items[name]
		switch has := ruled || it != nil && it.state == stored && p.ready(it); {
		case !has:
			tracks, newest = append(tracks, name), e.k
		case skipped:
			tracks, newest = append(tracks, name), max(newest, e.k-1)
		}
	}
	return tracks, newest
}

// searched tells whether an entry can be listed: it lacks nothing, or what it lacks was looked for when the grace was
// over. The caller holds mu.
func (p *Publisher) searched(ctx context.Context, e *entry, now time.Time, sooner func(time.Time)) bool {
	tracks, newest := p.lacking(e)
	if len(tracks) == 0 {
		return true
	}
	s := &p.shared.search
	if s.k != e.k {
		*s = search{job: job{running: s.running}, k: e.k}
	}
	if s.done {
		return true
	}
	if until := p.graceEnd(now, newest); now.Before(until) {
		sooner(until)
		return false
	}
	if s.due(now) {
		s.running = true
		first := max(p.window.Snapshot().Last()+1, e.k-p.window.Snapshot().Size())
		p.spawn(func() { p.searchFor(ctx, tracks, first, e.k) })
	}
	sooner(s.after)
	return false
}

// searchFor looks for the segments of tracks with numbers from first to last.
func (p *Publisher) searchFor(ctx context.Context, tracks []string, first, last int64) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.RetryFor)
	defer cancel()
	found, err := p.segmentsThere(ctx, tracks, first, last)
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.shared.search
	if err != nil {
		s.failed(time.Now())
		p.failed(fmt.Errorf("looking for segments of the other pipeline: %w", err))
		return
	}
	s.succeeded()
	if s.k == last {
		s.done, s.found = true, found
	}
}

func (p *Publisher) segmentsThere(
	ctx context.Context, tracks []string, first, last int64,
) (map[string]map[int64]int64, error) {
	found := map[string]map[int64]int64{}
	for _, track := range tracks {
		prefix := p.objectName(track, "")
		if first == last {
			prefix = p.segmentName(track, last)
		}
		list, err := p.cfg.Store.List(ctx, prefix)
		if errors.Is(err, store.ErrNoList) {
			list, err = p.askEach(ctx, track, max(first, last-mostAsked+1), last)
		}
		if err != nil {
			return nil, err
		}
		found[track] = map[int64]int64{}
		for _, info := range list {
			number, ok := strings.CutSuffix(strings.TrimPrefix(info.Name, p.objectName(track, "")), ".m4s")
			k, err := strconv.ParseInt(number, 10, 64)
			if ok && err == nil && k >= first && k <= last && info.Size > 0 {
				found[track][k] = info.Size
			}
		}
	}
	return found, nil
}

// mostAsked bounds the numbers of a track that are asked for one by one.
const mostAsked = 8

// askEach is a list of the segments of a store that has no listing.
func (p *Publisher) askEach(ctx context.Context, track string, first, last int64) (list []store.Info, err error) {
	for k := first; k <= last; k++ {
		o, err := p.cfg.Store.Get(ctx, p.segmentName(track, k))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if err == nil {
			list = append(list, store.Info{Name: o.Name, Size: int64(len(o.Body))})
		}
	}
	return list, nil
}

// appendShared lists an entry with what was found of it, and before it what was found of the numbers that lack.
func (p *Publisher) appendShared(k int64, segs map[string]presentation.Segment) {
	s := &p.shared.search
	found := s.found
	if s.k != k || !s.done {
		found = nil
	}
	snap := p.window.Snapshot()
	first := k
	if snap.Len() > 0 && k-snap.Last() <= snap.Size() {
		first = snap.Last() + 1
	}
	for n := first; n <= k; n++ {
		all := map[string]presentation.Segment{}
		if n == k {
			maps.Copy(all, segs)
		}
		for track, sizes := range found {
			_, ours := all[track]
			if size, there := sizes[n]; there && !ours && p.hasInit(p.known[track]) {
				all[track] = presentation.Segment{K: n, Init: p.known[track].Init, Bytes: size}
				p.hold(n, track)
				p.status.Twins++
			}
		}
		p.shared.rows = append(p.shared.rows, row{n, all})
		p.append(n, p.shared.rules.apply(n, all))
	}
}
