package merge_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"onair/pkg/merge"
	"onair/pkg/tick"
)

// repair brings a datagram as FEC would.
func (r *rig) repair(leg int, ssrc uint32, seq uint16, content uint64) bool {
	return r.m.Repair(leg, merge.Packet{Seq: seq, SSRC: ssrc, Payload: binary.BigEndian.AppendUint64(nil, content)}, r.now)
}

func TestSingleLegWaitsForRepair(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ after, wait tick.Tick }{
		{0, 50 * ms}, {20 * ms, 50 * ms}, {120 * ms, 120 * ms}, {5 * tick.Second, merge.DefaultWindow},
	} {
		r := newRig(t, 1)
		r.m.SetRepair(c.after)
		r.push(0, 7, 10, 1)
		r.push(0, 7, 12, 3)
		if at, _ := r.m.Deadline(); at != r.now+c.wait {
			t.Errorf("repair after %v: waits %v", c.after.Duration(), (at - r.now).Duration())
		}
		r.pass(c.wait - 1)
		if !r.repair(0, 7, 11, 2) {
			t.Error("the repair is not taken")
		}
		r.want(1, 2, 3)
		if s := r.m.Stats(); s.Lost != 0 || s.Legs[0].Lost != 1 || s.Legs[0].Reordered != 0 || s.Legs[0].Used != 3 {
			t.Errorf("%+v", s)
		}
	}
}

func TestRepairThatComesTooLate(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.push(0, 7, 10, 1)
	r.push(0, 7, 12, 3)
	r.pass(60 * ms)
	if r.repair(0, 7, 11, 2) {
		t.Error("taken")
	}
	r.want(1, 3)
	if s := r.m.Stats(); s.Lost != 1 || s.Legs[0].Late != 1 {
		t.Errorf("%+v", s)
	}
}

// Two legs of which each has FEC: what both lose goes out once, and stands in the account of the leg that repaired it.
func TestRepairBeforeTheMerge(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	r.run(100, 0, 0, 0, 1)
	r.run(1, 101, 101, 0)
	r.run(1, 101, 101, 1)
	if !r.repair(1, 7, 100, 100) || !r.repair(0, 7, 100, 100) {
		t.Error("not taken")
	}
	r.run(10, 102, 102, 0, 1)
	r.want(count(0, 112)...)
	s := r.m.Stats()
	if s.Lost != 0 || s.Legs[0].Lost != 1 || s.Legs[1].Lost != 1 || s.Legs[0].Recovered != 1 || s.Legs[1].Recovered != 0 {
		t.Errorf("%+v", s)
	}
	r.push(0, 7, 100, 100) // and now the datagram itself
	if s := r.m.Stats(); s.Legs[0].Duplicates != 1 {
		t.Errorf("%+v", s)
	}
}

func TestRepairOfWhatIsNotFollowed(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	if r.repair(0, 7, 5, 5) {
		t.Error("taken before anything came")
	}
	r.run(20, 100, 100, 0)
	for _, seq := range []uint16{99, 119, 120, 30_000} { // before the first, the newest, to come, anywhere
		if r.repair(0, 7, seq, 9999) {
			t.Errorf("%d is taken", seq)
		}
	}
	if r.repair(0, 8, 110, 9999) {
		t.Error("another stream's is taken")
	}
	if slices.Contains(r.out, 9999) {
		t.Errorf("%v", r.out)
	}
}
