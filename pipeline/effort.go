package pipeline

import (
	"cmp"
	"fmt"
	"sync"

	"onair/pipeline/config"
	"onair/pipeline/control"
	"onair/pipeline/encode"
	"onair/pkg/child"
	"onair/pkg/ffmpeg"
)

// groups is where runs get control groups of their own; all channels of a process share it.
var groups = sync.OnceValues(child.FindGroups)

// limits are those of a channel's runs, and where the kernel holds runs to them; nil: it does not.
func (c *Channel) limits(ch ffmpeg.Channel) (child.Limits, *child.Groups) {
	c.adviseLimits()
	found, _ := groups() // where there are none, memory is watched and processors are not limited
	return MemoryAndCPU(c.latest.Load().Limits, ch), found
}

// adviseLimits tells when the file asks for what cannot be done on this machine.
func (c *Channel) adviseLimits() {
	if _, err := groups(); err != nil && c.latest.Load().Limits.CPU > 0 {
		c.events.add("run", "warning", fmt.Sprintf("limits.cpu cannot be enforced here: %v", err))
	}
}

// MemoryAndCPU are the limits of a run that a channel file asks for: of memory, more than any run of the ladder takes
// that is well, where the file says nothing.
func MemoryAndCPU(l config.Limits, ch ffmpeg.Channel) child.Limits {
	return child.Limits{Memory: cmp.Or(int64(l.Memory), ch.Memory()), Processors: float64(l.CPU)}
}

// effortStatus adds how much is encoded of what is configured.
func effortStatus(st *control.Status, e encode.Effort) {
	out := control.Encoder{
		Step: e.Step, Steps: e.Steps, Presets: e.Presets, Reason: e.Reason,
		MemoryLimit: e.Limits.Memory, CPULimit: e.Limits.Processors,
	}
	if e.Enforced.Memory > 0 {
		out.Enforced = append(out.Enforced, "memory")
	}
	if e.Enforced.Processors > 0 {
		out.Enforced = append(out.Enforced, "cpu")
	}
	for _, x := range e.Out {
		left := control.LeftOut{Rendition: x.Name, Reason: x.Reason}
		if x.Again != 0 {
			left.Again = x.Again.Time()
		}
		out.LeftOut = append(out.LeftOut, left)
		for i := range st.Renditions {
			st.Renditions[i].Disabled = st.Renditions[i].Disabled || st.Renditions[i].Name == x.Name
		}
	}
	st.Encoder = out
}
