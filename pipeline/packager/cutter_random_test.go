package packager_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"onair/pipeline/packager"
	"onair/pkg/tick"
)

// Clean planned hand-overs must give the same segments in whatever order the frames of different runs arrive.
func TestCutterDoesNotDependOnTheOrderOfArrival(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		r := newRig(t, config)
		// Runs 1 to 5 own stretches that begin anywhere; each delivers pre-roll and overlap beside its own.
		var from []int64
		at := int64(0)
		for range 5 {
			from = append(from, at)
			at += 1 + rnd.Int64N(11)
		}
		end := at + 3
		var want strings.Builder
		pending := make([][]packager.Frame, 5)
		for i := range from {
			last := end
			if i < 4 {
				last = from[i+1] + rnd.Int64N(4)
			}
			for s := max(0, from[i]-rnd.Int64N(3)); s < last; s++ {
				pending[i] = append(pending[i], r.picture(i+1, s, s%4 == 0 || s == from[i]))
			}
			r.c.Take(i+1, r.at(from[i]))
		}
		owner := 0
		for s := range end / 4 * 4 {
			for owner < 4 && from[owner+1] <= s {
				owner++
			}
			if s%4 == 0 {
				fmt.Fprintf(&want, " %d:", s/4)
			}
			fmt.Fprint(&want, owner+1)
		}
		for left := 5; left > 0; {
			i := rnd.IntN(5)
			if len(pending[i]) == 0 {
				continue
			}
			r.push(pending[i][0])
			if pending[i] = pending[i][1:]; len(pending[i]) == 0 {
				left--
			}
		}
		if got := r.emitted(); got != strings.TrimSpace(want.String()) || len(r.errs) > 0 {
			t.Fatalf("seed %d, turns at %v:\n got %s\nwant%s\n%v", seed, from, got, want.String(), r.errs)
		}
	}
}

// A run may die at any frame, any number of times: encoding again from the first segment that is not out loses nothing.
func TestCutterLosesNothingWhenRunsDie(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		r := newRig(t, config)
		run, from := 1, int64(0)
		for from < 80 {
			r.c.Take(run, r.at(from))
			stop := from + 1 + rnd.Int64N(20)
			late := stop + rnd.Int64N(3) // stays in the pipe and comes after the next Take
			for s := from; s < stop; s++ {
				r.push(r.picture(run, s, s%4 == 0))
			}
			r.c.Done(run)
			// Another rendition may be behind: the new run begins up to two segments before ours needs it.
			from = max(0, stop/4*4-4*rnd.Int64N(3))
			run++
			if late > stop {
				r.c.Take(run, r.at(from))
				for s := stop; s < late; s++ {
					r.push(r.picture(run-1, s, s%4 == 0))
				}
			}
		}
		for i, s := range r.segs {
			if s.K-base/4 != int64(i) {
				t.Fatalf("seed %d: segment %d at place %d: %s", seed, s.K-base/4, i, r.emitted())
			}
		}
		if len(r.segs) < 18 || len(r.errs) > 0 || r.c.Stats().Abandoned > 0 {
			t.Fatalf("seed %d: %d segments, %v, %+v", seed, len(r.segs), r.errs, r.c.Stats())
		}
		r.emitted()
	}
}

// Whatever is pushed, what comes out is whole, on the grid, and numbered upwards.
func FuzzCutter(f *testing.F) {
	f.Add([]byte{0, 1, 0, 16, 1, 0, 16, 1, 1, 16, 1, 2, 16, 1, 3, 0, 2, 6, 16, 1, 4})
	f.Add([]byte{0, 1, 0, 0, 2, 4, 0, 3, 8, 16, 3, 8, 16, 2, 4, 32, 1, 0})
	f.Fuzz(func(t *testing.T, ops []byte) {
		r := newRig(t, config)
		last := int64(packager.None)
		seen := 0
		for ; len(ops) >= 3; ops = ops[3:] {
			kind, run, slot := ops[0], int(ops[1]%5), int64(ops[2])
			switch kind {
			case 0:
				r.c.Take(run, r.at(slot)+tick.Tick(kind))
			case 1:
				r.c.Done(run)
			default:
				for s := slot; s <= slot+int64(kind%8); s++ {
					r.push(r.picture(run, s, kind >= 8))
				}
			}
			for ; seen < len(r.segs); seen++ {
				if s := r.segs[seen]; s.K <= last || len(s.Samples) != 4 || s.Start != grid4.Start(s.K) || s.K != r.lastTo(seen) {
					t.Fatalf("segment %d after %d: %+v", s.K, last, s)
				}
				last = r.segs[seen].K
			}
			if r.c.Emitted() != last {
				t.Fatalf("emitted %d, last %d", r.c.Emitted(), last)
			}
			if n := r.c.Next(); n != 0 && last != packager.None && n < grid4.Start(last+1) {
				t.Fatalf("next %d lies in segment %d, which is out", n, last)
			}
		}
		r.emitted()
	})
}

// lastTo is the number of segment i by its start.
func (r *rig) lastTo(i int) int64 { return grid4.K(r.segs[i].Start) }
