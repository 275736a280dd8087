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

// TestRenamedInputBesideABackup: the backup is shown at a segment boundary before the old socket is closed, and the
// renamed input is returned to; nothing is missing and nothing fails.
func TestRenamedInputBesideABackup(t *testing.T) {
	t.Parallel()
	a, b := freePort(t, "udp"), freePort(t, "udp")
	s := newStation(t, fmt.Sprintf("  - name: main\n    legs: [\"srt://127.0.0.1:%d?mode=listener\"]\n"+
		"  - name: backup\n    legs: [\"rtp://127.0.0.1:%d\"]\nfailover: {return_after: 2s}\n", a, b)).answering()
	sendFor(t, 90, "--to", fmt.Sprintf("srt://127.0.0.1:%d", a))
	sendFor(t, 90, "--to", fmt.Sprintf("rtp://127.0.0.1:%d", b))
	s.wait("both inputs", 30*time.Second, func(st control.Status) bool {
		return st.Segments >= 3 && st.Inputs[1].Video != nil && st.ActiveInput == "main"
	})
	s.rewrite("name: main", "name: other")
	s.applied("inputs[0]", "inputs")
	s.wait("the backup", 15*time.Second, func(st control.Status) bool { return st.ActiveInput == "backup" })
	s.wait("the new input", 15*time.Second, func(st control.Status) bool { return st.ActiveInput == "other" })
	st := s.wantOn(2)
	for _, ev := range st.Events {
		if ev.Level == control.Error {
			t.Errorf("told: %s", ev.Message)
		}
	}
	if st.RunRestarts != 0 || st.Renditions[0].Gaps+st.Renditions[0].Holes != 0 {
		t.Errorf("%d restarts, %d gaps, %d holes", st.RunRestarts, st.Renditions[0].Gaps, st.Renditions[0].Holes)
	}
}
