package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/config"
	"onair/pipeline/drill"
	"onair/pipeline/fault"
)

type drillCmd struct {
	Plan  string        `arg:"" name:"PLAN.yaml" help:"Plan of the drill: see docs/drill.md." type:"path"`
	Check bool          `name:"check" help:"Read the plan, tell what is wrong with it, and what could be done to whom; touches nothing."`
	For   time.Duration `name:"for" placeholder:"1h" help:"Instead of for in the plan."`
	Seed  int           `name:"seed" default:"-1" placeholder:"N" help:"Instead of seed in the plan."`
	JSON  string        `name:"json" placeholder:"FILE" help:"Write the report there as JSON; - is the standard output."`
	HTML  string        `name:"html" placeholder:"FILE" help:"Write the report there as a page."`
}

// Run does the drill until its end, or until the context ends.
func (c *drillCmd) Run(e *env) error {
	logger, err := e.logger()
	if err != nil {
		return usage(err)
	}
	plan, err := config.LoadDrill(c.Plan, e.lookup)
	if err == nil && c.For < 0 {
		err = usage(fmt.Errorf("drill: --for %v is no time", c.For))
	}
	if err == nil {
		c.override(plan)
	}
	switch {
	case c.Check && err == nil:
		return describeDrill(e.stdout, e.stderr, plan)
	case err == nil:
		for _, w := range plan.Warnings {
			logger.Warn().Msg(w.String())
		}
		err = c.drill(e, plan, logger)
	}
	if c.Check || e.human() {
		return told(e.stderr, err)
	}
	return logged(logger, err)
}

// override takes what the command line says over the plan.
func (c *drillCmd) override(plan *config.Drill) {
	if c.For > 0 {
		plan.For = c.For
	}
	if c.Seed >= 0 {
		plan.Seed = c.Seed
	}
}

// drill does what the plan says, and reports.
func (c *drillCmd) drill(e *env, plan *config.Drill, logger zerolog.Logger) error {
	d, err := drill.New(drillConfig(plan, logger.With().Str("stage", "drill").Str("drill", plan.Name).Logger()))
	if err != nil {
		return usage(fmt.Errorf("drill: %w", err))
	}
	var files reportFiles
	if err := errors.Join(files.open(c.JSON), files.open(c.HTML)); err != nil { // not after an hour
		return errors.Join(usage(fmt.Errorf("drill: %w", err)), files.close())
	}
	report, err := d.Run(e.ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("drill: %w", err), files.close())
	}
	err = errors.Join(
		files.write(c.HTML, report.WriteHTML),
		files.write(c.JSON, func(w io.Writer) error { return e.encode(w, report) }),
		files.close(),
	)
	if err != nil {
		return errors.Join(fmt.Errorf("drill: the report: %w", err), report.WriteText(e.stdout))
	}
	return e.report(report, c.JSON == "-", report.OK)
}

// reportFiles are written at the end, and opened at the beginning.
type reportFiles map[string]*os.File

func (f *reportFiles) open(name string) error {
	if name == "" || name == "-" {
		return nil
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	if *f == nil {
		*f = reportFiles{}
	}
	(*f)[name] = file
	return nil
}

func (f reportFiles) write(name string, with func(io.Writer) error) error {
	if f[name] == nil {
		return nil
	}
	return with(f[name])
}

func (f reportFiles) close() (err error) {
	for _, file := range f {
		err = errors.Join(err, file.Close())
	}
	return err
}

// drillConfig is a plan as the drill wants it.
func drillConfig(plan *config.Drill, logger zerolog.Logger) drill.Config {
	out := drill.Config{
		Name: plan.Name, Settle: plan.Settle, Plan: drillPlan(plan), Log: logger,
		Limits: drill.Limits{
			Lost: plan.Limits.Lost, Pause: plan.Limits.Pause, Errors: int64(plan.Limits.Errors),
			Availability: plan.Limits.Availability.Part(),
		},
	}
	for _, t := range plan.Targets {
		out.Aims = append(out.Aims, drill.Aim{
			Name: t.Name, Ready: t.Ready, Whole: t.Whole, Target: drillTarget(t, logger.With().Str("target", t.Name).Logger()),
		})
	}
	for _, v := range plan.Viewers {
		out.Viewers = append(out.Viewers, drill.ViewerConfig{Name: v.Name, URL: v.URL, Count: v.Count})
	}
	return out
}

func drillPlan(plan *config.Drill) drill.Plan {
	const hundred = 100
	out := drill.Plan{
		Seed: uint64(plan.Seed), For: plan.For, Every: plan.Every, AtOnce: plan.AtOnce, //nolint:gosec // not negative
		Lasts: map[fault.Kind]drill.Span{},
		Amount: drill.Amount{
			Loss: float64(plan.Amount.Loss) / hundred, Delay: plan.Amount.Delay, Slow: int64(plan.Amount.Slow),
			Jump: plan.Amount.Jump, Rest: int64(plan.Amount.Rest),
		},
	}
	for _, t := range plan.Targets {
		one := drill.Target{Name: t.Name, Region: t.Region}
		for _, k := range t.Allow {
			one.Allow = append(one.Allow, fault.Kind(k))
			out.Lasts[fault.Kind(k)] = drill.Span(plan.Lasts.Of(k))
		}
		for _, l := range t.Relay.To {
			one.Legs = append(one.Legs, l.Name)
		}
		out.Targets = append(out.Targets, one)
	}
	for _, k := range plan.Keep {
		out.Keep = append(out.Keep, drill.Keep{Of: k.Of, Whole: k.Whole})
	}
	for _, s := range plan.Schedule {
		out.Schedule = append(out.Schedule, drill.Step{
			At: s.At, Fault: fault.Kind(s.Fault), Target: s.Target, Leg: s.Leg, For: drill.Span(s.For),
		})
	}
	return out
}

// drillTarget is a target as the plan describes it.
func drillTarget(t config.DrillTarget, logger zerolog.Logger) fault.Target {
	switch {
	case len(t.Start) > 0:
		c := fault.ProcessConfig{Args: t.Start, Dir: t.Dir, Log: t.Log, Restart: t.Restart, Logger: logger}
		for _, e := range t.Env {
			c.Env = append(c.Env, e.Reveal())
		}
		return fault.NewProcess(c)
	case t.PidFile != "":
		return fault.NewGiven(t.PidFile, t.Program)
	case t.Container != "":
		return fault.NewContainer(t.Engine, t.Container)
	case t.Relay.Listen != "":
		c := fault.RelayConfig{Listen: t.Relay.Listen, Logger: logger}
		for _, l := range t.Relay.To {
			c.To = append(c.To, fault.LegConfig(l))
		}
		return fault.NewRelay(c)
	case t.Proxy.Listen != "":
		return fault.NewProxy(fault.ProxyConfig{Listen: t.Proxy.Listen, To: t.Proxy.To, Logger: logger})
	}
	return fault.NewDisk(filepath.Clean(t.Disk))
}
