package pipeline

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onair/pipeline/config"
)

// reloadWith has a channel read its file again, with more text.
func reloadWith(t *testing.T, c *Channel, dir, more string) error {
	t.Helper()
	name := filepath.Join(t.TempDir(), "channel.yaml")
	text := "channel: news\ninputs: [{name: main, legs: [\"udp://127.0.0.1:5000\"]}]\noutputs: [{dir: " + dir + "}]\n" + more
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.cfg.Load = func() (*config.Channel, error) { return config.Load(name, os.LookupEnv) }
	_, err := c.Reload()
	return err
}

// TestTheTwinOfAReload: it is looked at from the reading of the file on that names it, and nothing is made there.
func TestTheTwinOfAReload(t *testing.T) {
	dir, other := t.TempDir(), filepath.Join(t.TempDir(), "b")
	c := newChannel(t, dir, "timeline: {dir: "+t.TempDir()+"}\n")
	timeline := "timeline: {dir: " + c.file.Timeline.Dir + "}\n"
	if st := c.Status(); st.Twin != nil {
		t.Errorf("twin %+v", st.Twin)
	}
	if err := reloadWith(t, c, dir, timeline+"twin: {dir: "+other+"}\n"); err != nil {
		t.Fatal(err)
	}
	if st := c.Status(); st.Twin == nil || st.Twin.Store != other || st.Twin.MatchRatio != nil {
		t.Errorf("twin %+v", st.Twin)
	}
	if _, err := os.Stat(other); err == nil {
		t.Error("the folder was made")
	}
	err := reloadWith(t, c, dir, timeline+"twin: {http: \"https://b.example/live\", ca: /no/such/file}\n")
	if err == nil || !strings.Contains(err.Error(), "twin: ") {
		t.Errorf("a twin that cannot be read is taken: %v", err)
	}
	if st := c.Status(); st.Twin == nil || st.Twin.Store != other {
		t.Errorf("twin %+v after what was refused", st.Twin)
	}
	if err := reloadWith(t, c, dir, timeline); err != nil {
		t.Fatal(err)
	}
	if st := c.Status(); st.Twin != nil {
		t.Errorf("twin %+v", st.Twin)
	}
}

// TestWhatIsComparedWithTheTwin: nothing before the channel lists something.
func TestWhatIsComparedWithTheTwin(t *testing.T) {
	c := newChannel(t, t.TempDir(), "timeline: {dir: "+t.TempDir()+"}\n")
	if st, ok := c.twinState(); ok {
		t.Errorf("%+v", st)
	}
	c.found(picture(25, 1, false))
	air, err := c.prepare(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	c.air.Store(air)
	st, ok := c.twinState()
	if ok || !st.Locked || st.Segment != air.grid.T || len(st.Renditions) != len(air.assembly.current()) {
		t.Errorf("%v %+v", ok, st)
	}
	if c.unlocked("main") || c.unlocked("slate") {
		t.Error("an input of which nothing has come has no clock that another one could contradict, and the slate has none")
	}
}
