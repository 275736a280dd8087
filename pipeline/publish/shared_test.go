package publish_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"onair/pipeline/publish"
	"onair/pkg/dash"
	"onair/pkg/hls"
	"onair/pkg/store"
)

// audited is a store that two publishers share. It fails the test when a playlist goes back, or changes what it listed.
type audited struct {
	*store.Memory
	t  *testing.T
	mu sync.Mutex
}

func newAudited(t *testing.T) *audited { return &audited{Memory: store.NewMemory(), t: t} }

// Put is what no publisher of a shared store may use.
func (s *audited) Put(_ context.Context, o store.Object) error {
	s.t.Errorf("%s is overwritten", o.Name)
	return errors.New("not here")
}

func (s *audited) Swap(ctx context.Context, o store.Object, tag string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.Get(ctx, o.Name)
	tag, swapped := s.Memory.Swap(ctx, o, tag)
	if err == nil && swapped == nil {
		s.audit(old, o)
	}
	return tag, swapped
}

func (s *audited) audit(old, o store.Object) {
	if strings.HasSuffix(o.Name, dash.FileName) {
		was, err1 := dash.Published(old.Body)
		is, err2 := dash.Published(o.Body)
		if err := errors.Join(err1, err2); err != nil || is.Before(was) {
			s.t.Errorf("the manifest goes from %v to %v, %v", was, is, err)
		}
		return
	}
	if strings.HasSuffix(o.Name, hls.FileName) {
		return
	}
	was, err1 := hls.ReadMedia(old.Body)
	is, err2 := hls.ReadMedia(o.Body)
	if err := errors.Join(err1, err2); err != nil {
		s.t.Error(err)
		return
	}
	if is.First < was.First || is.First+int64(len(is.Segments)) < was.First+int64(len(was.Segments)) {
		s.t.Errorf("%s goes back: %d+%d after %d+%d", o.Name, is.First, len(is.Segments), was.First, len(was.Segments))
	}
	for _, now := range is.Segments {
		if i := now.K - was.First; i >= 0 && i < int64(len(was.Segments)) && was.Segments[i] != now {
			s.t.Errorf("%s: segment %d was %+v and is %+v", o.Name, now.K, was.Segments[i], now)
		}
		if _, err := s.Get(s.t.Context(), fmt.Sprintf("%s/%d.m4s", strings.TrimSuffix(o.Name, ".m3u8"), now.K)); err != nil && !now.Gap {
			s.t.Errorf("%s lists %d, which is not there", o.Name, now.K)
		}
	}
}

var errDead = errors.New("the process is dead")

// mortal is a process's way to the store: it ends in the middle of what the process does.
type mortal struct {
	*audited
	lives atomic.Int64 // operations left; negative: it does not die by that
	slow  func() time.Duration

	unlisted atomic.Bool // it has no listing
}

func (s *mortal) ask() error {
	if s.slow != nil {
		time.Sleep(s.slow())
	}
	if s.lives.Load() == 0 {
		return errDead
	}
	s.lives.Add(-1)
	return nil
}

func (s *mortal) Create(ctx context.Context, o store.Object) error {
	if err := s.ask(); err != nil {
		return err
	}
	return s.audited.Create(ctx, o)
}

func (s *mortal) Swap(ctx context.Context, o store.Object, tag string) (string, error) {
	if err := s.ask(); err != nil {
		return "", err
	}
	return s.audited.Swap(ctx, o, tag)
}

func (s *mortal) Get(ctx context.Context, name string) (store.Object, error) {
	if err := s.ask(); err != nil {
		return store.Object{}, err
	}
	return s.audited.Get(ctx, name)
}

func (s *mortal) List(ctx context.Context, prefix string) ([]store.Info, error) {
	if err := s.ask(); err != nil {
		return nil, err
	}
	if s.unlisted.Load() {
		return nil, store.ErrNoList
	}
	return s.audited.List(ctx, prefix)
}

func (s *mortal) Delete(ctx context.Context, name string) error {
	if err := s.ask(); err != nil {
		return err
	}
	return s.audited.Delete(ctx, name)
}

// twin starts a publisher of a store that it shares; it never dies by itself.
func twin(t *testing.T, s *audited) (*rig, *mortal) {
	t.Helper()
	return slowTwin(t, s, nil)
}

// slowTwin is twin with a way to the store that takes its time.
func slowTwin(t *testing.T, s *audited, slow func() time.Duration) (*rig, *mortal) {
	t.Helper()
	m := &mortal{audited: s, slow: slow}
	m.lives.Store(-1)
	return start(t, m, func(c *publish.Config) { c.Shared = true }), m
}

// give delivers a segment number to a publisher.
func give(r *rig, k int64, change func(*publish.Segment)) {
	for _, track := range []string{"v", "a"} {
		s := publish.Segment{Track: track, K: k, Body: mdat(fmt.Sprintf("%s %d", track, k))}
		if change != nil {
			change(&s)
		}
		r.p.Segment(s)
	}
}

func slate(s *publish.Segment) { s.Slate, s.Body = true, mdat("slate") }

