package anchor

import (
	"sync"

	"onair/pkg/tick"
)

// State is what a Table knows about a generation.
type State uint8

// A generation is Pending until the reference stream (or the grid) has fixed its anchor; Dead when that will never happen.
const (
	Pending State = iota
	Mapped
	Dead
)

// keep is how many generations a table remembers.
const keep = 100

type entry struct {
	state  State
	anchor Anchor
	shifts []shift
}

// shift moves what maps to From or later by Delta: how drift is taken out, one frame at a time.
type shift struct{ From, Delta tick.Tick }

// Table holds the anchors of an input by generation. It may be used from several goroutines.
type Table struct {
	mu      sync.RWMutex
	entries map[int64]*entry
	newest  int64
}

// NewTable returns an empty table.
func NewTable() *Table { return &Table{entries: map[int64]*entry{}} }

// Open makes a pending generation.
func (t *Table) Open(gen int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries[gen] = &entry{}
	t.newest = max(t.newest, gen)
	delete(t.entries, t.newest-keep)
}

// Set fixes a generation's anchor.
func (t *Table) Set(a Anchor) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries[a.Gen] = &entry{state: Mapped, anchor: a}
	t.newest = max(t.newest, a.Gen)
	delete(t.entries, t.newest-keep)
}

// Kill marks a generation that never got an anchor: what carries it is skipped.
func (t *Table) Kill(gen int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.entries[gen]; e != nil && e.state == Pending {
		e.state = Dead
	}
}

// Shift moves what generation gen maps to from or later by delta.
func (t *Table) Shift(gen int64, from, delta tick.Tick) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.entries[gen]; e != nil && e.state == Mapped {
		e.shifts = append(e.shifts, shift{from, delta})
	}
}

// Map places a source time of a generation on the timeline. A generation that the table no longer knows is Dead.
func (t *Table) Map(gen, pts int64) (tick.Tick, State) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	e := t.entries[gen]
	if e == nil {
		return 0, Dead
	}
	if e.state != Mapped {
		return 0, e.state
	}
	at := e.anchor.Map(pts)
	for _, s := range e.shifts {
		if at >= s.From {
			at += s.Delta
		}
	}
	return at, Mapped
}

// Anchor is a generation's anchor, if it has one.
func (t *Table) Anchor(gen int64) (Anchor, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	e := t.entries[gen]
	if e == nil || e.state != Mapped {
		return Anchor{}, false
	}
	return e.anchor, true
}
