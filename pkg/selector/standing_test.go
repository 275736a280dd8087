package selector_test

import (
	"testing"

	"onair/pkg/selector"
	"onair/pkg/tick"
)

// stands checks what is told about an input; a time may be a step off.
func (w *world) stands(t *testing.T, name string, cause selector.Cause, take tick.Tick) {
	t.Helper()
	for _, got := range w.sel.Standings() {
		if got.Name != name {
			continue
		}
		if off := got.Take - take; got.Cause != cause || off.Abs() > step {
			t.Errorf("%s at %v: %q, taken in %v, want %q, %v", name, w.now.Duration(), got.Cause, got.Take.Duration(), cause,
				take.Duration())
		}
		return
	}
	t.Errorf("nothing is told about %s", name)
}

func TestStandingsTellWhatComesNext(t *testing.T) {
	w := newWorld(selector.Conditions{Loss: s / 2, ReturnAfter: 30 * s, Black: 5 * s}, "a", "b", "c")
	if got := w.sel.Standings(); len(got) != 0 {
		t.Errorf("before the first decision: %+v", got)
	}
	w.run(s)
	w.stands(t, "a", "", selector.Never) // it is on air
	w.stands(t, "b", "", selector.Never) // behind it
	w.in("a").Silent = s
	w.run(s)
	w.want(t, "b")
	w.stands(t, "a", selector.Loss, selector.Never)
	w.in("a").Silent = 0
	w.run(10 * s)
	w.stands(t, "a", "", 20*s)
	w.stands(t, "c", "", selector.Never)
	w.in("a").Black = 6 * s
	w.run(s)
	w.stands(t, "a", selector.Black, selector.Never)
	w.in("a").Black = 0
	w.run(5 * s)
	w.stands(t, "a", "", 25*s)
	w.sel.Choose("b") // it is held
	w.step()
	w.stands(t, "a", "", selector.Never)
	w.sel.Choose(selector.Auto)
	w.step()
	w.stands(t, "a", "", 25*s-2*step)
}

func TestStandingsWithoutAnInput(t *testing.T) {
	w := newWorld(selector.Conditions{Loss: s / 2, ReturnAfter: 30 * s}, "a", "b")
	w.run(s)
	w.in("a").Silent, w.in("b").Silent = s, s
	w.run(s)
	w.want(t, "")
	w.stands(t, "a", selector.Loss, selector.Never)
	w.in("a").Silent = 0
	w.run(s)
	w.want(t, "") // it has just failed on air: it must be well for two seconds
	w.stands(t, "a", "", s)
}

// TestStandingsKeepTheirWord: what is told comes true, whatever else happens beside it.
func TestStandingsKeepTheirWord(t *testing.T) {
	w := newWorld(selector.Conditions{Loss: s / 2, ReturnAfter: 12 * s}, "a", "b")
	w.run(s)
	w.in("a").Silent = s
	w.run(s)
	w.in("a").Silent = 0
	w.run(2 * s)
	var told tick.Tick
	for _, st := range w.sel.Standings() {
		if st.Name == "a" {
			told = st.Take
		}
	}
	w.run(told - 2*step)
	w.want(t, "b")
	w.run(4 * step)
	w.want(t, "a")
}