func from(name string) func(*publish.Segment) {
	return func(s *publish.Segment) { s.Body = mdat("of " + name) }
}

// isOf tells whose a stored segment is.
func isOf(t *testing.T, s store.Store, track string, k int64) string {
	t.Helper()
	o, err := s.Get(t.Context(), segmentName(track, k))
	if err != nil {
		return "nobody"
	}
	return string(bytes.TrimPrefix(o.Body[8:], []byte("of ")))
}

// TestTwoPublishOneStream: both bring all, one some time after the other.
func TestTwoPublishOneStream(t *testing.T) {
	for _, later := range []time.Duration{0, 300 * time.Millisecond, 2 * time.Second, 5 * time.Second} {
		t.Run(later.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newAudited(t)
				a, _ := twin(t, s)
				b, _ := twin(t, s)
				var wg sync.WaitGroup
				for i := range int64(15) {
					give(a, a.k+i, nil)
					wg.Go(func() {
						time.Sleep(later)
						give(b, a.k+i, nil)
					})
					time.Sleep(segmentLength)
				}
				wg.Wait()
				synctest.Wait()
				for _, r := range []*rig{a, b} {
					r.expect(both("mmmmmmmmmm"))
					st := r.p.Status()
					if err := r.p.Fresh(); err != nil || st.Gaps != 0 || st.Errors != 0 || st.LastK != a.k+14 {
						t.Errorf("%v, %+v", err, st)
					}
					if err := r.stop(); err != nil {
						t.Error(err)
					}
				}
				if st := b.p.Status(); st.Twins == 0 {
					t.Errorf("the later one: %+v", st)
				}
			})
		})
	}
}

// TestOneGoesOnAlone: one of the two is gone for a while, and comes back.
func TestOneGoesOnAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newAudited(t)
		a, _ := twin(t, s)
		b, _ := twin(t, s)
		k := a.k
		turn := func(n int, rigs ...*rig) {
			for range n {
				for _, r := range rigs {
					give(r, k, nil)
				}
				k++
				time.Sleep(segmentLength)
			}
			synctest.Wait()
		}
		turn(4, a, b)
		if err := a.stop(); err != nil {
			t.Error(err)
		}
		turn(3, b)
		a, _ = twin(t, s)
		turn(3, a, b)
		if err := b.stop(); err != nil {
			t.Error(err)
		}
		turn(3, a)
		a.expect(both("mmmmmmmmmm"))
		if st := a.p.Status(); st.LastK != k-1 || st.Gaps != 0 || st.Errors != 0 {
			t.Errorf("%+v", st)
		}
		if err := a.stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestSlateWaitsForTheOthersMedia: slate, and what is of a clock of its own, is listed one T after its end, if nobody
// brings better.
func TestSlateWaitsForTheOthersMedia(t *testing.T) {
	for name, second := range map[string]func(*publish.Segment){
		"slate": slate, "standby": func(s *publish.Segment) { s.Standby = true },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newAudited(t)
				a, _ := twin(t, s)
				b, _ := twin(t, s)
				k := a.k
				for range 4 {
					give(a, k, from("a"))
					give(b, k, from("b"))
					k++
					time.Sleep(segmentLength)
				}
				give(a, k, second)
				time.Sleep(segmentLength) // its end
				synctest.Wait()
				if isOf(t, s, "v", k) != "nobody" {
					t.Error("it has not waited")
				}
				give(b, k, from("b"))
				synctest.Wait()
				if who := isOf(t, s, "v", k); who != "b" {
					t.Errorf("it is of %s", who)
				}
				time.Sleep(segmentLength / 2)
				synctest.Wait()
				if st := a.p.Status(); st.LastK != k || st.Adopted == 0 {
					t.Errorf("the other one has listed it: %+v", st)
				}
				k++ // now nobody has better
				give(a, k, second)
				time.Sleep(3*segmentLength/2 - time.Millisecond)
				synctest.Wait()
				if isOf(t, s, "v", k) != "nobody" {
					t.Error("it has not waited")
				}
				time.Sleep(time.Second)
				synctest.Wait()
				if st := a.p.Status(); st.LastK != k || st.Gaps != 0 {
					t.Errorf("%+v", st)
				}
				a.expect(both("mmmmmm"))
				_, _ = a.stop(), b.stop()
			})
		})
	}
}

// TestWhatTheOtherHasStoredIsNoGap: one has stored a number and died before it was listed; the other one lacks it.
func TestWhatTheOtherHasStoredIsNoGap(t *testing.T) {
	for name, listing := range map[string]bool{"a store with a listing": true, "one without": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { findsWhatIsStored(t, listing) })
		})
	}
}

