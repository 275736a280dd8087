package pipeline

import (
	"context"
	"fmt"

	"onair/pipeline/config"
	"onair/pipeline/encode"
	"onair/pipeline/ingest"
	"onair/pipeline/slate"
	"onair/pkg/anchor"
	"onair/pkg/beat"
	"onair/pkg/ffmpeg"
	"onair/pkg/ladder"
	"onair/pkg/selector"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

// filler is the slate on its way to its spool: like an input, without legs.
type filler struct {
	encode.Generated
	slate *slate.Slate
}

// newFiller wires the slate of a channel with that ladder. Nothing is started.
func (c *Channel) newFiller(grid tick.Grid, audio tick.Audio, rs []ladder.Rendition) *filler {
	ring, table := spool.New(spool.Config{}), anchor.NewTable()
	programme := ingest.NewProgramme(ingest.ProgrammeConfig{Spool: ring, Clock: anchor.NewClock(table, nil, nil)})
	programme.SetGrid(slotOf(grid, audio))
	width, height := 0, 0
	for _, r := range rs {
		if r.Width > width {
			width, height = r.Width, r.Height
		}
	}
	made := slate.New(slate.Config{
		FFmpeg: c.cfg.FFmpeg, Width: width, Height: height, Title: c.file.Name, Look: lookOf(c.latest.Load()),
		Sink: programme, Now: c.now, OnAir: c.showsSlate, Event: c.events.slate,
	})
	return &filler{
		Generated: encode.Generated{
			Title: encode.Slate, Spool: ring, Table: table, Video: made.Video(),
			Format: func() encode.Format { return formatOf(programme) },
		},
		slate: made,
	}
}

// showsSlate tells whether the slate is on air.
func (c *Channel) showsSlate() bool {
	air := c.air.Load()
	return air != nil && air.encoder.Status().Active == encode.Slate
}

// lookOf is what the file wants the slate to show.
func lookOf(file *config.Channel) slate.Look {
	return slate.Look{Text: file.Slate.Text, Image: file.Slate.Image}
}

// slotOf is the length of what anchors snap to: a frame, or an audio frame where there are no pictures.
func slotOf(grid tick.Grid, audio tick.Audio) tick.Tick {
	if frame := grid.Rate.Frame(); frame != 0 {
		return frame
	}
	return audio.Frame()
}

// formatOf is what an input consists of now.
func formatOf(p *ingest.Programme) encode.Format {
	st := p.Stats()
	return encode.Format{
		Number: st.Format.Number, Pictures: st.Format.Pictures, Program: st.Format.Program, LastPacket: st.LastPacket,
	}
}

// awaitSource waits for the first source that is found out about; with `start: slate` not for ever. It tells whether
// the channel is to go on air.
func (c *Channel) awaitSource(ctx context.Context) bool {
	timer := beat.NewTicker(2 * beat.Period)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-c.probed:
			return true
		case <-timer.Next():
		}
		now, sends := c.now(), false
		for _, in := range c.inputs() {
			last := in.programme.Stats().LastPacket
			sends = sends || last != 0 && now-last < tick.Second
		}
		if c.file.StartsOnSlate() && !c.patient(now, sends) {
			return true
		}
	}
}

// decides is how long a source is waited for whose rate or size is to be the channel's for good: nothing that is made
// up instead can be changed when it comes.
const decides = 15 * tick.Second

// patient tells whether it is too early to do without a source.
func (c *Channel) patient(now tick.Tick, sends bool) bool {
	open := c.file.FrameRate.IsZero() && !c.file.SoundOnly() || c.file.Video == nil
	return encode.Patience(c.started, now, sends) || open && now-c.started < decides
}

// assumed is the source that a channel's file is completed with which goes on air without any.
var assumed = ffmpeg.Source{Video: &ffmpeg.Video{
	Width: 1920, Height: 1080, SARNum: 1, SARDen: 1, Rate: tick.Rate{Num: 25, Den: 1},
}}

// firstSource is the first source that was seen, or assumed.
func (c *Channel) firstSource() ffmpeg.Source {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first != nil {
		return *c.first
	}
	level := "info"
	if c.file.FrameRate.IsZero() || c.file.Video == nil {
		level = "warning"
	}
	c.events.add("timeline", level, "no input has come: grid and ladder are made for 1080p25 where the file leaves them "+
		"open (frame_rate, video), and stay so; remove grid.json to begin anew")
	return assumed
}

// compareRate tells when a source has another rate than the channel, of which the file says nothing.
func (c *Channel) compareRate(name string, src ffmpeg.Source) {
	air := c.air.Load()
	if air == nil || air.grid.Rate.IsZero() || src.Video == nil || src.Video.Rate.IsZero() || !c.file.FrameRate.IsZero() {
		return
	}
	if rate := tick.Suiting(src.Video.Rate.Num, src.Video.Rate.Den); rate != air.grid.Rate {
		c.events.add("timeline", "warning", fmt.Sprintf(
			"input %s suits a channel of %s pictures a second, this one stays at %s: grid.json, made at its first start, rules",
			name, rate, air.grid.Rate))
	}
}

// observe adds to an input's health what its monitors know.
func (c *Channel) observe(h *selector.Health) {
	for _, in := range c.inputs() {
		if in.name != h.Name {
			continue
		}
		h.Leaving = in.leaving.Load()
		h.Errors = in.transport.Errors(c.now())
		if seen, ok := in.seen(); ok {
			h.Black, h.Freeze, h.Silence = seen.Black, seen.Freeze, seen.Silence
		}
	}
}
