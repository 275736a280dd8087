package config

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// What a target may be, and what may be done to it.
const (
	kindStart     = "start"
	kindPidFile   = "pid_file"
	kindContainer = "container"
	kindRelay     = "relay"
	kindProxy     = "proxy"
	kindDisk      = "disk"
	engineDocker  = "docker"
	enginePodman  = "podman"
	regionFault   = "region"
)

// drillFaults are what can be done to a target, by what it is.
var drillFaults = map[string][]string{
	kindStart:     {"kill", "stop", regionFault},
	kindPidFile:   {"kill", "stop", regionFault},
	kindContainer: {"kill", "stop", regionFault},
	kindRelay:     {"cut", "loss", "delay", "jump", regionFault},
	kindProxy:     {"slow", "hang", "refuse", "break", "fail", regionFault},
	kindDisk:      {"fill"},
}

// Kinds are what the target is, by the keys it has: one of them in a plan that was read.
func (t DrillTarget) Kinds() []string {
	var out []string
	for _, k := range []struct {
		name  string
		given bool
	}{
		{kindStart, len(t.Start) > 0}, {kindPidFile, t.PidFile != ""}, {kindContainer, t.Container != ""},
		{kindRelay, t.Relay.Listen != "" || len(t.Relay.To) > 0}, {kindProxy, t.Proxy != DrillProxy{}},
		{kindDisk, t.Disk != ""},
	} {
		if k.given {
			out = append(out, k.name)
		}
	}
	return out
}

// Possible are the faults that its kind knows, allowed or not.
func (t DrillTarget) Possible() []string {
	kinds := t.Kinds()
	if len(kinds) != 1 {
		return nil
	}
	return drillFaults[kinds[0]]
}

// drillFile checks what a single value cannot know about itself.
func (r *reader) drillFile(d *Drill) {
	if r.need("name", "allowed is a name of letters, digits, - and _") {
		r.check(pathName.MatchString(d.Name), "name", "is no name", "allowed are 1 to 63 letters, digits, - and _")
	}
	r.check(d.Seed >= 0, "seed", "is negative", "allowed is 0 or more")
	r.between("for", d.For, time.Second, 31*24*time.Hour)
	r.between("settle", d.Settle, time.Second, time.Hour)
	r.check(d.AtOnce >= 1 && d.AtOnce <= 100, "at_once", "is no number of faults", "allowed is 1 to 100")
	r.check(d.Every == 0 || d.Every >= time.Second, "every", "is too short", "allowed is 1s or more")
	switch {
	case d.Every > 0 && len(d.Schedule) > 0:
		r.must(false, "schedule", "is given beside every", "allowed is one of them: faults at their times, or by chance")
	case d.Every == 0 && len(d.Schedule) == 0 && !r.bad["schedule"]:
		r.must(false, "every", "is missing, and so is schedule", "needed is one of them, like every: 30s")
	}
	r.drillAmounts(d)
	if r.need("targets", "needed is at least one target") && len(d.Targets) == 0 {
		r.wrong("targets", "is empty", "needed is at least one target")
	}
	seen, listens := map[string]string{}, map[string]string{}
	for i, t := range d.Targets {
		path := fmt.Sprintf("targets[%d]", i)
		r.drillTarget(path, t, seen, listens)
		if t.Region != "" {
			r.check(pathName.MatchString(t.Region), path+".region", "is no name", "allowed are letters, digits, - and _")
		}
	}
	for i, t := range d.Targets { // names of targets and regions stand in the same places
		if first, ok := seen[strings.ToLower(t.Region)]; ok && t.Region != "" {
			r.check(false, fmt.Sprintf("targets[%d].region", i), "is also the name of "+first, "allowed is another one")
		}
	}
	r.drillKeep(d)
	r.drillSchedule(d)
	r.drillViewers(d)
}

func (r *reader) drillAmounts(d *Drill) {
	a := d.Amount
	r.check(a.Loss >= 1 && a.Loss <= 100, "amount.loss", "is no part of a hundred", "allowed is 1 to 100")
	r.check(a.Delay > 0 && a.Delay <= time.Minute, "amount.delay", "is out of range", "allowed is up to 1m")
	r.check(a.Slow >= 1024, "amount.slow", "is too slow for any answer", "allowed is 1024 or more")
	r.check(a.Jump > 0 && a.Jump <= 26*time.Hour, "amount.jump", "is out of range",
		"allowed is up to 26h, the round of a clock")
	r.check(a.Rest >= 0, "amount.rest", "is negative", "allowed is 0 or more")
	for name, s := range d.Lasts.byKind() {
		r.check(s.Least > 0 && s.Most <= 24*time.Hour, "lasts."+name, "is out of range", "allowed is more than 0s, up to 24h")
	}
}

// byKind are the lengths of faults that last.
func (l DrillLasts) byKind() map[string]Span {
	return map[string]Span{
		"stop": l.Stop, "cut": l.Cut, "loss": l.Loss, "delay": l.Delay, "slow": l.Slow, "hang": l.Hang, "refuse": l.Refuse,
		"break": l.Break, "fail": l.Fail, "fill": l.Fill, regionFault: l.Region,
	}
}

// Of is how long a fault of a kind lasts; zero: it does not last.
func (l DrillLasts) Of(fault string) Span { return l.byKind()[fault] }

