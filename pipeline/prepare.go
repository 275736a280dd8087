package pipeline

import (
	"context"
	"fmt"
	"slices"

	"onair/pipeline/config"
	"onair/pipeline/encode"
	"onair/pipeline/publish"
	"onair/pkg/ffmpeg"
	"onair/pkg/ladder"
	"onair/pkg/presentation"
	"onair/pkg/tick"
)

// prepare fixes grid and ladder and builds the stages behind the spools. It returns nil when ctx ends first.
func (c *Channel) prepare(ctx context.Context) (*onAir, error) {
	stored, have, err := c.timeline.grid(ctx)
	if err != nil {
		return nil, fmt.Errorf("channel %s: timeline: %w", c.file.Name, err)
	}
	if !have || !c.decided(stored) {
		select {
		case <-ctx.Done():
			return nil, nil //nolint:nilnil // no source ever came, and none is waited for any more
		case <-c.probed:
		}
	}
	var src ffmpeg.Source
	c.mu.Lock()
	if c.first != nil {
		src = *c.first
	}
	c.mu.Unlock()
	if !have {
		if stored, err = c.newGrid(ctx, src); err != nil {
			return nil, err
		}
	}
	grid, err := stored.grid()
	if err != nil {
		return nil, fmt.Errorf("channel %s: timeline: %w", c.file.Name, err)
	}
	c.compare(grid)
	return c.build(grid, tick.Audio{Rate: stored.AudioRate, Samples: stored.AudioSamples}, renditions(c.file, stored, grid, src))
}

// decided tells whether the stored grid leaves nothing open that only a source can tell.
func (c *Channel) decided(stored gridFile) bool {
	for _, v := range c.file.Video {
		if stored.Sizes[v.Name].Box != v.Size.String() {
			return false
		}
	}
	return c.file.Video != nil || stored.Ladder != nil || stored.FrameRate == ""
}

// newGrid makes the channel's grid at its first start and stores it.
func (c *Channel) newGrid(ctx context.Context, src ffmpeg.Source) (gridFile, error) {
	rate := c.file.FrameRate
	video := c.file.Video == nil && src.Video != nil || len(c.file.Video) > 0
	switch {
	case !video:
		rate = tick.Rate{}
	case rate.IsZero() && src.Video != nil && src.Video.Rate.Num > 0:
		rate = tick.Nearest(src.Video.Rate.Num, src.Video.Rate.Den)
	case rate.IsZero():
		rate = tick.Rate{Num: 25, Den: 1}
	}
	grid, err := tick.NewGrid(rate, tick.FromDuration(c.file.Segment), tick.FromDuration(c.file.GOP))
	if err != nil {
		return gridFile{}, fmt.Errorf("channel %s: %w", c.file.Name, err)
	}
	f := newGridFile(grid, tick.Audio{Rate: 48_000, Samples: ladder.FrameSamples(ladder.AAC)})
	if c.file.Video == nil && src.Video != nil {
		f.Ladder = ladder.Default(src.Video.Width, src.Video.Height, src.Video.SARNum, src.Video.SARDen)
	}
	f.Sizes = map[string]fitted{}
	for _, v := range c.file.Video {
		f.Sizes[v.Name] = fit(v, src)
	}
	f.Captions = src.Video != nil && src.Video.Captions
	made, err := c.timeline.makeGrid(ctx, f)
	if err != nil {
		c.events.add("timeline", "warning", fmt.Sprintf("the grid is not stored, a restart may choose another: %v", err))
		return f, nil
	}
	return made, nil
}

// compare tells when the stored grid is not what the file asks for now: the grid of a channel never changes by itself.
func (c *Channel) compare(grid tick.Grid) {
	rate := c.file.FrameRate
	if rate.IsZero() || grid.Rate.IsZero() {
		rate = grid.Rate
	}
	want, err := tick.NewGrid(rate, tick.FromDuration(c.file.Segment), tick.FromDuration(c.file.GOP))
	if err == nil && want != grid {
		c.events.add("timeline", "warning", fmt.Sprintf("grid.json rules (frame rate %s, segments of %v): remove it to start a new "+
			"timeline with what the file says (%s, %v)", grid.Rate, grid.T.Duration(), want.Rate, want.T.Duration()))
	}
}

