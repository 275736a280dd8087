package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"onair/pipeline/config"
)

// TestWatched: an input's content is watched where it is asked for, or where it decides about the input that is on air.
func TestWatched(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		monitor  string
		failover config.Failover
		want     bool
	}{
		{"auto", config.Failover{}, false},
		{"on", config.Failover{}, true},
		{"auto", config.Failover{Errors: 10}, false},
		{"auto", config.Failover{Black: 5e9}, true},
		{"auto", config.Failover{Freeze: 5e9}, true},
		{"auto", config.Failover{Silence: 5e9}, true},
		{"off", config.Failover{Black: 5e9}, false},
	} {
		file := filepath.Join(t.TempDir(), "channel.yaml")
		text := fmt.Sprintf("channel: news\ninputs: [{name: main, legs: [\"udp://0.0.0.0:5000\"], monitor: %s}]\noutputs: [{dir: ./o}]\n",
			c.monitor)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		ch, err := config.Load(file, environment)
		if err != nil {
			t.Fatal(err)
		}
		ch.Failover = c.failover
		if got := ch.Watched(ch.Inputs[0]); got != c.want {
			t.Errorf("monitor: %s with %+v: %t, want %t", c.monitor, c.failover, got, c.want)
		}
	}
}
