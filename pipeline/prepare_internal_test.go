package pipeline

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"onair/pipeline/config"
	"onair/pipeline/control"
	"onair/pkg/ffmpeg"
	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// newChannel is a channel whose file has some more lines, with its output in dir.
func newChannel(t *testing.T, dir, more string) *Channel {
	t.Helper()
	name := filepath.Join(t.TempDir(), "channel.yaml")
	text := "channel: news\ninputs: [{name: main, legs: [\"udp://127.0.0.1:5000\"]}]\noutputs: [{dir: " + dir + "}]\n" + more
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := config.Load(name, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(ChannelConfig{File: file, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.closeOutputs)
	return c
}

func picture(num, den int64, interlaced bool) ffmpeg.Source {
	return ffmpeg.Source{
		Video: &ffmpeg.Video{
			Codec: "h264", Width: 1280, Height: 720, SARNum: 1, SARDen: 1, Rate: tick.Rate{Num: num, Den: den}, Interlaced: interlaced,
		},
		Audio: []ffmpeg.AudioTrack{{PID: 257, Codec: "aac", SampleRate: 48_000, Channels: 2}},
	}
}

func TestTheFirstSourceDecidesTheGrid(t *testing.T) {
	unknown := picture(0, 0, false)
	for name, c := range map[string]struct {
		src    ffmpeg.Source
		more   string
		rate   string
		frames int64
		t      tick.Tick
	}{
		"25i is 25p":                     {picture(25, 1, true), "", "25", 100, 4 * tick.Second},
		"29.97":                          {picture(30000, 1001, false), "", "30000/1001", 120, 120 * tick.Second * 1001 / 30000},
		"29.97 not quite":                {picture(2997, 100, true), "", "30000/1001", 120, 120 * tick.Second * 1001 / 30000},
		"59.94":                          {picture(60000, 1001, false), "", "60000/1001", 240, 240 * tick.Second * 1001 / 60000},
		"50":                             {picture(50, 1, false), "", "50", 200, 4 * tick.Second},
		"a rate of nothing standard":     {picture(17, 1, false), "", "24000/1001", 96, 96 * tick.Second * 1001 / 24000},
		"half a standard one":            {picture(15, 1, false), "", "30", 120, 4 * tick.Second},
		"no rate known":                  {unknown, "", "25", 100, 4 * tick.Second},
		"the file's rate":                {picture(25, 1, true), "frame_rate: 50\n", "50", 200, 4 * tick.Second},
		"the file's segment":             {picture(25, 1, true), "segment: 6s\n", "25", 150, 6 * tick.Second},
		"sound alone":                    {sound(), "", "0/0", 0, 4 * tick.Second},
		"sound alone by the file":        {picture(25, 1, false), "video: []\n", "0/0", 0, 4 * tick.Second},
		"sound where the file has video": {sound(), "video: [{name: v1, size: 640x360, bitrate: 800k}]\n", "25", 100, 4 * tick.Second},
	} {
		t.Run(name, func(t *testing.T) {
			ch := newChannel(t, t.TempDir(), c.more)
			ch.found(c.src)
			ch.found(picture(24, 1, false)) // another input's, later
			air, err := ch.prepare(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if g := air.grid; g.Rate.String() != c.rate && !(g.Rate.IsZero() && c.rate == "0/0") || g.Frames != c.frames || g.T != c.t {
				t.Fatalf("grid %+v, want rate %s, %d frames, %d ticks", g, c.rate, c.frames, c.t)
			}
			if g := air.grid; !g.Rate.IsZero() && len(renditionsOf(air)) < 2 {
				t.Fatalf("renditions %+v", renditionsOf(air))
			}
		})
	}
}

func TestTheStoredGridRules(t *testing.T) {
	dir := t.TempDir()
	first := newChannel(t, dir, "")
	first.found(picture(25, 1, true))
	before, err := first.prepare(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	first.closeOutputs()
	again := newChannel(t, dir, "frame_rate: 50\nsegment: 6s\n")
	after, err := again.prepare(context.Background()) // without waiting for a source
	if err != nil {
		t.Fatal(err)
	}
	if after.grid != before.grid || len(renditionsOf(after)) != len(renditionsOf(before)) || renditionsOf(after)[0].Width != 1280 {
		t.Fatalf("grid %+v, was %+v", after.grid, before.grid)
	}
	if ev := again.events.newest(1); len(ev) != 1 || ev[0].Level != control.Warning || !strings.Contains(ev[0].Message, "grid.json rules") {
		t.Fatalf("events %+v", ev)
	}
	again.closeOutputs()
	same := newChannel(t, dir, "")
	if _, err := same.prepare(context.Background()); err != nil {
		t.Fatal(err)
	}
	if ev := same.events.newest(1); len(ev) != 0 {
		t.Fatalf("events %+v although nothing differs", ev)
	}
}

// A channel that began with sound alone goes on so whatever its file says later, and says what to do.
func TestAGridWithoutPicturesStaysOnAir(t *testing.T) {
	dir := t.TempDir()
	first := newChannel(t, dir, "")
	first.found(sound())
	if _, err := first.prepare(context.Background()); err != nil {
		t.Fatal(err)
	}
	first.closeOutputs()
	const video = "video: [{name: v720, size: 1280x720, bitrate: 3M}]\n"
	again := newChannel(t, dir, video)
	air, err := again.prepare(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !air.grid.Rate.IsZero() || len(renditionsOf(air)) != 1 || renditionsOf(air)[0].Kind != ladder.Audio {
		t.Fatalf("grid %+v, renditions %+v", air.grid, renditionsOf(air))
	}
	wantWarning(t, again, "remove it to start a timeline with pictures")
	again.closeOutputs()
	mute := newChannel(t, dir, video+"audio: []\n")
	if _, err := mute.prepare(context.Background()); err == nil || !strings.Contains(err.Error(), "nothing to encode") {
		t.Fatalf("error %v", err)
	}
	mute.closeOutputs()
	byDefault := newChannel(t, dir, "")
	if air, err = byDefault.prepare(context.Background()); err != nil {
		t.Fatal(err)
	}
	byDefault.air.Store(air)
	byDefault.judge("main", picture(25, 1, false), true)
	wantWarning(t, byDefault, "input main: its picture is not used: grid.json")
}

func sound() ffmpeg.Source {
	src := picture(25, 1, false)
	src.Video = nil
	return src
}

func wantWarning(t *testing.T, c *Channel, text string) {
	t.Helper()
	if ev := c.events.newest(1); len(ev) != 1 || ev[0].Level != control.Warning || !strings.Contains(ev[0].Message, text) {
		t.Fatalf("events %+v, want %q", ev, text)
	}
}

// The grid is for ever: it is not made before what it depends on has come.
func TestAPictureThatIsAnnouncedIsWaitedFor(t *testing.T) {
	const video = "video: [{name: v1, size: 640x360, bitrate: 800k}]\n"
	for more, begins := range map[string]bool{
		"": false, video: false, video + "frame_rate: 50\n": true, "frame_rate: 50\n": false, "video: []\n": true,
	} {
		ch := newChannel(t, t.TempDir(), more)
		ch.judge("main", sound(), false)
		if begun := ch.first != nil; begun != begins {
			t.Errorf("%q: begun %v, want %v", more, begun, begins)
		}
		if !begins {
			wantWarning(t, ch, "the channel waits")
		}
		ch.judge("main", picture(50, 1, false), true)
		if ch.first == nil {
			t.Errorf("%q: still waiting", more)
		}
	}
}

func TestPrepareEndsWithItsContext(t *testing.T) {
	ch := newChannel(t, t.TempDir(), "")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if air, err := ch.prepare(ctx); air != nil || err != nil && !strings.Contains(err.Error(), "canceled") {
		t.Fatal(air, err)
	}
}

func TestAnUnreadableGridIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "news"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "news", "grid.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	ch := newChannel(t, dir, "")
	if _, err := ch.prepare(context.Background()); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Fatalf("error %v, want one that says what to do", err)
	}
}

func TestStatus(t *testing.T) {
	ch := newChannel(t, t.TempDir(), "")
	st := ch.Status()
	if st.Channel != "news" || st.State != control.Waiting || st.Choice != "auto" || st.Grid != nil || len(st.Inputs) != 1 {
		t.Fatalf("before anything has come: %+v", st)
	}
	if in := st.Inputs[0]; in.Name != "main" || in.LastPacketMs != -1 || len(in.Legs) != 1 || in.Active {
		t.Fatalf("input %+v", in)
	}
	if err := ch.Fresh(); err == nil {
		t.Fatal("fresh without anything")
	}
	if err := ch.SwitchInput("main"); err == nil {
		t.Fatal("switched before there is an encoder")
	}
	ch.found(picture(25, 1, false))
	air, err := ch.prepare(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ch.air.Store(air)
	st = ch.Status()
	if st.Grid == nil || st.Grid.FrameRate != "25" || st.Grid.SegmentFrames != 100 || st.Grid.SegmentSeconds != 4 {
		t.Fatalf("grid %+v", st.Grid)
	}
	if len(st.Renditions) != len(renditionsOf(air)) || len(st.Stores) != 1 || st.Stores[0].LastK != -1 {
		t.Fatalf("renditions %+v, stores %+v", st.Renditions, st.Stores)
	}
	for i, r := range st.Renditions {
		want := renditionsOf(air)[i]
		if r.Name != want.Name || string(r.Kind) != want.Kind.String() || r.TargetBitrate != want.Bitrate {
			t.Fatalf("rendition %+v, want %+v", r, want)
		}
	}
	if _, err := json.Marshal(st); err != nil {
		t.Fatal(err)
	}
	if err := ch.SwitchInput("none"); err == nil || !strings.Contains(err.Error(), "none") {
		t.Fatalf("switched to an input that does not exist: %v", err)
	}
	if err := ch.SwitchInput("main"); err != nil {
		t.Fatal(err)
	}
	if st := ch.Status(); st.Events[0].Message != "asked for input main" {
		t.Fatalf("events %+v", st.Events)
	}
}

// renditionsOf are those that a channel encodes.
func renditionsOf(air *onAir) (out []ladder.Rendition) {
	for _, t := range air.assembly.current() {
		out = append(out, t.Rendition)
	}
	return out
}
