package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"onair/pipeline/config"
	"onair/pipeline/control"
	"onair/pipeline/origin"
	"onair/pipeline/publish"
	"onair/pkg/presentation"
	"onair/pkg/store"
	"onair/pkg/tick"
)

// output is one store that the channel is published to.
type output struct {
	cfg       config.Store
	store     store.Store
	publisher *publish.Publisher // nil before the channel is on air
	end       func()             // ends the publisher and waits for it; guarded by Channel.reloading
	unlock    func()             // lets another process publish there; may be called again
	err       error              // how it ended; written before end returns
}

// outputs are those that there are now. Viewers are served from the first one, which never changes.
func (c *Channel) outputs() []*output { return *c.outs.Load() }

// run publishes until ctx ends.
func (o *output) run(ctx context.Context) error {
	o.err = o.publisher.Run(ctx)
	return o.err
}

// outputStatus is what is known of an output.
type outputStatus struct {
	publish.Status
	late int // objects that are served from memory only
}

// status is what the publisher tells, and the memory that is before the store which viewers are served from.
func (o *output) status() outputStatus {
	st := outputStatus{Status: o.publisher.Status()}
	if edge, ok := o.store.(*origin.Edge); ok {
		es := edge.Stats()
		st.Errors += es.Errors
		st.Untaken += es.Lost
		st.late = es.Late
		if es.LastError != "" {
			st.LastError = es.LastError
		}
	}
	return st
}

// openOutputs opens the stores that the channel begins with.
func (c *Channel) openOutputs() error {
	list := make([]*output, 0, len(c.file.Outputs))
	for _, cfg := range c.file.Outputs {
		o, err := c.openOutput(cfg)
		if err != nil {
			unlockOthers(list, nil)
			return fmt.Errorf("channel %s: output: %w", c.file.Name, err)
		}
		list = append(list, o)
	}
	edge, err := origin.NewEdge(origin.EdgeConfig{Store: list[0].store, Shared: list[0].cfg.Shared})
	if err != nil {
		return err
	}
	c.edge, list[0].store = edge, edge
	c.outs.Store(&list)
	return nil
}

// openStore opens what a file names. Whether a bucket or an HTTP origin can be had is
// known when it is first asked.
func openStore(cfg config.Store) (store.Store, error) {
	switch {
	case cfg.HTTP != "":
		place, err := cfg.Origin()
		if err != nil {
			return nil, err
		}
		if cfg.CMAF {
			return store.NewCMAF(place)
		}
		return store.NewHTTP(place)
	case cfg.S3 == "":
		return store.NewDir(store.DirConfig{Path: cfg.Dir})
	}
	place, err := store.ParseS3(cfg.S3)
	if err != nil {
		return nil, err
	}
	return store.NewS3(place)
}

// openOutput opens a store and keeps other processes from publishing the channel there, where it can be locked.
func (c *Channel) openOutput(cfg config.Store) (*output, error) {
	st, err := openStore(cfg)
	if err != nil {
		return nil, err
	}
	o := &output{cfg: cfg, store: st, unlock: func() {}}
	if dir, ok := st.(*store.Dir); ok {
		o.unlock, err = c.lock(dir)
	} else if cfg.Shared {
		err = c.checkShared(st)
	}
	return o, err
}

// checkShared tries whether two pipelines can publish to a store. One that is away is only told: then it is known when
// they do.
func (c *Channel) checkShared(st store.Store) error {
	ctx, cancel := context.WithTimeout(context.Background(), timelineWait)
	defer cancel()
	swapper, ok := st.(store.Swapper)
	if !ok {
		return fmt.Errorf("store %s cannot be shared: nothing can be replaced there on a condition", st)
	}
	err := store.CheckCreate(ctx, st, c.file.Name)
	if err == nil {
		err = store.CheckSwap(ctx, swapper, c.file.Name)
	}
	switch {
	case errors.Is(err, store.ErrNotExclusive), errors.Is(err, store.ErrNotSwapped):
		return fmt.Errorf("%w: two pipelines cannot share it, use another server or take shared away", err)
	case err != nil:
		c.events.add("publish", "warning", fmt.Sprintf("whether store %s can be shared is not known: %v", st, err))
	}
	return nil
}

// lock keeps other processes from publishing the channel to a folder.
func (c *Channel) lock(dir *store.Dir) (unlock func(), err error) {
	unlock, err = dir.Lock(c.file.Name)
	switch {
	case errors.Is(err, store.ErrLocked):
		return nil, fmt.Errorf("store folder %s: another onair publishes channel %s there: end that one, or give one of "+
			"the two another dir or another channel name", dir, c.file.Name)
	case errors.Is(err, store.ErrNoLocks):
		c.events.add("publish", "warning", fmt.Sprintf("store %s: %v: nothing keeps a second onair from publishing "+
			"channel %s there", dir, err, c.file.Name))
		return func() {}, nil
	}
	return unlock, err
}

