package encode

import (
	"errors"
	"testing"

	"onair/pkg/tick"
)

// sized is the settings with another size of the picture, as ladder n.
func (r *rig) sized(n, width, height int) Settings {
	s := r.settings()
	s.Ladder = n
	s.Channel.Renditions[0].Width, s.Channel.Renditions[0].Height = width, height
	return s
}

func (r *rig) failing(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = err
}

func TestAnotherLadderWaitsForItsRenditions(t *testing.T) {
	r := newRig(t, 'a')
	r.onAir("a")
	r.e.Change(r.sized(1, 96, 54))
	r.until("the other ladder", func() bool { return r.told("took over") })
	if got := r.e.active.made.Renditions[0].Width; got != 96 || r.e.ladder != 1 || r.e.want != nil || r.e.lastID != 2 {
		t.Errorf("run %d of ladder %d has width %d", r.e.lastID, r.e.ladder, got)
	}
	bitrate := r.sized(1, 96, 54)
	bitrate.Channel.Renditions[0].Bitrate *= 2
	r.e.Change(bitrate)
	r.until("another bitrate of it", func() bool { return r.told("other bitrates") && r.e.next == nil })
	r.frames(50)
	r.wantWhole(r.settled())
}

// TestALadderThatFailsLeavesTheOldOne: it goes on without a break, and the new one is tried again, later and later.
func TestALadderThatFailsLeavesTheOldOne(t *testing.T) {
	r := newRig(t, 'a')
	r.onAir("a")
	r.failing(errors.New("no such encoder"))
	r.e.Change(r.sized(1, 96, 54))
	r.until("its failure", func() bool { return r.told("tried again in 10s: rendition") && r.told("no such encoder") })
	tried := tick.Tick(r.now.Load())
	if r.e.active == nil || r.e.active.id != 1 || r.e.ladder != 0 || r.e.next != nil {
		t.Fatalf("run %+v is on air", r.e.active)
	}
	r.until("the next try", func() bool { return r.told("tried again in 20s") })
	if after := tick.Tick(r.now.Load()) - tried; after < 9*tick.Second {
		t.Errorf("tried again after %v", after.Duration())
	}
	r.failing(nil)
	r.e.Change(r.sized(2, 48, 26)) // a newer file
	r.until("another one", func() bool { return r.told("took over") })
	if st := r.e.Status(); st.Restarts != 0 || r.e.active.made.Renditions[0].Width != 48 {
		t.Errorf("%+v", st)
	}
	r.frames(50)
	r.wantWhole(r.settled())
}

// TestALadderThatIsTakenBack: a reload that undoes the one before, before anything has come of that.
func TestALadderThatIsTakenBack(t *testing.T) {
	r := newRig(t, 'a')
	r.onAir("a")
	r.failing(errors.New("no such encoder"))
	r.e.Change(r.sized(1, 96, 54))
	r.until("its failure", func() bool { return r.told("the old one stays") })
	r.failing(nil)
	r.e.Change(r.sized(2, 192, 108))
	r.until("the old one under a new number", func() bool { return r.told("took over") })
	r.frames(250)
	if r.e.ladder != 2 || r.e.want != nil || r.e.active.made.Renditions[0].Width != 192 {
		t.Errorf("ladder %d, %+v wanted", r.e.ladder, r.e.want)
	}
	r.wantWhole(r.settled())
}

// TestALadderThatOnlyFailsIsLeftWithoutWaiting: when no run of it works, the wanted one is tried at once.
func TestALadderThatOnlyFailsIsLeftWithoutWaiting(t *testing.T) {
	r := newRig(t, 'a')
	r.failing(errors.New("no such encoder"))
	r.until("some failures", func() bool { return r.e.failures >= hopeless })
	r.e.Change(r.sized(1, 96, 54))
	r.until("the other ladder", func() bool { return r.e.ladder == 1 })
	r.failing(nil)
	r.onAir("a")
	if got := r.e.active.made.Renditions[0].Width; got != 96 {
		t.Errorf("width %d", got)
	}
}
