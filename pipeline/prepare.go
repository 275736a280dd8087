package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"onair/pipeline/config"
	"onair/pipeline/control"
	"onair/pipeline/encode"
	"onair/pkg/ffmpeg"
	"onair/pkg/ladder"
	"onair/pkg/selector"
	"onair/pkg/tick"
)

// prepare fixes grid and ladder and builds the stages behind the spools. It returns nil when ctx ends first.
func (c *Channel) prepare(ctx context.Context) (*onAir, error) {
	stored, have, err := c.timeline.storedGrid(ctx)
	if err != nil && ctx.Err() == nil { // else it is to stop, as asked
		return nil, fmt.Errorf("channel %s: timeline: %w", c.file.Name, err)
	}
	if !have {
		if !c.awaitSource(ctx) {
			return nil, nil //nolint:nilnil // no source ever came, and none is waited for any more
		}
		if stored, err = c.newGrid(ctx); err != nil {
			return nil, err
		}
	}
	grid, err := stored.grid()
	if err != nil {
		return nil, fmt.Errorf("channel %s: timeline: %w", c.file.Name, err)
	}
	c.compare(grid)
	c.reloading.Lock()
	c.building = true
	c.reloading.Unlock()
	rs := renditions(c.latest.Load(), stored, grid)
	if len(rs) == 0 {
		return nil, fmt.Errorf("channel %s: there is nothing to encode: the file has no audio, and %s", c.file.Name,
			withoutPictures)
	}
	return c.build(grid, stored, rs)
}

// newGrid makes the channel's grid at its first start and stores it.
func (c *Channel) newGrid(ctx context.Context) (gridFile, error) {
	src := c.firstSource()
	rate := c.file.FrameRate
	switch {
	case c.file.SoundOnly():
		rate = tick.Rate{}
	case c.file.Video == nil && src.Video == nil:
		rate = tick.Rate{}
		c.events.add("timeline", "info", "the first source has no picture: the channel is one of sound alone from now on")
	case rate.IsZero() && src.Video != nil && src.Video.Rate.Num > 0:
		rate = tick.Suiting(src.Video.Rate.Num, src.Video.Rate.Den)
	case rate.IsZero():
		rate = tick.Rate{Num: 25, Den: 1}
	}
	grid, err := c.file.Grid(rate)
	if err != nil {
		return gridFile{}, fmt.Errorf("channel %s: %w", c.file.Name, err)
	}
	f := newGridFile(grid, c.file.AudioGrid())
	if v := src.Video; v != nil {
		f.Picture = config.Picture{Width: v.Width, Height: v.Height, SARNum: v.SARNum, SARDen: v.SARDen}
		if v.KeepsCaptions(grid.Rate) {
			for _, s := range v.Services {
				f.Captions = append(f.Captions, captionFile{Channel: s.Channel, Language: s.Language})
			}
		}
	}
	made, err := c.timeline.makeGrid(ctx, f)
	if err != nil {
		c.events.add("timeline", "warning", fmt.Sprintf("the grid is not stored, a restart may choose another: %v", err))
		return f, nil
	}
	return made, nil
}

// withoutPictures is what to do about a channel of sound alone that is to get pictures.
const withoutPictures = "grid.json was made for a channel without pictures, remove it to start a timeline with pictures"

// compare tells when the stored grid is not what the file asks for now: the grid of a channel never changes by itself.
func (c *Channel) compare(grid tick.Grid) {
	if grid.Rate.IsZero() && len(c.file.Video) > 0 {
		c.events.add("timeline", "warning", "there is only sound: "+withoutPictures)
	}
	rate := c.file.FrameRate
	if rate.IsZero() || grid.Rate.IsZero() {
		rate = grid.Rate
	}
	want, err := c.file.Grid(rate)
	if err == nil && want != grid {
		c.events.add("timeline", "warning", fmt.Sprintf("grid.json rules (frame rate %s, segments of %v): "+
			"remove it to start a new timeline with what the file says (%s, %v)",
			grid.Rate, grid.T.Duration(), want.Rate, want.T.Duration()))
	}
}

// renditions is a file's ladder for the picture that the channel began with.
func renditions(file *config.Channel, stored gridFile, grid tick.Grid) []ladder.Rendition {
	out := file.Ladder(stored.Picture, grid.Rate)
	if grid.Rate.IsZero() {
		out = slices.DeleteFunc(out, func(r ladder.Rendition) bool { return r.Kind == ladder.Video })
	}
	for i := range out {
		out[i] = out[i].WithDefaults()
		if out[i].Codec == ladder.H264 { // the other encoders drop them
			for _, s := range stored.Captions {
				out[i].Captions = append(out[i].Captions, ladder.Caption{Channel: s.Channel, Language: s.Language})
			}
		}
	}
	return out
}

// build makes the stages behind the spools.
func (c *Channel) build(grid tick.Grid, stored gridFile, rs []ladder.Rendition) (*onAir, error) {
	audio := tick.Audio{Rate: stored.AudioRate, Samples: stored.AudioSamples}
	asm, err := newAssembly(grid, audio, rs)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", c.file.Name, err)
	}
	asm.event, asm.clock = c.events.stage("package"), c.clockOf
	asm.changed = func(message string) {
		c.events.put(control.Event{Level: control.Info, Stage: "reload", Code: codeLadder, Message: message})
	}
	air := &onAir{grid: grid, audio: audio, stored: stored, kinds: map[string]ladder.Kind{}, assembly: asm}
	for _, r := range rs {
		air.kinds[r.Name] = r.Kind
	}
	outs, err := c.withPublishers(grid, audio, asm.tracks())
	if err != nil {
		return nil, err
	}
	for _, o := range outs {
		asm.outlets = append(asm.outlets, outlet{Publisher: o.publisher})
	}
	c.outs.Store(&outs)
	air.slate = c.newFiller(grid, audio, rs)
	var inputs []encode.Input
	for _, in := range c.inputs() {
		inputs = append(inputs, in.prober)
	}
	ch := ffmpeg.Channel{Grid: grid, Audio: audio, Preset: c.latest.Load().Preset, Renditions: rs}
	limits, groups := c.limits(ch)
	air.encoder, err = encode.New(encode.Config{
		FFmpeg: c.cfg.FFmpeg, Channel: ch, Limits: limits, Groups: groups,
		Inputs: inputs, Slate: air.slate, Output: asm,
		Wait: !c.file.StartsOnSlate(), Since: c.started, Observe: c.observe,
		Failover: conditions(c.latest.Load().Failover), Hold: tick.FromDuration(c.latest.Load().Slate.Hold),
		Now: c.now, Log: c.log.With().Str("stage", "run").Logger(), Event: c.events.run,
	})
	return air, err
}

// conditions are the file's, in ticks.
func conditions(f config.Failover) selector.Conditions {
	return selector.Conditions{
		Loss: tick.FromDuration(f.Loss), ReturnAfter: tick.FromDuration(f.ReturnAfter), Errors: f.Errors,
		Black: tick.FromDuration(f.Black), Freeze: tick.FromDuration(f.Freeze), Silence: tick.FromDuration(f.Silence),
	}
}

// publishLate is how long publishers wait for a rendition beyond its usual lag: the assembly has waited already.
const publishLate = 250 * time.Millisecond
