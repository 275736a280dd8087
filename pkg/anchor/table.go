package anchor

import (
	"math"
	"sync"

	"onair/pkg/tick"
)

// State is what a Table knows about a generation.
type State uint8

// A generation is Pending until the reference stream (or the grid) has fixed its anchor; Dead when that will never
// happen.
const (
	Pending State = iota
	Mapped
	Dead
)

// keep is how many generations with an anchor a table remembers.
const keep = 100

type entry struct {
	state  State
	anchor Anchor
}

// Table holds the anchors of an input by generation. It may be used from several goroutines.
type Table struct {
	mu      sync.RWMutex
	entries map[int64]*entry // those that are mapped, and one at most that is pending
	ruling  int64            // the one that is never forgotten
}

// NewTable returns an empty table.
func NewTable() *Table { return &Table{entries: map[int64]*entry{}} }

// Open makes a pending generation.
func (t *Table) Open(gen int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries[gen] = &entry{}
}

// Set fixes a generation's anchor and makes it the one that rules.
func (t *Table) Set(a Anchor) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(a)
}

// Settle fixes the anchor of a generation that was proposed, see Clock.Agree, unless it has been given up meanwhile.
func (t *Table) Settle(a Anchor) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.entries[a.Gen]; e == nil || e.state != Pending {
		return
	}
	if ruling := t.ruling; ruling > a.Gen {
		defer func() { t.ruling = ruling }()
	}
	t.set(a)
}

// set is Set. The caller holds mu.
func (t *Table) set(a Anchor) {
	t.entries[a.Gen] = &entry{state: Mapped, anchor: a}
	t.ruling = a.Gen
	for len(t.entries) > keep {
		oldest := int64(math.MaxInt64)
		for gen := range t.entries {
			if gen != t.ruling {
				oldest = min(oldest, gen)
			}
		}
		delete(t.entries, oldest)
	}
}

// Rule makes a generation that has an anchor the one that rules again.
func (t *Table) Rule(gen int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ruling = gen
}

// Kill gives up a generation that never got an anchor: what carries it is skipped.
func (t *Table) Kill(gen int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.entries[gen]; e != nil && e.state == Pending {
		delete(t.entries, gen)
	}
}

// Shift moves what generation gen maps to from or later by delta, and returns the anchor that says so.
func (t *Table) Shift(gen int64, from, delta tick.Tick) (Anchor, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[gen]
	if e == nil || e.state != Mapped {
		return Anchor{}, false
	}
	e.anchor = e.anchor.Shifted(Shift{from, delta})
	return e.anchor, true
}

// Replace changes the anchor of a generation that has one, as another that maps what lies behind to the same places.
func (t *Table) Replace(a Anchor) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[a.Gen]
	if e == nil || e.state != Mapped {
		return false
	}
	e.anchor = a
	return true
}

// Shifted tells whether a shift takes effect after the one instant, and not after the other.
func (t *Table) Shifted(after, until tick.Tick) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, e := range t.entries {
		for _, s := range e.anchor.Shifts {
			if s.From > after && s.From <= until {
				return true
			}
		}
	}
	return false
}

// Map places a source time of a generation on the timeline. A generation that the table no longer knows is Dead.
func (t *Table) Map(gen, pts int64) (tick.Tick, State) {
	a, state := t.find(gen)
	return a.Map(pts), state
}

// MapAsOf is Map for a reader that begins at when, see Anchor.MapAsOf.
func (t *Table) MapAsOf(gen, pts int64, when tick.Tick) (tick.Tick, State) {
	a, state := t.find(gen)
	return a.MapAsOf(pts, when), state
}

func (t *Table) find(gen int64) (Anchor, State) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	e := t.entries[gen]
	if e == nil {
		return Anchor{}, Dead
	}
	return e.anchor, e.state
}

// Anchor is a generation's anchor, if it has one.
func (t *Table) Anchor(gen int64) (Anchor, bool) {
	a, state := t.find(gen)
	return a, state == Mapped
}
