// Package pipeline builds one channel out of its stages and keeps it going: inputs to spools, runs over spools,
// segments to stores. It is the only place where the stages meet.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"onair/pipeline/config"
	"onair/pipeline/control"
	"onair/pipeline/encode"
	"onair/pipeline/ingest"
	"onair/pipeline/origin"
	"onair/pipeline/rtmp"
	"onair/pipeline/rtsp"
	"onair/pipeline/twin"
	"onair/pipeline/webhook"
	"onair/pkg/ffmpeg"
	"onair/pkg/ladder"
	"onair/pkg/selector"
	"onair/pkg/tick"
)

// ChannelConfig is what a channel needs besides its file.
type ChannelConfig struct {
	File    *config.Channel
	FFmpeg  string                          // program; default "ffmpeg"
	FFprobe string                          // default "ffprobe"
	Version string                          // of onair, for status
	RTSP    *rtsp.Servers                   // where legs are published to; one for a process. nil: the channel's own
	RTMP    *rtmp.Servers                   // likewise
	Load    func() (*config.Channel, error) // reads the file again, for Reload; nil: there is none
	Log     zerolog.Logger
	Now     func() tick.Tick // default: the host's clock, never stepping within the process
}

// Channel is one linear service.
type Channel struct {
	cfg      ChannelConfig
	file     *config.Channel
	log      zerolog.Logger
	now      func() tick.Tick
	events   *events
	list     atomic.Pointer[[]*input]       // in order of preference; changed by tend alone
	latest   atomic.Pointer[config.Channel] // the newest reading of the file; what needs a restart is as in file
	outs     atomic.Pointer[[]*output]      // see outputs
	edge     *origin.Edge
	timeline *timeline
	twin     *twin.Watch
	hook     atomic.Pointer[webhook.Hook] // nil: the file names none
	rehook   chan renewedHook             // another one is to post, see changeHook

	turn      sync.Mutex     // one reload at a time; held while the file is read, and before reloading
	hanging   <-chan reading // a reading of the file that was given up; guarded by turn
	reloading sync.Mutex     // none is applied while the stages are built; the end waits for it, so never held for long
	building  bool           // guarded by reloading
	reloads   [2]uint64      // applied and refused; guarded by mu

	mu     sync.Mutex // guards what is small and changes seldom: source, inputs' counters, state
	first  *ffmpeg.Source
	probed chan struct{} // closed when first is set
	state  control.State
	since  time.Time

	started tick.Tick // when Run began; set before anything else runs

	air atomic.Pointer[onAir]

	ending atomic.Bool // what comes now is the last
}

// onAir is what exists once the grid and the ladder are known.
type onAir struct {
	grid     tick.Grid
	audio    tick.Audio
	stored   gridFile
	ladder   int                    // number of the newest ladder; guarded by reloading, and so is kinds
	kinds    map[string]ladder.Kind // of all renditions that there ever were
	assembly *assembly
	slate    *filler
	encoder  *encode.Encoder
	publish  func(*output) // starts its publisher; guarded by reloading; nil: the channel ends
}

// New builds a channel from its file. Stores are opened and kept from other processes until Run ends (a folder that
// cannot be made, or that another one publishes the channel to, is an error), sockets are not.
func New(cfg ChannelConfig) (*Channel, error) {
	if cfg.FFmpeg == "" {
		cfg.FFmpeg = "ffmpeg"
	}
	if cfg.FFprobe == "" {
		cfg.FFprobe = "ffprobe"
	}
	if cfg.Now == nil {
		cfg.Now = ingest.Clock()
	}
	if cfg.RTMP == nil {
		cfg.RTMP = rtmp.NewServers()
	}
	if cfg.RTSP == nil {
		cfg.RTSP = rtsp.NewServers()
	}
	c := &Channel{
		cfg: cfg, file: cfg.File, now: cfg.Now, log: cfg.Log.With().Str("channel", cfg.File.Name).Logger(),
		rehook: make(chan renewedHook, 1), probed: make(chan struct{}), state: control.Waiting, since: time.Now(),
	}
	c.latest.Store(c.file)
	c.events = &events{log: c.log, now: time.Now, wake: c.wakeHook}
	if err := c.newHook(c.file, 0); err != nil {
		return nil, err
	}
	if err := c.openOutputs(); err != nil {
		return nil, err
	}
	if err := errors.Join(c.openTimeline(), c.newTwin()); err != nil {
		c.closeOutputs()
		return nil, err
	}
	list := make([]*input, 0, len(c.file.Inputs))
	for _, in := range c.file.Inputs {
		built, err := c.newInput(in)
		if err != nil {
			c.closeOutputs()
			return nil, fmt.Errorf("channel %s: %w", c.file.Name, err)
		}
		list = append(list, built)
	}
	c.list.Store(&list)
	return c, nil
}

