package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onair/pipeline/config"
)

// TestChannelsTogether: each case is the files of one process; what they cannot share is told, the rest is fine.
func TestChannelsTogether(t *testing.T) {
	t.Parallel()
	file := func(name, leg, more string) string {
		return "channel: " + name + "\ninputs: [{name: main, legs: [\"" + leg + "\"]}]\noutputs: [{dir: ./origin}]\n" + more
	}
	for _, c := range []struct {
		name, a, b string
		want       string // empty: no problem
	}{
		{
			"one address for both",
			file("a", "rtp://:5000", ""), file("b", "rtp://:5002", `http: ":8080"`), "",
		},
		{
			"one address written in two ways", file("a", "rtp://:5000", ""), file("b", "rtp://:5002", `http: "0.0.0.0:8080"`),
			`b.yaml:4: http: "0.0.0.0:8080" overlaps with ":8080" of `,
		},
		{"one group for both", file("a", "rtp://239.0.0.1:5000", ""), file("b", "rtp://239.0.0.1:5000", ""), ""},
		{"one caller address for both", file("a", "srt://host:9000", ""), file("b", "srt://host:9000", ""), ""},
		{"any port for each", file("a", "rtp://:5000", `http: ":0"`), file("b", "rtp://:5002", `http: "127.0.0.1:0"`), ""},
		{"same name", file("a", "rtp://:5000", ""), file("a", "rtp://:5002", ""), `b.yaml:1: channel: "a" is also the channel of `},
		{
			"same port", file("a", "rtp://:5000", ""), file("b", "udp://0.0.0.0:5000", ""),
			`b.yaml:2: inputs[0].legs[0]: "udp://0.0.0.0:5000" is received by `,
		},
		{"one clip for both", file("a", "file:clip.ts", ""), file("b", "file:clip.ts", ""), ""},
		{"one RTMP port for both", file("a", "rtmp://:1935/live/a", ""), file("b", "rtmp://:1935/live/b", ""), ""},
		{
			"one RTMP stream for both", file("a", "rtmp://:1935/live/a", ""), file("b", "rtmp://0.0.0.0/live/a", ""),
			`b.yaml:2: inputs[0].legs[0]: "rtmp://0.0.0.0:1935/live/***" is received by `,
		},
		{
			"a part of an RTMP port", file("a", "rtmp://:1935/live/a", ""), file("b", "rtmp://127.0.0.1/live/b", ""),
			`b.yaml:2: inputs[0].legs[0]: wants port 1935, which `,
		},
		{
			"overlapping addresses", file("a", "rtp://:5000", ""), file("b", "rtp://:5002", `http: "127.0.0.1:8080"`),
			`b.yaml:4: http: "127.0.0.1:8080" overlaps with ":8080" of `,
		},
		{
			"other token", file("a", "rtp://:5000", "api_token: topsecret-0123456789"), file("b", "rtp://:5002", ""),
			`b.yaml:1: api_token: differs from that of `,
		},
		{
			"other certificate", file("a", "rtp://:5000", ""), file("b", "rtp://:5002", "tls: {cert: c, key: k}"),
			`b.yaml:4: tls: differs from that of `,
		},
		{
			"problems of both", "channel: A", file("b", "rtp://:5002", "start: now"),
			`b.yaml:4: start: "now" is not known here, allowed is slate or wait`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			var paths []string
			for name, text := range map[string]string{"a.yaml": c.a, "b.yaml": c.b} {
				if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			paths = []string{filepath.Join(folder, "a.yaml"), filepath.Join(folder, "b.yaml")}
			channels, err := config.LoadAll(paths, environment)
			switch {
			case c.want == "" && (err != nil || len(channels) != 2):
				t.Errorf("got %v, %v", channels, err)
			case c.want != "" && (err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), folder+"/", ""), c.want)):
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// FuzzLoad: whatever the file holds, the answer is a channel or problems with a text, and never shows the environment.
func FuzzLoad(f *testing.F) {
	for _, folder := range []string{"good", "bad"} {
		found, _ := filepath.Glob(filepath.Join(fixtures, folder, "*.yaml"))
		for _, path := range found {
			if b, err := os.ReadFile(path); err == nil {
				f.Add(string(b))
			}
		}
	}
	path := filepath.Join(f.TempDir(), "fuzz.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path, environment)
		if (c == nil) == (err == nil) {
			t.Fatalf("got %v, %v", c, err)
		}
		if err != nil && err.Error() == "" {
			t.Error("a refusal without a word")
		}
		if err != nil && strings.Contains(err.Error(), "battery+staple") {
			t.Errorf("shows the environment: %v", err)
		}
	})
}
