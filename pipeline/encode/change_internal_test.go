package encode

import (
	"slices"
	"testing"

	"onair/pkg/tick"
)

// settings are those of the rig.
func (r *rig) settings() Settings {
	c := r.e.cfg
	c.Channel.Renditions = slices.Clone(c.Channel.Renditions)
	return Settings{Inputs: slices.Clone(c.Inputs), Failover: c.Failover, Hold: c.Hold, Channel: c.Channel, Limits: c.Limits}
}

// TestAnotherLadderTakesOverAtABoundary: not a frame is missing, and nothing is repeated.
func TestAnotherLadderTakesOverAtABoundary(t *testing.T) {
	r := newRig(t, 'a')
	r.onAir("a")
	s := r.settings()
	r.e.Change(s)
	r.frames(100)
	if r.e.lastID != 1 {
		t.Fatal("a run was replaced although nothing has changed")
	}
	s.Channel.Renditions[0].Bitrate /= 2
	r.e.Change(s)
	r.until("the other ladder", func() bool { return r.told("took over") })
	r.frames(100)
	if got := r.e.active.made.Renditions[0].Bitrate; got != 50_000 || r.e.lastID != 2 {
		t.Errorf("run %d has %d bit/s", r.e.lastID, got)
	}
	if !r.told("other bitrates, presets or limits in the channel's file") {
		t.Error("it is not told why")
	}
	s.Limits.Memory = 300 << 20
	r.e.Change(s)
	r.until("the other limits", func() bool { return r.e.active.order.limits == s.Limits && r.e.next == nil })
	r.frames(100)
	if st := r.e.Status(); st.Restarts != 0 || r.e.lastID != 3 || st.Effort.Limits != s.Limits {
		t.Errorf("run %d, %+v", r.e.lastID, st)
	}
	r.wantWhole(r.settled())
}

// TestAnotherLadderTakesOverFromASlateOfOnePictureASecond: what comes in bursts is never seen a second before a boundary.
func TestAnotherLadderTakesOverFromASlateOfOnePictureASecond(t *testing.T) {
	r := newRig(t, 'a')
	r.sources[0].off = true
	r.withSlate().burst = 25
	r.onAir(Slate)
	s := r.settings()
	s.Channel.Renditions[0].Bitrate /= 2
	r.e.Change(s)
	r.until("the other ladder", func() bool { return r.told("took over") })
	r.frames(100)
	r.wantWhole(r.settled())
}

// TestInputsChangeWhileOnAir: a new one is preferred once it has been well for long enough; one that is on air and left
// is gone when another has taken over; a choice of it by hand is given back.
func TestInputsChangeWhileOnAir(t *testing.T) {
	r := newRig(t, 'a', 'b')
	b := r.sources[1]
	s := r.settings()
	all := s.Inputs
	s.Inputs = all[:1]
	r.e.Change(s)
	r.onAir("a")
	r.frames(50)
	if err := r.e.Choose("b"); err == nil {
		t.Error("an input that is not there can be chosen")
	}
	s.Inputs, s.Failover.ReturnAfter = []Input{all[1], all[0]}, 2*tick.Second
	r.e.Change(s)
	r.until("the new input", func() bool { return r.e.onAir == "b" && r.e.next == nil })
	if err := r.e.Choose("b"); err != nil {
		t.Fatal(err)
	}
	b.off = true
	r.until("its loss", func() bool { return r.e.onAir == "a" })
	if r.e.Uses("b") {
		t.Error("a lost input is still in use")
	}
	s.Inputs = all[:1]
	r.e.Change(s)
	r.frames(2)
	if got := r.e.Status().Choice; got != "auto" || !r.told("is removed: the choice is automatic again") {
		t.Errorf("the choice is %s", got)
	}
	again := newSource('b') // under the same name, with a spool of its own
	again.n = b.n
	r.sources[1] = again
	s.Inputs = []Input{again, all[0]}
	r.e.Change(s)
	r.until("the input under its old name", func() bool { return r.e.onAir == "b" && r.e.next == nil })
	if st := r.e.Status(); st.Restarts != 0 {
		t.Errorf("%+v", st)
	}
}
