package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// outputFolder holds a multivariant playlist and nothing that it names.
func outputFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text := "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n"
	if err := os.WriteFile(filepath.Join(dir, "index.m3u8"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestVerify(t *testing.T) {
	a, b := outputFolder(t), outputFolder(t)
	for name, c := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		"no target":             {[]string{}, exitUsage, "", "target"},
		"one that fails":        {[]string{a}, exitFailed, "NOT OK", ""},
		"no such folder":        {[]string{"/no/such/folder"}, exitUsage, "", "/no/such/folder"},
		"no time":               {[]string{a, "--for", "0s"}, exitUsage, "", "--for"},
		"two without the flag":  {[]string{a, b}, exitUsage, "", "--twin"},
		"one with the flag":     {[]string{"--twin", a}, exitUsage, "", "name both"},
		"three with the flag":   {[]string{"--twin", a, b, a}, exitUsage, "", "name both"},
		"the same twice":        {[]string{"--twin", a, a}, exitUsage, "", "same output"},
		"the second is none":    {[]string{"--twin", a, "/no/such/folder"}, exitUsage, "", "B: "},
		"nobody answers":        {[]string{"--twin", a, "http://127.0.0.1:1/news/"}, exitUsage, "", "opening B"},
		"two that do not match": {[]string{"--twin", a, b}, exitFailed, "NOT OK", ""},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := onair(context.Background(), append([]string{"verify"}, c.args...)...)
			if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
				t.Errorf("exit %d\nstdout: %s\nstderr: %s", code, stdout, stderr)
			}
		})
	}
	var report struct {
		OK       bool
		Findings []struct{ Rule string }
	}
	code, stdout, _ := onair(t.Context(), "verify", "--json", "--twin", a, b)
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != exitFailed || report.OK || len(report.Findings) == 0 {
		t.Errorf("exit %d, %v: %s", code, err, stdout)
	}
}
