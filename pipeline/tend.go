package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"onair/pipeline/config"
	"onair/pipeline/control"
	"onair/pkg/beat"
	"onair/pkg/selector"
)

const (
	tendEvery = 100 * time.Millisecond // how often inputs are held against the newest reading of the file
	known     = 250 * time.Millisecond // after which the encoder has seen that an input is to be left
)

// inputs are those that there are now, in order of preference.
func (c *Channel) inputs() []*input { return *c.list.Load() }

// start runs f until the function that it returns is called, which waits for its end.
func start(ctx context.Context, f func(context.Context) error) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = f(ctx) // these end with their context alone
	}()
	return func() {
		cancel()
		<-done
	}
}

// tended is an input at work.
type tended struct {
	endInput func()
	endLegs  func()    // nil: they are closed
	onGrid   bool      // its programme knows the channel's grid
	since    time.Time // when it was said that it is to be left; zero: it is not
}

// tend runs the inputs until ctx ends: those of the newest reading of the file. One that is no longer in there, or has
// other legs or another programme, is left first if another can be shown.
func (c *Channel) tend(ctx context.Context) error {
	at := map[*input]*tended{}
	defer func() {
		for _, t := range at {
			t.close()
			t.endInput()
		}
	}()
	for _, in := range c.inputs() {
		at[in] = c.startInput(ctx, in)
	}
	timer := beat.NewTicker(tendEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.Next():
		}
		if c.arrange(ctx, at) {
			c.reloading.Lock()
			c.settle()
			c.reloading.Unlock()
		}
		c.putOnGrid(at)
	}
}

// putOnGrid has inputs that came after the channel went on air anchored to its grid.
func (c *Channel) putOnGrid(at map[*input]*tended) {
	air := c.air.Load()
	for in, t := range at {
		if air != nil && !t.onGrid {
			in.programme.SetGrid(slotOf(air.grid, air.audio))
			t.onGrid = true
		}
	}
}

func (c *Channel) startInput(ctx context.Context, in *input) *tended {
	return &tended{endInput: start(ctx, in.run), endLegs: start(ctx, in.legs.Load().Run)}
}

// arrange makes the inputs what the file says, as far as that can be done now; it tells whether the list has changed.
// Sockets that are no longer wanted are closed before others are opened, which may be at the same address.
func (c *Channel) arrange(ctx context.Context, at map[*input]*tended) bool {
	want := c.latest.Load()
	c.makeWay(want, at)
	list := make([]*input, 0, len(want.Inputs))
	for _, cfg := range want.Inputs {
		i := slices.IndexFunc(c.inputs(), func(in *input) bool { return in.name == cfg.Name })
		if i >= 0 {
			c.renew(ctx, c.inputs()[i], at, cfg)
			list = append(list, c.inputs()[i])
			continue
		}
		if occupied(cfg, at) {
			continue
		}
		in, err := c.newInput(cfg)
		if err != nil {
			continue // the file was checked: it cannot be
		}
		at[in] = c.startInput(ctx, in)
		list = append(list, in)
	}
	for _, in := range c.inputs() {
		if at[in] != nil && !slices.Contains(list, in) { // it cannot go yet
			list = append(list, in)
		}
	}
	if slices.Equal(list, c.inputs()) {
		return false
	}
	c.list.Store(&list)
	return true
}

// makeWay closes inputs that are to go, and legs that are to be others, once each can be left.
func (c *Channel) makeWay(want *config.Channel, at map[*input]*tended) {
	for _, in := range c.inputs() {
		t := at[in]
		i := slices.IndexFunc(want.Inputs, func(cfg config.Input) bool { return cfg.Name == in.name })
		switch {
		case i >= 0 && in.cfg.SameLegs(want.Inputs[i]):
		case i >= 0 && (c.left(in, t) || !c.another(in)):
			t.close()
		case i < 0 && (c.left(in, t) || c.inTheWay(in, want.Inputs)):
			t.close()
			t.endInput()
			delete(at, in)
			c.tellInput(in, "removed")
		}
	}
}

// close ends the legs of an input.
func (t *tended) close() {
	if t.endLegs != nil {
		t.endLegs()
	}
	t.endLegs = nil
}

// occupied tells whether an input has to wait for a socket that one at work still has.
func occupied(cfg config.Input, at map[*input]*tended) bool {
	for in, t := range at {
		if t.endLegs != nil && in.cfg.Clashes(cfg) {
			return true
		}
	}
	return false
}

// renew gives an input what the file says of it now.
func (c *Channel) renew(ctx context.Context, in *input, at map[*input]*tended, cfg config.Input) {
	t := at[in]
	legs, programme := t.endLegs == nil || !in.cfg.SameLegs(cfg), in.cfg.Program != cfg.Program
	if programme && !legs && !c.left(in, t) && c.another(in) {
		return
	}
	if legs && !c.reopen(ctx, in, at, cfg) {
		return
	}
	if !legs && !in.cfg.SameSenders(cfg) {
		in.legs.Load().Allow(cfg.Allow)
	}
	if programme {
		in.programme.Choose(uint16(cfg.Program))
		c.tellInput(in, "read for another programme")
	}
	in.prober.Choose(cfg.Tracks())
	in.cfg, t.since = cfg, time.Time{}
	in.leaving.Store(false)
	in.watched.Store(c.latest.Load().Watched(cfg))
}

// reopen gives an input other legs, if those that it had are closed and nobody has their sockets.
func (c *Channel) reopen(ctx context.Context, in *input, at map[*input]*tended, cfg config.Input) bool {
	if at[in].endLegs != nil || occupied(cfg, at) {
		return false
	}
	legs, err := c.newLegs(in, cfg)
	if err != nil {
		return false // the file was checked: it cannot be
	}
	in.legs.Store(legs)
	at[in].endLegs = start(ctx, legs.Run)
	c.tellInput(in, "received anew")
	return true
}

// left says that an input is to be left, and tells whether it is.
func (c *Channel) left(in *input, t *tended) bool {
	if t.since.IsZero() {
		t.since = time.Now()
		in.leaving.Store(true)
	}
	air := c.air.Load()
	return air == nil || time.Since(t.since) > known && !air.encoder.Uses(in.name)
}

// another tells whether there is an input that could be shown in place of one.
func (c *Channel) another(than *input) bool {
	return slices.ContainsFunc(c.inputs(), func(in *input) bool {
		_, ok := in.prober.Source()
		return in != than && ok && !in.leaving.Load() && in.prober.Silent(c.now()) <= selector.Settle
	})
}

// inTheWay tells whether an input that is to go, but cannot be left, has a socket that one of those to come waits for.
func (c *Channel) inTheWay(in *input, want []config.Input) bool {
	return !c.another(in) && slices.ContainsFunc(want, in.cfg.Clashes)
}

func (c *Channel) tellInput(in *input, what string) {
	c.events.put(control.Event{
		Level: control.Info, Stage: "reload", Input: in.name, Code: codeApplied,
		Message: fmt.Sprintf("input %s is %s", in.name, what),
	})
}
