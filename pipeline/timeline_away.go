package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"onair/pkg/store"
)

// away is how a timeline bears that its store on a network is.
type away struct {
	wait  time.Duration // longest that a channel's start waits for it
	pause time.Duration // between two tries
}

var usualAway = away{wait: 10 * time.Second, pause: time.Second}

// check tries whether pipelines can agree in the store. One that is away is only told.
func (t *timeline) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, timelineWait)
	defer cancel()
	err := t.checkStore(ctx)
	if errors.Is(err, store.ErrAway) {
		t.event("warning", fmt.Sprintf("the store of the timeline cannot be asked: %v", err))
		return nil
	}
	return err
}

// checkStore tells what keeps pipelines from agreeing in the store: of two who create an anchor one must win, and a
// pipeline that starts must find the anchors that there are.
func (t *timeline) checkStore(ctx context.Context) error {
	if err := store.CheckCreate(ctx, t.store, t.channel); err != nil {
		return err
	}
	if _, err := t.store.List(ctx, path.Join(t.channel, "anchors")+"/"); errors.Is(err, store.ErrNoList) {
		return fmt.Errorf("the timeline cannot be kept there: give it a store of its own: %w", err)
	}
	return nil
}

// storedGrid is grid, and waits for a store that is away. One that stays away must not keep the channel off air: ok is
// false then, as if there were none.
func (t *timeline) storedGrid(ctx context.Context) (f gridFile, ok bool, err error) {
	waiting, cancel := context.WithTimeout(ctx, t.away.wait)
	defer cancel()
	for {
		f, ok, err = t.grid(ctx)
		if err == nil || !errors.Is(err, store.ErrAway) || ctx.Err() != nil {
			return f, ok, err
		}
		if pause(waiting, t.away.pause); waiting.Err() != nil {
			t.event("warning", fmt.Sprintf("going on air without the stored grid: %v", err))
			return f, false, nil
		}
	}
}

// insist tries again until the store is no longer away, or the channel ends.
func (t *timeline) insist(try func() error) error {
	tick := time.NewTicker(t.away.pause)
	defer tick.Stop()
	for {
		select {
		case <-t.over:
			return errGivenUp
		case <-tick.C:
		}
		if err := try(); !errors.Is(err, store.ErrAway) {
			return err
		}
	}
}

// errGivenUp ends what is tried again: the channel has ended, or nobody needs it any more.
var errGivenUp = errors.New("given up")

// storeLater stores the grid that the channel is on air with when the store can be asked again.
func (t *timeline) storeLater(f gridFile) {
	var made gridFile
	err := t.insist(func() (err error) {
		ctx, cancel := context.WithTimeout(context.Background(), timelineWait)
		defer cancel()
		if err = t.checkStore(ctx); err == nil {
			made, err = t.makeGridOnce(ctx, f)
		}
		return err
	})
	switch {
	case errors.Is(err, errGivenUp):
	case err != nil:
		t.event("error", fmt.Sprintf("the grid is not stored, a restart may choose another: %v", err))
	case !made.same(f):
		t.event("error", fmt.Sprintf("%s in %s is of another grid than this channel is on air with: restart it to take "+
			"that one, or remove the file and restart the others", t.gridName(), t.store))
	default:
		t.event("info", "the grid is stored, after the store was away")
	}
}

// end waits for what is being stored.
func (t *timeline) end() {
	close(t.over)
	t.wg.Wait()
}
