package main

import "errors"

type sendCmd struct {
}

// Run implements the verb.
func (c *sendCmd) Run(_ *env) error { return errors.New("send: under construction") }
