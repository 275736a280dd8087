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
