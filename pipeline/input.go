package pipeline

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"onair/pipeline/config"
	"onair/pipeline/control"
	"onair/pipeline/encode"
	"onair/pipeline/ingest"
	"onair/pkg/anchor"
	"onair/pkg/ffmpeg"
	"onair/pkg/spool"
	"onair/pkg/tick"
	"onair/pkg/timecode"
)

// tellJumpsEvery is how often jumps of a source's clock are told: a broken one may jump with every packet.
const tellJumpsEvery = tick.Second

// input is one input of the channel, from its sockets to its spool.
type input struct {
	name      string
	cfg       config.Input                 // as applied; of tend
	legs      atomic.Pointer[ingest.Input] // replaced when the file has others
	leaving   atomic.Bool                  // it is to be left: its file has it no longer, or otherwise
	programme *ingest.Programme
	spool     *spool.Spool
	table     *anchor.Table
	prober    *encode.Prober
	inspection
	made     uint64    // generations, for status; guarded by the channel's mutex
	jumps    uint64    // of the source's clock that were not told yet; guarded likewise
	jumpTold tick.Tick // when they were told last
	settled  tick.Tick // until then the last correction shows in what is measured; of watchDrift
	lock     lock      // guarded by the channel's mutex
	timecode *timed    // nil: the labels of its pictures are not looked at
}

// newInput wires an input with its stored anchors. Nothing is opened yet.
func (c *Channel) newInput(cfg config.Input) (*input, error) {
	known, last, err := c.timeline.anchors(context.Background(), cfg.Name)
	if err != nil {
		c.events.add("timeline", "warning", fmt.Sprintf(
			"anchors of input %s cannot be read, new ones are made: %v", cfg.Name, err))
	}
	in := &input{name: cfg.Name, cfg: cfg, spool: spool.New(spool.Config{}), table: anchor.NewTable()}
	clock := anchor.NewClock(in.table, known, nil)
	clock.Agree(func(a anchor.Anchor) { c.anchored(in, a) })
	clock.Follow(last)
	labels := (*timecode.Reader)(nil)
	if cfg.ByTimecode() {
		in.timecode = &timed{}
		labels = &in.timecode.Reader
	}
	in.programme = ingest.NewProgramme(ingest.ProgrammeConfig{
		Number: uint16(cfg.Program), Spool: in.spool, Clock: clock, Labels: labels,
	})
	event := c.events.of("ingest", cfg.Name)
	in.prober = encode.NewProber(encode.ProberConfig{
		Name: cfg.Name, FFmpeg: c.cfg.FFprobe, Spool: in.spool, Table: in.table, Event: event,
		Format: func() encode.Format { return formatOf(in.programme) },
		Select: cfg.Tracks(),
		Found: func(src ffmpeg.Source, whole bool) {
			c.events.put(control.Event{
				Level: control.Info, Stage: "ingest", Input: cfg.Name, Code: codeFormat,
				Message: fmt.Sprintf("input %s: %s", cfg.Name, describe(src)),
			})
			c.judge(cfg.Name, src, whole)
			c.compareRate(cfg.Name, src)
		},
	})
	in.inspection = c.inspect(in)
	legs, err := c.newLegs(in, cfg)
	in.legs.Store(legs)
	return in, err
}

// judge decides whether the channel can begin with what was found in an input; whole is false while a picture that its
// programme announces has not come. It comes as another format.
func (c *Channel) judge(input string, src ffmpeg.Source, whole bool) {
	air, event := c.air.Load(), c.events.stage("ingest")
	switch {
	case air != nil && air.grid.Rate.IsZero() && src.Video != nil && !c.file.SoundOnly():
		event("warning", fmt.Sprintf("input %s: its picture is not used: %s", input, withoutPictures))
	case air == nil && !whole && !c.file.SoundOnly() && (c.file.Video == nil || c.file.FrameRate.IsZero()):
		event("warning", fmt.Sprintf("input %s: the picture that its programme announces does not come: the channel waits "+
			"for it, because its grid is made for the picture's rate (it goes on air with sound, and black, if its file says "+
			"frame_rate and video)", input))
		return
	}
	c.found(src)
}

// newLegs wires the legs of an input. Nothing is opened yet.
func (c *Channel) newLegs(in *input, cfg config.Input) (*ingest.Input, error) {
	return ingest.NewInput(ingest.InputConfig{
		Name: cfg.Name, Legs: cfg.Legs, Merge: cfg.Merge, Allow: cfg.Allow, Now: c.now, RTSP: c.cfg.RTSP, RTMP: c.cfg.RTMP,
		Log:   c.log.With().Str("stage", "ingest").Str("input", cfg.Name).Logger(),
		Event: c.events.of("ingest", cfg.Name),
	}, tee{in.programme, in.transport})
}

// run probes and watches until ctx ends; the legs are run by tend.
func (in *input) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return in.prober.Run(ctx) })
	g.Go(func() error { return in.inspection.run(ctx) })
	return g.Wait()
}

// describe is a probed source in a few words.
func describe(src ffmpeg.Source) string {
	text := "no picture"
	if v := src.Video; v != nil {
		text = fmt.Sprintf("%s %dx%d at %s", v.Codec, v.Width, v.Height, v.Rate)
		if v.Interlaced {
			text += " interlaced"
		}
	}
	for _, a := range src.Audio {
		text += fmt.Sprintf(", %s %d Hz %d channels %s", a.Codec, a.SampleRate, a.Channels, a.Language)
	}
	return strings.TrimSpace(text)
}
