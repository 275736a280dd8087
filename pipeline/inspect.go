package pipeline

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"onair/pipeline/control"
	"onair/pipeline/ingest"
	"onair/pipeline/monitor"
	"onair/pkg/beat"
	"onair/pkg/content"
	"onair/pkg/tick"
)

// inspection is what is found out about an input beside its way on air.
type inspection struct {
	transport  *monitor.Transport
	content    *monitor.Monitor
	watched    *atomic.Bool // whether the content is
	thumbnails *monitor.Thumbnails
}

// tee hands what an input brings to its programme and to the checks of its transport stream.
type tee struct {
	programme ingest.Sink
	transport *monitor.Transport
}

var _ ingest.Sink = tee{}

// Datagram implements ingest.Sink.
func (t tee) Datagram(ts []byte, now tick.Tick, lost int) {
	t.programme.Datagram(ts, now, lost)
	t.transport.Datagram(ts, now, lost)
}

// inspect makes the inspection of an input whose spool and prober are there.
func (c *Channel) inspect(in *input) inspection {
	cfg := monitor.Config{
		Name: in.name, FFmpeg: c.cfg.FFmpeg, Spool: in.spool, Table: in.table, Now: c.now,
		Event: c.events.of("monitor", in.name),
		Source: func() (monitor.Source, bool) {
			src, ok := in.prober.Source()
			return monitor.Source{
				Format: src.Format, Pictures: src.Pictures, Program: src.Program, Probe: src.Probe, Select: src.Select,
			}, ok
		},
	}
	i := inspection{
		transport: monitor.NewTransport(), thumbnails: monitor.NewThumbnails(cfg), content: monitor.New(cfg),
		watched: new(atomic.Bool),
	}
	i.watched.Store(c.latest.Load().Watched(in.cfg))
	return i
}

// run watches until ctx ends, while it is wanted.
func (i inspection) run(ctx context.Context) error {
	timer := beat.NewTicker(tendEvery)
	defer timer.Stop()
	end := func() {}
	defer func() { end() }()
	for on := false; ; {
		want := i.watched.Load()
		switch {
		case want && !on:
			end = start(ctx, i.content.Run)
		case on && !want:
			end()
			end = func() {}
		}
		on = want
		select {
		case <-ctx.Done():
			return nil
		case <-timer.Next():
		}
	}
}

// seen is what the input's picture and sound are like now; false: not known, which counts as healthy.
func (i inspection) seen() (content.Content, bool) {
	if !i.watched.Load() {
		return content.Content{}, false
	}
	return i.content.Content()
}

// status adds what was found out to an input's state.
func (i inspection) status(out *control.Input, now tick.Tick) {
	for _, c := range i.transport.Checks(now) {
		check := control.Check{Check: c.ID, Name: c.Name, Priority: c.Priority, Errors: c.Errors}
		if c.Last != 0 {
			check.Last = c.Last.Time()
		}
		out.Checks = append(out.Checks, check)
	}
	out.LastSecond = i.transport.Errors(now)
	if i.watched.Load() {
		out.Restarts = i.content.Stats().Restarts
	}
	seen, ok := i.seen()
	if !ok {
		return
	}
	out.Content = &control.Content{
		Picture: seen.Picture, Sound: seen.Sound, BlackSeconds: ms(seen.Black) / 1000, FreezeSeconds: ms(seen.Freeze) / 1000,
		SilenceSeconds: ms(seen.Silence) / 1000,
	}
	if seen.Loud {
		out.Content.LoudnessLUFS = new(seen.LoudnessLUFS)
	}
	if seen.Offset {
		out.Content.AVOffsetMs = new(ms(seen.AVOffset))
	}
}

var _ control.Thumbnailer = (*Channel)(nil)

// Thumbnail is a small picture of an input, see control.Thumbnailer.
func (c *Channel) Thumbnail(ctx context.Context, name string) ([]byte, time.Time, error) {
	for _, in := range c.inputs() {
		if in.name == name {
			jpeg, made, err := in.thumbnails.Picture(ctx)
			return jpeg, made.Time(), err
		}
	}
	return nil, time.Time{}, fmt.Errorf("%w: %q", control.ErrNoInput, name)
}
