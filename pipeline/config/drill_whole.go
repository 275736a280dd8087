package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// mostViewers bounds the viewers of a drill: each has connections of its own.
const mostViewers = 1000

// members are the targets that a name stands for: one, or those of a region.
func (d *Drill) members(name string) (out []DrillTarget) {
	for _, t := range d.Targets {
		if t.Name == name || t.Region == name && name != "" {
			out = append(out, t)
		}
	}
	return out
}

func (r *reader) drillKeep(d *Drill) {
	for i, k := range d.Keep {
		path := fmt.Sprintf("keep[%d]", i)
		for j, name := range k.Of {
			at := fmt.Sprintf("%s.of[%d]", path, j)
			r.check(len(d.members(name)) > 0, at, "is neither a target nor a region", "allowed is "+d.names())
			r.check(!slices.Contains(k.Of[:j], name), at, "is given twice", "allowed is once")
		}
		r.must(len(k.Of) > 0 || r.bad[path], path+".of", "is missing", "needed are targets or regions")
		r.check(k.Whole >= 1 && (k.Whole <= len(k.Of) || len(k.Of) == 0), path+".whole", "is no number of them",
			fmt.Sprintf("allowed is 1 to %d", max(1, len(k.Of))))
	}
}

// names are those of targets and regions.
func (d *Drill) names() string {
	var out []string
	for _, t := range d.Targets {
		for _, name := range []string{t.Name, t.Region} {
			if name != "" && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return strings.Join(out, ", ")
}

func (r *reader) drillSchedule(d *Drill) {
	before := time.Duration(0)
	for i, s := range d.Schedule {
		path := fmt.Sprintf("schedule[%d]", i)
		r.check(s.At < d.For, path+".at", "is not within the drill", "allowed is less than for, "+short(d.For))
		r.check(s.At >= before, path+".at", "is before the one above", "allowed is in the order of time")
		before = s.At
		if !r.need(path+".fault", "needed is what is to be done") || !r.need(path+".target", "allowed is "+d.names()) {
			continue
		}
		members := d.members(s.Target)
		if len(members) == 0 {
			r.check(false, path+".target", "is neither a target nor a region", "allowed is "+d.names())
			continue
		}
		r.check(d.allowed(s), path+".fault", "is not in allow of "+s.Target, "needed is the opt-in there, or another fault")
		r.drillLeg(path+".leg", s, members[0])
		if !s.For.IsZero() {
			r.check(!d.Lasts.Of(s.Fault).IsZero() && s.For.Least > 0, path+".for", "is for a fault that does not last",
				"allowed is none, or more than 0s for another fault")
		}
	}
}

// allowed tells whether somebody has opted in to a step. A region is lost as far as its targets allow it.
func (d *Drill) allowed(s DrillStep) bool {
	return slices.ContainsFunc(d.members(s.Target), func(t DrillTarget) bool {
		return slices.Contains(t.Allow, s.Fault) && (t.Name == s.Target) != (s.Fault == regionFault)
	})
}

func (r *reader) drillLeg(path string, s DrillStep, t DrillTarget) {
	if s.Leg == "" {
		return
	}
	has := slices.ContainsFunc(t.Relay.To, func(l DrillLeg) bool { return l.Name == s.Leg })
	r.check(has && s.Fault == "cut", path, "is no leg that could be cut", "allowed is a name in to of a relay, with cut")
}

func (r *reader) drillViewers(d *Drill) {
	if r.need("viewers", "needed is at least one, at the edge") && len(d.Viewers) == 0 {
		r.wrong("viewers", "is empty", "needed is at least one, at the edge")
	}
	seen := map[string]string{}
	all := 0
	for i, v := range d.Viewers {
		path := fmt.Sprintf("viewers[%d]", i)
		r.name(path+".name", v.Name, seen)
		all += v.Count
		r.check(v.Count >= 1 && all <= mostViewers, path+".count", "is no number of viewers",
			fmt.Sprintf("allowed is 1 to %d, all together", mostViewers))
		if !r.need(path+".url", "needed is the address of a playlist or an MPD") {
			continue
		}
		u, err := url.Parse(v.URL)
		fine := err == nil && httpURL(v.URL) && (strings.HasSuffix(u.Path, ".m3u8") || strings.HasSuffix(u.Path, ".mpd"))
		r.check(fine, path+".url", "is no address of a multivariant playlist or an MPD",
			"allowed is http://HOST/.../index.m3u8 or .../manifest.mpd")
	}
	r.check(d.Limits.Errors >= 0, "limits.errors", "is negative", "allowed is 0 or more")
}

// adviseDrill warns about what is allowed and unwise.
func (r *reader) adviseDrill(d *Drill) {
	faults := 0
	for i, t := range d.Targets {
		path := fmt.Sprintf("targets[%d]", i)
		faults += len(t.Allow)
		if len(t.Allow) > 0 && t.Ready == "" && len(t.Start)+len(t.PidFile)+len(t.Container) > 0 {
			r.warn(path, "has no ready: it counts as whole "+short(t.Whole)+" after a fault, whether it is or not",
				"give it the address that answers 200 where it is")
		}
	}
	if faults == 0 {
		r.warn("targets", "allow nothing: no fault is done", "add allow to a target")
	}
	if len(d.Keep) == 0 && d.Every > 0 && faults > 0 {
		r.warn("keep", "is not given: nothing but at_once keeps faults by chance from meeting",
			"name what must not be away together, like {of: [pipeline-a, pipeline-b]}")
	}
}