// renditions is the channel's ladder: the file's, or the stored default one.
func renditions(file *config.Channel, stored gridFile, grid tick.Grid, src ffmpeg.Source) []ladder.Rendition {
	var out []ladder.Rendition
	for _, v := range file.Video {
		r := ladder.Rendition{
			Name: v.Name, Kind: ladder.Video, Codec: v.Codec, Encoder: v.Encoder, Preset: file.Preset,
			Bitrate: int64(v.Bitrate),
		}
		size := stored.Sizes[v.Name]
		if size.Box != v.Size.String() {
			size = fit(v, src)
		}
		r.Width, r.Height = size.Width, size.Height
		out = append(out, r)
	}
	if file.Video == nil {
		out = slices.Clone(stored.Ladder)
	}
	for i := range out {
		out[i].Rate = grid.Rate
		if stored.Captions && (out[i].Codec == "" || out[i].Codec == ladder.H264) {
			out[i].Captions = []ladder.Caption{{Channel: "CC1"}}
		}
		out[i] = out[i].WithDefaults()
	}
	for i, a := range file.Audio {
		r := ladder.Rendition{
			Name: a.Name, Kind: ladder.Audio, Bitrate: int64(a.Bitrate), Channels: a.Channels, Language: a.Language, Source: i,
		}
		out = append(out, r.WithDefaults())
	}
	return out
}

// fit puts a source's picture into a rendition's box.
func fit(v config.Video, src ffmpeg.Source) fitted {
	out := fitted{Box: v.Size.String(), Width: v.Size.Width, Height: v.Size.Height}
	if s := src.Video; s != nil {
		box := ladder.Rendition{Width: v.Size.Width, Height: v.Size.Height}
		out.Width, out.Height = ladder.Fit(box, s.Width, s.Height, s.SARNum, s.SARDen)
	}
	return out
}

// build makes the stages behind the spools.
func (c *Channel) build(grid tick.Grid, audio tick.Audio, rs []ladder.Rendition) (*onAir, error) {
	asm, err := newAssembly(grid, audio, rs)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", c.file.Name, err)
	}
	asm.now, asm.event = c.now, c.events.stage("package")
	air := &onAir{grid: grid, audio: audio, renditions: rs, assembly: asm}
	if air.publishers, err = c.newPublishers(grid, audio, rs); err != nil {
		return nil, err
	}
	asm.publishers = air.publishers
	var inputs []encode.Input
	for _, in := range c.inputs {
		inputs = append(inputs, in.prober)
	}
	air.encoder, err = encode.New(encode.Config{
		FFmpeg: c.cfg.FFmpeg, Channel: ffmpeg.Channel{Grid: grid, Audio: audio, Preset: c.file.Preset, Renditions: rs},
		Inputs: inputs, Output: asm, Loss: tick.FromDuration(c.file.Failover.Loss), Hold: tick.FromDuration(c.file.Slate.Hold),
		Now: c.now, Log: c.log.With().Str("stage", "run").Logger(), Event: c.events.stage("run"),
	})
	return air, err
}

func (c *Channel) newPublishers(grid tick.Grid, audio tick.Audio, rs []ladder.Rendition) ([]*publish.Publisher, error) {
	var tracks []presentation.Track
	for _, r := range rs {
		tracks = append(tracks, trackOf(r, grid.T))
	}
	var out []*publish.Publisher
	for _, st := range c.stores {
		p, err := publish.New(publish.Config{
			Store: st, Log: c.log.With().Str("stage", "publish").Str("store", st.String()).Logger(), Now: c.now,
			Presentation: presentation.Config{
				Channel: c.file.Name, Grid: grid, Audio: audio, Window: tick.FromDuration(c.file.Window), Tracks: tracks,
			},
		})
		if err != nil {
			return nil, fmt.Errorf("channel %s: store %s: %w", c.file.Name, st, err)
		}
		out = append(out, p)
	}
	return out, nil
}
