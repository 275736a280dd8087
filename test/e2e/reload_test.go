//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"onair/pipeline/control"
	"onair/pipeline/srt"
	"onair/pkg/leg"
)

// rewrite replaces parts of the station's file.
func (s *station) rewrite(replace ...string) {
	s.t.Helper()
	b, err := os.ReadFile(s.file)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(strings.NewReplacer(replace...).Replace(string(b)))
}

// reload asks for the file to be read again.
func (s *station) reload() (int, string) {
	s.t.Helper()
	r, err := http.Post(s.url("/api/v1/channels/ch/reload"), "", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

// applied asks for the file to be read again, which must be taken with changes of these keys.
func (s *station) applied(keys ...string) {
	s.t.Helper()
	code, body := s.reload()
	var out control.Reloaded
	if err := json.Unmarshal([]byte(body), &out); code != http.StatusOK || err != nil {
		s.t.Fatalf("reload: %d %s", code, body)
	}
	var got []string
	for _, c := range out.Changes {
		got = append(got, c.Key)
	}
	if !slices.Equal(got, keys) {
		s.t.Errorf("changes %q, want %q", got, keys)
	}
}

// bandwidth is the lowest BANDWIDTH of a multivariant playlist.
func bandwidth(index []byte) (least int) {
	for _, m := range regexp.MustCompile(`[:,]BANDWIDTH=(\d+)`).FindAllSubmatch(index, -1) {
		if n, _ := strconv.Atoi(string(m[1])); least == 0 || n < least {
			least = n
		}
	}
	return least
}

// TestReloadOfBitrates: another bitrate takes over at a segment boundary; no frame is missing or shown twice, and the
// initialization stays.
func TestReloadOfBitrates(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	s := newStation(t, fmt.Sprintf("  - name: main\n    legs: [\"rtp://127.0.0.1:%d\"]", port)).answering()
	end := sendFor(t, 40, "--to", fmt.Sprintf("rtp://127.0.0.1:%d", port))
	s.wait("segments", 30*time.Second, segments(3))
	inits := func() []string {
		all, err := filepath.Glob(filepath.Join(s.origin(), "*", "init-*.mp4"))
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := inits()
	_, index := s.get("/ch/index.m3u8")
	declared := bandwidth(index)
	s.rewrite("bitrate: 300k", "bitrate: 400k", "bitrate: 96k", "bitrate: 64k", "preset: ultrafast", "preset: superfast")
	s.applied("preset", "video[1].bitrate", "audio[0].bitrate")
	s.wait("the new run", 20*time.Second, func(st control.Status) bool {
		return len(st.Runs) == 1 && strings.Contains(strings.Join(st.Runs[0].Command, " "), "400000")
	})
	end()
	st := s.wantOn(0)
	if st.RunRestarts != 0 || st.RunsStarted != 2 || st.Reloads["ok"] != 1 {
		t.Errorf("%d restarts, %d runs, reloads %v", st.RunRestarts, st.RunsStarted, st.Reloads)
	}
	if after := inits(); !slices.Equal(after, before) {
		t.Errorf("initializations %v, before %v", after, before)
	}
	if _, index := s.get("/ch/index.m3u8"); bandwidth(index) <= declared {
		t.Errorf("BANDWIDTH %d, it was %d at a lower bitrate", bandwidth(index), declared)
	}
	s.stop()
	wantConsecutive(t, numbersOf(s.pictures("v180")))
	s.wantOnGrid("v180", 3600)
	s.wantOnGrid("a1", 1024)
}

// TestReloadOfInputs: a backup is added and taken when the main input is left out of the file, at a boundary, without a
// gap; the main input comes back under its name.
func TestReloadOfInputs(t *testing.T) {
	t.Parallel()
	a, b := freePort(t, "udp"), freePort(t, "udp")
	one := fmt.Sprintf("  - name: main\n    legs: [\"rtp://127.0.0.1:%d\"]\n", a)
	two := fmt.Sprintf("  - name: backup\n    legs: [\"rtp://127.0.0.1:%d\"]\n", b)
	s := newStation(t, one+"#end").answering()
	sendFor(t, 90, "--to", fmt.Sprintf("rtp://127.0.0.1:%d", a))
	sendFor(t, 90, "--to", fmt.Sprintf("rtp://127.0.0.1:%d", b))
	s.wait("segments", 30*time.Second, segments(2))
	peer := s.status().Inputs[0].Legs[0].Peer
	s.rewrite("#end", two+"failover: {return_after: 2s}\n#end")
	s.applied("inputs[1]", "failover.return_after")
	st := s.wait("the backup", 20*time.Second, func(st control.Status) bool {
		return len(st.Inputs) == 2 && st.Inputs[1].Video != nil
	})
	if st.ActiveInput != "main" || st.Inputs[0].Legs[0].Peer != peer {
		t.Errorf("%+v", st.Inputs[0])
	}
	s.rewrite(one, "")
	s.applied("inputs")
	s.wait("main to be gone", 20*time.Second, func(st control.Status) bool {
		return st.ActiveInput == "backup" && len(st.Inputs) == 1
	})
	s.wantOn(2)
	s.rewrite(two, one+two)
	s.applied("inputs[0]")
	s.wait("main to be back", 40*time.Second, func(st control.Status) bool { return st.ActiveInput == "main" })
	s.rewrite(fmt.Sprintf("127.0.0.1:%d", b), fmt.Sprintf("127.0.0.1:%d", freePort(t, "udp")))
	s.applied("inputs[1].legs")
	s.wait("the backup to be silent", 20*time.Second, func(st control.Status) bool {
		return st.Inputs[1].State != control.InputReceiving
	})
	st = s.wantOn(2)
	if st.RunRestarts != 0 || st.Renditions[0].Gaps+st.Renditions[0].Holes != 0 {
		t.Errorf("%d restarts, %d gaps, %d holes", st.RunRestarts, st.Renditions[0].Gaps, st.Renditions[0].Holes)
	}
	s.stop()
	s.wantOnGrid("v180", 3600)
}

// TestReloadIsRefused: a file with a problem, or with a change that needs a restart, is not taken, in no part of it; the
// API, the log and an event say why, with the line.
func TestReloadIsRefused(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	s := newSmall(t, oneLeg("udp", port)).answering()
	good, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, want string }{
		{"no YAML", "channel: [", "not YAML"},
		{"unknown key", string(good) + "nonsense: 1\n", "nonsense"},
		{"needs a restart", strings.Replace(string(good), "channel: ch", "channel: other", 1), "channel.yaml:1: channel: needs a restart"},
		{"some of it does", string(good) + "api_token: a-long-enough-token\nfailover: {loss: 1s}\n", "api_token: needs a restart"},
	} {
		s.write(c.text)
		code, body := s.reload()
		if code != http.StatusConflict || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s", c.name, code, body)
		}
	}
	s.write(string(good))
	s.applied()
	st := s.status()
	if st.Reloads["ok"] != 1 || st.Reloads["refused"] != 4 || !strings.Contains(s.log.String(), "the file is not taken") {
		t.Errorf("%v", st.Reloads)
	}
	refusals := 0
	for _, ev := range st.Events {
		if ev.Code == "reload_refused" {
			refusals++
		}
	}
	if refusals < 4 {
		t.Errorf("%d events of a refusal", refusals)
	}
	s.wantCalm()
}

// TestSIGHUPUnderLoad: any number of signals, with thresholds that change each time, while a channel is on air.
func TestSIGHUPUnderLoad(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	s := newStation(t, fmt.Sprintf("  - name: main\n    legs: [\"rtp://127.0.0.1:%d\"]\nfailover: {loss: 500ms}", port)).answering()
	sendFor(t, 60, "--to", fmt.Sprintf("rtp://127.0.0.1:%d", port))
	s.wait("segments", 30*time.Second, segments(2))
	for i := range 50 {
		s.rewrite(fmt.Sprintf("loss: %dms", 500+i), fmt.Sprintf("loss: %dms", 501+i))
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	st := s.wantOn(3)
	if st.Reloads["ok"] == 0 || st.Reloads["refused"] != 0 || st.RunRestarts != 0 || st.RunsStarted != 1 {
		t.Errorf("reloads %v, %d restarts, %d runs", st.Reloads, st.RunRestarts, st.RunsStarted)
	}
	s.wantCalm()
	s.stop()
	wantConsecutive(t, numbersOf(s.pictures("v180")))
}

// TestReloadOfAPassphrase: the only input is received anew at once; who has the old passphrase is gone and stays out.
func TestReloadOfAPassphrase(t *testing.T) {
	t.Parallel()
	port := freePort(t, "udp")
	s := newSmall(t, fmt.Sprintf(
		"  - name: main\n    legs: [\"srt://127.0.0.1:%d?mode=listener&passphrase=correcthorsebattery\"]\n", port)).answering()
	call := func(passphrase string) (*srt.Conn, error) {
		u, err := leg.Parse(fmt.Sprintf("srt://127.0.0.1:%d?passphrase=%s", port, passphrase))
		if err != nil {
			t.Fatal(err)
		}
		return srt.Dial(t.Context(), u)
	}
	var c *srt.Conn
	s.wait("the caller", 10*time.Second, func(control.Status) (ok bool) {
		var err error
		c, err = call("correcthorsebattery")
		return err == nil
	})
	defer c.Close()
	s.wait("the connection", 10*time.Second, func(st control.Status) bool {
		return st.Inputs[0].Legs[0].State == control.LegConnected
	})
	s.rewrite("correcthorsebattery", "anotherhorsebattery")
	s.applied("inputs[0].legs")
	s.wait("the end of the caller", 10*time.Second, func(control.Status) bool { return !c.Alive() })
	s.wait("one with the new passphrase", 10*time.Second, func(control.Status) bool {
		next, err := call("anotherhorsebattery")
		if err == nil {
			next.Close()
		}
		return err == nil
	})
	if next, err := call("correcthorsebattery"); err == nil {
		next.Close()
		t.Error("the old passphrase is let in")
	}
	if log := s.log.String(); strings.Contains(log, "horsebattery") {
		t.Error("the log holds a passphrase")
	}
}
