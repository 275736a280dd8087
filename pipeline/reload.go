package pipeline

import (
	"errors"

	"onair/pipeline/config"
	"onair/pipeline/control"
	"onair/pipeline/encode"
	"onair/pkg/tick"
)

// Codes of events of a reload.
const (
	codeReloaded  = "reloaded"       // one for each key that has changed
	codeUnchanged = "reload_nothing" // the file says what it said
	codeRefused   = "reload_refused" // one for each problem; nothing has changed
	codeApplied   = "reload_applied" // an input is received anew, or removed
	codeLadder    = "ladder_changed" // the file's other ladder is on air
	maxTold       = 20               // events that a reload makes
	reloadOK      = 0                // index of Channel.reloads
	reloadRefused = 1                // likewise
)

// File is the newest reading of the channel's file that was taken.
func (c *Channel) File() *config.Channel { return c.latest.Load() }

// Reload reads the channel's file again and applies what has changed, without a gap: see docs/config.md for which keys.
// A file with a problem or with a change that needs a restart is refused whole; the error is a control.ReloadRefused.
func (c *Channel) Reload() (control.Reloaded, error) {
	c.turn.Lock()
	defer c.turn.Unlock()
	next, err := c.readAgain()
	c.reloading.Lock()
	defer c.reloading.Unlock()
	var changes []config.Change
	if err == nil {
		changes, err = c.take(next)
	}
	refused := control.ReloadRefused{}
	switch {
	case errors.As(err, &refused):
		c.count(reloadRefused)
		for _, problem := range refused.Problems[:min(maxTold, len(refused.Problems))] {
			c.tellReload(control.Error, codeRefused, "the file is not taken, all stays as it was: "+problem)
		}
		return control.Reloaded{}, refused
	case len(changes) == 0:
		c.tellReload(control.Info, codeUnchanged, "the file was read again: nothing has changed")
	}
	c.count(reloadOK)
	out := control.Reloaded{Changes: []control.Change{}}
	for i, ch := range changes {
		out.Changes = append(out.Changes, control.Change{Key: ch.Path, Change: ch.Text})
		if i < maxTold {
			c.tellReload(control.Info, codeReloaded, ch.String())
		}
	}
	return out, nil
}

func (c *Channel) count(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reloads[i]++
}

func (c *Channel) tellReload(level control.Level, code, message string) {
	c.events.put(control.Event{Level: level, Stage: "reload", Code: code, Message: message})
}

// take applies a newer reading of the file, or says why not. The caller holds reloading.
func (c *Channel) take(next *config.Channel) ([]config.Change, error) {
	if c.building {
		return nil, control.ReloadRefused{Problems: []string{"the channel is just going on air: try again"}}
	}
	changes := config.Difference(c.latest.Load(), next)
	if problems := next.NeedRestart(changes); len(problems) > 0 {
		return nil, refusal(problems)
	}
	point, problems := c.anotherTwin(next)
	if len(problems) > 0 {
		return nil, refusal(problems)
	}
	outs, problems := c.openAdded(next)
	if len(problems) == 0 {
		problems = c.noSuchProgramme(next)
	}
	if air := c.air.Load(); air != nil && len(problems) == 0 {
		problems = c.anotherLadder(air, next)
	}
	if len(problems) > 0 {
		unlockOthers(outs, c.outputs())
		return nil, refusal(problems)
	}
	was := c.latest.Swap(next)
	c.changeHook(was, next)
	c.changeOutputs(outs)
	point()
	if was.Limits != next.Limits {
		c.adviseLimits()
	}
	c.settle()
	return changes, nil
}

// refusal is the error that the API knows.
func refusal(err error) control.ReloadRefused {
	var problems config.Problems
	if !errors.As(err, &problems) {
		return control.ReloadRefused{Problems: []string{err.Error()}}
	}
	out := control.ReloadRefused{}
	for _, p := range problems {
		out.Problems = append(out.Problems, p.String())
	}
	return out
}

// settle gives the encoder, and what describes its output, the inputs and settings that hold now.
func (c *Channel) settle() {
	air := c.air.Load()
	if air == nil {
		return
	}
	file := c.latest.Load()
	ch := c.encoded(air, file)
	var inputs []encode.Input
	for _, in := range c.inputs() {
		inputs = append(inputs, in.prober)
	}
	if err := air.assembly.offer(air.ladder, ch.Renditions); err != nil { // it was offered before: it cannot be
		c.events.add("reload", "error", err.Error())
	}
	air.assembly.rerate(air.ladder, ch.Renditions, tick.FromDuration(file.Window))
	for _, o := range c.outputs() {
		o.publisher.SetWindow(tick.FromDuration(file.Window))
	}
	air.slate.slate.Change(lookOf(file))
	air.encoder.Change(encode.Settings{
		Inputs: inputs, Failover: conditions(file.Failover), Hold: tick.FromDuration(file.Slate.Hold), Channel: ch,
		Ladder: air.ladder, Limits: MemoryAndCPU(file.Limits, ch),
	})
}

// wentOnAir makes the stages those that all others see.
func (c *Channel) wentOnAir(air *onAir) {
	c.reloading.Lock()
	defer c.reloading.Unlock()
	c.building = false
	c.air.Store(air)
	c.settle() // inputs may have come since it was built
}
