package encode

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"onair/pkg/ffmpeg"
	"onair/pkg/tick"
)

// Times of the supervision.
const (
	lookEvery = 25 * time.Millisecond

	stallAfter   = 4 * tick.Second  // no frame although fed
	startupAfter = 12 * tick.Second // no first frame although fed
	leadTime     = tick.Second      // a planned run is started this long before its first frame is due
	probing      = 3 * tick.Second  // how long another input waits while the last one's new format is probed
	calm         = 30 * tick.Second // a run that lived this long was no failure of the start
	poisoned     = 3                // runs that end badly within one segment: what they read is left out
)

// Input is one of the channel's inputs as the encoder sees it.
type Input interface {
	Name() string
	// Source is the newest stretch of one format, when it is probed and its clock anchored.
	Source() (Source, bool)
	// Silent is how long nothing has arrived.
	Silent(now tick.Tick) tick.Tick
}

// Config is what an Encoder needs.
type Config struct {
	FFmpeg  string // program
	Channel ffmpeg.Channel
	Inputs  []Input // in order of preference
	Output  Output
	Loss    tick.Tick // an input is lost after this long without a packet
	Hold    tick.Tick // how much longer the last picture is held when no other input can take over
	Rotate  tick.Tick // a run is replaced after this long; 0: every 6 h
	Now     func() tick.Tick
	Log     zerolog.Logger
	Event   func(level, message string) // "info", "warning", "error"
}

// Encoder keeps one run going, and joins it to the next one.
type Encoder struct {
	cfg Config

	mu     sync.Mutex // guards what Status and Choose share with the loop
	choice string
	st     Status

	told     map[string]bool // events that are not repeated
	active   *run
	next     *run      // a planned run, until it has taken over
	switchAt tick.Tick // where next takes over
	resume   bool      // the run before ended badly: begin at a whole segment
	skip     bool      // but with what has arrived since that run's end: what it read is the trouble
	failures int
	retryAt  tick.Tick
	lastID   int
	last     string    // input of the newest run that was active
	freedAt  tick.Tick // when the last run ended
	usedUp   uint64    // position in its spool up to which it had read
	restarts uint64
	stuckAt  tick.Tick // where the newest run that ended badly left the timeline
	stuck    int       // how many have ended there
}

// New makes an encoder.
func New(cfg Config) (*Encoder, error) {
	if cfg.Output == nil || len(cfg.Inputs) == 0 {
		return nil, errors.New("encode: an output and an input are needed")
	}
	if cfg.Rotate == 0 {
		cfg.Rotate = 6 * 3600 * tick.Second
	}
	return &Encoder{cfg: cfg, choice: "auto", told: map[string]bool{}}, nil
}

// Run supervises until ctx ends; then what has arrived is encoded to its end, for at most three seconds.
func (e *Encoder) Run(ctx context.Context) error {
	timer := time.NewTicker(lookEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			e.shutdown()
			return nil
		case <-timer.C:
			e.step(e.cfg.Now())
			e.publish()
		}
	}
}

