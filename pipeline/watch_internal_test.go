package pipeline

import (
	"slices"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/ingest"
	"onair/pipeline/publish"
	"onair/pkg/tick"
)

func TestStoreTroubleIsToldOnce(t *testing.T) {
	w := watcher{Channel: &Channel{events: &events{log: zerolog.Nop(), now: time.Now}}}
	var trouble storeTrouble
	var got []string
	st := publish.Status{Store: "dir:./origin", LastError: "disk full"}
	at := func(second int, errors uint64) {
		before := len(w.events.all)
		st.Errors = errors
		w.store(&trouble, outputStatus{Status: st}, tick.Tick(second)*tick.Second)
		for _, ev := range w.events.all[before:] {
			got = append(got, ev.Code+" "+ev.Message)
		}
	}
	at(1, 0)
	at(2, 1) // begins
	at(3, 5)
	at(12, 6) // goes on
	at(26, 6) // 14 s without: a try may still come
	at(28, 6) // over
	at(90, 6)
	at(91, 7) // begins again
	at(107, 7)
	st.LastError, st.Untaken = "", 2 // segments are missing there, and no write has returned
	at(120, 7)
	st.Untaken = 4
	at(134, 7) // goes on
	at(148, 7)
	at(149, 7) // over
	at(150, 8) // a try failed, and the next one went well before anybody looked
	want := []string{
		"store_trouble store dir:./origin: disk full", "store_well store dir:./origin: well again",
		"store_trouble store dir:./origin: disk full", "store_well store dir:./origin: well again",
		"store_trouble store dir:./origin: it does not take segments in time", "store_well store dir:./origin: well again",
		"store_trouble store dir:./origin: a write failed, later ones went well",
	}
	if !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// TestALegThatIsBeingOpenedHasNotFailed: it may wait for its port, or call somebody for seconds.
func TestALegThatIsBeingOpenedHasNotFailed(t *testing.T) {
	w := watcher{
		Channel: &Channel{events: &events{log: zerolog.Nop(), now: time.Now}}, legs: map[string]ingest.State{},
	}
	for range 3 {
		w.leg("main", "leg 1", ingest.LegStats{State: ingest.Failed, Error: ingest.NotOpen})
	}
	for range 3 {
		w.leg("main", "leg 1", ingest.LegStats{State: ingest.Failed, Error: "nobody answers"})
	}
	if all := w.events.all; len(all) != 1 || all[0].Message != "leg 1 failed: nobody answers" {
		t.Errorf("told %v", all)
	}
}
