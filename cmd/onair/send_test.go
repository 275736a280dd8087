package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onair/pipeline/send"
)

// quiet runs a command line and returns its exit code and what it printed.
func quiet(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestSendRefusesWhatItCannotDo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.ts")
	if err := os.WriteFile(file, []byte("no transport stream"), 0o600); err != nil {
		t.Fatal(err)
	}
	to := []string{"--to", "rtp://127.0.0.1:9", "--to", "rtp://127.0.0.1:11"}
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no destination", []string{file}, exitUsage, "--to"},
		{"no such file", append(to, "/no/such/file.ts"), exitUsage, "no such file"},
		{"a folder", append(to, "/tmp"), exitUsage, "nor a TS file"},
		{"no transport stream", append(to, file), exitFailed, "no packets of a transport stream"},
		{"bad url", []string{file, "--to", "http://x"}, exitUsage, "rtp://, udp:// or srt://"},
		{"secret in a bad url", []string{file, "--to", "srt://127.0.0.1:9?passphrase=secret123456&latency=x"}, exitUsage, "latency"},
		{"secret in the port", []string{file, "--to", "srt://127.0.0.1:9&passphrase=secret123456"}, exitUsage, "port"},
		{"secret after a raw &", []string{file, "--to", "srt://127.0.0.1:9?passphrase=0123456789&secret123456"}, exitUsage, "unknown option"},
		{"secret in the source", append(to, "srt://127.0.0.1:9?passphrase=a secret123456"), exitUsage, "passphrase=***"},
		{"secret in one argument more", append(to, file, "srt://127.0.0.1:9?passphrase=a secret123456"), exitUsage, "unexpected"},
		{"bad size", append(to, "test:", "--size", "big"), exitUsage, "1280x720"},
		{"odd size", append(to, "test:", "--size", "641x360"), exitUsage, "even"},
		{"bad rate", append(to, "test:", "--rate", "26"), exitUsage, "frame rate"},
		{"bad codec", append(to, "test:", "--codec", "vp9"), exitUsage, "codec"},
		{"FEC of no matrix", append(to, file, "--fec", "8"), exitUsage, "like 8x4"},
		{"FEC of a small matrix", append(to, file, "--fec", "2x2"), exitUsage, "4 to 20"},
		{"loss without percent", append(to, file, "--loss", "5"), exitUsage, "5%"},
		{"too many losses", append(to, file, "--loss", "1%,2%,3%"), exitUsage, "3 values for 2 legs"},
		{"bad delay", append(to, file, "--skew", "60"), exitUsage, "--skew"},
		{"a leg that is not there", append(to, file, "--drop", "3@1s-2s"), exitUsage, "no leg 3"},
		{"silence backwards", append(to, file, "--drop", "1@3s-2s"), exitUsage, "after the start"},
		{"silence without leg", append(to, file, "--drop", "1s-2s"), exitUsage, "LEG@FROM-TO"},
		{"exclusive alone", []string{file, "--to", "rtp://127.0.0.1:9", "--exclusive"}, exitUsage, "two rtp legs"},
		{"exclusive in common silence", append(to, file, "--exclusive", "--drop", "1@1s", "--drop", "2@2s-3s"), exitUsage, "all legs are silent"},
		{"negative time", append(to, file, "--for=-1s"), exitUsage, "negative"},
		{"no place for the log", append(to, file, "--drop-log", "/no/such/folder/x"), exitUsage, "--drop-log"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, _, stderr := quiet(append([]string{"send"}, c.args...)...)
			if code != c.code || !strings.Contains(stderr, c.want) {
				t.Errorf("exit %d, want %d with %q in:\n%s", code, c.code, c.want, stderr)
			}
			if strings.Contains(stderr, "secret123456") {
				t.Errorf("the passphrase is shown:\n%s", stderr)
			}
		})
	}
}

// clip is so many packets with a clock reference in each tenth, 10 ms apart.
func clip(t *testing.T, packets int) string {
	t.Helper()
	var data []byte
	for i := range packets {
		p := bytes.Repeat([]byte{0xFF}, 188)
		copy(p, []byte{0x47, 0x01, 0x00, 0x10 | byte(i&15)})
		if i%10 == 0 {
			base := i / 10 * 900
			copy(p[3:], []byte{0x30 | byte(i&15), 7, 0x10, byte(base >> 25), byte(base >> 17), byte(base >> 9), byte(base >> 1), byte(base<<7) | 0x7E, 0})
		}
		data = append(data, p...)
	}
	name := filepath.Join(t.TempDir(), "clip.ts")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestSendTellsWhatItDid(t *testing.T) {
	var to []string
	for range 2 {
		c, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		to = append(to, "--to", "rtp://"+c.LocalAddr().String())
	}
	drops := filepath.Join(t.TempDir(), "drops")
	args := append([]string{"send", clip(t, 700), "--json", "--loss", "10%,20%", "--burst", "2", "--skew", "0ms,20ms", "--jitter", "1ms", "--reorder", "1%",
		"--drop", "2@200ms-300ms", "--exclusive", "--seed", "42", "--drop-log", drops, "--loop", "--for", "1s"}, to...)
	code, stdout, stderr := quiet(args...)
	var s send.Summary
	if err := json.Unmarshal([]byte(stdout), &s); err != nil || code != exitOK {
		t.Fatalf("exit %d, %v\n%s%s", code, err, stdout, stderr)
	}
	if s.Seed != 42 || s.Datagrams < 140 || s.Everywhere != 0 || len(s.Legs) != 2 || s.Legs[1].Silent < 10 || s.Seconds < 0.95 {
		t.Errorf("%+v", s)
	}
	lines, err := os.ReadFile(drops)
	if n := strings.Count(string(lines), "\n") - 1; err != nil || uint64(n) != s.Legs[0].Dropped+s.Legs[1].Dropped {
		t.Errorf("%d lines in the log, %v; %+v", n, err, s.Legs)
	}
	code, again, _ := quiet(args...)
	if code != exitOK || again != stdout {
		t.Errorf("the same seed gives something else:\n%s%s", stdout, again)
	}
	code, text, _ := quiet(append([]string{"send", clip(t, 100)}, to...)...)
	if code != exitOK || !strings.Contains(text, "dropped on all legs: 0") {
		t.Errorf("exit %d\n%s", code, text)
	}
}
