package publish_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"onair/pipeline/publish"
	"onair/pkg/store"
	"onair/pkg/tick"
)

var (
	errDown  = errors.New("the destination is down")
	errTaken = errors.New("stored by the hook itself")
)

func tickName(k int64) string { return strconv.FormatInt(k, 10) }

// Kinds of trouble a store can make.
type trouble = func(ctx context.Context, op, name string) error

func delay(d time.Duration) trouble {
	return func(ctx context.Context, _, _ string) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func fail(context.Context, string, string) error { return errDown }

func failWhere(match func(name string) bool) trouble {
	return func(_ context.Context, op, name string) error {
		if op == "put" && match(name) {
			return errDown
		}
		return nil
	}
}

// hang returns when the caller gives up.
func hang(ctx context.Context, _, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

// dead does not even notice that: a network mount whose server is gone.
func dead(release <-chan struct{}) trouble {
	return func(context.Context, string, string) error {
		<-release
		return errDown
	}
}

func TestSlowStoreLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		s.trouble(delay(1500 * time.Millisecond))
		r := start(t, s, nil)
		r.play(12)
		time.Sleep(segmentLength)
		r.expect(both("mmmmmmmmmm"))
		if st := r.p.Status(); st.Gaps+st.Errors+st.Dropped != 0 {
			t.Errorf("%+v", st)
		}
		if err := r.p.Fresh(); err != nil {
			t.Error(err)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestShortFailureIsRetriedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		r.play(3)
		s.trouble(fail)
		time.AfterFunc(2*time.Second, func() { s.trouble(nil) })
		r.play(3)
		r.expect(both("mmmmmm"))
		st := r.p.Status()
		if st.Gaps != 0 || st.Errors == 0 || st.LastError != "" {
			t.Errorf("%+v", st)
		}
		if tries := st.Errors; tries > 20 {
			t.Errorf("%d tries in 2 s", tries)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestLongFailureIsAGapOnly(t *testing.T) {
	// From 12 s to 22 s; a segment is tried for 4 s, and a write that hangs takes all of them.
	for name, c := range map[string]struct {
		kind trouble
		want string
		gaps uint64
	}{
		"refusing": {fail, "mmm--mmm", 4},
		"hanging":  {hang, "mmm---mm", 6},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTestStore()
				r := start(t, s, nil)
				r.play(3)
				s.trouble(c.kind)
				time.AfterFunc(10*time.Second, func() { s.trouble(nil) })
				r.play(5)
				r.expect(both(c.want))
				if st := r.p.Status(); st.Gaps != c.gaps || st.Untaken != c.gaps || st.Queue != 0 || st.QueueBytes != 0 {
					t.Errorf("%+v", st)
				}
				if err := r.stop(); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

func TestOneObjectRefusedIsAGapThereOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		bad := segmentName("a", r.k+3)
		s.trouble(failWhere(func(name string) bool { return name == bad }))
		r.play(7)
		r.expect(map[string]string{"v": "mmmmmmm", "a": "mmm-mmm"})
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestInitThatIsNotStoredKeepsItsSegmentsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		s.trouble(failWhere(func(name string) bool { return strings.Contains(name, "init-") }))
		r := start(t, s, nil)
		r.play(3)
		if _, err := s.Get(t.Context(), "news/v.m3u8"); err == nil {
			t.Error("a playlist stands without its init")
		}
		s.trouble(nil)
		r.play(4)
		if got := shape(playlist(t, s, "v")); !strings.HasSuffix(got, "mmmm") || strings.HasPrefix(got, "mmmmmm") {
			t.Errorf("lists %s", got)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// A write that never returns: nothing else may stop, and nothing may grow.
func TestDeadStoreBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		r.play(3)
		release := make(chan struct{})
		s.trouble(dead(release))
		for range 200 {
			before := time.Now()
			r.segment("v", r.k)
			r.segment("a", r.k)
			if time.Since(before) != 0 {
				t.Fatal("Segment blocked")
			}
			r.k++
			time.Sleep(segmentLength)
			if st := r.p.Status(); st.Queue > 4 {
				t.Fatalf("%d numbers wait", st.Queue)
			}
		}
		if r.p.Fresh() == nil {
			t.Error("a store that takes nothing is fresh")
		}
		if p := s.tried(); p > 300 {
			t.Errorf("%d operations were begun", p)
		}
		s.trouble(nil)
		close(release)
		time.Sleep(2 * time.Second)
		r.play(4)
		r.expect(both("------mmmm"))
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// A write that arrives after it was given up: the gap stays a gap, and the object goes when its time has come.
func TestWriteThatArrivesTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		r.play(3)
		slow := segmentName("v", r.k)
		s.trouble(func(ctx context.Context, op, name string) error {
			if op == "put" && name == slow {
				time.Sleep(2 * segmentLength) // and the context is not looked at
				_ = s.Memory.Put(context.WithoutCancel(ctx), store.Object{Name: name, Body: []byte("late")})
				return errTaken
			}
			return nil
		})
		r.play(5)
		r.expect(map[string]string{"v": "mmm-mmmm", "a": "mmmmmmmm"})
		if _, err := s.Get(t.Context(), slow); err != nil {
			t.Error(err)
		}
		if st := r.p.Status(); st.Tracks[0].Segments != 7 || st.Gaps != 1 {
			t.Errorf("%+v", st)
		}
		r.play(30)
		if _, err := s.Get(t.Context(), slow); err == nil {
			t.Error("the late object outlived its time")
		}
		mustStop(t, r)
	})
}

// Writes to a frozen disk do not return, so nothing fails: it is told all the same, once for all that hang.
func TestWritesThatHangAreErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		r.play(3)
		release := make(chan struct{})
		s.trouble(dead(release))
		r.segment("v", r.k)
		r.segment("a", r.k)
		time.Sleep(1900 * time.Millisecond)
		synctest.Wait()
		if st := r.p.Status(); st.Errors != 0 || st.LastError != "" {
			t.Errorf("after 1.9 s: %+v", st)
		}
		time.Sleep(8200 * time.Millisecond)
		synctest.Wait()
		st := r.p.Status()
		if st.Errors != 5 || st.LastError != "a write takes longer than 2s: the destination is slow, or hangs" {
			t.Errorf("after 10.1 s: %d errors, the last one %q", st.Errors, st.LastError)
		}
		s.trouble(nil)
		close(release)
		time.Sleep(2 * time.Second)
		was := r.p.Status().Errors
		r.k += 3
		r.play(3)
		if st := r.p.Status(); st.Errors != was || st.LastError != "" {
			t.Errorf("all went well since: %+v", st)
		}
		mustStop(t, r)
	})
}

func TestNothingPointsAtAPlaylistThatIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		s.trouble(failWhere(func(name string) bool { return name == "news/a.m3u8" }))
		r := start(t, s, nil)
		r.play(4)
		for _, name := range []string{"news/index.m3u8", "news/manifest.mpd"} {
			if _, err := s.Get(t.Context(), name); err == nil {
				t.Errorf("%s stands", name)
			}
		}
		if r.p.Fresh() == nil {
			t.Error("fresh without playlists")
		}
		if n := r.p.Status().Media; n != 0 {
			t.Errorf("%d segment numbers count as listed", n)
		}
		s.trouble(nil)
		r.play(1)
		r.expect(both("mmmmm"))
		if n := r.p.Status().Media; n != 5 {
			t.Errorf("%d segment numbers count as listed, want 5", n)
		}
		mustStop(t, r)
	})
}

