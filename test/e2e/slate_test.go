//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"onair/pipeline/control"
)

// onSlate is the channel file of a test that goes on air without an input, and returns to a preferred one soon.
var onSlate = strings.Replace(channel, "start: wait", "start: slate\nframe_rate: 25\nfailover: {return_after: 5s}", 1)

// lister notes when segments are listed, as a player sees it.
type lister struct {
	s    *station
	stop chan struct{}
	wg   sync.WaitGroup

	last    string
	at      time.Time
	longest time.Duration
}

func (s *station) watchListing() *lister {
	l := &lister{s: s, stop: make(chan struct{})}
	l.wg.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-l.stop:
				return
			case <-tick.C:
			}
			code, b := s.get("/ch/v180.m3u8")
			i := strings.LastIndex(string(b), "v180/")
			if code != 200 || i < 0 || string(b[i:]) == l.last {
				continue
			}
			now := time.Now()
			if !l.at.IsZero() {
				l.longest = max(l.longest, now.Sub(l.at))
			}
			l.last, l.at = string(b[i:]), now
		}
	})
	return l
}

// wantTimely fails when a segment was listed later than one and a half target durations after the one before (RFC 8216bis
// §6.2.2), with a margin for the machine that tests run on.
func (l *lister) wantTimely(target time.Duration) {
	l.s.t.Helper()
	close(l.stop)
	l.wg.Wait()
	l.s.t.Logf("the longest time between two listings is %v", l.longest.Round(10*time.Millisecond))
	if l.longest > target*3/2+target/4 {
		l.s.t.Errorf("a segment was listed %v after the one before, target duration %v", l.longest, target)
	}
}

// piece is a number of pictures in a row, each of them the next one of the source.
type piece struct{ first, last, from int }

// pieces cuts pictures where the source's numbers do not go on.
func pieces(numbers []int) []piece {
	var out []piece
	for i, n := range numbers {
		if k := len(out) - 1; k >= 0 && n == out[k].last+1 {
			out[k].last = n
			continue
		}
		out = append(out, piece{n, n, i})
	}
	return out
}

func sendClip(t *testing.T, file string, port int) (stop func()) {
	cmd := ffmpeg(t, fmt.Sprintf("-re -i %s -map 0 -c copy -f rtp_mpegts rtp://127.0.0.1:%d?pkt_size=1316", file, port))
	return func() { _ = cmd.Process.Kill() }
}

func TestBackupTakesOverAndMainReturns(t *testing.T) {
	t.Parallel()
	a, b := freePort(t, "udp"), freePort(t, "udp")
	file := clip(t, 60, "25")
	s := newStationOf(t, onSlate, twoInputs(a, b))
	stop := sendClip(t, file, a)
	// the backup is elsewhere in the clip: its pictures cannot be taken for the main input's
	ffmpeg(t, fmt.Sprintf("-re -ss 25 -i %s -map 0 -c copy -f rtp_mpegts rtp://127.0.0.1:%d?pkt_size=1316", file, b))
	s.wait("four segments", 40*time.Second, segments(4))
	listing := s.watchListing()
	stop()
	died := time.Now()
	st := s.wait("the backup's first picture", 20*time.Second, func(st control.Status) bool {
		return len(st.Runs) > 0 && st.Runs[0].Input == "backup" && st.Runs[0].Frames > 0
	})
	t.Logf("from the loss to the backup's first encoded picture: %v", time.Since(died).Round(10*time.Millisecond))
	if took := time.Since(died); took > 2500*time.Millisecond {
		t.Errorf("the backup's first picture came after %v, want 1.5 s on an idle machine", took)
	}
	s.wait("segments of the backup", 30*time.Second, segments(st.Segments+2))
	stop = sendClip(t, file, a)
	st = s.wait("the return", 30*time.Second, func(st control.Status) bool { return st.ActiveInput == "main" })
	s.wait("segments after", 30*time.Second, segments(st.Segments+3))
	listing.wantTimely(2 * time.Second)
	st = s.status()
	if st.RunRestarts != 0 {
		t.Errorf("%d restarts, a lost input is none", st.RunRestarts)
	}
	s.wantWhole()
	s.stop()
	parts := pieces(s.frameNumbers("v180", 0))
	for len(parts) > 1 && parts[0].first == parts[0].last { // held back to the begin of its segment
		parts = parts[1:]
	}
	t.Logf("main, backup, main: %+v", parts)
	if len(parts) != 3 {
		t.Errorf("%d stretches of pictures, want one clean cut each way: %+v", len(parts), parts)
	}
	stop()
	for _, cause := range []string{"switching to backup", "returning to it"} {
		if !strings.Contains(s.log.String(), cause) {
			t.Errorf("no event says %q", cause)
		}
	}
}