// unlockOthers gives up the stores of list that are not in kept.
func unlockOthers(list, kept []*output) {
	for _, o := range list {
		if !slices.Contains(kept, o) {
			o.unlock()
		}
	}
}

// closeOutputs gives up all stores: the channel has ended.
func (c *Channel) closeOutputs() {
	c.reloading.Lock()
	defer c.reloading.Unlock()
	unlockOthers(c.outputs(), nil)
}

// withPublishers gives the outputs publishers that know the ladder.
func (c *Channel) withPublishers(grid tick.Grid, audio tick.Audio, tracks []presentation.Track) ([]*output, error) {
	var list []*output
	for _, o := range c.outputs() {
		p, err := c.newPublisher(o.store, o.cfg.Shared, grid, audio, tracks)
		if err != nil {
			return nil, err
		}
		list = append(list, &output{cfg: o.cfg, store: o.store, publisher: p, unlock: o.unlock})
	}
	return list, nil
}

func (c *Channel) newPublisher(
	st store.Store, shared bool, grid tick.Grid, audio tick.Audio, tracks []presentation.Track,
) (*publish.Publisher, error) {
	p, err := publish.New(publish.Config{
		Store: st, Shared: shared, Log: c.log.With().Str("stage", "publish").Str("store", st.String()).Logger(), Now: c.now,
		Event: func(level, message string) {
			c.events.put(control.Event{Level: control.Level(level), Stage: "publish", Code: codeStore, Message: message})
		},
		Late: publishLate,
		Presentation: presentation.Config{
			Channel: c.file.Name, Grid: grid, Audio: audio, Window: tick.FromDuration(c.latest.Load().Window), Tracks: tracks,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("channel %s: store %s: %w", c.file.Name, st, err)
	}
	return p, nil
}

// openAdded opens the stores of a newer reading of the file that the channel has not yet, or says why it cannot be. The
// caller holds reloading.
func (c *Channel) openAdded(next *config.Channel) (list []*output, problems config.Problems) {
	for i, cfg := range next.Outputs {
		at := slices.IndexFunc(c.outputs(), func(o *output) bool { return o.cfg.Same(cfg) })
		if at >= 0 && c.outputs()[at].cfg.Shared != cfg.Shared {
			problems = append(problems, next.Refuse(fmt.Sprintf("outputs[%d].shared", i), "needs a restart"))
			continue
		}
		if at >= 0 {
			list = append(list, c.outputs()[at])
			continue
		}
		o, err := c.openOutput(cfg)
		if err != nil {
			problems = append(problems, next.Refuse(fmt.Sprintf("outputs[%d]", i), err.Error()))
			continue
		}
		list = append(list, o)
	}
	return list, problems
}

// changeOutputs publishes to other stores from the next segment on. What was given to one that is gone is written, and
// its playlists stay as they are then. The caller holds reloading.
func (c *Channel) changeOutputs(list []*output) {
	was := c.outputs()
	if slices.Equal(was, list) {
		return
	}
	air := c.air.Load()
	switch {
	case air == nil: // they get publishers when it goes on air
		unlockOthers(was, list)
		c.outs.Store(&list)
		return
	case air.publish == nil: // the channel ends: what is read of an output needs its publisher
		unlockOthers(list, was)
		return
	}
	gone := slices.DeleteFunc(slices.Clone(was), func(o *output) bool { return slices.Contains(list, o) })
	for _, o := range gone {
		air.assembly.leave(o.publisher)
		o.end()
		o.unlock()
		c.tellOutput(o, "no more published to")
	}
	kept := make([]*output, 0, len(list))
	for _, o := range list {
		if o.publisher != nil {
			kept = append(kept, o)
			continue
		}
		var err error
		o.publisher, err = air.assembly.join(func(tracks []presentation.Track) (*publish.Publisher, error) {
			return c.newPublisher(o.store, o.cfg.Shared, air.grid, air.audio, tracks)
		})
		if err != nil { // the others have been made in the same way: it cannot be
			c.events.add("reload", "error", err.Error())
			o.unlock()
			continue
		}
		air.publish(o)
		kept = append(kept, o)
		c.tellOutput(o, "published to from the next segment on")
	}
	c.outs.Store(&kept)
}

func (c *Channel) tellOutput(o *output, how string) {
	c.events.put(control.Event{Level: control.Info, Stage: "reload", Code: codeApplied,
		Message: fmt.Sprintf("output %s: %s", o.store, how)})
}

// drainTime is how long the end of a channel waits for a store that lacks what was served from memory.
const drainTime = 5 * time.Second

// endOutputs waits for the publishers, which have been told to end, and lets no more come.
func (c *Channel) endOutputs(air *onAir) error {
	c.reloading.Lock()
	defer c.reloading.Unlock()
	air.publish = nil
	var err error
	for _, o := range c.outputs() {
		o.end()
		err = errors.Join(err, o.err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	return errors.Join(err, c.edge.Drain(ctx))
}
