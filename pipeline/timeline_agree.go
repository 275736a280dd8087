package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"onair/pipeline/control"
	"onair/pkg/anchor"
	"onair/pkg/store"
	"onair/pkg/tick"
)

// agreeFor is how long an anchor that a clock proposes waits for the store; the packets of its generation wait with it.
const agreeFor = 500 * time.Millisecond

// maxTaken bounds the numbers that are tried when those of other clocks are in the way.
const maxTaken = 32

// agreement is what became of a proposed anchor.
type agreement struct {
	anchor anchor.Anchor // what rules, in the generation that was proposed
	stored int64         // its number in the store; 0: it is not stored
	others bool          // another pipeline was first
	err    error         // why it is not stored
}

var errUndecided = fmt.Errorf("it has not answered within %v", agreeFor)

// propose has pipelines agree on an anchor, in the background: the first one that is stored rules, whoever made it, if
// it fits. rule is told once when that is known; with a store that is slow or away it is told the proposal first, and
// what was agreed upon when the store has answered.
func (t *timeline) propose(input string, own anchor.Anchor, rule func(agreement)) {
	mine := t.proposed(input)
	t.wg.Go(func() {
		a := t.decide(input, own, rule)
		t.kept(input, own, a.err)
		if errors.Is(a.err, store.ErrAway) {
			a.err = t.insist(func() error { return t.agreeLater(input, own, mine, rule) })
			if !errors.Is(a.err, errGivenUp) {
				t.kept(input, own, a.err)
			}
		}
		if !errors.Is(a.err, errGivenUp) {
			ctx, cancel := context.WithTimeout(context.Background(), timelineWait)
			defer cancel()
			t.prune(ctx, input)
		}
	})
}

// proposed counts a proposal, and is its number.
func (t *timeline) proposed(input string) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.proposals == nil {
		t.proposals = map[string]uint64{}
	}
	t.proposals[input]++
	return t.proposals[input]
}

// agreeLater is agree for a store that was away, unless there is a newer proposal by now: that is the one which a
// restart needs, and which others have to agree with.
func (t *timeline) agreeLater(input string, own anchor.Anchor, mine uint64, rule func(agreement)) error {
	t.mu.Lock()
	newest := t.proposals[input]
	t.mu.Unlock()
	if newest != mine {
		return errGivenUp
	}
	a := t.agree(input, own)
	if a.err == nil {
		rule(a)
	}
	return a.err
}

// decide asks the store once.
func (t *timeline) decide(input string, own anchor.Anchor, rule func(agreement)) (a agreement) {
	asked := make(chan agreement, 1)
	go func() { asked <- t.agree(input, own) }()
	timer := time.NewTimer(agreeFor)
	defer timer.Stop()
	select {
	case a = <-asked:
	case <-timer.C:
		rule(agreement{anchor: own, err: errUndecided})
		if a = <-asked; errors.Is(a.err, store.ErrAway) {
			return a // what was told holds
		}
	}
	rule(a)
	return a
}

// agree stores an anchor under the first number that is free, or finds one that fits on the way there.
func (t *timeline) agree(input string, own anchor.Anchor) agreement {
	ctx, cancel := context.WithTimeout(context.Background(), timelineWait)
	defer cancel()
	for next := own; next.Gen < own.Gen+maxTaken; next.Gen++ {
		err := t.write(ctx, input, next, t.store.Create)
		if !errors.Is(err, store.ErrExists) {
			return settled(own, next.Gen, err)
		}
		first, err := t.anchor(ctx, input, next.Gen)
		switch {
		case errors.Is(err, errBroken), errors.Is(err, store.ErrNotFound):
			return settled(own, next.Gen, t.write(ctx, input, next, t.store.Put))
		case err != nil:
			return agreement{anchor: own, err: err}
		}
		if adopted, ok := own.Adopt(first); ok {
			return agreement{anchor: adopted, stored: next.Gen, others: first.PTS != own.PTS || first.Tick != own.Tick}
		}
	}
	return agreement{anchor: own, err: fmt.Errorf("%d numbers are in use by clocks that do not fit", maxTaken)}
}

// settled is the agreement on a pipeline's own anchor.
func settled(own anchor.Anchor, number int64, err error) agreement {
	if err != nil {
		number = 0
	}
	return agreement{anchor: own, stored: number, err: err}
}

// again is when the clock is to be proposed again: one that is away is asked until it answers, others are not.
func (a agreement) again(now tick.Tick) tick.Tick {
	if a.err == nil || errors.Is(a.err, store.ErrAway) || errors.Is(a.err, errUndecided) {
		return 0
	}
	return now + proposeAgain
}

// lock tells how a clock that is placed so stands to the store.
func (a agreement) lock() control.Lock {
	if a.err != nil {
		return control.Unlocked
	}
	return control.Locked
}