func TestStoppedSenderIsReplacedBySlateOnTheGrid(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	file := clip(t, 60, "25")
	s := newStation(t, rtpInput(port))
	stop := sendClip(t, file, port)
	st := s.wait("five segments", 40*time.Second, segments(5))
	listing := s.watchListing()
	stop()
	s.wait("the slate", 10*time.Second, func(st control.Status) bool { return st.ActiveInput == "slate" && st.State == control.OnSlate })
	s.wait("segments of slate", 40*time.Second, segments(st.Segments+6))
	if code, _ := s.get("/ch/v180.m3u8"); code != 200 {
		t.Errorf("the playlist of a channel on slate answers %d, want 200", code)
	}
	if code, body := s.get("/readyz"); code != 200 {
		t.Errorf("a channel on slate is not ready: %d %s", code, body)
	}
	stop = sendClip(t, file, port)
	st = s.wait("the return", 30*time.Second, func(st control.Status) bool { return st.ActiveInput == "main" })
	s.wait("five more segments", 40*time.Second, segments(st.Segments+5))
	listing.wantTimely(2 * time.Second)
	s.wantDatesOnGrid(2 * time.Second)
	for _, r := range []string{"v360", "v180", "a1"} {
		_, playlist := s.get("/ch/" + r + ".m3u8")
		for _, bad := range []string{"EXT-X-GAP", "EXT-X-DISCONTINUITY\n"} {
			if strings.Contains(string(playlist), bad) {
				t.Errorf("%s: the playlist has %s:\n%s", r, bad, playlist)
			}
		}
	}
	st = s.status()
	if st.RunRestarts != 0 || st.SlateSeconds < 10 || st.Switches["loss"] != 1 || st.Switches["back"] != 1 {
		t.Errorf("%d restarts, %.1f s on slate, switches %v", st.RunRestarts, st.SlateSeconds, st.Switches)
	}
	s.stop()
	stop()
	s.wantAllOnGrid("v180", 3600)
	s.wantAllOnGrid("a1", 1024)
	s.wantHeld(25)
}

// wantAllOnGrid is wantOnGrid with the slate.
func (s *station) wantAllOnGrid(rendition string, step int64) {
	s.t.Helper()
	wantSteps(s.t, rendition, s.mediaIf(rendition, func(int64, bool) bool { return true }), step)
}

// wantHeld fails unless the last picture of the input was held for so many slots before the slate.
func (s *station) wantHeld(slots int) {
	s.t.Helper()
	numbers := numbersIn(s.t, s.mediaIf("v180", func(int64, bool) bool { return true }))
	for i := 1; i < len(numbers); i++ { // past what is held back of the first picture
		if numbers[i] != numbers[i-1] {
			numbers = numbers[i:]
			break
		}
	}
	for i := 1; i < len(numbers); i++ {
		if numbers[i] != numbers[i-1] {
			continue
		}
		n := 1
		for i+n < len(numbers) && numbers[i+n] == numbers[i] {
			n++
		}
		s.t.Logf("picture %d is held for %d slots", numbers[i], n)
		if n < slots-1 || n > slots+1 {
			s.t.Errorf("picture %d is held for %d slots, want %d", numbers[i], n, slots)
		}
		return
	}
	s.t.Error("no picture is held")
}

