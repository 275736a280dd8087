package publish

import "onair/pkg/tick"

// Resumed tells whether the store has been read back, and if so, the last segment number that it lists; any is false
// for a store that listed nothing.
func (p *Publisher) Resumed() (last int64, any, done bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.restored {
		return 0, false, false
	}
	s := p.window.Snapshot()
	return s.Last(), s.Len() > 0, true
}

// Listed is the newest media that viewers can see, and when it was listed; ok is false before any.
func (p *Publisher) Listed() (k int64, at tick.Tick, ok bool) {
	l := p.fresh.Load()
	if l == nil {
		return 0, 0, false
	}
	return l.k, l.at, true
}
