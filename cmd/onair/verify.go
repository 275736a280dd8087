package main

import (
	"errors"
	"fmt"
	"time"

	"onair/pipeline/verify"
)

type verifyCmd struct {
	Targets []string      `arg:"" name:"target" help:"URL of a channel (its folder, index.m3u8 or manifest.mpd), or a folder on disk; two of them with --twin."`
	For     time.Duration `name:"for" default:"60s" help:"How long to watch a URL. A folder is checked as it stands."`
	Twin    bool          `name:"twin" help:"Compare the outputs of two pipelines of one channel, A and B: is each segment of one interchangeable with that of the other? Decodes them in turns if FFmpeg is installed."`
	JSON    bool          `name:"json" help:"Print the report as JSON."`
}

// Run implements the verb.
func (c *verifyCmd) Run(e *env) error {
	if c.For <= 0 {
		return usage(fmt.Errorf("verify: --for %v is no time", c.For))
	}
	if c.Twin {
		return c.twins(e)
	}
	if len(c.Targets) != 1 {
		return usage(fmt.Errorf("verify: %d targets; name one, or two pipelines of one channel with --twin", len(c.Targets)))
	}
	viewer, err := verify.New(verify.Config{Target: c.Targets[0], For: c.For})
	if err != nil {
		return usage(fmt.Errorf("verify: %w", err))
	}
	report, err := viewer.Run(e.ctx)
	if err != nil {
		return usage(fmt.Errorf("verify: %w", err))
	}
	return e.report(report, c.JSON, report.OK)
}

func (c *verifyCmd) twins(e *env) error {
	if len(c.Targets) != 2 {
		return usage(errors.New("verify: --twin compares two outputs, A and B: name both"))
	}
	twins, err := verify.NewTwins(verify.TwinConfig{A: c.Targets[0], B: c.Targets[1], For: c.For})
	if err != nil {
		return usage(fmt.Errorf("verify: %w", err))
	}
	report, err := twins.Run(e.ctx)
	if err != nil {
		return usage(fmt.Errorf("verify: %w", err))
	}
	return e.report(report, c.JSON, report.OK)
}
