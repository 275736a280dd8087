package pipeline

import (
	"context"
	"os"
	"strings"
	"testing"

	"onair/pipeline/config"
)

// wantFree checks whether another process could publish the channel "news" to a folder.
func wantFree(t *testing.T, dir string, free bool) {
	t.Helper()
	o, err := newChannel(t, t.TempDir(), "").openOutput(config.Store{Dir: dir})
	if err == nil {
		o.unlock()
	}
	if (err == nil) != free {
		t.Errorf("free: %v, want %v (%v)", err == nil, free, err)
	}
	if err == nil {
		return
	}
	for _, want := range []string{dir, "another onair publishes channel news there"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
}

// TestTwoProcessesDoNotShareAFolder: they would overwrite each other's segments without a word.
func TestTwoProcessesDoNotShareAFolder(t *testing.T) {
	dir := t.TempDir()
	ch := newChannel(t, dir, "timeline: {dir: "+t.TempDir()+"}\n")
	wantFree(t, dir, false)
	wantFree(t, ch.file.Timeline.Dir, true) // twins share it
	ch.found(picture(25, 1, false))
	if _, err := ch.prepare(context.Background()); err != nil {
		t.Fatal(err)
	}
	wantFree(t, dir, false)
	ch.closeOutputs()
	wantFree(t, dir, true)
}

// TestOutputsOfAReload: a folder is taken with the reading of the file that names it, and free with the next.
func TestOutputsOfAReload(t *testing.T) {
	first, more, held := t.TempDir(), t.TempDir(), t.TempDir()
	ch := newChannel(t, first, "")
	newChannel(t, held, "")
	reload := func(dirs ...string) error {
		text := "channel: news\ninputs: [{name: main, legs: [\"udp://127.0.0.1:5000\"]}]\noutputs:\n"
		for _, dir := range dirs {
			text += "  - dir: " + dir + "\n"
		}
		name := t.TempDir() + "/channel.yaml"
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		ch.cfg.Load = func() (*config.Channel, error) { return config.Load(name, os.LookupEnv) }
		_, err := ch.Reload()
		return err
	}
	if err := reload(first, more, held); err == nil || !strings.Contains(err.Error(), held) {
		t.Errorf("a folder that another channel has: %v", err)
	}
	wantFree(t, more, true) // the reading was refused
	for _, step := range []struct {
		dirs []string
		free bool
	}{{[]string{first, more}, false}, {[]string{first}, true}} {
		if err := reload(step.dirs...); err != nil {
			t.Fatal(err)
		}
		wantFree(t, more, step.free)
	}
	wantFree(t, first, false)
}

// TestAnOutputThatComesAtTheEnd: a channel that ends takes no more stores, and can still be asked for its state.
func TestAnOutputThatComesAtTheEnd(t *testing.T) {
	ch := newChannel(t, t.TempDir(), "")
	ch.found(picture(25, 1, false))
	air, err := ch.prepare(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	publishing, stop := context.WithCancel(context.Background())
	air.publish = func(o *output) { o.end = start(publishing, o.run) }
	air.publish(ch.outputs()[0])
	ch.air.Store(air)
	stop()
	if err := ch.endOutputs(air); err != nil {
		t.Fatal(err)
	}
	more, err := ch.openOutput(config.Store{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ch.changeOutputs([]*output{ch.outputs()[0], more})
	if st := ch.Status(); len(st.Stores) != 1 {
		t.Errorf("stores %+v", st.Stores)
	}
	wantFree(t, more.cfg.Dir, true)
}
