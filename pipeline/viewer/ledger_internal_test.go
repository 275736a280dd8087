package viewer

import (
	"testing"
	"time"

	"onair/pipeline/verify"
)

var begun = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return begun.Add(time.Duration(seconds * float64(time.Second))) }

func numbers(first, last int64, gaps ...int64) verify.Listing {
	var l verify.Listing
	for k := first; k <= last; k++ {
		s := verify.Listed{Number: k, URI: "x", Duration: 2 * time.Second}
		for _, g := range gaps {
			s.Gap = s.Gap || g == k
		}
		l.Segments = append(l.Segments, s)
	}
	return l
}

// take lists and fetches in one.
func take(l *ledger, track int, list verify.Listing, now time.Time) {
	for _, s := range l.listed(track, list, now) {
		l.fetched(track, s, now)
	}
}

func newAccounted(tracks ...string) *ledger { return newLedger("v", tracks) }

// TestBufferOfThreeSegments: a viewer begins three segments behind, plays a segment in its length, and is off when he has
// none; what comes then is played at once.
func TestBufferOfThreeSegments(t *testing.T) {
	t.Parallel()
	l := newAccounted("v")
	take(l, 0, numbers(1, 10), at(0))
	l.begin(at(0), func(Event) {})
	if l.advance(at(5.9)); !l.playing() || l.totals.Off != 0 {
		t.Errorf("after 5.9 s: %v left, off %v", l.buffer, l.totals.Off)
	}
	if l.advance(at(7)); l.playing() || l.totals.Off != 1 {
		t.Errorf("after 7 s: %v left, off %v", l.buffer, l.totals.Off)
	}
	take(l, 0, numbers(1, 11), at(7.2))
	take(l, 0, numbers(1, 12), at(7.5))
	got := l.sum(at(9))
	if got.Off != 1.5 || got.Pause != 7.2 || got.Lost != 0 || got.Availability < 0.83 || got.Availability > 0.84 {
		t.Errorf("%+v", got)
	}
}

// TestTracksAreListedApart: who is a segment ahead of the other track is no gap.
func TestTracksAreListedApart(t *testing.T) {
	t.Parallel()
	l := newAccounted("v", "a")
	take(l, 0, numbers(1, 10), at(0))
	take(l, 1, numbers(1, 11), at(0.1))
	l.begin(at(0.1), func(Event) {})
	for k := int64(11); k < 200; k++ {
		take(l, 0, numbers(max(1, k-20), k), at(float64(k-10)*2))
		take(l, 1, numbers(max(1, k-19), k+1), at(float64(k-10)*2))
	}
	got := l.sum(at(380))
	if got.Off != 0 || got.Lost != 0 || got.Errors != 0 {
		t.Errorf("%+v", got)
	}
	if n := len(l.ready) + len(l.tracks[0].entries) + len(l.tracks[0].got); n > 3*remembered {
		t.Errorf("%d things are remembered", n)
	}
}

// TestWhatIsBehindMayBecomeAGap: another origin's holes are told, and are no error; what is still to be played may not change.
func TestWhatIsBehindMayBecomeAGap(t *testing.T) {
	t.Parallel()
	l := newAccounted("v")
	take(l, 0, numbers(1, 10), at(0))
	l.begin(at(0), func(Event) {})
	take(l, 0, numbers(1, 11, 9), at(2))
	take(l, 0, numbers(1, 11), at(3))
	if got := l.sum(at(3)); got.Errors != 0 || got.Rewritten != 2 || got.Lost != 0 {
		t.Errorf("%+v", got)
	}
	_ = l.listed(0, numbers(1, 12), at(4)) // not fetched yet
	_ = l.listed(0, numbers(1, 12, 12), at(5))
	if got := l.sum(at(5)); len(got.Kinds) != 1 || got.Kinds[0] != (Count{Changed, 1}) {
		t.Errorf("%+v", got)
	}
}

// TestNumbersThatAreNotListed: a window that has moved on leaves a hole, and a jump far ahead is one, too.
func TestNumbersThatAreNotListed(t *testing.T) {
	t.Parallel()
	for last, lost := range map[int64]float64{14: 2, 1_000_010: 999_997 * 2} {
		l := newAccounted("v")
		take(l, 0, numbers(1, 10), at(0))
		l.begin(at(0), func(Event) {})
		take(l, 0, numbers(last-2, last), at(2))
		got := l.sum(at(2))
		if got.Kinds[0] != (Count{Missing, 1}) || got.Lost != lost {
			t.Errorf("to %d: %+v", last, got)
		}
		if !l.playing() || l.next != last+1 {
			t.Errorf("to %d: next is %d", last, l.next)
		}
	}
}
