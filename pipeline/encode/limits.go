package encode

import (
	"fmt"

	"onair/pkg/tick"
)

// guard reads what a run takes, once a second, and ends one that takes too much memory.
func (e *Encoder) guard(now tick.Tick, r *run) {
	if r == nil || now-r.asked < tick.Second || r.over() {
		return
	}
	r.asked = now
	taken, err := r.proc.Usage()
	if err != nil {
		return // it has just ended
	}
	r.taken = taken
	limit := r.order.limits.Memory
	if limit == 0 || taken.Memory <= limit || r.excess != nil {
		return
	}
	r.excess = fmt.Errorf("FFmpeg took %s of memory, the limit is %s: it was killed", gib(taken.Memory), gib(limit))
	r.proc.Kill()
}

// gib is an amount of memory for people.
func gib(n int64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
