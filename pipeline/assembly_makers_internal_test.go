package pipeline

import (
	"testing"

	"onair/pipeline/encode"
	"onair/pipeline/packager"
	"onair/pipeline/publish"
)

// TestSegmentsTellWhatTheyAreMadeOf: of which input, by which placing of its clock, and whether any of it is slate.
func TestSegmentsTellWhatTheyAreMadeOf(t *testing.T) {
	t.Parallel()
	a := newAssemblyRig(t).assembly
	a.clock = func(input string) clock {
		return map[string]clock{"main": {generation: 3}, "other": {generation: 1, standby: true}}[input]
	}
	v := a.now.byName["v"]
	a.mark(v, 1, encode.Frame{Input: "main"})
	a.mark(v, 2, encode.Frame{Input: encode.Slate, Slate: true})
	a.mark(v, 3, encode.Frame{Input: "other"})
	k := grid2.K(noon)
	a.Held(grid2.Start(k+5), grid2.Start(k+5)+slot)     // is nothing
	a.Held(grid2.Start(k+7), grid2.Start(k+8)+2*slot)   // two numbers
	a.Held(grid2.Start(k+10), grid2.Start(k+10)+3*slot) // one
	for n, want := range map[int64]bool{5: false, 6: false, 7: true, 8: true, 9: false, 10: true, 11: false} {
		var out publish.Segment
		a.sign(&out, a.made(packager.Segment{K: k + n, Runs: []int{1}}))
		if out.Standby != want || out.Slate {
			t.Errorf("segment %d: %+v", n, out)
		}
	}
	for name, c := range map[string]struct {
		runs       []int
		slate      bool
		standby    bool
		input, gen string
	}{
		"an input":          {[]int{1}, false, false, "main", "3"},
		"of its own clock":  {[]int{3}, false, true, "other", "1"},
		"slate":             {[]int{2}, true, false, encode.Slate, ""},
		"slate, then input": {[]int{2, 1}, true, false, "main", "3"},
		"an input and then": {[]int{1, 2}, true, false, encode.Slate, ""},
	} {
		var out publish.Segment
		a.sign(&out, a.made(packager.Segment{Runs: c.runs}))
		if out.Slate != c.slate || out.Standby != c.standby || out.Meta["input"] != c.input ||
			out.Meta["generation"] != c.gen || (out.Meta["slate"] == "1") != c.slate {
			t.Errorf("%s: %+v", name, out)
		}
	}
}