func findsWhatIsStored(t *testing.T, listing bool) {
	s := newAudited(t)
	b, way := twin(t, s)
	b.play(4)
	way.unlisted.Store(!listing)
	for _, track := range []string{"v", "a"} {
		for n := range int64(2) {
			if err := s.Create(t.Context(), store.Object{Name: segmentName(track, b.k+n), Body: mdat("of a")}); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.k += 2
	time.Sleep(2 * segmentLength)
	b.segment("v", b.k) // and half of a number
	b.k++
	time.Sleep(segmentLength)
	b.play(3)
	b.expect(map[string]string{"v": "mmmmmmmmmm", "a": "mmmmmm-mmm"})
	if st := b.p.Status(); st.Gaps != 1 || st.Twins != 4 {
		t.Errorf("%+v", st)
	}
	_ = b.stop()
}

// TestAGapWaitsForTheOther: what one lacks of a number the other one may bring until one T after its end.
func TestAGapWaitsForTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newAudited(t)
		a, _ := twin(t, s)
		b, _ := twin(t, s)
		k := a.k
		for range 4 {
			give(a, k, nil)
			give(b, k, nil)
			k++
			time.Sleep(segmentLength)
		}
		a.segment("v", k)
		time.Sleep(segmentLength + segmentLength*3/4)
		give(b, k, nil)
		time.Sleep(segmentLength)
		synctest.Wait()
		a.expect(both("mmmmm"))
		if st := a.p.Status(); st.Gaps != 0 || st.LastK != k {
			t.Errorf("%+v", st)
		}
		_, _ = a.stop(), b.stop()
	})
}

// TestStoreThatCannotSwapIsNotShared: nothing would keep the two from undoing each other's playlists.
func TestStoreThatCannotSwapIsNotShared(t *testing.T) {
	t.Parallel()
	c := config(struct{ store.Store }{store.NewMemory()})
	c.Shared = true
	if _, err := publish.New(c); err == nil || !strings.Contains(err.Error(), "cannot be shared") {
		t.Error(err)
	}
}

// TestAnyOfTwoMayDieAnyTime: processes that die in the middle of whatever they do, while the other one lives, cost no
// segment, and no playlist ever changes what it listed.
func TestAnyOfTwoMayDieAnyTime(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { liveAndDie(t, rand.New(rand.NewPCG(seed, 7))) })
		})
	}
}

func liveAndDie(t *testing.T, dice *rand.Rand) {
	s := newAudited(t)
	rigs, ways := make([]*rig, 2), make([]*mortal, 2)
	born := func(i int) {
		pace := rand.New(rand.NewPCG(dice.Uint64(), 1))
		var mu sync.Mutex
		rigs[i], ways[i] = slowTwin(t, s, func() time.Duration {
			mu.Lock()
			defer mu.Unlock()
			return time.Duration(pace.IntN(200)) * time.Millisecond
		})
	}
	born(0)
	born(1)
	k := rigs[0].k
	first := k
	dying, dead := 0, false
	for n := range int64(40) {
		for i, r := range rigs {
			if i == dying && dead {
				continue
			}
			lag := time.Duration(dice.IntN(1500)) * time.Millisecond
			go func() {
				time.Sleep(lag)
				give(r, k+n, nil)
			}()
		}
		if n%4 == 1 { // somewhere in the next second
			ways[dying].lives.Store(dice.Int64N(25))
		}
		time.Sleep(segmentLength)
		synctest.Wait()
		switch n % 4 {
		case 1:
			ways[dying].lives.Store(0)
			_ = rigs[dying].stop()
			dead = true
		case 3:
			born(dying)
			dead, dying = false, 1-dying
		}
	}
	time.Sleep(4 * segmentLength)
	synctest.Wait()
	list := playlist(t, s, "v")
	if got := shape(list) + shape(playlist(t, s, "a")); strings.Contains(got, "-") || strings.Contains(got, "|") {
		t.Errorf("%s", got)
	}
	if last := list.First + int64(len(list.Segments)) - 1; last != first+39 {
		t.Errorf("listed up to %d of %d", last-first, 39)
	}
	for i, r := range rigs {
		if i != dying || !dead {
			_ = r.stop()
		}
	}
}

// TestAStoreThatWasAwayIsGoneOnWith, on the real clock, which goes on between two looks at it.
func TestAStoreThatWasAwayIsGoneOnWith(t *testing.T) {
	t.Parallel()
	m := &mortal{audited: newAudited(t)}
	m.lives.Store(-1)
	r := launch(t, m, func(c *publish.Config) { c.Shared, c.RetryFor = true, 100*time.Millisecond })
	r.init("init-1.mp4")
	k := r.k - 20 // long ago: nothing is waited for
	reached := func(want int64) bool {
		for range 1000 {
			if r.p.Status().LastK >= want {
				return true
			}
			time.Sleep(10 * time.Millisecond)
		}
		return false
	}
	turn := func(n int) {
		for range n {
			give(r, k, nil)
			k++
		}
	}
	turn(4)
	if !reached(k - 1) {
		t.Fatalf("%+v", r.p.Status())
	}
	m.lives.Store(0)
	turn(3)
	for failed := r.p.Status().Errors; r.p.Status().Errors < failed+12; {
		time.Sleep(10 * time.Millisecond)
	}
	m.lives.Store(-1)
	turn(3)
	if !reached(k - 1) {
		t.Errorf("not gone on with: %+v", r.p.Status())
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}
