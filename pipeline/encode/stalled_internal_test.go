package encode

import (
	"testing"

	"onair/pkg/child"
	"onair/pkg/selector"
	"onair/pkg/tick"
)

// A run is not to blame for the time in which nobody looked, because onair or the whole machine stood; but one that
// delivers nothing while it is looked at has stalled, before such a time or after it, and on a busy machine as well.
func TestStalledIsNotWhatNobodyLookedAt(t *testing.T) {
	t.Parallel()
	p, err := child.Start(child.Spec{Path: "sleep", Args: []string{"600"}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Wait()
	defer p.Kill()
	look := tick.FromDuration(lookEvery)
	for name, c := range map[string]struct {
		every   tick.Tick // between two looks
		stands  tick.Tick // once, instead of that
		at      int       // look before which it does
		deliver int       // looks up to which a frame comes with each
		least   tick.Tick // from the last frame until it has stalled, the time in which nobody looked left out
	}{
		"looked at all the time":        {every: look, deliver: 10, least: stallAfter},
		"on a busy machine":             {every: 20 * look, deliver: 10, least: stallAfter},
		"stands after a frame":          {every: look, stands: 30 * tick.Second, at: 10, deliver: 10, least: stallAfter},
		"stands in the middle":          {every: look, stands: 30 * tick.Second, at: 50, deliver: 10, least: stallAfter},
		"stands, and then delivers":     {every: look, stands: 30 * tick.Second, at: 50, deliver: 60, least: stallAfter},
		"stands before the first frame": {every: look, stands: 30 * tick.Second, at: 50, deliver: -1, least: startupAfter},
	} {
		t.Run(name, func(t *testing.T) {
			now := noon
			e := &Encoder{cfg: Config{Failover: selector.Conditions{Loss: tick.Second / 2}}}
			r := &run{proc: p, feed: &feed{}, ended: make(chan struct{}), began: now}
			last, counted := now, tick.Tick(0)
			for i := 0; ; i++ {
				step := c.every
				if c.stands != 0 && i == c.at {
					step = c.stands
				} else {
					counted += step
				}
				now += step
				stalled := e.stalled(r, now)
				if stalled != (counted > c.least && i > c.deliver) {
					t.Fatalf("stalled: %v, %v after the last frame", stalled, (now - last).Duration())
				}
				if stalled {
					break
				}
				if i <= c.deliver {
					last, counted = now, 0
					r.lastFrame.Store(int64(now))
				}
			}
		})
	}
}
