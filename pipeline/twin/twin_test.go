package twin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"onair/pipeline/twin"
	"onair/pkg/fmp4"
	"onair/pkg/likeness"
	"onair/pkg/store"
	"onair/pkg/tick"
)

const length = 2 * tick.Second

// output is what a pipeline publishes: two renditions in a store in memory.
type output struct {
	t     *testing.T
	store *store.Memory
	first int64
	last  int64
	gaps  map[int64]bool
	bend  func(track string, k int64, s *fmp4.Segment)
	init  string
}

func newOutput(t *testing.T) *output {
	return &output{t: t, store: store.NewMemory(), first: 100, last: 99, gaps: map[int64]bool{}, init: "init-1.mp4"}
}

func (o *output) put(name, body string) {
	o.t.Helper()
	if err := o.store.Put(context.Background(), store.Object{Name: "news/" + name, Body: []byte(body)}); err != nil {
		o.t.Fatal(err)
	}
}

// publish lists segments up to k.
func (o *output) publish(k int64) {
	o.t.Helper()
	for _, track := range []string{"v", "a"} {
		list := fmt.Sprintf("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:%d\n#EXT-X-MAP:URI=\"%s/%s\"\n", o.first, track, o.init)
		o.put(track+"/"+o.init, "header of "+track)
		for n := o.first; n <= k; n++ {
			if n > o.last {
				o.put(fmt.Sprintf("%s/%d.m4s", track, n), o.segment(track, n))
			}
			if o.gaps[n] {
				list += "#EXT-X-GAP\n"
			}
			list += fmt.Sprintf("#EXTINF:2.000,\n%s/%d.m4s\n", track, n)
		}
		o.put(track+".m3u8", list)
	}
	o.last = k
}

func (o *output) segment(track string, k int64) string {
	o.t.Helper()
	s := fmp4.Segment{Brands: []string{"msdh", "cmfs"}, Sequence: uint32(k), BaseTime: uint64(k) * 4000}
	for range 4 {
		s.Samples = append(s.Samples, fmp4.Sample{Duration: 1000, Sync: true, Data: []byte(track)})
	}
	if o.bend != nil {
		o.bend(track, k, &s)
	}
	body, err := s.Marshal()
	if err != nil {
		o.t.Fatal(err)
	}
	return string(body)
}

// rig is a channel that publishes one segment after the other, with its Watch.
type rig struct {
	own, other *output
	watch      *twin.Watch
	locked     bool
	began      time.Time
	events     []string
}

func newRig(t *testing.T) *rig {
	r := &rig{own: newOutput(t), other: newOutput(t), locked: true, began: time.Now()}
	r.watch = twin.New(twin.Config{
		Channel: "news", Own: r.own.store,
		Now: func() tick.Tick { return tick.FromDuration(time.Since(r.began)) + tick.Second },
		State: func() (twin.State, bool) {
			return twin.State{Segment: length, Newest: r.own.last, Renditions: []string{"v", "a"}, Locked: r.locked}, r.own.last >= r.own.first
		},
		Event: func(e twin.Event) { r.events = append(r.events, string(e.Code)+": "+e.Message) },
	})
	r.watch.Point(r.other.store)
	return r
}

// pass lets n segments' time pass; what is published meanwhile is up to each.
func (r *rig) pass(t *testing.T, n int, publish ...*output) {
	t.Helper()
	for range n {
		for _, o := range publish {
			o.publish(o.last + 1)
		}
		for range 2 {
			r.watch.Look(t.Context())
			time.Sleep(time.Second) // of the bubble
		}
	}
}

func (r *rig) status(t *testing.T) twin.Status {
	t.Helper()
	st, ok := r.watch.Status()
	if !ok {
		t.Fatal("nothing to look at")
	}
	return st
}

func (r *rig) want(t *testing.T, codes ...string) {
	t.Helper()
	var got []string
	for _, e := range r.events {
		code, _, _ := strings.Cut(e, ":")
		got = append(got, code)
	}
	if strings.Join(got, " ") != strings.Join(codes, " ") {
		t.Errorf("told %q, want %v", r.events, codes)
	}
}

// run runs a test with times of its own.
func run(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newRig(t)) })
}

func TestTwinsThatAreAlike(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.other.bend = func(_ string, _ int64, s *fmp4.Segment) { s.Samples[1].Data = []byte("encoded otherwise") }
		r.pass(t, 1)
		if st := r.status(t); st.Known != 0 {
			t.Errorf("a ratio of nothing: %+v", st)
		}
		r.pass(t, 120, r.own, r.other)
		st := r.status(t)
		if st.Compared < 119 || st.Known != 100 || st.Ratio != 1 || st.Missing+st.Errors+st.Skipped != 0 || st.LastK != r.own.last {
			t.Errorf("%+v", st)
		}
		r.want(t)
	})
}

