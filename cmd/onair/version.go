package main

import (
	"fmt"
)

// version is set by scripts/build (-ldflags "-X main.version=...").
var version = "dev"

type versionCmd struct{}

// Run prints the version, and that of the FFmpeg that runs would use.
func (c *versionCmd) Run(e *env) error {
	found := "none found"
	if v, err := ffmpegVersion(e.ctx, "ffmpeg"); err == nil {
		found = v.Text
	} else if v.Text != "" {
		found = v.Text + " (too old)"
	}
	_, err := fmt.Fprintf(e.stdout, "onair %s\nffmpeg %s\n", version, found)
	return err
}
