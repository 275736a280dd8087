package main

import "errors"

type runCmd struct {
}

// Run implements the verb.
func (c *runCmd) Run(_ *env) error { return errors.New("run: under construction") }
