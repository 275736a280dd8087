// Package drill makes failures on purpose while viewers watch, and tells what they noticed.
package drill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/fault"
	"onair/pipeline/viewer"
)

// ViewerConfig are viewers of one address.
type ViewerConfig struct {
	Name  string
	URL   string
	Count int
}

// Aim is a target with what the drill has to know of it beside the plan.
type Aim struct {
	Name   string
	Target fault.Target
	Ready  string        // address that answers 200 where it is whole; empty: nobody tells
	Whole  time.Duration // it is not whole before so long after a fault
}

// Config says what to do, to whom, while who watches.
type Config struct {
	Name    string
	Plan    Plan
	Settle  time.Duration // how long it may take until everything is whole at first
	Aims    []Aim         // in the order of Plan.Targets
	Viewers []ViewerConfig
	Limits  Limits
	Log     zerolog.Logger
}

// Drill is one drill.
type Drill struct {
	cfg     Config
	health  *health
	viewers []*viewer.Viewer
	record  *recorder
}

// New makes a drill. It touches nothing.
func New(cfg Config) (*Drill, error) {
	d := &Drill{cfg: cfg, health: newHealth(cfg.Aims), record: newRecorder()}
	for _, c := range cfg.Viewers {
		for i := range c.Count {
			name := c.Name
			if c.Count > 1 {
				name = fmt.Sprintf("%s-%d", c.Name, i+1)
			}
			v, err := viewer.New(viewer.Config{Name: name, URL: c.URL, Suffer: d.record.suffer})
			if err != nil {
				return nil, fmt.Errorf("viewer %s: %w", c.Name, err)
			}
			d.viewers = append(d.viewers, v)
		}
	}
	return d, nil
}

// Run does the drill: to its end, or until ctx ends. When it returns, everything is undone. An error says that there
// was no drill, as not everything was whole before.
func (d *Drill) Run(ctx context.Context) (Report, error) {
	defer d.stop()
	if err := d.start(ctx); err != nil {
		return Report{}, err
	}
	watching, leave := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer leave()
	wg.Go(func() { d.health.watch(watching) })
	for _, v := range d.viewers {
		wg.Go(func() { _ = v.Run(watching) })
	}
	if err := d.settle(ctx); err != nil {
		return Report{}, err
	}
	began := time.Now()
	d.record.begin(began, d.segment())
	for _, v := range d.viewers {
		v.Begin(began)
	}
	d.cfg.Log.Info().Stringer("for", d.cfg.Plan.For).Int("viewers", len(d.viewers)).
		Msg("everything is whole, the drill begins")
	inside, end := context.WithDeadline(ctx, began.Add(d.cfg.Plan.For))
	defer end()
	d.harm(inside, began)
	now := time.Now()
	var seen []viewer.Totals
	for _, v := range d.viewers {
		seen = append(seen, v.Totals(now))
	}
	return d.report(began, now, seen), nil
}

// start starts the targets. Where one cannot be, nothing is harmed.
func (d *Drill) start(ctx context.Context) error {
	for i, a := range d.cfg.Aims {
		if err := a.Target.Start(ctx); err != nil {
			d.cfg.Aims = d.cfg.Aims[:i] // those that are to be stopped
			return fmt.Errorf("target %s: %w: nothing was done to anybody", a.Name, err)
		}
		d.cfg.Log.Info().Str("target", a.Name).Msg("target is there")
	}
	return nil
}

// stop stops what was started, all at a time.
func (d *Drill) stop() {
	var wg sync.WaitGroup
	for _, a := range d.cfg.Aims {
		wg.Go(a.Target.Stop)
	}
	wg.Wait()
}

