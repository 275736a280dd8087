package viewer

import (
	"fmt"
	"time"

	"onair/pipeline/verify"
)

// waitSegments is how many segments behind the newest one a viewer begins, and for how many segments' time he waits for
// one that cannot be fetched: then his buffer would be empty.
const waitSegments = 3

// againSegments is how much a buffer that ran empty has to hold before it is played again, as players do.
const againSegments = 2

// remembered bounds the numbers of a track of which it is known how they were listed.
const remembered = 64

// ledger accounts for what happens to one viewer. It knows no clock: now is an argument, and does not run backwards.
type ledger struct {
	name   string
	mpd    bool // lists are those of an MPD, whose window may begin earlier again: no player begins anew for that
	tracks []*trackLedger
	length time.Duration // of a segment
	suffer func(Event)   // nil: the account has not begun

	since  time.Time // of the account
	at     time.Time // up to which the buffer has been played
	buffer time.Duration
	dry    bool            // it ran empty, and is not full enough again to go on
	played int             // numbers that have joined the buffer
	next   int64           // the number to be played after those in the buffer; 0: none yet
	ready  map[int64]ready // from next on
	totals account
}

// ready is what is known of a number.
type ready struct {
	tracks int // that have it, or never will
	length time.Duration
	lost   bool
}

// trackLedger is what is known of one track.
type trackLedger struct {
	name    string
	first   int64 // as last listed
	last    int64 // the greatest that was listed
	newest  time.Time
	back    bool // the list that was read last went back
	begun   bool // there was something to fetch
	entries map[int64]verify.Listed
	got     map[int64]bool
}

func newLedger(name string, tracks []string) *ledger {
	l := &ledger{name: name, ready: map[int64]ready{}, totals: newAccount(name)}
	for _, t := range tracks {
		l.tracks = append(l.tracks, &trackLedger{name: t, entries: map[int64]verify.Listed{}, got: map[int64]bool{}})
	}
	return l
}

// begin forgets what was before.
func (l *ledger) begin(now time.Time, suffer func(Event)) {
	l.advance(now)
	l.totals = newAccount(l.name)
	l.since, l.suffer = now, suffer
	if l.played >= waitSegments { // he joins anew, as somebody who comes now
		l.buffer, l.dry = waitSegments*l.length, false
	}
	if l.at.IsZero() {
		l.at = now
	}
	for _, t := range l.tracks {
		t.newest = now
	}
}

func (l *ledger) tell(e Event) {
	if l.suffer != nil {
		e.Viewer = l.name
		l.suffer(e)
	}
}

// fail counts an error.
func (l *ledger) fail(kind, text string, now time.Time) {
	if l.suffer == nil {
		return
	}
	l.totals.fail(kind, now.Sub(l.since).Round(time.Millisecond).String()+" "+text)
	l.tell(Event{At: now, Kind: kind, Error: true})
}

// listed takes what is listed of a track now, and gives what is to be fetched.
func (l *ledger) listed(track int, list verify.Listing, now time.Time) (fetch []verify.Listed) {
	t := l.tracks[track]
	if len(list.Segments) == 0 {
		l.fail(NoPlaylist, t.name+": nothing is listed", now)
		return nil
	}
	first, last := list.Segments[0].Number, list.Segments[len(list.Segments)-1].Number
	if back := first < t.first && !l.mpd || last < t.last; back && !t.back {
		l.fail(WentBack, fmt.Sprintf("%s: %d to %d was followed by %d to %d", t.name, t.first, t.last, first, last), now)
		t.back = true
	} else if !back {
		t.back = false
	}
	l.compare(t, list, now)
	from := t.last + 1
	if t.last == 0 {
		from = max(first, last-waitSegments+1)
		t.newest = now
	}
	l.missing(track, from, first, now)
	for _, s := range list.Segments {
		if s.Number < from {
			continue
		}
		l.length = max(l.length, s.Duration)
		if s.Gap {
			l.fail(Gap, fmt.Sprintf("%s: %d is a gap", t.name, s.Number), now)
			l.resolve(s.Number, s.Duration, true, now)
			continue
		}
		fetch = append(fetch, s)
	}
	t.first = max(t.first, first)
	if last > t.last {
		l.news(t, last, now)
	}
	if !t.begun && len(fetch) > 0 {
		t.begun = true
		l.from(fetch[0].Number)
	}
	return fetch
}

// missing accounts for numbers that were never listed.
func (l *ledger) missing(track int, from, first int64, now time.Time) {
	if from >= first {
		return
	}
	t := l.tracks[track]
	l.fail(Missing, fmt.Sprintf("%s: %d to %d are not listed", t.name, from, first-1), now)
	if first-from > remembered && l.next < first { // a viewer begins anew there
		l.gone(time.Duration(first-max(l.next, from))*l.length, now)
		l.from(first)
		return
	}
	for k := from; k < first; k++ {
		l.resolve(k, l.length, true, now)
	}
}

