package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onair/pipeline/probe"
	"onair/pkg/mpegts"
)

// audioFile is a second of a program with one audio stream and a PCR in each packet of it.
func audioFile(t *testing.T, damaged bool) string {
	t.Helper()
	var out []byte
	for i := range uint64(50) {
		at := 90_000 + i*1800
		if i%5 == 0 {
			psi, err := mpegts.PSI(mpegts.Program{
				Number: 1, PMTPID: 0x1000, PCRPID: 0x100, Streams: []mpegts.Stream{{PID: 0x100, Type: 0x0F}},
			}, byte(i/5))
			if err != nil {
				t.Fatal(err)
			}
			out = append(append(out, psi[0][:]...), psi[1][:]...)
		}
		p := bytes.Repeat([]byte{0xFF}, mpegts.Size)
		copy(p, []byte{
			0x47, 0x41, 0x00, 0x30 | byte(i&15), 7, 0x10, 0, byte(at >> 17), byte(at >> 9), byte(at >> 1), byte(at<<7) | 0x7E, 0,
			0, 0, 1, 0xC0, 0, 0, 0x80, 0x80, 5, 0x21, byte(at >> 22), byte(at>>14) | 1, byte(at >> 7), byte(at<<1) | 1,
		})
		if damaged && i == 20 {
			continue
		}
		out = append(out, p...)
	}
	name := filepath.Join(t.TempDir(), "feed.ts")
	if err := os.WriteFile(name, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestProbeExitCodes(t *testing.T) {
	noise := filepath.Join(t.TempDir(), "noise.bin")
	if err := os.WriteFile(noise, bytes.Repeat([]byte("no transport stream "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name   string
		args   []string
		code   int
		stderr string
	}{
		{"clean", []string{"probe", audioFile(t, false)}, exitOK, ""},
		{"errors", []string{"probe", audioFile(t, true)}, exitFailed, ""},
		{"no transport stream", []string{"probe", "--json", noise}, exitFailed, ""},
		{"no such file", []string{"probe", "/nowhere/feed.ts"}, exitUsage, "/nowhere/feed.ts"},
		{"folder", []string{"probe", t.TempDir()}, exitUsage, "is not a file"},
		{"unknown scheme", []string{"probe", "gopher://host:70"}, exitUsage, "gopher"},
		{"bad duration", []string{"probe", "--for=-1s", noise}, exitUsage, "negative"},
		{"no source", []string{"probe"}, exitUsage, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), c.args, &stdout, &stderr); code != c.code {
				t.Errorf("exit %d, want %d; %s%s", code, c.code, stdout.String(), stderr.String())
			}
			if !strings.Contains(stderr.String(), c.stderr) {
				t.Errorf("stderr %q does not tell %q", stderr.String(), c.stderr)
			}
		})
	}
}

func TestProbePrintsJSONWhateverItFinds(t *testing.T) {
	for _, damaged := range []bool{false, true} {
		var stdout, stderr bytes.Buffer
		run(t.Context(), []string{"probe", "--json", audioFile(t, damaged)}, &stdout, &stderr)
		dec := json.NewDecoder(&stdout)
		dec.DisallowUnknownFields()
		var r probe.Report
		if err := dec.Decode(&r); err != nil || r.Clean == damaged || !r.Usable || r.Programs[0].Streams[0].Codec != "aac" {
			t.Errorf("damaged %v: error %v, report %+v, %s", damaged, err, r, stderr.String())
		}
	}
}
