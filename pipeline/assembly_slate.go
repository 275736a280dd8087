package pipeline

import (
	"maps"
	"slices"

	"onair/pipeline/packager"
)

// keepSlates is how many runs of the slate are remembered: more than can have frames in one segment.
const keepSlates = 32

// mark notes that a run's frames are no input's.
func (a *assembly) mark(run int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.slates[run] = true
	maps.DeleteFunc(a.slates, func(r int, _ bool) bool { return r <= run-keepSlates })
}

// isSlate tells whether any of a segment's frames are no input's.
func (a *assembly) isSlate(seg packager.Segment) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(seg.Runs, func(run int) bool { return a.slates[run] })
}