func TestDifferencesAreCountedByReason(t *testing.T) {
	for reason, bend := range map[likeness.Aspect]func(*output){
		likeness.Start:    func(o *output) { o.bend = func(_ string, _ int64, s *fmp4.Segment) { s.BaseTime += 40 } },
		likeness.Sequence: func(o *output) { o.bend = func(_ string, _ int64, s *fmp4.Segment) { s.Sequence++ } },
		likeness.Samples:  func(o *output) { o.bend = func(_ string, _ int64, s *fmp4.Segment) { s.Samples = s.Samples[1:] } },
		likeness.Init:     func(o *output) { o.init = "init-2.mp4" },
	} {
		run(t, func(t *testing.T, r *rig) {
			bend(r.other)
			r.pass(t, 10, r.own, r.other)
			st := r.status(t)
			if st.Compared < 9 || st.Ratio != 0 || st.Mismatched[reason] != st.Compared || st.Last == "" {
				t.Errorf("%s: %+v", reason, st)
			}
			r.want(t, "twin_differs") // once
			for _, want := range []string{"twin memory: segment ", " of v ", string(reason), "here", "there", "Cause: ", "onair verify --twin"} {
				if !strings.Contains(r.events[0], want) {
					t.Errorf("%q lacks %q", r.events[0], want)
				}
			}
		})
	}
}

func TestEachRenditionIsLookedAt(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.other.bend = func(track string, _ int64, s *fmp4.Segment) {
			if track == "a" {
				s.BaseTime++
			}
		}
		r.pass(t, 20, r.own, r.other)
		if st := r.status(t); st.Ratio < 0.4 || st.Ratio > 0.6 {
			t.Errorf("%+v", st)
		}
		r.other.bend = nil
		r.pass(t, 15, r.own, r.other)
		r.want(t, "twin_differs", "twin_alike")
	})
}

// TestWhatTheTwinLacks: the twin ends, and comes back with gaps, and with slate.
func TestWhatTheTwinLacks(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.pass(t, 5, r.own, r.other)
		r.pass(t, 2, r.own)
		if st := r.status(t); st.Missing != 0 {
			t.Errorf("nothing is missing yet: %+v", st)
		}
		r.pass(t, 10, r.own)
		st := r.status(t)
		if st.Missing < 7 || st.Missing > 10 || st.Ratio != 1 || st.Errors != 0 {
			t.Errorf("it does not publish: %+v", st)
		}
		r.want(t, "twin_missing")
		for n := r.other.last + 1; n <= r.own.last; n++ {
			r.other.gaps[n] = true
		}
		r.other.publish(r.own.last)
		r.pass(t, 5, r.own, r.other)
		r.want(t, "twin_missing", "twin_back")
		before := r.status(t)
		r.other.bend = func(_ string, _ int64, s *fmp4.Segment) { s.Brands = append(s.Brands, "slat") }
		r.pass(t, 5, r.own, r.other)
		after := r.status(t)
		if after.Missing < before.Missing+4 || after.Compared > before.Compared+1 || after.Ratio != 1 {
			t.Errorf("slate there is %+v after %+v", after, before)
		}
		r.own.bend, before = r.other.bend, after
		r.pass(t, 5, r.own, r.other)
		if after = r.status(t); after.Missing > before.Missing+1 || after.Compared > before.Compared+1 {
			t.Errorf("slate here is %+v after %+v", after, before)
		}
	})
}

// strange is a store of which a test says what it does.
type strange struct {
	*store.Memory
	mu  sync.Mutex
	get func(ctx context.Context, name string) (store.Object, error)
}

// set has it answer as f does; nil: as a store should.
func (s *strange) set(f func(ctx context.Context, name string) (store.Object, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.get = f
}

func (s *strange) Get(ctx context.Context, name string) (store.Object, error) {
	s.mu.Lock()
	get := s.get
	s.mu.Unlock()
	if get != nil {
		return get(ctx, name)
	}
	return s.Memory.Get(ctx, name)
}

func TestATwinThatIsAwayAndBack(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		s := &strange{Memory: r.other.store}
		r.watch.Point(s)
		r.pass(t, 5, r.own, r.other)
		var asked atomic.Int64
		s.set(func(context.Context, string) (store.Object, error) {
			asked.Add(1)
			return store.Object{}, errors.New("connection refused")
		})
		r.pass(t, 30, r.own, r.other)
		st := r.status(t)
		if asked.Load() > 15 || st.Errors != uint64(asked.Load()) || st.LastError != "connection refused" || st.Missing != 0 || st.Ratio != 1 {
			t.Errorf("asked %d times: %+v", asked.Load(), st)
		}
		s.set(nil)
		r.pass(t, 10, r.own, r.other)
		if st = r.status(t); st.LastError != "" || st.LastK != r.own.last || st.Skipped == 0 {
			t.Errorf("%+v", st)
		}
		r.want(t, "twin_away", "twin_back")
	})
}

