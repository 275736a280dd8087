package encode

import (
	"testing"
	"time"

	"onair/pkg/child"
	"onair/pkg/tick"
)

// A run that reads nothing and delivers nothing has hung if it does not work either: one that works is slow.
func TestHungIsWhatDoesNotWork(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script string
		hung   bool
	}{
		"asleep":     {"exec sleep 600", true},
		"at work":    {"while :; do :; done", false},
		"has ended":  {"exit 0", false},
		"in a group": {"sleep 600 & wait", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := child.Start(child.Spec{Path: "sh", Args: []string{"-c", c.script}})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Wait()
			defer p.Kill()
			if name == "has ended" {
				p.Wait()
			}
			r := &run{proc: p, feed: &feed{}}
			r.lastFrame.Store(1)
			r.feed.writing.Store(true)
			now := tick.Tick(0)
			r.hung(now) // what it has read and delivered is news
			hung := false
			for deadline := time.Now().Add(3 * time.Second); !hung && time.Now().Before(deadline); time.Sleep(25 * time.Millisecond) {
				r.looked, now = now, now+tick.FromDuration(lookEvery)
				hung = r.hung(now)
			}
			if hung != c.hung {
				t.Errorf("hung: %v, want %v", hung, c.hung)
			}
			if now > 2*tick.Second && c.hung {
				t.Errorf("known after %v", now.Duration())
			}
		})
	}
}

// What delivers, has nothing to do or has delivered nothing yet has not hung.
func TestHungEndsWithAnySignOfLife(t *testing.T) {
	t.Parallel()
	p, err := child.Start(child.Spec{Path: "sleep", Args: []string{"600"}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Wait()
	defer p.Kill()
	for name, c := range map[string]struct {
		looks int
		live  func(r *run, i int)
	}{
		"it delivers":     {100, func(r *run, i int) { r.lastFrame.Store(int64(i)) }},
		"nothing comes":   {100, func(r *run, _ int) { r.feed.writing.Store(false) }},
		"no frame so far": {100, func(r *run, _ int) { r.lastFrame.Store(0) }},
		"nobody looked for long": {20, func(r *run, i int) {
			if i == 10 {
				r.looked -= 3 * tick.Second
			}
		}},
	} {
		r := &run{proc: p, feed: &feed{}}
		r.lastFrame.Store(1)
		r.feed.writing.Store(true)
		now := tick.Tick(0)
		r.hung(now)
		for i := 1; i <= c.looks; i++ {
			r.looked, now = now, now+tick.FromDuration(lookEvery)
			c.live(r, i)
			if r.hung(now) {
				t.Errorf("%s: taken for hung", name)
				break
			}
		}
	}
}
