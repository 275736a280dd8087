//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"onair/pipeline/control"
)

// signalAll sends all senders a signal.
func signalAll(t *testing.T, senders []*exec.Cmd, sig syscall.Signal) {
	t.Helper()
	for _, c := range senders {
		if err := c.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHaltedSendersGoOn halts all senders until the slate has been there for a while, and lets them go on where they
// were: what they send then belongs where the slate already is.
func TestHaltedSendersGoOn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		inputs int
		slate  float64 // for so many seconds; a second of the last picture is before that, and one of patience
	}{{"two inputs, 10 s", 2, 8}, {"one input, 10 s", 1, 8}, {"two inputs, 3 s", 2, 1}} {
		t.Run(c.name, func(t *testing.T) {
			a, b := freePort(t, "udp"), freePort(t, "udp")
			ports, inputs := []int{a, b}[:c.inputs], twoInputs(a, b)
			if c.inputs == 1 {
				inputs = rtpInput(a)
			}
			file := clip(t, 60, "25")
			s := newStationOf(t, onSlate, inputs)
			var senders []*exec.Cmd
			for _, port := range ports {
				senders = append(senders, command(t, program, "send", file, "--loop",
					"--to", fmt.Sprintf("rtp://127.0.0.1:%d", port)))
			}
			st := s.wait("the first input", 30*time.Second, func(st control.Status) bool { return st.ActiveInput == "main" })
			st = s.wait("four segments of it", 30*time.Second, segments(st.Segments+4))
			listing := s.watchListing()
			before := st.SlateSeconds
			signalAll(t, senders, syscall.SIGSTOP)
			s.wait("the slate", 30*time.Second, func(st control.Status) bool { return st.SlateSeconds >= before+c.slate })
			signalAll(t, senders, syscall.SIGCONT)
			st = s.wait("an input", 30*time.Second, func(st control.Status) bool { return st.State == control.OnAir })
			s.wait("segments after", 30*time.Second, segments(st.Segments+5))
			listing.wantTimely(2 * time.Second)
			for _, r := range []string{"v360", "v180", "a1"} {
				s.wantNoGap(r)
			}
			if st := s.status(); st.RunRestarts != 0 || strings.Contains(s.log.String(), "left out") {
				t.Errorf("%d restarts", st.RunRestarts)
			}
			s.stop()
			s.wantAllOnGrid("v180", 3600)
			s.wantAllOnGrid("a1", 1024)
		})
	}
}
