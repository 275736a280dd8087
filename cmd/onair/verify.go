package main

import (
	"fmt"
	"time"

	"onair/pipeline/verify"
)

type verifyCmd struct {
	Target string        `arg:"" name:"target" help:"URL of a channel (its folder, index.m3u8 or manifest.mpd), or a folder on disk."`
	For    time.Duration `name:"for" default:"60s" help:"How long to watch a URL. A folder is checked as it stands."`
	JSON   bool          `name:"json" help:"Print the report as JSON."`
}

// Run implements the verb.
func (c *verifyCmd) Run(e *env) error {
	if c.For <= 0 {
		return usage(fmt.Errorf("verify: --for %v is no time", c.For))
	}
	viewer, err := verify.New(verify.Config{Target: c.Target, For: c.For})
	if err != nil {
		return usage(fmt.Errorf("verify: %w", err))
	}
	report, err := viewer.Run(e.ctx)
	if err != nil {
		return usage(fmt.Errorf("verify: %w", err))
	}
	return e.report(report, c.JSON, report.OK)
}
