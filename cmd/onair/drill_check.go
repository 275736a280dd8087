package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"onair/pipeline/config"
	"onair/pipeline/drill"
)

// shownSteps is how many of the faults by chance a check shows.
const shownSteps = 10

// describeDrill prints what a plan means.
func describeDrill(stdout, stderr io.Writer, plan *config.Drill) error {
	out := &lines{w: stdout}
	out.f("drill %s (%s)", plan.Name, plan.File)
	when := fmt.Sprintf("a fault every %v, seed %d", plan.Every, plan.Seed)
	if plan.Every == 0 {
		when = fmt.Sprintf("%d faults by schedule", len(plan.Schedule))
	}
	out.f("  length     %v after everything is whole, which may take %v", plan.For, plan.Settle)
	out.f("  faults     %s, %d at a time", when, plan.AtOnce)
	for _, t := range plan.Targets {
		out.f("  target     %s: %s", t.Name, whatTarget(t))
		if t.Region != "" {
			out.f("             in region %s", t.Region)
		}
		ready := fmt.Sprintf("whole %v after a fault", t.Whole)
		if t.Ready != "" {
			ready += ", when " + config.Redact(t.Ready) + " answers 200"
		}
		out.f("             %s", ready)
		allowed := "nothing is done to it"
		if len(t.Allow) > 0 {
			allowed = "may be done: " + strings.Join(t.Allow, ", ")
		}
		out.f("             %s", allowed)
	}
	for _, k := range plan.Keep {
		out.f("  keep       %d of %s whole at any time", k.Whole, strings.Join(k.Of, ", "))
	}
	for _, v := range plan.Viewers {
		out.f("  viewers    %d of %s: %s", v.Count, v.Name, config.Redact(v.URL))
	}
	l := plan.Limits
	pause := "3 segments"
	if l.Pause > 0 {
		pause = l.Pause.String()
	}
	out.f("  limits     lost %v, pause %s, %d errors, availability %v %%", l.Lost, pause, l.Errors, l.Availability)
	describeSteps(out, plan)
	for _, w := range plan.Warnings {
		w.Wrong = "warning: " + w.Wrong
		fmt.Fprintln(stderr, w)
	}
	return out.err
}

// whatTarget is what a target is, in a few words. Of a program to start only the name is shown: arguments may be
// secrets.
func whatTarget(t config.DrillTarget) string {
	switch {
	case len(t.Start) > 0:
		return "starts " + filepath.Base(t.Start[0]) + fmt.Sprintf(", again %v after its end", t.Restart)
	case t.PidFile != "":
		return "the process of " + t.PidFile
	case t.Container != "":
		return t.Engine + "'s container " + t.Container
	case t.Relay.Listen != "":
		var legs []string
		for _, l := range t.Relay.To {
			legs = append(legs, l.Name+" at "+l.Address)
		}
		return "relay from " + t.Relay.Listen + " to " + strings.Join(legs, ", ")
	case t.Proxy.Listen != "":
		return "proxy from " + t.Proxy.Listen + " to " + t.Proxy.To
	}
	return "the disk at " + t.Disk
}

// describeSteps prints the first faults, as they are when every target is whole again in time.
func describeSteps(out *lines, plan *config.Drill) {
	p := drillPlan(plan)
	w := drill.World{Whole: map[string]bool{}}
	for _, t := range p.Targets {
		w.Whole[t.Name] = true
	}
	for n := range shownSteps {
		at, more := p.At(n)
		if !more {
			return
		}
		a, why := p.Choose(n, w)
		if why != "" {
			out.f("  at %-7v nothing: %s", at, why)
			continue
		}
		out.f("  at %-7v %s", at, oneAction(a))
	}
	if at, more := p.At(shownSteps); more {
		out.f("  at %-7v and so on", at)
	}
}

func oneAction(a drill.Action) string {
	text := string(a.Fault.Kind) + " " + strings.Join(a.Targets, ", ")
	if a.Region != "" {
		text = string(a.Fault.Kind) + " " + a.Region + ": " + strings.Join(a.Targets, ", ")
	}
	if a.Fault.Leg != "" {
		text += ", leg " + a.Fault.Leg
	}
	if a.Fault.Jump != 0 {
		text += fmt.Sprintf(" by %v", a.Fault.Jump)
	}
	if a.Fault.For > 0 {
		text += fmt.Sprintf(" for %v", a.Fault.For)
	}
	return text
}