func (r *reader) drillTarget(path string, t DrillTarget, seen, listens map[string]string) {
	r.name(path+".name", t.Name, seen)
	kinds := t.Kinds()
	const one = "needed is one of start, pid_file, container, relay, proxy and disk"
	switch {
	case r.bad[path]:
		return
	case len(kinds) == 0 && !r.anyBad(path):
		r.wrong(path, "says not what it is", one)
		return
	case len(kinds) > 1:
		r.wrong(path, "is "+strings.Join(kinds, " and "), one+"; another is a target of its own")
		return
	}
	for i, fault := range t.Allow {
		at := fmt.Sprintf("%s.allow[%d]", path, i)
		if possible := t.Possible(); len(possible) > 0 {
			r.check(slices.Contains(possible, fault), at, "cannot be done to a target with "+kinds[0],
				"allowed is "+strings.Join(possible, ", "))
		}
		r.check(fault != regionFault || t.Region != "", at, "needs a region", "needed is region beside it")
		r.check(!slices.Contains(t.Allow[:i], fault), at, "is given twice", "allowed is once")
	}
	r.check(t.Ready == "" || httpURL(t.Ready), path+".ready", "is no HTTP address",
		"allowed is http://HOST/... or https://HOST/...")
	r.check(t.Whole <= time.Hour, path+".whole", "is too long", "allowed is up to 1h")
	r.drillProcess(path, t)
	r.drillRelay(path+".relay", t.Relay, listens)
	r.drillProxy(path+".proxy", t.Proxy, listens)
	if t.Disk != "" {
		r.check(filepath.Clean(t.Disk) != "/", path+".disk", "is the root of the file system",
			"allowed is a folder that is a mount of its own")
	}
}

// must records a problem of what has no value that could be quoted.
func (r *reader) must(fine bool, path, wrong, allowed string) {
	if !fine && !r.bad[path] {
		r.wrong(path, wrong, allowed)
	}
}

// anyBad tells that something at or below a path is wrong already.
func (r *reader) anyBad(path string) bool {
	for at := range r.bad {
		if strings.HasPrefix(at, path) {
			return true
		}
	}
	return false
}

// drillProcess checks what concerns processes.
func (r *reader) drillProcess(path string, t DrillTarget) {
	for key, given := range map[string]bool{"env": len(t.Env) > 0, "dir": t.Dir != "", "log": t.Log != ""} {
		r.check(!given || len(t.Start) > 0, path+"."+key, "is for a target with start only", "allowed is start beside it")
	}
	if len(t.Start) > 0 {
		r.check(t.Start[0] != "", path+".start[0]", "is empty", "needed is a program")
	}
	for i, e := range t.Env {
		name, _, ok := strings.Cut(e.Reveal(), "=")
		if !ok || !variableName.MatchString(name) {
			r.wrong(fmt.Sprintf("%s.env[%d]", path, i), "is no variable", "allowed is NAME=value")
		}
	}
	r.check(t.Restart <= time.Hour, path+".restart", "is too long", "allowed is up to 1h")
	r.check(t.Program == "" || t.PidFile != "", path+".program", "is for a target with pid_file only",
		"allowed is pid_file beside it")
	r.oneOf(path+".engine", t.Engine, engineDocker, enginePodman)
	r.check(!strings.HasPrefix(t.Container, "-"), path+".container", "is no name", "allowed is the name of a container")
}

func (r *reader) drillRelay(path string, relay DrillRelay, listens map[string]string) {
	if relay.Listen == "" && len(relay.To) == 0 {
		return
	}
	r.drillAddress(path+".listen", relay.Listen)
	r.once(path+".listen", "udp "+relay.Listen, listens)
	r.must(len(relay.To) > 0, path+".to", "is missing", "needed is where to: - {name: a, address: 192.0.2.1:5000}")
	seen := map[string]string{}
	for i, l := range relay.To {
		at := fmt.Sprintf("%s.to[%d]", path, i)
		r.name(at+".name", l.Name, seen)
		r.drillAddress(at+".address", l.Address)
		r.check(l.Address != relay.Listen, at+".address", "is where the relay listens", "allowed is another address")
	}
}

func (r *reader) drillProxy(path string, p DrillProxy, listens map[string]string) {
	if p == (DrillProxy{}) {
		return
	}
	r.drillAddress(path+".listen", p.Listen)
	r.once(path+".listen", "tcp "+p.Listen, listens)
	r.drillAddress(path+".to", p.To)
	r.check(p.To != p.Listen, path+".to", "is where the proxy listens", "allowed is another address")
}

func (r *reader) drillAddress(path, v string) {
	host, port, err := net.SplitHostPort(v)
	fine := err == nil && host != "" && digits(port) && port != "0" && len(port) <= 5
	if v == "" {
		r.must(r.given(path), path, "is missing", "needed is HOST:PORT")
	}
	r.check(fine, path, "is no address", "allowed is HOST:PORT, like 127.0.0.1:5000")
}

func (r *reader) once(path, key string, seen map[string]string) {
	if first, ok := seen[key]; ok {
		r.check(false, path, "is also that of "+first, "allowed is each address once")
		return
	}
	seen[key] = path
}
