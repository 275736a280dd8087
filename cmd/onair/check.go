package main

import (
	"errors"
	"fmt"
	"io"

	"onair/pipeline/config"
)

type checkCmd struct {
	Files []string `arg:"" name:"FILE.yaml" help:"Channel files; several are checked as for one process."`
}

// Run implements the verb: the plans to stdout, problems and warnings to stderr. It opens no socket and runs nothing.
func (c *checkCmd) Run(e *env) error {
	channels, err := config.LoadAll(c.Files, e.lookup)
	if err != nil {
		return told(e.stderr, err)
	}
	for i, ch := range channels {
		if i > 0 {
			fmt.Fprintln(e.stdout)
		}
		plan, err := newPlan(ch)
		if err != nil {
			return usage(fmt.Errorf("%s: %w", ch.File, err))
		}
		if err := plan.print(e.stdout); err != nil {
			return fmt.Errorf("printing the plan: %w", err)
		}
		for _, w := range ch.Warnings {
			w.Wrong = "warning: " + w.Wrong
			fmt.Fprintln(e.stderr, w)
		}
	}
	return nil
}

// told prints what is wrong with channel files, a line each, as they are: editors jump to file:line at a line's start.
func told(stderr io.Writer, err error) error {
	var problems config.Problems
	if !errors.As(err, &problems) {
		return err
	}
	for _, p := range problems {
		fmt.Fprintln(stderr, p)
	}
	return exitError{code: exitUsage}
}
