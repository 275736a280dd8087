package drill_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"onair/pipeline/drill"
	"onair/pipeline/fault"
)

// twins are two regions of a pipeline and an origin each, a relay, and an edge that nobody may touch.
func twins() drill.Plan {
	long := drill.Span{Least: 5 * time.Second, Most: 20 * time.Second}
	p := drill.Plan{
		Seed: 7, For: time.Hour, Every: 30 * time.Second, AtOnce: 2,
		Lasts:  map[fault.Kind]drill.Span{fault.Stop: long, fault.Cut: long, fault.Region: long},
		Amount: drill.Amount{Jump: time.Hour},
		Targets: []drill.Target{
			{Name: "relay", Allow: []fault.Kind{fault.Cut, fault.Jump}, Legs: []string{"a", "b"}},
			{Name: "edge"},
		},
		Keep: []drill.Keep{{Of: []string{"west", "east"}, Whole: 1}},
	}
	for _, region := range []string{"west", "east"} {
		p.Targets = append(p.Targets,
			drill.Target{Name: "pipeline-" + region, Region: region, Allow: []fault.Kind{fault.Kill, fault.Stop, fault.Region}},
			drill.Target{Name: "origin-" + region, Region: region, Allow: []fault.Kind{fault.Kill, fault.Region}},
			drill.Target{Name: "disk-" + region, Region: region},
		)
	}
	return p
}

func allWhole(p drill.Plan) drill.World {
	w := drill.World{Whole: map[string]bool{}}
	for _, t := range p.Targets {
		w.Whole[t.Name] = true
	}
	return w
}

// TestChooseIsAFunctionOfThePlan: the same seed gives the same faults, whenever and in whatever order they are asked for.
func TestChooseIsAFunctionOfThePlan(t *testing.T) {
	t.Parallel()
	p, q, w := twins(), twins(), allWhole(twins())
	var first []drill.Action
	for n := range 500 {
		a, _ := p.Choose(n, w)
		first = append(first, a)
	}
	for n := 499; n >= 0; n-- {
		if a, why := q.Choose(n, w); !reflect.DeepEqual(a, first[n]) || why != "" {
			t.Fatalf("%d: %+v, then %+v (%s)", n, first[n], a, why)
		}
	}
	q.Seed++
	differ := 0
	for n := range 500 {
		if a, _ := q.Choose(n, w); !reflect.DeepEqual(a, first[n]) {
			differ++
		}
	}
	if differ < 400 {
		t.Errorf("another seed gives %d others of 500", differ)
	}
}

// TestEverythingHasItsTurn: what is allowed comes once before anything comes again.
func TestEverythingHasItsTurn(t *testing.T) {
	t.Parallel()
	p := twins()
	kinds := 2 + 2*(2+1) + 2 // relay, two pipelines and origins, two regions
	for round := range 20 {
		seen := map[string]bool{}
		for n := round * kinds; n < (round+1)*kinds; n++ {
			a, why := p.Choose(n, allWhole(p))
			key := fmt.Sprint(a.Fault.Kind, a.Targets)
			if why != "" || seen[key] {
				t.Fatalf("round %d: %s again (%s)", round, key, why)
			}
			seen[key] = true
		}
	}
}

// TestChooserKeepsItsRules: whatever is whole and however many faults are under way, nothing is chosen that was not opted in
// to, nobody who is not whole is hit, and what keep asks for stays.
func TestChooserKeepsItsRules(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	chosen := 0
	for n := range 20_000 {
		p := twins()
		p.Seed = rnd.Uint64()
		w := drill.World{Whole: map[string]bool{}, Busy: rnd.IntN(3)}
		for _, target := range p.Targets {
			w.Whole[target.Name] = rnd.IntN(6) > 0
		}
		a, why := p.Choose(n, w)
		if why != "" {
			continue
		}
		chosen++
		if w.Busy >= p.AtOnce {
			t.Fatalf("%+v beside %d", a, w.Busy)
		}
		left := map[string]bool{"west": true, "east": true}
		for _, target := range p.Targets {
			hit := slices.Contains(a.Targets, target.Name)
			if hit && (!slices.Contains(target.Allow, a.Fault.Kind) || !w.Whole[target.Name]) {
				t.Fatalf("%+v with %+v", a, w)
			}
			if target.Region != "" && (hit || !w.Whole[target.Name]) {
				left[target.Region] = false
			}
		}
		region := slices.ContainsFunc(a.Targets, func(name string) bool { return name != "relay" })
		if region && !left["west"] && !left["east"] {
			t.Fatalf("no region is whole with %+v in %+v", a, w)
		}
		if s := p.Lasts[a.Fault.Kind]; a.Fault.For < s.Least || a.Fault.For > s.Most {
			t.Fatalf("%+v lasts %v", a, a.Fault.For)
		}
	}
	if chosen < 2000 {
		t.Errorf("only %d were chosen", chosen)
	}
}

// TestARegionIsLostAsFarAsItAllows: a region is its targets that allow it; one that does not stays.
func TestARegionIsLostAsFarAsItAllows(t *testing.T) {
	t.Parallel()
	p := twins()
	p.Every, p.Schedule = 0, []drill.Step{{At: time.Second, Fault: fault.Region, Target: "west"}}
	a, why := p.Choose(0, allWhole(p))
	if want := []string{"pipeline-west", "origin-west"}; why != "" || !slices.Equal(a.Targets, want) || a.Region != "west" {
		t.Errorf("%+v (%s)", a, why)
	}
}

// TestAStepThatIsNotAllowedIsNotDone: a schedule is no opt-in.
func TestAStepThatIsNotAllowedIsNotDone(t *testing.T) {
	t.Parallel()
	p := twins()
	p.Every, p.Schedule = 0, []drill.Step{
		{Fault: fault.Kill, Target: "edge"}, {Fault: fault.Stop, Target: "origin-west"}, {Fault: fault.Kill, Target: "nobody"},
		{Fault: fault.Kill, Target: "west"},
	}
	for n := range p.Schedule {
		if a, why := p.Choose(n, allWhole(p)); why == "" {
			t.Errorf("%+v", a)
		}
	}
}

// TestWhenFaultsAreDue: by chance one every so often, the last one with time left to see what comes of it.
func TestWhenFaultsAreDue(t *testing.T) {
	t.Parallel()
	p := drill.Plan{For: 2 * time.Minute, Every: 30 * time.Second}
	var got []time.Duration
	for n := 0; ; n++ {
		at, more := p.At(n)
		if !more {
			break
		}
		got = append(got, at)
	}
	if want := []time.Duration{30 * time.Second, time.Minute, 90 * time.Second}; !slices.Equal(got, want) {
		t.Error(got)
	}
}
