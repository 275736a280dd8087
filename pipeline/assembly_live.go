package pipeline

import (
	"slices"

	"onair/pkg/fmp4"
)

// Expect names the renditions that come from now on, see encode.Output: of the edition that was to come, if there is
// one, which thereby is on air. One that is not among them is a gap; one that
// is back counts from its first segment on.
func (a *assembly) Expect(renditions []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	changed := a.coming != nil
	if changed {
		a.turnOver()
	}
	for _, t := range a.now.tracks {
		rests := !slices.Contains(renditions, t.Name)
		if was := t.resting.Swap(rests); was != rests {
			t.returning.Store(was)
			changed = true
		}
	}
	if changed {
		a.tellLive()
		a.announce()
	}
}

// tellLive tells the publishers which renditions are worth waiting for. The caller holds mu.
func (a *assembly) tellLive() {
	live := a.liveNames()
	for _, p := range a.outlets {
		p.Expect(live)
	}
}

// live are the renditions that are worth waiting for.
func (a *assembly) live() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.liveNames()
}

func (a *assembly) liveNames() (live []string) {
	for _, t := range a.now.tracks {
		if !t.resting.Load() && !t.returning.Load() {
			live = append(live, t.Name)
		}
	}
	return live
}

// name fixes the name of the initializations: once every rendition that comes has brought its own. One that comes later
// gets the same name, so that it is no change for the others. False: too early. The caller holds mu.
func (a *assembly) name() bool {
	if a.now.version != "" {
		return true
	}
	var inits [][]byte
	for _, t := range a.now.tracks {
		switch {
		case t.init != nil:
			inits = append(inits, t.init)
		case !t.resting.Load():
			return false
		}
	}
	if len(inits) == 0 {
		return false
	}
	a.now.version = "init-" + fmp4.Version(inits...) + ".mp4"
	return true
}
