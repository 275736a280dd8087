package main

import "errors"

type probeCmd struct {
}

// Run implements the verb.
func (c *probeCmd) Run(_ *env) error { return errors.New("probe: under construction") }