func (c *Channel) openTimeline() error {
	c.timeline = &timeline{
		channel: c.file.Name, store: c.outputs()[0].store, event: c.events.stage("timeline"),
		away: usualAway, over: make(chan struct{}),
	}
	if t := c.file.Timeline; !t.Same(c.file.Outputs[0]) {
		st, err := openStore(t)
		if err != nil {
			return fmt.Errorf("channel %s: timeline: %w", c.file.Name, err)
		}
		c.timeline.store = st
	}
	if c.file.Timeline.S3 == "" {
		return nil
	}
	if err := c.timeline.check(context.Background()); err != nil {
		return fmt.Errorf("channel %s: timeline: %w", c.file.Name, err)
	}
	return nil
}

// Name is the channel's name.
func (c *Channel) Name() string { return c.file.Name }

// Edge is where the channel's output is served from.
func (c *Channel) Edge() *origin.Edge { return c.edge }

// Close gives back what New has taken, of a channel that is not run. It may be called again.
func (c *Channel) Close() { c.closeOutputs() }

// Run keeps the channel on air until ctx ends; then everything received is encoded, published and closed.
func (c *Channel) Run(ctx context.Context) error {
	c.started = c.now()
	defer c.startHook()()
	defer c.closeOutputs()
	watch, stop := context.WithCancel(context.Background())
	defer stop()
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	g, inner := errgroup.WithContext(inner)
	g.Go(func() error { return c.tend(inner) })
	g.Go(func() error { return c.goOnAir(inner) })
	var watching sync.WaitGroup
	watching.Go(func() { c.watch(watch) })
	watching.Go(func() { c.twin.Run(watch) })
	err := g.Wait()
	stop()
	watching.Wait()
	c.timeline.end()
	return err
}

// found takes the first source that was probed: it decides what the channel's file leaves open.
func (c *Channel) found(src ffmpeg.Source) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first == nil {
		c.first = &src
		close(c.probed)
	}
}

// goOnAir waits for the first source, or for none to come, fixes grid and ladder, and encodes and publishes until ctx
// ends.
func (c *Channel) goOnAir(ctx context.Context) error {
	air, err := c.prepare(ctx)
	if air == nil {
		return err
	}
	publishing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { c.ending.Store(true) })()
	air.publish = func(o *output) { o.end = start(publishing, o.run) }
	for _, o := range c.outputs() {
		air.publish(o)
	}
	c.resume(ctx, air)
	c.wentOnAir(air)
	slot := slotOf(air.grid, air.audio)
	var beside errgroup.Group
	beside.Go(func() error { return c.watchDrift(ctx, air.grid, slot) })
	beside.Go(func() error { return air.slate.slate.Run(ctx) })
	err = air.encoder.Run(ctx)
	stop() // what the last run delivered is published before the publishers end
	return errors.Join(err, beside.Wait(), c.endOutputs(air))
}

// resumeWait is how long the stores may take to be read back: a store that hangs must not keep the others off air.
const resumeWait = 5 * time.Second

// resume lets the publishers read back what was published before, and the timeline go on after it.
func (c *Channel) resume(ctx context.Context, air *onAir) {
	ctx, cancel := context.WithTimeout(ctx, resumeWait)
	defer cancel()
	var last int64
	found := false
	for _, o := range c.outputs() {
		k, any, done := o.publisher.Resumed()
		for ; !done && ctx.Err() == nil; k, any, done = o.publisher.Resumed() {
			pause(ctx, 10*time.Millisecond)
		}
		if !done {
			c.events.add("publish", "warning", fmt.Sprintf("store %s is not read back yet: going on without", o.store))
		}
		if any {
			last, found = max(last, k), true
		}
	}
	if found {
		air.assembly.from = air.grid.Start(last + 1)
		c.events.add("publish", "info", fmt.Sprintf("going on after segment %d, which an earlier process published", last))
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// SwitchInput moves the channel to the named input; "auto" gives the choice back.
func (c *Channel) SwitchInput(name string) error {
	air := c.air.Load()
	if air == nil {
		return errors.New("the channel is not on air yet")
	}
	if err := air.encoder.Choose(name); err != nil {
		return fmt.Errorf("%w: %w", control.ErrNoInput, err)
	}
	asked := control.Event{Level: control.Info, Stage: "select", Code: codeAsked, Message: "asked for input " + name}
	if name != selector.Auto {
		asked.Input = name
	}
	c.events.put(asked)
	return nil
}

// Events are what has happened to the channel.
func (c *Channel) Events(q control.EventQuery) control.Events { return c.events.find(q) }

// Tell records what happened to the channel outside of it; number and time are added.
func (c *Channel) Tell(ev control.Event) { c.events.put(ev) }
