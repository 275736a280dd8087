package main

import "errors"

type checkCmd struct {
}

// Run implements the verb.
func (c *checkCmd) Run(_ *env) error { return errors.New("check: under construction") }