// settle waits until all targets are ready and all viewers play.
func (d *Drill) settle(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, d.cfg.Settle)
	defer cancel()
	for {
		missing := d.missing()
		if len(missing) == 0 {
			return nil
		}
		select {
		case <-within.Done():
		case <-time.After(look):
			continue
		}
		if ctx.Err() != nil {
			return errors.New("ended before the drill began: nothing was done to anybody")
		}
		return fmt.Errorf("not everything is whole within settle, %v: %s: nothing was done to anybody", d.cfg.Settle,
			strings.Join(missing, "; "))
	}
}

// look is how long to wait before what is waited for is looked at again.
const look = 200 * time.Millisecond

// missing says what is not whole.
func (d *Drill) missing() (out []string) {
	now := time.Now()
	for _, a := range d.cfg.Aims {
		if ok, why := d.health.whole(a.Name, now); !ok {
			out = append(out, a.Name+" "+why)
		}
	}
	for _, v := range d.viewers {
		if !v.Playing() {
			out = append(out, v.Name()+" does not play")
		}
	}
	return out
}

// segment is the longest of a segment that a viewer has seen.
func (d *Drill) segment() (longest time.Duration) {
	for _, v := range d.viewers {
		longest = max(longest, v.Segment())
	}
	return longest
}

// harm does one fault after the other, and waits until the last one is undone.
func (d *Drill) harm(ctx context.Context, began time.Time) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for n := 0; ; n++ {
		at, more := d.cfg.Plan.At(n)
		if !more {
			break
		}
		if wait(ctx, time.Until(began.Add(at))) {
			return
		}
		a, why := d.decide(ctx, n)
		if ctx.Err() != nil && why != "" && d.cfg.Plan.Every > 0 {
			return
		}
		r := d.record.chosen(a, time.Now(), why)
		log := d.cfg.Log.With().Str("fault", r.Fault).Str("target", r.Target).Logger()
		if why != "" {
			log.Warn().Str("why", why).Msg("fault left out")
			continue
		}
		log.Info().Stringer("for", a.Fault.For).Msg("fault begins")
		d.health.begin(a.Targets)
		wg.Go(func() {
			said, err := d.do(ctx, a)
			d.health.end(a.Targets, time.Now())
			d.record.over(r, time.Now(), said, err)
			if err != nil {
				log.Error().Err(err).Msg("fault could not be done")
				return
			}
			log.Info().Str("done", said).Msg("fault is over")
			d.record.wholeAgain(r, d.awaitWhole(ctx, a.Targets))
		})
	}
	<-ctx.Done()
}

// decide chooses the n-th fault. One of a schedule waits until it may be done.
func (d *Drill) decide(ctx context.Context, n int) (Action, string) {
	for {
		a, why := d.cfg.Plan.Choose(n, d.health.world(time.Now()))
		if why == "" || d.cfg.Plan.Every > 0 || wait(ctx, look) {
			return a, why
		}
	}
}

// do does a fault to all whom it is for, at the same time.
func (d *Drill) do(ctx context.Context, a Action) (string, error) {
	said := make([]string, len(a.Targets))
	failed := make([]error, len(a.Targets))
	var wg sync.WaitGroup
	for i, name := range a.Targets {
		at := slices.IndexFunc(d.cfg.Aims, func(x Aim) bool { return x.Name == name })
		wg.Go(func() { said[i], failed[i] = d.cfg.Aims[at].Target.Do(ctx, a.Fault) })
	}
	wg.Wait()
	said = slices.DeleteFunc(said, func(s string) bool { return s == "" })
	return strings.Join(said, "; "), errors.Join(failed...)
}

// awaitWhole waits until targets are whole again; zero: they were not to the end.
func (d *Drill) awaitWhole(ctx context.Context, names []string) time.Time {
	for {
		now := time.Now()
		if !slices.ContainsFunc(names, func(name string) bool { ok, _ := d.health.whole(name, now); return !ok }) {
			return now
		}
		if wait(ctx, look) {
			return time.Time{}
		}
	}
}

func wait(ctx context.Context, d time.Duration) (ended bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return true
	case <-timer.C:
		return ctx.Err() != nil
	}
}
