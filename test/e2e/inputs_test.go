//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"

	"onair/pipeline/control"
)

// twoInputs is a main and a backup input.
func twoInputs(a, b int) string {
	return fmt.Sprintf("  - name: main\n    legs: [\"rtp://127.0.0.1:%d\"]\n  - name: backup\n    legs: [\"rtp://127.0.0.1:%d\"]", a, b)
}

func (s *station) choose(input string) {
	s.t.Helper()
	resp, err := http.Post(s.url("/api/v1/channels/ch/input"), "application/json", bytes.NewReader(fmt.Appendf(nil, `{"name":%q}`, input)))
	if err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode >= 300 {
		s.t.Fatalf("choosing input %s: %s", input, resp.Status)
	}
}

func TestSwitchOfInputIsSeamless(t *testing.T) {
	t.Parallel()
	a, b := freePort(t, "udp"), freePort(t, "udp")
	s := newStation(t, twoInputs(a, b))
	file := clip(t, 60, "25")
	play(t, file, a)
	play(t, file, b)
	st := s.wait("three segments", 40*time.Second, segments(3))
	for _, name := range []string{"backup", "main"} {
		s.choose(name)
		s.wait("input "+name+" on air", 20*time.Second, func(st control.Status) bool { return st.ActiveInput == name })
	}
	s.wait("segments after", 30*time.Second, segments(st.Segments+6))
	if st := s.status(); st.RunRestarts != 0 || st.RunsStarted != 3 {
		t.Errorf("%d runs started, %d of them again; want 3 and 0", st.RunsStarted, st.RunRestarts)
	}
	s.wantWhole()
}

func TestLostInputIsReplacedByTheNext(t *testing.T) {
	t.Parallel()
	a, b := freePort(t, "udp"), freePort(t, "udp")
	s := newStation(t, twoInputs(a, b))
	file := clip(t, 60, "25")
	first := ffmpeg(t, fmt.Sprintf("-re -i %s -map 0 -c copy -f rtp_mpegts rtp://127.0.0.1:%d?pkt_size=1316", file, a))
	play(t, file, b)
	st := s.wait("four segments", 40*time.Second, segments(4))
	_ = first.Process.Kill()
	s.wait("the backup on air", 15*time.Second, func(st control.Status) bool { return st.ActiveInput == "backup" })
	s.wait("segments of the backup", 30*time.Second, segments(st.Segments+5))
	s.wantWhole()
}
