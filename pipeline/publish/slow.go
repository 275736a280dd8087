package publish

import (
	"context"
	"fmt"
	"time"

	"onair/pkg/store"
)

// slowAfter is how long a write may take; then it is an error, and another after as long, as it is for the origin's
// live edge. A write to a frozen disk or a dead mount never returns, so nobody else would tell of it.
const slowAfter = 2 * time.Second

var errSlow = fmt.Errorf("a write takes longer than %v: the destination is slow, or hangs", slowAfter)

// flights are the writes that are under way, by when they began.
type flights struct {
	began map[*time.Time]struct{}
	told  time.Time // when it was last told that one takes long
}

// put writes an object that changes or comes once, and has Run look at how long that takes. The caller does not hold
// mu.
func (p *Publisher) put(ctx context.Context, o store.Object) error {
	defer p.takesOff()()
	return p.cfg.Store.Put(ctx, o)
}

// takesOff notes that a write begins, and gives what notes its end.
func (p *Publisher) takesOff() (lands func()) {
	began := time.Now()
	p.mu.Lock()
	p.flights.began[&began] = struct{}{}
	p.mu.Unlock()
	p.signal()
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.flights.began, &began)
	}
}

// slow tells whether a write takes too long, and when to ask again if one is under way.
func (f *flights) slow(now time.Time) (slow bool, next time.Time) {
	var oldest time.Time
	for began := range f.began {
		if oldest.IsZero() || began.Before(oldest) {
			oldest = *began
		}
	}
	if oldest.IsZero() {
		return false, oldest
	}
	return now.Sub(oldest) >= slowAfter, oldest.Add(slowAfter)
}

// lookAtWrites counts an error for each slowAfter during which something hangs, however many writes do.
func (p *Publisher) lookAtWrites(now time.Time, sooner func(time.Time)) {
	slow, next := p.flights.slow(now)
	if again := p.flights.told.Add(slowAfter); slow && !now.Before(again) {
		p.flights.told = now
		p.failed(errSlow)
	}
	if slow {
		next = p.flights.told.Add(slowAfter)
	}
	sooner(next)
}
