package config_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onair/pipeline/config"
)

var update = flag.Bool("update", false, "write the expected texts anew; look at the difference before keeping it")

const fixtures = "../../testdata/config"

// environment is what the fixtures may refer to.
func environment(name string) (string, bool) {
	v, ok := map[string]string{
		"SRT_PASSPHRASE": "correct&horse=battery+staple%",
		"SHORT":          "topsecret",
		"STREAM_KEY":     "top/secret%a b",
		"PASSWORD":       "top@secret:/?#%",
		"TOKEN":          "topsecret-token",
		"FEED":           "srt://192.0.2.1:9000?passphrase=topsecret1234",
		"SEGMENT":        "6s",
		"EMPTY":          "",
	}[name]
	return v, ok
}

// golden compares got with a file beside the fixtures.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
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

func files(t *testing.T, folder string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(fixtures, folder, "*.yaml"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no fixtures in %s: %v", folder, err)
	}
	return found
}

// TestGoodFiles loads each file without a problem and with exactly the warnings beside it.
func TestGoodFiles(t *testing.T) {
	t.Parallel()
	for _, path := range files(t, "good") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			c, err := config.Load(path, environment)
			if err != nil {
				t.Fatal(err)
			}
			got := local(config.Problems(c.Warnings).Error())
			beside := strings.TrimSuffix(path, ".yaml") + ".txt"
			if _, err := os.Stat(beside); err == nil || got != "" {
				golden(t, beside, got)
			}
		})
	}
}

// TestBadFiles holds every refusal against the text beside the file: that is what a user reads.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	for _, path := range files(t, "bad") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			c, err := config.Load(path, environment)
			var problems config.Problems
			if c != nil || !errors.As(err, &problems) {
				t.Fatalf("got %v, %v; want problems", c, err)
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".txt", local(err.Error()))
		})
	}
}

// TestEncodings: a byte order mark is no part of the first key, and what is not UTF-8 is told with its line.
func TestEncodings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\ufeff" + strings.TrimSpace(smallest):                 "",
		"\ufeff" + smallest + "slate: {text: \"Stra\u00dfe\"}": "",
		"\ufeffchannel: news\nchanel: news\n":                  "a.yaml:2: chanel: unknown key",
		smallest + "slate: {text: \"Stra\xdfe\"}":              "a.yaml:5: not UTF-8",
		"\xff\xfec\x00h\x00":                                   "a.yaml:1: not UTF-8",
	} {
		_, err := config.Load(write(t, "a.yaml", text), environment)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// local removes the folders from the file names, and ends the text with a line end.
func local(s string) string {
	if s == "" {
		return ""
	}
	for _, folder := range []string{"good", "bad", "together"} {
		s = strings.ReplaceAll(s, filepath.Join(fixtures, folder)+"/", "")
	}
	return s + "\n"
}
