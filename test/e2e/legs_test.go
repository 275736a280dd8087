//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"onair/pipeline/control"
	"onair/pipeline/send"
	"onair/pkg/testpicture"
)

// sendFor sends the made programme with our own sender and returns a function that waits for its end and its summary.
func sendFor(t testing.TB, seconds int, args ...string) func() send.Summary {
	t.Helper()
	cmd := exec.Command(program, append([]string{
		"send", "test:", "--size", "640x360", "--for", fmt.Sprintf("%ds", seconds), "--json",
	}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return func() send.Summary {
		t.Helper()
		if err := <-done; err != nil {
			t.Fatalf("send: %v\n%s", err, errs.String())
		}
		var s send.Summary
		if err := json.Unmarshal(out.Bytes(), &s); err != nil {
			t.Fatalf("summary: %v\n%s", err, out.String())
		}
		return s
	}
}

// twoLegs is an input with two RTP legs.
func twoLegs(a, b int) string {
	return fmt.Sprintf("  - name: main\n    legs: [\"rtp://127.0.0.1:%d\", \"rtp://127.0.0.1:%d\"]", a, b)
}

// pictures reads the number and the flash of each picture of a rendition.
func (s *station) pictures(rendition string) []testpicture.Reading {
	s.t.Helper()
	const w, h = 320, 180
	raw := decode(s.t, s.media(rendition, 0), "-fps_mode", "passthrough", "-vf", "format=gray", "-f", "rawvideo")
	var out []testpicture.Reading
	for ; len(raw) >= w*h; raw = raw[w*h:] {
		r, ok := testpicture.Read(testpicture.Luma{Pix: raw[:w*h], Width: w, Height: h})
		if !ok {
			s.t.Errorf("picture %d cannot be read", len(out))
		}
		out = append(out, r)
	}
	return out
}

func numbersOf(pictures []testpicture.Reading) []int {
	var out []int
	for _, p := range pictures {
		out = append(out, int(p.Number))
	}
	return out
}

func TestTwoLegsWithLossAndCutsLoseNothing(t *testing.T) {
	t.Parallel()
	a, b := freePort(t, "udp"), freePort(t, "udp")
	s := newStation(t, twoLegs(a, b))
	s.wait("the program", 10*time.Second, func(st control.Status) bool { return st.Channel != "" })
	sent := sendFor(t, 30, "--to", fmt.Sprintf("rtp://127.0.0.1:%d", a), "--to", fmt.Sprintf("rtp://127.0.0.1:%d", b),
		"--loss", "5%", "--exclusive", "--skew", "0ms,60ms", "--drop", "1@8s-11s", "--drop", "2@16s-19s")
	sum := sent()
	st := s.wait("the last segments", 20*time.Second, segments(12))
	in := st.Inputs[0]
	t.Logf("sent %d datagrams; legs dropped %d and %d; after the merge: lost %d, continuity errors %d, path difference %.0f ms",
		sum.Datagrams, sum.Legs[0].Dropped, sum.Legs[1].Dropped, in.Lost, in.TS.Continuity, in.Legs[1].PathDifferenceMs)
	if sum.Everywhere != 0 {
		t.Fatalf("%d datagrams were dropped on both legs: the sender's fault", sum.Everywhere)
	}
	if in.Lost != 0 || in.TS.Errors() != 0 {
		t.Errorf("after the merge: %d datagrams lost, TS errors %+v", in.Lost, in.TS)
	}
	for i, l := range in.Legs {
		if l.Lost != l.Recovered || l.Lost < sum.Legs[i].Dropped*9/10 {
			t.Errorf("leg %d: %d lost, %d recovered, %d were dropped", i+1, l.Lost, l.Recovered, sum.Legs[i].Dropped)
		}
	}
	if d := in.Legs[1].PathDifferenceMs; d < 50 || d > 90 {
		t.Errorf("path difference %.1f ms, 60 ms were made", d)
	}
	s.stop()
	wantConsecutive(t, numbersOf(s.pictures("v180")))
}

func TestIndependentLossesAreCountedExactly(t *testing.T) {
	t.Parallel()
	a, b := freePort(t, "udp"), freePort(t, "udp")
	s := newStation(t, twoLegs(a, b))
	s.wait("the program", 10*time.Second, func(st control.Status) bool { return st.Channel != "" })
	sum := sendFor(t, 20, "--to", fmt.Sprintf("rtp://127.0.0.1:%d", a), "--to", fmt.Sprintf("rtp://127.0.0.1:%d", b),
		"--loss", "5%", "--skew", "0ms,60ms", "--seed", "7")()
	// The window closes on the last hole 200 ms after the last datagram.
	var in control.Input
	arrived := func() uint64 { return in.TS.Packets / 7 }
	if !eventually(10*time.Second, func() bool {
		in = s.status().Inputs[0]
		return in.Lost+arrived() >= sum.Datagrams-2
	}) {
		t.Logf("arrived %d, lost %d of %d", arrived(), in.Lost, sum.Datagrams)
	}
	t.Logf("%d datagrams, %d dropped on both legs, %d counted as lost, %d TS packets of %d", sum.Datagrams, sum.Everywhere, in.Lost, in.TS.Packets, sum.Packets)
	if in.Lost != sum.Everywhere {
		t.Errorf("%d datagrams counted as lost, %d were dropped on both legs", in.Lost, sum.Everywhere)
	}
	if got := in.TS.Packets + 7*sum.Everywhere; got != sum.Packets {
		t.Errorf("%d TS packets came through and %d were lost for good, of %d", in.TS.Packets, 7*sum.Everywhere, sum.Packets)
	}
}

func TestSoundStaysWithThePicture(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	s := newStation(t, rtpInput(port))
	s.wait("the program", 10*time.Second, func(st control.Status) bool { return st.Channel != "" })
	sendFor(t, int(playFor().Seconds())+10, "--to", fmt.Sprintf("rtp://127.0.0.1:%d", port))
	s.wait("the last segments", playFor()+40*time.Second, segments(uint64(playFor()/(2*time.Second))))
	s.stop()
	pictures := s.pictures("v180")
	wantConsecutive(t, numbersOf(pictures))
	var flashes []float64
	for i, p := range pictures {
		if p.Flash && (i == 0 || !pictures[i-1].Flash) {
			flashes = append(flashes, float64(i)/25)
		}
	}
	raw := decode(t, s.media("a1", 0), "-ac", "1", "-f", "s16le")
	pcm := make([]int16, len(raw)/2)
	for i := range pcm {
		pcm[i] = int16(raw[2*i]) | int16(raw[2*i+1])<<8
	}
	// Both renditions begin with the same segment; its sound begins with the first audio frame at or after the picture.
	var beeps []float64
	for _, n := range testpicture.Beeps(pcm) {
		beeps = append(beeps, float64(n)/48000+s.audioLate())
	}
	if len(flashes) < 15 || len(beeps) < 15 {
		t.Fatalf("%d flashes, %d beeps", len(flashes), len(beeps))
	}
	worst := 0.0
	matched := 0
	for _, f := range flashes[1 : len(flashes)-1] {
		best := 9.0
		for _, b := range beeps {
			if d := b - f; d*d < best*best {
				best = d
			}
		}
		matched++
		if best*best > worst*worst {
			worst = best
		}
	}
	t.Logf("%d flashes: the worst beep is %+.1f ms off", matched, worst*1000)
	if worst*worst > 0.04*0.04 {
		t.Errorf("sound and picture are %.1f ms apart, more than a frame", worst*1000)
	}
}

// audioLate is how much later than the picture the sound of the first segment begins, in seconds.
func (s *station) audioLate() float64 {
	k := s.numbers("a1")[0]
	const frame = 1024
	start := k * 2 * 48000
	return float64((start+frame-1)/frame*frame-start) / 48000
}