// Choose asks for an input by name; "auto" gives the choice back.
func (e *Encoder) Choose(name string) error {
	known := name == "auto"
	for _, in := range e.cfg.Inputs {
		known = known || in.Name() == name
	}
	if !known {
		return fmt.Errorf("no input %q", name)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.choice = name
	return nil
}

// step is one look at everything.
func (e *Encoder) step(now tick.Tick) {
	switch {
	case e.active == nil:
		e.begin(now)
	case e.next != nil:
		e.handOver(now)
	case e.active.over():
		e.bury(now, nil)
	case e.stalled(e.active, now):
		e.bury(now, errStalled)
	default:
		e.steady(now)
	}
}

// steady looks after a run that works: loss of its input, a switch, its planned replacement.
func (e *Encoder) steady(now tick.Tick) {
	a := e.active
	src, ok := e.choose(now)
	lost := e.silent(a.src.Input, now) > e.cfg.Loss
	switch {
	case lost && ok && src.Input != a.src.Input, e.silent(a.src.Input, now) > e.cfg.Loss+e.cfg.Hold:
		e.cut(now)
	case !ok || lost || a.frames.Load() == 0 || a.feed.finish.Load() || now < e.retryAt:
	default:
		e.replace(src, now)
	}
}

// cut lets the active run end with what has arrived of its input.
func (e *Encoder) cut(now tick.Tick) {
	if a := e.active; !a.feed.finish.Swap(true) {
		e.event("warning", fmt.Sprintf("input %s is lost: nothing has arrived for %v", a.src.Input,
			e.silent(a.src.Input, now).Duration().Round(time.Millisecond)))
	}
}

// begin starts a run where the timeline goes on.
func (e *Encoder) begin(now tick.Tick) {
	if now < e.retryAt {
		return
	}
	src, ok := e.choose(now)
	if !ok {
		return
	}
	switch {
	case src.Input != e.last:
		src.rejoin()
	case !e.resume || e.skip:
		src.after = e.usedUp
	}
	video, audio, enter, ok := e.where(src, now)
	if !ok {
		return
	}
	reason := "start"
	if e.resume {
		reason = "again from the spool"
	} else if e.lastID > 0 {
		reason = "goes on"
	}
	r, err := e.start(src, enter, video, audio, reason+" with input "+src.Input)
	if err != nil {
		e.fail(now, err)
		return
	}
	e.active, e.last, e.resume, e.skip = r, src.Input, false, false
	e.cfg.Output.Take(r.id, video, audio)
	r.open()
}

// where decides the first slot of a run: what is wanted next, or, when the source begins in a later segment, that one's
// start. Pictures missing at the begin are filled by the first one, so less than a segment.
func (e *Encoder) where(src Source, now tick.Tick) (video, audio tick.Tick, in entrance, ok bool) {
	grid := e.cfg.Channel.Grid
	video, audio, any := e.cfg.Output.Next(e.resume)
	audio = max(audio, video-ffmpeg.MaxSoundAhead) // what is missing for longer stays a gap
	want := video
	if !any {
		want = 0 // nothing before: from the first point at which the source can be decoded
	}
	src.asOf = want
	in, ok = src.enter(want, now)
	if !ok {
		return 0, 0, in, false
	}
	if from := grid.Start(grid.K(in.at)); !any || from > video {
		video, audio, src.asOf = from, from, from
		if in, ok = src.enter(video, now); !ok {
			return 0, 0, in, false
		}
	}
	return video, audio, in, true
}

func (e *Encoder) start(src Source, in entrance, video, audio tick.Tick, reason string) (*run, error) {
	base := ffmpeg.Base(min(video, audio, in.at), e.cfg.Channel.Grid, e.cfg.Channel.Audio)
	ch := e.cfg.Channel
	ch.Select = src.Select
	plan, err := ffmpeg.NewPlan(src.Probe, ch, ffmpeg.Interval{Base: base, Start: video, Audio: audio, Fill: in.late})
	if err != nil {
		return nil, fmt.Errorf("no run can be made for input %s: %w", src.Input, err)
	}
	if in.blind {
		e.tell(src.Input, "warning",
			fmt.Sprintf("no random access point for %v, decoding begins anywhere", patience.Duration()))
	}
	for _, note := range plan.Notes {
		e.tell(src.Input, "info", note)
	}
	e.lastID++
	src.asOf = video
	r := &run{
		id: e.lastID, src: src, start: video, base: base, reason: reason, plan: plan, out: e.cfg.Output,
		began: e.cfg.Now(), now: e.cfg.Now, gate: make(chan struct{}),
	}
	if err := r.launch(e.cfg.FFmpeg, in); err != nil {
		return nil, err
	}
	e.cfg.Log.Info().Int("run", r.id).Int("pid", r.proc.Pid()).Str("input", src.Input).Str("reason", reason).
		Int64("k", e.cfg.Channel.Grid.K(video)).Msg("run started")
	return r, nil
}

// tell makes an event of what is to be known about an input, once.
func (e *Encoder) tell(input, level, what string) {
	text := fmt.Sprintf("input %s: %s", input, what)
	if !e.told[text] && len(e.told) < maxTold {
		e.told[text] = true
		e.event(level, text)
	}
}

// maxTold bounds what is remembered of that.
const maxTold = 100

func (e *Encoder) event(level, message string) {
	if e.cfg.Event != nil {
		e.cfg.Event(level, message)
	}
}

// shutdown lets the active run deliver what it was fed, and ends everything.
func (e *Encoder) shutdown() {
	if e.active == nil {
		return
	}
	if e.next != nil {
		e.drop()
	}
	e.active.feed.finish.Store(true)
	select {
	case <-e.active.ended:
	case <-time.After(3 * time.Second):
	}
	e.active.stop()
	e.cfg.Output.Done(e.active.id)
}
