package pipeline

import (
	"context"
	"errors"
	"testing"

	"onair/pipeline/control"
	"onair/pkg/anchor"
	"onair/pkg/store"
	"onair/pkg/tick"
)

// fullDisk takes nothing new while it is full.
type fullDisk struct {
	store.Store
	full bool
}

func (f *fullDisk) Create(ctx context.Context, o store.Object) error {
	if f.full {
		return errors.New("no space left")
	}
	return f.Store.Create(ctx, o)
}

// TestAClockThatTheStoreDidNotTakeIsProposedAgain, a minute later, until it is there: others count on it.
func TestAClockThatTheStoreDidNotTakeIsProposedAgain(t *testing.T) {
	t.Parallel()
	disk := &fullDisk{store.NewMemory(), true}
	tl, _ := newTimeline(disk)
	now := 5000 * tick.Second
	c := &Channel{timeline: tl, now: func() tick.Tick { return now }}
	in := &input{name: "main", table: anchor.NewTable()}
	own := anchor.Anchor{Gen: 1, PTS: 7, Tick: 1000 * tick.Second}
	in.table.Open(own.Gen)
	look := func() lock {
		c.proposeAnew(in, in.lock, own)
		tl.wg.Wait()
		return in.lock
	}
	tl.propose("main", own, func(g agreement) { c.ruled(in, own, g, true) })
	tl.wg.Wait()
	if in.lock.state != control.Unlocked || in.lock.number != 0 || in.lock.again != now+proposeAgain {
		t.Fatalf("%+v", in.lock)
	}
	disk.full = false
	if l := look(); l.number != 0 {
		t.Errorf("at once: %+v", l)
	}
	disk.full = true
	now += proposeAgain
	if l := look(); l.number != 0 || l.again != now+proposeAgain {
		t.Errorf("in vain: %+v", l)
	}
	disk.full = false
	now += proposeAgain
	if l := look(); l.state != control.Locked || l.number != 1 || l.again != 0 {
		t.Errorf("at last: %+v", l)
	}
}
