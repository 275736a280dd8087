package main

import "errors"

type verifyCmd struct {
}

// Run implements the verb.
func (c *verifyCmd) Run(_ *env) error { return errors.New("verify: under construction") }
