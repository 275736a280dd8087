package main

import (
	"fmt"

	"onair/pipeline/config"
	"onair/pkg/leg"
)

// legs are the paths of an input, and how long one waits for what the others or FEC may bring.
func (p *plan) legs(out *lines, in config.Input) {
	fec := false
	for i, u := range in.Legs {
		out.f("    leg %d    %s", i+1, config.Redact(u.Redacted()))
		if u.FEC.On() {
			fec = true
			out.f("             FEC (ST 2022-1): %s", fecPorts(u.FEC))
		}
	}
	if len(in.Legs) > 1 || fec {
		out.f("    merge    waits %s for a missing packet at most", in.Merge)
	}
}

func fecPorts(f leg.FEC) string {
	if f.Row == 0 {
		return fmt.Sprintf("columns on port %d", f.Column)
	}
	return fmt.Sprintf("columns on port %d, rows on port %d", f.Column, f.Row)
}