func TestATwinThatAnswersNonsense(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		s := &strange{Memory: r.other.store}
		r.watch.Point(s)
		s.set(func(_ context.Context, name string) (store.Object, error) {
			return store.Object{Name: name, Body: []byte("<html>welcome</html>\n")}, nil
		})
		r.pass(t, 10, r.own, r.other)
		if st := r.status(t); st.Errors == 0 || !strings.Contains(st.LastError, "it is no media playlist") || st.Compared != 0 {
			t.Errorf("%+v", st)
		}
		s.set(func(ctx context.Context, name string) (store.Object, error) {
			if strings.HasSuffix(name, ".m4s") {
				return store.Object{Name: name, Body: []byte("junk")}, nil
			}
			return s.Memory.Get(ctx, name)
		})
		r.pass(t, 10, r.own, r.other)
		if st := r.status(t); st.Ratio != 0 || st.Mismatched[likeness.Readable] != st.Compared || st.Compared == 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestATwinThatHangs: whatever the context says. It is given up, and nothing else is asked of it meanwhile.
func TestATwinThatHangs(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		s := &strange{Memory: r.other.store}
		r.watch.Point(s)
		hold := make(chan struct{})
		var asked atomic.Int64
		s.set(func(context.Context, string) (store.Object, error) {
			asked.Add(1)
			<-hold
			return store.Object{}, errors.New("too late")
		})
		began := time.Now()
		r.own.publish(100)
		r.watch.Look(t.Context())
		if d := time.Since(began); d > 6*time.Second {
			t.Errorf("a look took %v", d)
		}
		r.pass(t, 20, r.own)
		if st := r.status(t); asked.Load() != 1 || st.Errors < 2 || !strings.Contains(st.LastError, "has not come yet") {
			t.Errorf("asked %d times: %+v", asked.Load(), st)
		}
		s.set(nil)
		close(hold)
		r.other.publish(r.own.last)
		r.pass(t, 10, r.own, r.other)
		if st := r.status(t); st.Ratio != 1 || st.LastK != r.own.last {
			t.Errorf("%+v", st)
		}
		r.want(t, "twin_away", "twin_back")
	})
}

// TestMuchIsReadSlowly: what the other store sends is bounded on average.
func TestMuchIsReadSlowly(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.other.bend = func(_ string, _ int64, s *fmp4.Segment) { s.Samples[0].Data = make([]byte, 6<<20) } // three seconds' worth
		r.pass(t, 60, r.own, r.other)
		if st := r.status(t); st.Compared < 15 || st.Compared > 25 || st.Skipped == 0 || st.Ratio != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// TestWhoIsNotLockedIsNotCompared: boxes would be alike, and what they show not.
func TestWhoIsNotLockedIsNotCompared(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.pass(t, 5, r.own, r.other)
		r.locked = false
		r.pass(t, 5, r.own, r.other)
		st := r.status(t)
		if st.Known != 0 || st.Compared > 5 {
			t.Errorf("%+v", st)
		}
		r.locked = true
		r.pass(t, 5, r.own, r.other)
		if now := r.status(t); now.Known == 0 || now.Compared <= st.Compared || now.Ratio != 1 {
			t.Errorf("%+v", now)
		}
	})
}

func TestAnotherTwin(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		r.pass(t, 5, r.own, r.other)
		before := r.status(t)
		r.watch.Point(nil)
		r.pass(t, 5, r.own, r.other)
		if _, ok := r.watch.Status(); ok {
			t.Error("there is none")
		}
		third := newOutput(t)
		third.bend = func(_ string, _ int64, s *fmp4.Segment) { s.BaseTime++ }
		third.publish(r.own.last)
		r.watch.Point(third.store)
		r.pass(t, 5, r.own, third)
		if st := r.status(t); st.Compared <= before.Compared || st.Ratio != 0 {
			t.Errorf("%+v after %+v", st, before)
		}
	})
}

// TestRunEnds: also while the other store hangs.
func TestRunEnds(t *testing.T) {
	run(t, func(t *testing.T, r *rig) {
		hold := make(chan struct{})
		defer close(hold)
		r.watch.Point(&strange{Memory: r.other.store, get: func(context.Context, string) (store.Object, error) {
			<-hold
			return store.Object{}, nil
		}})
		r.own.publish(101)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		r.watch.Run(ctx)
		if d := time.Since(began); d > 3*time.Second {
			t.Errorf("it took %v", d)
		}
		r.want(t)
	})
}
