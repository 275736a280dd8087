//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	"onair/pipeline/control"
)

// TestRenamedInput: an input gets another name under its sender. It has its old socket at once, and nothing of it fails.
func TestRenamedInput(t *testing.T) {
	for _, c := range []struct{ name, leg, to string }{
		{"srt", "srt://127.0.0.1:%d?mode=listener", "srt://127.0.0.1:%d"},
		{"rtp", "rtp://127.0.0.1:%d", "rtp://127.0.0.1:%d"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t, "udp")
			s := newStation(t, fmt.Sprintf("  - name: main\n    legs: [\""+c.leg+"\"]\n", port)).answering()
			sendFor(t, 60, "--to", fmt.Sprintf(c.to, port))
			s.wait("segments", 30*time.Second, segments(2))
			s.rewrite("name: main", "name: other")
			s.applied("inputs[0]", "inputs")
			s.wait("the new input", 3*time.Second, func(st control.Status) bool {
				return len(st.Inputs) == 1 && st.Inputs[0].Name == "other" && st.Inputs[0].Legs[0].State == control.LegReceiving
			})
			st := s.wait("it on air", 30*time.Second, func(st control.Status) bool { return st.ActiveInput == "other" })
			for _, ev := range st.Events {
				if ev.Level == control.Error && ev.Code != "slate_on" {
					t.Errorf("told: %s", ev.Message)
				}
			}
			s.wantCalm()
		})
	}
}
