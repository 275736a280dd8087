//go:build e2e

package e2e

import (
	"os/exec"
	"testing"
	"time"
)

func TestVerifyFindsNothingWrong(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	s := newStation(t, rtpInput(port))
	play(t, clip(t, 60, "25"), port)
	s.wait("three segments", 40*time.Second, segments(3))
	for _, where := range []string{s.url("/ch/index.m3u8"), s.origin()} {
		out, err := exec.Command(program, "verify", where, "--for", "15s").CombinedOutput()
		if err != nil {
			t.Errorf("verify %s: %v\n%s", where, err, out)
		}
	}
}