func (s *testStore) tried() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pass
}

func TestDeadStoreDoesNotHoldUpTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		r.play(3)
		release := make(chan struct{})
		s.trouble(dead(release))
		r.segment("v", r.k)
		r.segment("a", r.k)
		began := time.Now()
		err := r.stop()
		if err == nil || !strings.Contains(err.Error(), "hangs") {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took > 7*time.Second {
			t.Errorf("stopping took %v", took)
		}
		close(release)
	})
}

func TestTooMuchWaitingDropsTheOldestWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, func(c *publish.Config) { c.Queue, c.RetryFor = 3, time.Hour })
		r.play(3)
		s.trouble(failWhere(func(name string) bool { return strings.HasSuffix(name, ".m4s") }))
		r.play(5)
		st := r.p.Status()
		if st.Queue != 3 || st.Dropped != 2 {
			t.Errorf("waiting %d, dropped %d", st.Queue, st.Dropped)
		}
		s.trouble(nil)
		time.Sleep(2 * time.Second)
		r.expect(both("mmm--mmm"))
		if st := r.p.Status(); st.Gaps != 4 || st.Untaken != 4 {
			t.Errorf("%d gaps, %d not taken", st.Gaps, st.Untaken)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestTooManyBytesWaitingDropTheOldestWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, func(c *publish.Config) { c.QueueBytes, c.RetryFor = 100_000, time.Hour })
		r.play(3)
		s.trouble(fail)
		for range 10 {
			r.p.Segment(publish.Segment{Track: "v", K: r.k, Body: make([]byte, 40_000)})
			r.k++
			if st := r.p.Status(); st.QueueBytes > 100_000 {
				t.Fatalf("%d bytes wait", st.QueueBytes)
			}
		}
		if st := r.p.Status(); st.Dropped != 8 {
			t.Errorf("dropped %d", st.Dropped)
		}
		s.trouble(nil)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// Deleting may fail as long as it likes: it is tried again, slowly.
func TestFailedDeletesAreRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		r := start(t, s, nil)
		first := r.k
		s.trouble(func(_ context.Context, op, _ string) error {
			if op == "delete" {
				return errDown
			}
			return nil
		})
		r.play(30)
		if _, err := s.Get(t.Context(), segmentName("v", first)); err != nil {
			t.Error(err)
		}
		s.trouble(nil)
		r.play(3)
		if _, err := s.Get(t.Context(), segmentName("v", first)); err == nil {
			t.Error("the expired segment is still there")
		}
		r.expect(both("mmmmmmmmmm"))
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestAFarStoreIsTidied: one that takes 150 ms over each object is asked for several at a time, and is not in trouble.
func TestAFarStoreIsTidied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStore()
		now := config(s).Presentation.Grid.K(tick.FromTime(time.Now()))
		const old = 300
		for i := range int64(old) {
			if err := s.Put(t.Context(), store.Object{Name: segmentName("v", now-1000+i), Body: []byte("x")}); err != nil {
				t.Fatal(err)
			}
		}
		s.trouble(func(ctx context.Context, op, _ string) error {
			if op == "delete" {
				time.Sleep(150 * time.Millisecond)
			}
			return ctx.Err()
		})
		r := start(t, s, nil)
		r.play(8)
		list, err := s.Memory.List(t.Context(), "news/v/")
		if st := r.p.Status(); err != nil || st.Errors != 0 || st.Deleted != old || len(list) != 9 {
			t.Errorf("%d deleted, %d errors (%s), %d objects left, %v", st.Deleted, st.Errors, st.LastError, len(list), err)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
}
