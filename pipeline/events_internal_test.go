package pipeline

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/control"
	"onair/pipeline/encode"
)

func TestEventsKeepTheNewest(t *testing.T) {
	e := &events{log: zerolog.Nop(), now: time.Now}
	for i := range keepEvents + 10 {
		e.add("run", "info", fmt.Sprint(i))
	}
	got := e.newest(2 * keepEvents)
	if len(got) != keepEvents || got[0].Message != fmt.Sprint(keepEvents+9) || got[keepEvents-1].Message != "10" {
		t.Fatalf("%d events, from %q to %q", len(got), got[0].Message, got[len(got)-1].Message)
	}
	if few := e.newest(3); len(few) != 3 || few[2].Message != fmt.Sprint(keepEvents+7) {
		t.Fatalf("the newest three: %+v", few)
	}
}

// numbers are those of the events of an answer.
func numbers(a control.Events) []uint64 {
	var out []uint64
	for _, ev := range a.Events {
		out = append(out, ev.Seq)
	}
	return out
}

func TestEventsAreFoundByNumberAndLevel(t *testing.T) {
	began := time.Unix(7, 0)
	e := &events{log: zerolog.Nop(), now: func() time.Time { return began }}
	if got := e.find(control.EventQuery{Limit: 5}); got.First != 0 || got.Last != 0 || len(got.Events) != 0 {
		t.Fatalf("of none: %+v", got)
	}
	for i := range keepEvents + 5 { // 6 to 1005 are kept; each fifth is a warning, each tenth an error
		e.add("run", [...]string{"error", "info", "info", "info", "info", "warning", "info", "info", "info", "info"}[(i+1)%10], "x")
	}
	for _, c := range []struct {
		name string
		q    control.EventQuery
		want []uint64
		last uint64
	}{
		{"the newest", control.EventQuery{Newest: true, Limit: 3}, []uint64{1003, 1004, 1005}, 1005},
		{"the newest warnings", control.EventQuery{Newest: true, Limit: 3, Least: control.Warning}, []uint64{995, 1000, 1005}, 1005},
		{"the newest, fewer than the limit", control.EventQuery{Newest: true, Limit: 1000, Least: control.Level("x")}, nil, 1005},
		{"those behind a number", control.EventQuery{After: 1002, Limit: 10}, []uint64{1003, 1004, 1005}, 1005},
		{"as many as wanted", control.EventQuery{After: 500, Limit: 2}, []uint64{501, 502}, 502},
		{"exactly as many as there are", control.EventQuery{After: 1003, Limit: 2}, []uint64{1004, 1005}, 1005},
		{"errors behind a number", control.EventQuery{After: 500, Limit: 2, Least: control.Error}, []uint64{510, 520}, 520},
		{"no more errors", control.EventQuery{After: 1000, Limit: 2, Least: control.Error}, nil, 1005},
		{"nothing new", control.EventQuery{After: 1005, Limit: 10}, nil, 1005},
		{"those behind one that is forgotten", control.EventQuery{After: 2, Limit: 2}, []uint64{6, 7}, 7},
		{"those behind one of an earlier process", control.EventQuery{After: 1006, Limit: 2}, []uint64{6, 7}, 7},
	} {
		got := e.find(c.q)
		if c.q.Least == "x" { // no such level: everything is graver
			c.want = numbers(control.Events{Events: e.all})
		}
		if !slices.Equal(numbers(got), c.want) || got.Last != c.last || got.First != 6 || !got.Began.Equal(began) {
			t.Errorf("%s: %v, first %d, last %d, want %v, last %d", c.name, numbers(got), got.First, got.Last, c.want, c.last)
		}
	}
}

func TestEventsTellWhoWaitsForThem(t *testing.T) {
	woken := 0
	e := &events{log: zerolog.Nop(), now: time.Now}
	e.wake = func() {
		woken++
		if got := e.newest(1); len(got) != 1 || got[0].Seq != uint64(woken) { // kept before, and nothing is locked
			t.Errorf("woken with %+v", got)
		}
	}
	e.of("ingest", "main")("warning", "silent")
	e.run(encode.Event{Level: "info", Code: encode.CodeSwitch, Input: "backup", Message: "switching"})
	if got := e.newest(2); woken != 2 || got[1].Input != "main" || got[0].Code != "input_switch" || got[0].Input != "backup" {
		t.Fatalf("woken %d times, %+v", woken, got)
	}
}

func TestEventsAreLoggedWithLevelAndStage(t *testing.T) {
	var log bytes.Buffer
	e := &events{log: zerolog.New(&log), now: func() time.Time { return time.Unix(7, 0) }}
	e.stage("ingest")("warning", "input main: silent")
	e.add("run", "error", "it crashed")
	e.add("run", "info", "it runs")
	for i, want := range []string{`"level":"warn"`, `"level":"error"`, `"level":"info"`} {
		if line := strings.Split(log.String(), "\n")[i]; !strings.Contains(line, want) {
			t.Errorf("line %q, want %s", line, want)
		}
	}
	got := e.newest(3)[2]
	if got.Level != control.Warning || got.Stage != "ingest" || got.Message != "input main: silent" || got.Time.Unix() != 7 {
		t.Fatalf("event %+v", got)
	}
}

func TestEventsFromManyGoroutines(t *testing.T) {
	e := &events{log: zerolog.Nop(), now: time.Now}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				e.add("run", "info", "x")
				e.newest(10)
			}
		})
	}
	wg.Wait()
	if n := len(e.newest(keepEvents)); n != keepEvents {
		t.Fatalf("%d events", n)
	}
}
