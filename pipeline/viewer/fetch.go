package viewer

import (
	"context"
	"fmt"
	"time"

	"onair/pipeline/verify"
	"onair/pkg/fmp4"
)

// wanted is a segment to fetch, until it is too late for it.
type wanted struct {
	verify.Listed
	name, init string // by the address
	until      time.Time
}

// reading is what is known of a track's media.
type reading struct {
	init   string
	header fmp4.Header
	number int64 // that was read last
	end    uint64
}

// fetchAll fetches what is wanted of a track, one after the other, and tries again what fails.
func (v *Viewer) fetchAll(ctx context.Context, track int, queue <-chan wanted) {
	var r reading
	for {
		var w wanted
		select {
		case <-ctx.Done():
			return
		case w = <-queue:
		}
		for {
			err := v.fetch(ctx, &r, w)
			now := time.Now()
			if ctx.Err() != nil {
				return
			}
			v.settle(track, w, err, now)
			if err == nil || now.After(w.until) {
				break
			}
			if pause(ctx, againWait) {
				return
			}
		}
	}
}

// settle accounts for what came of a segment.
func (v *Viewer) settle(track int, w wanted, err error, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err == nil {
		v.ledger.fetched(track, w.Listed, now)
		return
	}
	v.ledger.fail(kindOf(err), err.Error(), now)
	if now.After(w.until) {
		v.ledger.fail(NotFetched, w.name+": given up", now)
		v.ledger.lost(w.Listed, now)
	}
}

// fetch fetches one segment and looks into it.
func (v *Viewer) fetch(ctx context.Context, r *reading, w wanted) error {
	if w.init != r.init {
		o := v.from.get(ctx, w.init)
		if o.err != nil {
			return o.err
		}
		h, err := fmp4.ParseInit(o.body)
		if err != nil {
			return failure{Media, fmt.Sprintf("%s: %v", w.init, err)}
		}
		*r = reading{init: w.init, header: h}
	}
	o := v.from.get(ctx, w.name)
	if o.err != nil {
		return o.err
	}
	info, err := r.header.ParseSegment(o.body)
	if err != nil {
		return failure{Media, fmt.Sprintf("%s: %v", w.name, err)}
	}
	if r.number == w.Number-1 && r.end != info.BaseTime {
		err = failure{Media, fmt.Sprintf("%s begins at %d, the one before ends at %d", w.name, info.BaseTime, r.end)}
	}
	r.number, r.end = w.Number, info.End()
	return err
}
