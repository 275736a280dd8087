package main

import "errors"

type demoCmd struct {
}

// Run implements the verb.
func (c *demoCmd) Run(_ *env) error { return errors.New("demo: under construction") }
