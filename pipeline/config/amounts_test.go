package config_test

import (
	"testing"

	"onair/pipeline/config"
)

func TestLimits(t *testing.T) {
	for text, want := range map[string]config.Limits{
		"{memory: 2GiB}":               {Memory: 2 << 30},
		"{memory: 1.5GiB, cpu: 1.5}":   {Memory: 3 << 29, CPU: 1.5},
		"{memory: 512MiB, cpu: 2}":     {Memory: 512 << 20, CPU: 2},
		"{memory: 1000000000, cpu: 0}": {Memory: 1e9},
		"{memory: 0}":                  {},
	} {
		const rest = "channel: news\ninputs:\n  - {name: main, legs: [\"udp://:5000\"]}\noutputs:\n  - dir: ./o\nlimits: "
		got, err := config.Load(write(t, "limits.yaml", rest+text+"\n"), environment)
		if err != nil {
			t.Fatal(err)
		}
		if got.Limits != want {
			t.Errorf("%s: %+v, want %+v", text, got.Limits, want)
		}
	}
}

func TestBytesAreShownAsTheyAreWritten(t *testing.T) {
	for want, b := range map[string]config.Bytes{"2GiB": 2 << 30, "1.5GiB": 3 << 29, "512MiB": 512 << 20, "1000": 1000, "0": 0} {
		if got := b.String(); got != want {
			t.Errorf("%d: %s, want %s", int64(b), got, want)
		}
	}
}
