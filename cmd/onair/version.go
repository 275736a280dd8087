package main

import "fmt"

// version is set by scripts/build (-ldflags "-X main.version=...").
var version = "dev"

type versionCmd struct{}

// Run prints the version.
func (c *versionCmd) Run(e *env) error {
	_, err := fmt.Fprintln(e.stdout, "onair", version)
	return err
}
