package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"onair/pipeline/config"
	"onair/pipeline/control"
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
	endInput, endLegs func()
	onGrid            bool      // its programme knows the channel's grid
	since             time.Time // when it was said that it is to be left; zero: it is not
}

// tend runs the inputs until ctx ends: those of the newest reading of the file. One that is no longer in there, or has
// other legs or another programme, is left first if another can be shown.
func (c *Channel) tend(ctx context.Context) error {
	at := map[*input]*tended{}
	defer func() {
		for _, t := range at {
			t.endLegs()
			t.endInput()
		}
	}()
	for _, in := range c.inputs() {
		at[in] = c.startInput(ctx, in)
	}
	timer := time.NewTicker(tendEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
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
func (c *Channel) arrange(ctx context.Context, at map[*input]*tended) bool {
	want := c.latest.Load()
	list := make([]*input, 0, len(want.Inputs))
	for _, cfg := range want.Inputs {
		i := slices.IndexFunc(c.inputs(), func(in *input) bool { return in.name == cfg.Name })
		if i >= 0 {
			c.renew(ctx, c.inputs()[i], at[c.inputs()[i]], cfg)
			list = append(list, c.inputs()[i])
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
		if slices.Contains(list, in) {
			continue
		}
		if !c.left(in, at[in]) && !c.inTheWay(in, list) {
			list = append(list, in)
			continue
		}
		at[in].endLegs()
		at[in].endInput()
		delete(at, in)
		c.tellInput(in, "removed")
	}
	if slices.Equal(list, c.inputs()) {
		return false
	}
	c.list.Store(&list)
	return true
}

// renew gives an input what the file says of it now.
func (c *Channel) renew(ctx context.Context, in *input, t *tended, cfg config.Input) {
	legs, programme := !in.cfg.SameLegs(cfg), in.cfg.Program != cfg.Program
	if (legs || programme) && !c.left(in, t) && c.another(in) {
		return
	}
	if legs {
		legs, err := c.newLegs(in, cfg)
		if err != nil {
			return // the file was checked: it cannot be
		}
		t.endLegs()
		in.legs.Store(legs)
		t.endLegs = start(ctx, legs.Run)
		c.tellInput(in, "received anew")
	} else if !in.cfg.SameSenders(cfg) {
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

// inTheWay tells whether an input that is to go, but cannot be left, has a socket that others of the list wait for.
func (c *Channel) inTheWay(in *input, list []*input) bool {
	return !c.another(in) && slices.ContainsFunc(list, func(other *input) bool { return in.cfg.Clashes(other.cfg) })
}

func (c *Channel) tellInput(in *input, what string) {
	c.events.put(control.Event{
		Level: control.Info, Stage: "reload", Input: in.name, Code: codeApplied,
		Message: fmt.Sprintf("input %s is %s", in.name, what),
	})
}
