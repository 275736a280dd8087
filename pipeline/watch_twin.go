package pipeline

import (
	"fmt"

	"onair/pipeline/config"
	"onair/pipeline/control"
	"onair/pipeline/twin"
	"onair/pkg/store"
)

// newTwin makes what looks at the twin that the file names, if any.
func (c *Channel) newTwin() error {
	c.twin = twin.New(twin.Config{
		Channel: c.file.Name, Own: c.edge, State: c.twinState, Now: c.now, Event: c.tellTwin,
	})
	at, err := openTwin(c.file)
	if err != nil {
		return fmt.Errorf("channel %s: twin: %w", c.file.Name, err)
	}
	c.twin.Point(at)
	return nil
}

// openTwin opens the store of the twin that a file names, to be read; nil: it names none.
func openTwin(file *config.Channel) (twin.Reader, error) {
	switch {
	case file.Twin.IsZero():
		return nil, nil //nolint:nilnil // which is none
	case file.Twin.Dir != "":
		return store.OpenDir(file.Twin.Dir)
	}
	return openStore(file.Twin)
}

// anotherTwin opens the twin of a newer reading of the file, and gives what points there, or does nothing if it
// is the one of before.
func (c *Channel) anotherTwin(next *config.Channel) (point func(), problems config.Problems) {
	if next.Twin == c.latest.Load().Twin {
		return func() {}, nil
	}
	at, err := openTwin(next)
	if err != nil {
		return nil, config.Problems{next.Refuse("twin", err.Error())}
	}
	return func() { c.twin.Point(at) }, nil
}

// twinState is what the channel is like for whoever compares it with its twin.
func (c *Channel) twinState() (st twin.State, ok bool) {
	air := c.air.Load()
	if air == nil {
		return st, false
	}
	k, _, ok := c.outputs()[0].publisher.Listed()
	locked := !c.unlocked(air.encoder.Status().Active)
	return twin.State{Segment: air.grid.T, Newest: k, Renditions: air.assembly.live(), Locked: locked}, ok
}

// unlocked tells whether an input has another clock than another pipeline; of the slate nothing is known.
func (c *Channel) unlocked(name string) bool {
	for _, in := range c.inputs() {
		if in.name == name && c.file.SharesTimeline() {
			return c.lockOf(in).of(in.programme.Stats().Generation) == control.Unlocked
		}
	}
	return false
}

func (c *Channel) tellTwin(e twin.Event) {
	ev := control.Event{Level: control.Info, Stage: "twin", Code: string(e.Code), Message: e.Message}
	if e.Warning {
		ev.Level = control.Warning
	}
	c.events.put(ev)
}

// twinStatus is nil where the file names no twin.
func (c *Channel) twinStatus() *control.Twin {
	s, ok := c.twin.Status()
	if !ok {
		return nil
	}
	out := &control.Twin{
		Store: s.Store, Segments: s.Known, Compared: s.Compared, Mismatches: map[string]uint64{}, Missing: s.Missing,
		Skipped: s.Skipped, Errors: s.Errors, LastK: s.LastK, LastError: s.LastError, LastFinding: s.Last,
	}
	for reason, n := range s.Mismatched {
		out.Mismatched += n
		out.Mismatches[string(reason)] = n
	}
	if s.Known > 0 {
		out.MatchRatio = &s.Ratio
	}
	return out
}
