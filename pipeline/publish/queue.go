package publish

import (
	"slices"
	"time"

	"onair/pkg/presentation"
)

// queue holds the segments between the packager and the playlists, and decides when a segment number is settled. It has
// no clock and does no I/O; its owner guards it.
type queue struct {
	queueConfig
	live      []string
	entries   map[int64]*entry
	bytes     int64
	last      int64            // highest number settled or given up
	any       bool             // last is set
	delivered map[string]int64 // newest number of each track
	since     map[string]int64 // number that tracks which came later begin with
	lags      map[string]*lag
}

type queueConfig struct {
	tracks  []string
	longest time.Duration // T: no lag counts beyond it
	retry   time.Duration
	late    time.Duration
	entries int
	bytes   int64
}

// entry is one segment number with what has arrived of it.
type entry struct {
	k           int64
	first, last time.Time // arrival
	items       map[string]*item
}

// item is one track's segment on its way to the store.
type item struct {
	job
	Segment
	track    presentation.Track // as described when it came
	arrived  time.Time
	deadline time.Time // then it is given up
	state    itemState
}

type itemState uint8

// States of an item: waiting → stored or given up; the last two are final.
const (
	waiting itemState = iota
	stored
	givenUp
)

func newQueue(c queueConfig) *queue {
	q := &queue{
		queueConfig: c, live: c.tracks, entries: map[int64]*entry{}, delivered: map[string]int64{},
		since: map[string]int64{}, lags: map[string]*lag{},
	}
	for _, t := range c.tracks {
		q.lags[t] = newLag(c.longest)
	}
	return q
}

func (q *queue) expect(tracks []string) { q.live = slices.Clone(tracks) }

// meet makes a track known that begins with number k, if it is not.
func (q *queue) meet(track string, k int64) {
	if q.lags[track] == nil {
		q.lags[track], q.since[track] = newLag(q.longest), k
	}
}

func (q *queue) len() int { return len(q.entries) }

func (q *queue) full() bool {
	return len(q.entries) > q.queueConfig.entries || q.bytes > q.queueConfig.bytes && len(q.entries) > 1
}

// add takes a segment; false if its number is settled already or the track has brought it before.
func (q *queue) add(s Segment, track presentation.Track, now time.Time) bool {
	if q.any && s.K <= q.last {
		return false
	}
	e := q.entries[s.K]
	if e == nil {
		e = &entry{k: s.K, first: now, items: map[string]*item{}}
		q.entries[s.K] = e
	}
	if e.items[s.Track] != nil {
		return false
	}
	e.items[s.Track] = &item{Segment: s, track: track, arrived: now, deadline: now.Add(q.retry)}
	e.last = now
	q.bytes += int64(len(s.Body))
	if d, ok := q.delivered[s.Track]; !ok || s.K > d {
		q.delivered[s.Track] = s.K
	}
	return true
}

// pass marks k and all before it as settled; what waits of them is let go.
func (q *queue) pass(k int64) {
	if q.any && k <= q.last {
		return
	}
	q.last, q.any = k, true
	for n, e := range q.entries {
		if n <= k {
			q.remove(e)
		}
	}
}

// renew gives what waits its whole time from now on: before the store was read back nothing could be written.
func (q *queue) renew(now time.Time) {
	for _, e := range q.entries {
		e.first = now
		for _, it := range e.items {
			it.deadline = now.Add(q.retry)
			if it.after.After(now) {
				it.deadline = it.after.Add(q.retry)
			}
		}
	}
}

// hold has an item written at that time at the soonest.
func (it *item) hold(until time.Time, retry time.Duration) {
	it.after, it.deadline = until, until.Add(retry)
}

func (q *queue) remove(e *entry) {
	for _, it := range e.items {
		q.bytes -= int64(len(it.Body))
	}
	delete(q.entries, e.k)
}

func (q *queue) dropOldest() *entry {
	e := q.oldest()
	q.pass(e.k)
	return e
}

func (q *queue) oldest() *entry {
	var out *entry
	for _, e := range q.entries {
		if out == nil || e.k < out.k {
			out = e
		}
	}
	return out
}

// ordered are the entries by number.
func (q *queue) ordered() []*entry {
	out := make([]*entry, 0, len(q.entries))
	for _, e := range q.entries {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b *entry) int { return int(a.k - b.k) })
	return out
}

// verdict on an entry.
type verdict struct {
	settled    bool
	incomplete bool      // a live track has not brought its segment yet
	next       time.Time // when to ask again at the latest, unless settled
}

// judge decides whether nothing more is to be waited for in e: each live track's segment is stored or given up, or the
// track is overdue or has gone on to a later number. ready tells whether an item's initialization is stored.
func (q *queue) judge(e *entry, now time.Time, ready func(*item) bool) verdict {
	v := verdict{settled: true}
	wait := func(until time.Time) {
		v.settled = false
		if v.next.IsZero() || until.Before(v.next) {
			v.next = until
		}
	}
	for _, it := range e.items {
		switch {
		case it.state == givenUp || it.state == stored && ready(it):
		case !now.Before(it.deadline):
			it.state = givenUp
		default:
			wait(it.deadline)
		}
	}
	for _, name := range q.live {
		if e.items[name] != nil || q.delivered[name] > e.k || q.since[name] > e.k {
			continue
		}
		l := q.lags[name]
		if l == nil {
			continue
		}
		if until := e.first.Add(l.usual() + q.late); now.Before(until) {
			v.incomplete = true
			wait(until)
		}
	}
	return v
}

// learn notes how far each track came behind the first.
func (q *queue) learn(e *entry) {
	for name, it := range e.items {
		if l := q.lags[name]; l != nil {
			l.add(it.arrived.Sub(e.first))
		}
	}
}

// lag is how far a track usually comes behind the first one of the same number: encoders look ahead, by more than a
// second with slow presets, while audio passes at once. The largest of the last ones counts.
type lag struct {
	seen [16]time.Duration
	next int
	most time.Duration
}

// newLag expects the most until something is known.
func newLag(most time.Duration) *lag {
	l := &lag{most: most}
	for i := range l.seen {
		l.seen[i] = most
	}
	return l
}

func (l *lag) add(d time.Duration) {
	l.seen[l.next] = min(d, l.most)
	l.next = (l.next + 1) % len(l.seen)
}

func (l *lag) usual() time.Duration { return slices.Max(l.seen[:]) }

// troubled tells whether something waits that the store has refused at least once.
func (q *queue) troubled() bool {
	for _, e := range q.entries {
		for _, it := range e.items {
			if it.state == waiting && it.tries > 0 {
				return true
			}
		}
	}
	return false
}
