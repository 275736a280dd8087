package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"onair/pipeline/ingest"
	"onair/pipeline/probe"
	"onair/pkg/leg"
	"onair/pkg/tick"
)

type probeCmd struct {
	Source string        `arg:"" name:"source" help:"A TS file, or a URL: rtp://, udp://, srt://."`
	For    time.Duration `name:"for" placeholder:"10s" help:"How long; not given: 10s of a URL, all of a file."`
	JSON   bool          `name:"json" help:"Print the report as JSON."`
}

// Run implements the verb.
func (c *probeCmd) Run(e *env) error {
	if c.For < 0 {
		return usage(fmt.Errorf("probe: --for %v is negative", c.For))
	}
	analyse := c.file
	if strings.Contains(c.Source, "://") {
		analyse = c.url
	}
	report, err := analyse(e)
	if err != nil {
		return typed("probe", err)
	}
	return e.report(report, c.JSON, report.Clean)
}

func (c *probeCmd) file(e *env) (probe.Report, error) {
	f, err := os.Open(c.Source)
	if err != nil {
		return probe.Report{}, err
	}
	defer f.Close() //nolint:errcheck // only read from
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return probe.Report{}, errors.Join(fmt.Errorf("%s is not a file", c.Source), err)
	}
	return probe.File(e.ctx, f, filepath.Base(c.Source), tick.FromDuration(c.For))
}

func (c *probeCmd) url(e *env) (probe.Report, error) {
	u, err := leg.Parse(c.Source)
	if err != nil {
		return probe.Report{}, err
	}
	log, err := e.logger()
	if err != nil {
		return probe.Report{}, err
	}
	now := func() tick.Tick { return tick.FromTime(time.Now()) }
	a := probe.New(u.String())
	in, err := ingest.NewInput(ingest.InputConfig{Name: "probe", Legs: []leg.URL{u}, Log: log, Now: now}, a)
	if err != nil {
		return probe.Report{}, err
	}
	return probe.Live(e.ctx, probed{in, now, u.Scheme == leg.SRT && u.Mode == leg.Caller}, a, c.For, now)
}

// probed is an input as the probe wants to see it.
type probed struct {
	input *ingest.Input
	now   func() tick.Tick
	calls bool // it connects, rather than waits to be sent to
}

// Run implements probe.Source.
func (p probed) Run(ctx context.Context) error { return p.input.Run(ctx) }

// Failure implements probe.Source.
func (p probed) Failure() string {
	for _, l := range p.input.Stats(p.now()).Legs {
		if l.State == ingest.Failed {
			return l.Error
		}
		if p.calls && l.Connects == 0 {
			return "no connection in the time given (--for)"
		}
	}
	return ""
}