func TestChannelStartsOnSlateAndSurvivesItsDeathThere(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	file := clip(t, 60, "25")
	s := newStationOf(t, strings.Replace(onSlate, "window:", "slate: {text: Back soon}\nwindow:", 1), rtpInput(port))
	s.wait("the slate", 20*time.Second, func(st control.Status) bool { return st.State == control.OnSlate && st.Segments >= 3 })
	before := s.numbers("v180")
	s.kill()
	s.start()
	s.wait("the slate again", 20*time.Second, func(st control.Status) bool { return st.State == control.OnSlate && st.Segments >= 3 })
	if after := s.numbers("v180"); after[0] != before[0] {
		t.Errorf("the window begins with %d, it was %d", after[0], before[0])
	}
	stop := sendClip(t, file, port)
	st := s.wait("the input", 30*time.Second, func(st control.Status) bool { return st.ActiveInput == "main" })
	s.wait("its segments", 30*time.Second, segments(st.Segments+4))
	if _, playlist := s.get("/ch/v180.m3u8"); strings.Contains(string(playlist), "EXT-X-DISCONTINUITY\n") {
		t.Error("a discontinuity although the initialization is the same")
	}
	s.stop()
	stop()
	if parts := pieces(s.frameNumbers("v180", 0)); len(parts) != 1 {
		t.Errorf("the input's segments are not its pictures in a row: %+v", parts)
	}
}

// signalSlatesEncoder sends a signal to the FFmpeg that makes the slate's source.
func (s *station) signalSlatesEncoder(sig syscall.Signal) {
	s.t.Helper()
	for _, pid := range children(s.t, s.cmd.Process.Pid) {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && strings.Contains(string(line), "\x00-f\x00rawvideo\x00") {
			if err := syscall.Kill(pid, sig); err != nil {
				s.t.Fatal(err)
			}
			return
		}
	}
	s.t.Fatal("the slate has no encoder")
}

// TestSlateSurvivesItsEncoder kills the slate's encoder again and again while viewers see what it makes, and stops one.
func TestSlateSurvivesItsEncoder(t *testing.T) {
	t.Parallel()
	s := newStationOf(t, onSlate, rtpInput(freePort(t, "udp")))
	st := s.wait("the slate", 30*time.Second, func(st control.Status) bool { return st.State == control.OnSlate && st.Segments >= 3 })
	listing := s.watchListing()
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGKILL} {
		s.signalSlatesEncoder(sig)
		// What is listed by then has come from the next one: the slate is but a second ahead.
		st = s.wait("segments after it", 30*time.Second, segments(st.Segments+3))
	}
	listing.wantTimely(2 * time.Second)
	for _, r := range []string{"v360", "v180", "a1"} {
		s.wantNoGap(r)
	}
	if st := s.status(); st.State != control.OnSlate || st.RunRestarts != 0 {
		t.Errorf("state %s, %d restarts", st.State, st.RunRestarts)
	}
	if n := strings.Count(s.log.String(), "is started again: FFmpeg was killed"); n != 3 {
		t.Errorf("%d events of three killed encoders", n)
	}
	if !strings.Contains(s.log.String(), "is started again: it stood still, as if stopped") {
		t.Error("no event of the stopped encoder")
	}
	s.stop()
	s.wantAllOnGrid("v180", 3600)
	s.wantAllOnGrid("a1", 1024)
}

func TestSoundThatStopsIsReplacedBySilence(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	whole := clip(t, 30, "25")
	s := newStation(t, rtpInput(port))
	listing := s.watchListing()
	pace(t, withoutPID(t, whole, 0x101, 10, 20), 30*time.Second, port)()
	s.wait("the last segments", 20*time.Second, segments(13))
	listing.wantTimely(2 * time.Second)
	s.wantWhole()
	st := s.status()
	if st.RunRestarts != 0 {
		t.Errorf("%d restarts", st.RunRestarts)
	}
	s.stop()
	wantConsecutive(t, s.frameNumbers("v180", 0))
	raw := decode(t, s.media("a1", 0), "-ac", "1", "-f", "s16le")
	loud, total := 0, 0
	for ; len(raw) >= 2*480; raw = raw[2*480:] { // 10 ms
		total++
		for i := 0; i < 2*480; i += 2 {
			if v := int16(raw[i]) | int16(raw[i+1])<<8; v > 1000 || v < -1000 {
				loud++
				break
			}
		}
	}
	t.Logf("%d ms of %d ms are tone", loud*10, total*10)
	// Of the 30 s 10 are without; one must not be trusted at once when it is back, and is used from a segment on.
	if silent := (total - loud) * 10; silent < 10_000 || silent > 16_000 {
		t.Errorf("%d ms are silent, the sound was away for 10 s", silent)
	}
}
