//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"
)

const (
	handovers    = 4                // hand-overs that are measured
	handoverSpan = 12 * time.Second // measured around each, and as long without one
)

// TestBenchHandover measures what it costs that two runs overlap while one takes over from the other; scripts/bench-handover
// runs it.
func TestBenchHandover(t *testing.T) {
	if os.Getenv("ONAIR_BENCH") == "" {
		t.Skip("a measurement, not a test: scripts/bench handover")
	}
	a, b := freePort(t, "udp"), freePort(t, "udp")
	file := benchClip(t)
	s := newStationOf(t, three, twoInputs(a, b))
	ffmpeg(t, fmt.Sprintf("-re -stream_loop -1 -i %s -map 0 -c copy -f rtp_mpegts rtp://127.0.0.1:%d?pkt_size=1316", file, a))
	ffmpeg(t, fmt.Sprintf("-re -stream_loop -1 -i %s -map 0 -c copy -f rtp_mpegts rtp://127.0.0.1:%d?pkt_size=1316", file, b))
	s.wait("on air", 40*time.Second, segments(4))
	var plain, with, both, alone, together float64
	for i := range handovers {
		w := s.watchRuns()
		plain, alone = plain+w.cpu, max(alone, w.memory)
		s.choose([]string{"backup", "main"}[i%2])
		w = s.watchRuns()
		with, both, together = with+w.cpu, both+w.both, max(together, w.memory)
	}
	if both == 0 {
		t.Fatal("no hand-over was seen")
	}
	second := plain / handovers / handoverSpan.Seconds()
	extra := (with - plain) / handovers
	row("hand-over: two runs for so long, s", fmt.Sprintf("%.1f", both/handovers), "", both/handovers, "")
	row("hand-over: processor time on top, s, beside that of a second on air", fmt.Sprintf("%.2f", extra), fmt.Sprintf("%.2f", second), extra/second, "")
	row("hand-over: memory of the runs, MB, beside that of one", fmt.Sprintf("%.0f", together/1e6), fmt.Sprintf("%.0f", alone/1e6), together/alone, "")
}

// watched is what the runs of a channel took over a while.
type watched struct {
	cpu    float64 // processor time of all of them, seconds
	both   float64 // for how many seconds there were two
	memory float64 // the most that they had together, bytes
}

// watchRuns looks at the runs for a while.
func (s *station) watchRuns() (w watched) {
	s.t.Helper()
	use := func() float64 {
		var pids []int
		for _, r := range s.status().Runs {
			pids = append(pids, r.PID)
		}
		return usageOf(s.t, s.cmd.Process.Pid, pids...).children
	}
	from, before := use(), time.Now()
	for begun := before; time.Since(begun) < handoverSpan; time.Sleep(200 * time.Millisecond) { // what is measured is time
		var memory float64
		st := s.status()
		for _, r := range st.Runs {
			memory += float64(r.Memory)
		}
		w.memory = max(w.memory, memory)
		now := time.Now()
		if len(st.Runs) > 1 {
			w.both += now.Sub(before).Seconds()
		}
		before = now
	}
	w.cpu = use() - from
	return w
}
