package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var updateGolden = flag.Bool("update", false, "write the expected texts anew; look at the difference before keeping it")

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *updateGolden {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

// check runs the verb and gives its exit code and what it printed.
func check(files ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	e := &env{stdout: &out, stderr: &err, lookup: func(name string) (string, bool) {
		v, ok := map[string]string{
			"SRT_PASSPHRASE": "correct-horse-battery", "FEED": "srt://192.0.2.1:9000?passphrase=correct-horse-battery", "SEGMENT": "6s",
			"STREAM_KEY": "top/secret%a b", "PASSWORD": "top@secret:/?#%",
		}[name]
		return v, ok
	}}
	code = exitCode((&checkCmd{Files: files}).Run(e), &err)
	return code, out.String(), err.String()
}

// TestCheckPrintsThePlan: what FFmpeg is told is the planner's and has golden tests there; here it only has to be shown.
func TestCheckPrintsThePlan(t *testing.T) {
	files, _ := filepath.Glob("../../testdata/config/good/*.yaml")
	if len(files) == 0 {
		t.Fatal("no channel files to check")
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := check(path)
			if code != exitOK {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			plan, command, _ := strings.Cut(stdout, "\n  ffmpeg ")
			compareGolden(t, filepath.Join("testdata", "check", name+".txt"), plan+"\n--- stderr\n"+stderr)
			for _, want := range []string{"-f mpegts", "-i pipe:0", "-movflags", "pipe:3"} {
				if !strings.Contains(command, want) {
					t.Errorf("the command lacks %s: %s", want, command)
				}
			}
			if text := stdout + stderr; strings.Contains(text, "correct-horse") {
				t.Errorf("a secret is shown: %s", text)
			}
		})
	}
}

// TestCheckTellsOfInputs: a decoder for each is not for nothing, and labels that place pictures have to be there.
func TestCheckTellsOfInputs(t *testing.T) {
	const watched, placed = "are watched, by a decoder", "timecode places the pictures"
	for _, c := range []struct {
		option, text string
		want         bool
	}{
		{"monitor: on", watched, true},
		{"monitor: auto", watched, false},
		{"monitor: off", watched, false},
		{"timecode: sei", placed, true},
		{"timecode: none", placed, false},
	} {
		file := filepath.Join(t.TempDir(), "channel.yaml")
		text := "channel: news\ninputs: [{name: main, legs: [\"udp://0.0.0.0:5000\"], " + c.option + "}]\noutputs: [{dir: ./o}]\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, errs := check(file)
		if code != 0 || strings.Contains(out, c.text) != c.want {
			t.Errorf("%s: code %d %s\n%s", c.option, code, errs, out)
		}
	}
}

// TestCheckAssumesTheTracksThatAreAskedFor: a second track for the one rendition that there is by default is no mistake.
func TestCheckAssumesTheTracksThatAreAskedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "second.yaml")
	text := "channel: news\ninputs: [{name: main, legs: [\"rtp://239.0.0.1:5000\"], audio: [1]}]\noutputs: [{dir: ./origin}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := check(path)
	if code != exitOK || strings.Contains(stdout, "note:") || !strings.Contains(stdout, "[0:i:258]") {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
}

func TestCheckIsTheSameEachTime(t *testing.T) {
	_, first, _ := check("../../testdata/config/good/minimal.yaml")
	_, again, _ := check("../../testdata/config/good/minimal.yaml")
	if first != again || first == "" {
		t.Errorf("got\n%s\nthen\n%s", first, again)
	}
}

// TestCheckRefuses: exit 2, nothing on stdout, every problem a line that begins with file and line.
func TestCheckRefuses(t *testing.T) {
	files, _ := filepath.Glob("../../testdata/config/bad/*.yaml")
	if len(files) == 0 {
		t.Fatal("no channel files to check")
	}
	position := regexp.MustCompile(`^\.\./\.\./testdata/config/bad/[a-z-]+\.yaml(:[0-9]+)?: \S`)
	for _, path := range append(files, "../../testdata/config/bad/no-such-file.yaml") {
		code, stdout, stderr := check(path)
		if code != exitUsage || stdout != "" || stderr == "" {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", path, code, stdout, stderr)
		}
		for line := range strings.Lines(stderr) {
			if !position.MatchString(line) {
				t.Errorf("%s: %s", path, line)
			}
		}
		if strings.Contains(stderr, "topsecret") || strings.Contains(stderr, "correct-horse") {
			t.Errorf("%s: a secret is shown: %s", path, stderr)
		}
	}
}

func TestCheckSeveralFilesAsOneProcess(t *testing.T) {
	code, stdout, stderr := check("../../testdata/config/good/minimal.yaml", "../../testdata/config/good/audio-only.yaml")
	if code != exitOK || !strings.Contains(stdout, "channel news (") || !strings.Contains(stdout, "channel radio (") {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
	code, stdout, stderr = check("../../testdata/config/good/minimal.yaml", "../../testdata/config/good/minimal.yaml")
	if code != exitUsage || stdout != "" || !strings.Contains(stderr, `"news" is also the channel of `) {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
}

func TestShellQuotes(t *testing.T) {
	for arg, want := range map[string]string{
		"-map": "-map", "": "''", "[o0]": "'[o0]'", "a b": "'a b'", "it's": `'it'\''s'`, "$HOME": "'$HOME'", "expr:gt(a,b)": "'expr:gt(a,b)'",
	} {
		if got := quoteShell(arg); got != want {
			t.Errorf("%q: got %s, want %s", arg, got, want)
		}
	}
}