// from has a number be the next to be played, unless a later one is already.
func (l *ledger) from(k int64) {
	if k <= l.next {
		return
	}
	l.next = k
	for old := range l.ready {
		if old < k {
			delete(l.ready, old)
		}
	}
}

// news notes that something new is listed.
func (l *ledger) news(t *trackLedger, last int64, now time.Time) {
	if t.last != 0 && l.suffer != nil {
		l.paused(now.Sub(t.newest), now)
	}
	t.last, t.newest = last, now
}

func (l *ledger) paused(d time.Duration, now time.Time) {
	l.totals.Pause = max(l.totals.Pause, d.Seconds())
	l.tell(Event{At: now, Kind: Pause, Seconds: d.Seconds()})
}

// compare holds what is listed against what was.
func (l *ledger) compare(t *trackLedger, list verify.Listing, now time.Time) {
	segments := list.Segments[max(0, len(list.Segments)-remembered):]
	for _, s := range segments {
		was, known := t.entries[s.Number]
		behind := t.got[s.Number] || s.Number < l.next
		switch {
		case known && behind && was.Gap != s.Gap:
			l.totals.Rewritten++
		case known && (was.Gap != s.Gap || !s.Gap && (was.URI != s.URI || was.Duration != s.Duration)):
			l.fail(Changed, fmt.Sprintf("%s: what is listed as %d has changed", t.name, s.Number), now)
		}
		t.entries[s.Number] = s
	}
	oldest := list.Segments[len(list.Segments)-1].Number - remembered
	for k := range t.entries {
		if k < oldest {
			delete(t.entries, k)
			delete(t.got, k)
		}
	}
}

// fetched takes a segment that is there.
func (l *ledger) fetched(track int, s verify.Listed, now time.Time) {
	l.tracks[track].got[s.Number] = true
	if l.suffer != nil {
		l.totals.Segments++
	}
	l.resolve(s.Number, s.Duration, false, now)
}

// lost takes a segment that will never be there.
func (l *ledger) lost(s verify.Listed, now time.Time) { l.resolve(s.Number, s.Duration, true, now) }

// resolve notes the fate of a number in one track. When it is known in all, the number joins the buffer, or is skipped.
func (l *ledger) resolve(k int64, length time.Duration, lost bool, now time.Time) {
	if k < l.next || l.next == 0 && lost {
		return
	}
	r := l.ready[k]
	r.tracks++
	r.length, r.lost = max(r.length, length), r.lost || lost
	l.ready[k] = r
	l.advance(now)
	for {
		r, ok := l.ready[l.next]
		if !ok || r.tracks < len(l.tracks) {
			return
		}
		delete(l.ready, l.next)
		l.next++
		if !r.lost {
			l.buffer += r.length
			l.played++
			l.dry = l.dry && l.buffer < againSegments*l.length
			continue
		}
		l.gone(r.length, now)
	}
}

// gone accounts for a part of the timeline that is lost.
func (l *ledger) gone(length time.Duration, now time.Time) {
	if l.suffer != nil {
		l.totals.Lost += length.Seconds()
		l.tell(Event{At: now, Kind: Lost, Seconds: length.Seconds()})
	}
}

// advance plays the buffer up to now. While it is empty the viewer sees nothing.
func (l *ledger) advance(now time.Time) {
	passed := now.Sub(l.at)
	if l.at.IsZero() || passed < 0 {
		l.at = now
		return
	}
	l.at = now
	played := min(passed, l.buffer)
	if l.dry {
		played = 0
	}
	l.buffer -= played
	l.dry = l.dry || l.buffer == 0 && l.played > 0
	if off := passed - played; off > 0 && l.suffer != nil {
		l.totals.Off += off.Seconds()
		l.tell(Event{At: now, Kind: Off, Seconds: off.Seconds()})
	}
}

// playing tells whether he plays, or could as soon as he joins.
func (l *ledger) playing() bool {
	if l.suffer == nil {
		return l.played >= waitSegments
	}
	return l.buffer > 0 && !l.dry
}

// pace is how long to wait until the next look.
func (l *ledger) pace() time.Duration { return min(max(l.length/4, leastWait), mostWait) }

// sum is the account up to now.
func (l *ledger) sum(now time.Time) Totals {
	if l.suffer == nil {
		return l.totals.finish()
	}
	l.advance(now)
	for _, t := range l.tracks {
		if d := now.Sub(t.newest); d.Seconds() > l.totals.Pause {
			l.paused(d, now)
		}
	}
	l.totals.Seconds = now.Sub(l.since).Seconds()
	return l.totals.finish()
}
