package ingest_test

import (
	"testing"

	"onair/pipeline/ingest"
	"onair/pkg/tick"
)

// TestWhoMayTakeASendersPlace: one at its own address sooner, unless it sends seldom.
func TestWhoMayTakeASendersPlace(t *testing.T) {
	t.Parallel()
	const ms = tick.Millisecond
	for _, c := range []struct {
		from           string
		silent, paused tick.Tick
		want           bool
	}{
		{"192.0.2.1", 199 * ms, ms, false},
		{"192.0.2.1", 200 * ms, ms, true},
		{"192.0.2.1", 399 * ms, 150 * ms, false},
		{"192.0.2.1", 450 * ms, 150 * ms, true},
		{"192.0.2.1", 499 * ms, 400 * ms, false},
		{"192.0.2.1", 500 * ms, 400 * ms, true},
		{"192.0.2.2", 499 * ms, ms, false},
		{"192.0.2.2", 500 * ms, ms, true},
	} {
		if got := ingest.Free(c.from, c.silent, c.paused); got != c.want {
			t.Errorf("from %s after %v, pauses of %v: %v", c.from, c.silent.Duration(), c.paused.Duration(), got)
		}
	}
}

// TestASenderThatPausedHasItsPlaceBack: a second sender at its address that came in the pause is none that was started
// again, as the first goes on.
func TestASenderThatPausedHasItsPlaceBack(t *testing.T) {
	t.Parallel()
	const ms = tick.Millisecond
	const first, second = "192.0.2.1:5000", "192.0.2.1:6000"
	var door ingest.Door
	at := tick.Second
	send := func(from string, after tick.Tick, want bool) {
		t.Helper()
		at += after
		if got := door.Admit(from, at); got != want {
			t.Fatalf("%s after %v: %v", from, at.Duration(), got)
		}
	}
	send(first, 0, true)
	send(second, 250*ms, true) // as if started again
	send(first, 5*ms, true)    // it was not
	send(second, 5*ms, false)
	send(first, 5*ms, true)
	send(second, 250*ms, false) // known to be two
	send(first, 5*ms, true)
	send(second, 600*ms, true) // gone for long enough
	send(first, 5*ms, false)
}

// TestASenderStartedAgainKeepsItsPlace: what it was before cannot come back after all too long.
func TestASenderStartedAgainKeepsItsPlace(t *testing.T) {
	t.Parallel()
	var door ingest.Door
	for i, c := range []struct {
		from string
		at   tick.Tick
		want bool
	}{
		{"192.0.2.1:5000", tick.Second, true},
		{"192.0.2.1:6000", tick.Second + 250*tick.Millisecond, true},
		{"192.0.2.1:6000", 11*tick.Second + 249*tick.Millisecond, true},
		{"192.0.2.1:5000", 11*tick.Second + 251*tick.Millisecond, false},
	} {
		if got := door.Admit(c.from, c.at); got != c.want {
			t.Fatalf("%d: %s at %v: %v", i, c.from, c.at.Duration(), got)
		}
	}
}
