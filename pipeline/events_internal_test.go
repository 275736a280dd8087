package pipeline

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/control"
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
