package pipeline

import (
	"cmp"
	"slices"

	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// release passes on the numbers that are complete, or whose missing renditions are given up. The caller holds mu.
func (a *assembly) release() {
	for len(a.held) > 0 {
		k := slices.MinFunc(a.held, func(x, y heldSegment) int { return cmp.Compare(x.K, y.K) }).K
		if a.coming != nil && k >= a.coming.from || !a.settled(k) {
			break
		}
		if k >= a.now.from && !a.now.told {
			a.tell(a.now)
		}
		a.given = max(a.given, k)
		a.held = slices.DeleteFunc(a.held, func(s heldSegment) bool {
			if s.K == k {
				a.give(s)
			}
			return s.K == k
		})
	}
	most := maxHeld * len(a.now.tracks)
	if a.coming != nil {
		most += maxHeld * len(a.coming.tracks)
	}
	if over := len(a.held) - most; over > 0 {
		a.held = slices.Delete(a.held, 0, over)
	}
}

// settled tells whether no rendition will still bring segment k, or it is not worth waiting for.
func (a *assembly) settled(k int64) bool {
	if k < a.now.from {
		return true // of a ladder whose runs have ended
	}
	if a.now.version == "" {
		return false
	}
	all, front := true, tick.Tick(0)
	for _, t := range a.now.tracks {
		if t.resting.Load() {
			continue
		}
		t.mu.Lock()
		next, last, handing := t.cutter.Next(), t.cutter.Emitted(), t.cutter.Handing()
		t.mu.Unlock()
		brought := t.emitted >= k
		passed := a.grid.K(next) > k && last < k // incomplete
		if !brought && !passed && handing && t.Kind == ladder.Video {
			return false // the encoder sees to it that these pictures come, or says that they do not
		}
		all = all && (brought || passed)
		front = max(front, next)
	}
	return all || front >= a.grid.Start(k+1)+farAhead
}
