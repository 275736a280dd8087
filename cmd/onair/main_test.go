package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/config"
)

// onair runs a command line to its end.
func onair(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(ctx, args, &out, &err)
	return code, out.String(), err.String()
}

// channelFile is a channel with its output in a folder of its own, and some more lines.
func channelFile(t *testing.T, more string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "channel.yaml")
	text := "channel: news\ninputs: [{name: main, legs: [\"udp://" + freeUDP(t) + "\"]}]\noutputs: [{dir: \"" + t.TempDir() + "\"}]\n" + more
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// freeUDP is an address that was free a moment ago.
func freeUDP(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}

func TestUsage(t *testing.T) {
	bad := channelFile(t, "chanel: news\n")
	for name, c := range map[string]struct {
		args   []string
		code   int
		stdout string // what must be in there
		stderr string
	}{
		"nothing":             {nil, exitUsage, "", "expected one of"},
		"help":                {[]string{"--help"}, exitOK, "Usage: onair", ""},
		"help of a verb":      {[]string{"run", "--help"}, exitOK, "Channel files", ""},
		"unknown verb":        {[]string{"walk"}, exitUsage, "", "walk"},
		"unknown flag":        {[]string{"run", "--fast", bad}, exitUsage, "", "--fast"},
		"run without a file":  {[]string{"run"}, exitUsage, "", "<file>"},
		"a file that is none": {[]string{"run", "/no/such/file.yaml"}, exitUsage, "", "/no/such/file.yaml"},
		"a bad file":          {[]string{"run", bad}, exitUsage, "", "chanel"},
		"a bad log level":     {[]string{"--log-level", "loud", "run", bad}, exitUsage, "", "loud"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := onair(context.Background(), c.args...)
			if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
				t.Fatalf("exit %d\nstdout: %s\nstderr: %s", code, stdout, stderr)
			}
		})
	}
}

func needFFmpeg(t *testing.T) {
	t.Helper()
	for _, program := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
}

func TestRunEndsAsAsked(t *testing.T) {
	needFFmpeg(t)
	file := channelFile(t, "http: \"127.0.0.1:0\"\n")
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	began := time.Now()
	if code, _, stderr := onair(ctx, "run", file); code != exitOK || !strings.Contains(stderr, `"serving"`) {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Fatalf("ended after %v", took)
	}
}

func TestRunOnATakenAddress(t *testing.T) {
	needFFmpeg(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := channelFile(t, "http: \""+taken.Addr().String()+"\"\n")
	code, _, stderr := onair(context.Background(), "run", file)
	if code != exitFailed || !strings.Contains(stderr, taken.Addr().String()) {
		t.Fatalf("exit %d: %s", code, stderr)
	}
}

func TestRunWithoutFFmpeg(t *testing.T) {
	file := channelFile(t, "http: \"127.0.0.1:0\"\n")
	t.Setenv("PATH", t.TempDir())
	code, _, stderr := onair(context.Background(), "run", file)
	if code != exitFailed || !strings.Contains(stderr, "ffmpeg is not installed") {
		t.Fatalf("exit %d: %s", code, stderr)
	}
}

// TestRunWithoutAnEncoder: what FFmpeg cannot make is told at the start, not when the feed comes.
func TestRunWithoutAnEncoder(t *testing.T) {
	dir := t.TempDir()
	for _, program := range []string{"ffmpeg", "ffprobe"} {
		script := "#!/bin/sh\ncase \"$*\" in *-version*) echo \"" + program + " version 5.1.9\" ;;\n" +
			"*) echo ' V....D libx264  H.264'; echo ' A....D aac  AAC' ;; esac\n"
		if err := os.WriteFile(filepath.Join(dir, program), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	hevc := "video: [{name: v720, size: 1280x720, bitrate: 2M, codec: hevc}]\n"
	code, _, stderr := onair(context.Background(), "run", channelFile(t, hevc))
	if code != exitFailed || !strings.Contains(stderr, "channel news: this FFmpeg was built without libx265 (rendition v720)") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	file, err := config.Load(channelFile(t, ""), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkFFmpeg(context.Background(), []*config.Channel{file}, zerolog.Nop()); err != nil {
		t.Errorf("the default ladder: %v", err)
	}
}

// TestErrorsAreLogLines: where the log is JSON, so is what ends the program.
func TestErrorsAreLogLines(t *testing.T) {
	needFFmpeg(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		name, file string
		code       int
		want       string
	}{
		{"address in use", channelFile(t, "http: \""+taken.Addr().String()+"\"\n"), exitFailed, taken.Addr().String()},
		{"a bad file", channelFile(t, "chanel: news\n"), exitUsage, "channel.yaml:4: chanel"},
	} {
		for _, format := range []string{"json", "human"} {
			code, _, stderr := onair(t.Context(), "run", "--log-format", format, c.file)
			lines := strings.Split(strings.TrimSpace(stderr), "\n")
			var last struct{ Level, Message string }
			for _, line := range lines {
				if err := json.Unmarshal([]byte(line), &last); (err == nil) != (format == "json") {
					t.Errorf("%s, %s: %q", c.name, format, line)
				}
			}
			told := format == "human" || last.Level == "error" && strings.Contains(last.Message, c.want)
			if code != c.code || !told || !strings.Contains(lines[len(lines)-1], c.want) {
				t.Errorf("%s, %s: exit %d: %s", c.name, format, code, stderr)
			}
		}
	}
}
