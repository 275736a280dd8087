package encode

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"onair/pkg/beat"
	"onair/pkg/child"
	"onair/pkg/ffmpeg"
	"onair/pkg/selector"
	"onair/pkg/tick"
)

// Times of the supervision.
const (
	lookEvery    = beat.Period
	publishEvery = 4 // looks, while the runs are the same: telling costs more than looking

	stallAfter   = 4 * tick.Second        // no frame although fed
	hungAfter    = 750 * tick.Millisecond // no frame, and nothing read of what waits
	startupAfter = 12 * tick.Second       // no first frame although fed
	leadTime     = tick.Second            // a planned run is started this long before its first frame is due
	calm         = 30 * tick.Second       // a run that lived this long was no failure of the start
	poisoned     = 3                      // runs that end badly within one segment: what they read is left out
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
	Ladder  int     // number of the channel's ladder, see Settings
	Inputs  []Input // in order of preference
	Slate   Input   // what is shown when none of them can be; its name is Slate. nil: nothing is
	Output  Output
	Hold    tick.Tick // how long the last picture stays before the slate
	Wait    bool      // no slate before the first input
	Since   tick.Tick // when the channel was started, for how long its inputs are waited for; 0: with the encoder
	Rotate  tick.Tick // a run is replaced after this long; 0: every 6 h

	Limits child.Limits  // of every run; what the kernel does not hold it to is watched here
	Groups *child.Groups // nil: the kernel holds it to none
	// Idle is how long this machine's processors have been idle, all together; nil: as the kernel counts
	Idle func() (time.Duration, error)

	Failover selector.Conditions
	Observe  func(h *selector.Health) // adds what is known besides of an input's content; may be nil

	Now   func() tick.Tick
	Log   zerolog.Logger
	Event func(Event) // nil: nobody is told
}

// Encoder keeps one run going, and joins it to the next one.
type Encoder struct {
	cfg Config

	mu     sync.Mutex // guards what Status and Choose share with the loop
	choice string
	st     Status

	settings *Settings // asked for, to be adopted; guarded by mu too
	version  int       // of the channel that is encoded; of the loop, as all that follows
	ladder   int       // number of the ladder on air
	want     *wanted   // another one; nil: none

	told     map[string]bool // events that are not repeated
	active   *run
	next     *run      // a planned run, until it has taken over
	switchAt tick.Tick // where next takes over
	resume   bool      // the run before ended badly: begin at a whole segment
	skip     bool      // but with what has arrived since that run's end: what it read is the trouble
	failures int
	retryAt  tick.Tick
	lastID   int
	last     string    // source of the newest run that was active
	freedAt  tick.Tick // when the last run ended
	usedUp   uint64    // position in its spool up to which it had read
	restarts uint64
	stuckAt  tick.Tick // where the newest run that ended badly left the timeline
	stuck    int       // how many have ended there

	sel       *selector.Selector
	health    []selector.Health // as of this look
	tracks    map[trackKey]*presence
	planned   selector.Decision // what next is for, when it is of another input
	tide      tide              // of the source that planned runs are made of
	onAir     string            // input that is on air, or Slate; empty: nothing was yet
	explained string            // switch of which an event has told
	first     tick.Tick         // the first look
	bereft    tick.Tick         // since when no input can be shown; 0: one can
	left      *Source           // of the last run of an input, while its last picture may yet be held
	looked    tick.Tick         // the last look
	slateFor  tick.Tick         // time on slate
	care      care              // of load, and of renditions that fail alone
	switches  map[selector.Cause]uint64
}

// New makes an encoder.
func New(cfg Config) (*Encoder, error) {
	if cfg.Output == nil || len(cfg.Inputs) == 0 {
		return nil, errors.New("encode: an output and an input are needed")
	}
	if cfg.Rotate == 0 {
		cfg.Rotate = 6 * 3600 * tick.Second
	}
	if cfg.Failover.Loss == 0 {
		cfg.Failover.Loss = tick.Second / 2
	}
	if cfg.Idle == nil {
		cfg.Idle = child.Idle
	}
	return &Encoder{
		care: newCare(cfg.Channel),
		cfg:  cfg, ladder: cfg.Ladder, choice: selector.Auto, told: map[string]bool{}, sel: selector.New(cfg.Failover),
		tracks: map[trackKey]*presence{}, switches: map[selector.Cause]uint64{},
	}, nil
}

// Run supervises until ctx ends; then what has arrived is encoded to its end, for at most three seconds.
func (e *Encoder) Run(ctx context.Context) error {
	timer := beat.NewTicker(lookEvery)
	defer timer.Stop()
	for looks := 0; ; looks++ {
		select {
		case <-ctx.Done():
			e.shutdown()
			return nil
		case <-timer.Next():
		}
		runs := [2]*run{e.active, e.next}
		e.step(e.cfg.Now())
		if looks%publishEvery == 0 || runs != [2]*run{e.active, e.next} {
			e.publish()
		}
	}
}

// Choose asks for an input by name; "auto" gives the choice back.
func (e *Encoder) Choose(name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	known := name == selector.Auto
	for _, in := range e.cfg.Inputs {
		known = known || in.Name() == name
	}
	if !known {
		return fmt.Errorf("no input %q", name)
	}
	e.choice = name
	return nil
}

// step is one look at everything.
func (e *Encoder) step(now tick.Tick) {
	e.adopt()
	d := e.decide(now)
	if e.active != nil && e.onAir == Slate && e.looked != 0 {
		e.slateFor += now - e.looked
	}
	e.looked = now
	e.guard(now, e.active)
	e.guard(now, e.next)
	switch {
	case e.active == nil:
		e.begin(now, d)
	case e.next != nil:
		e.handOver(now, d)
	case e.active.over():
		e.bury(now, nil)
	case e.stalled(e.active, now):
		e.bury(now, errStalled)
	case e.active.feed.finish.Load(): // it is ending
	case e.tend(now): // and has ended the run
	default:
		e.steady(now, d)
	}
}

// steady looks after a run that works: loss of its input, a switch, its planned replacement.
func (e *Encoder) steady(now tick.Tick, d selector.Decision) {
	a := e.active
	if d.Input == "" && a.src.Input == Slate {
		d.Input = Slate
	}
	src, ok := e.source(d.Input, now)
	gone, _ := stopped(a, src)
	switch {
	case d.Input == "":
		if _, slate := e.slate(now); slate || now-e.bereft > e.cfg.Hold {
			e.cut(d)
		}
	case d.Input != a.src.Input && d.Urgent && ok:
		e.cut(d)
	case d.Input == Slate && e.lost(Slate, now):
		e.event(Event{"error", CodeSlate, "", "the slate has stopped, and no input can be shown"})
		e.cut(d)
	case ok && d.Input == a.src.Input && gone:
		a.whole = true
		e.cut(d)
	case !ok || e.lost(a.src.Input, now) || a.frames.Load() == 0 || now < e.retryAt:
	default:
		e.replace(src, now, d)
	}
}

// cut lets the active run end with what has arrived of its input.
func (e *Encoder) cut(d selector.Decision) {
	e.explain(d)
	e.active.feed.finish.Store(true)
}

// start makes a run of an order that reads a source and has its first frames at a place.
func (e *Encoder) start(o order, src Source, at place, reason string) (*run, error) {
	in, video, audio := at.in, at.video, at.audio
	base := ffmpeg.Base(min(video, audio, in.at), e.cfg.Channel.Grid, e.cfg.Channel.Audio)
	ch := e.made(o)
	ch.Select = src.Select
	plan, err := ffmpeg.NewPlan(src.Probe, ch, ffmpeg.Interval{
		Base: base, Start: video, Audio: audio, Fill: in.late, Hold: in.hold, From: in.at,
	})
	if err != nil {
		return nil, fmt.Errorf("no run can be made for input %s: %w", src.Input, err)
	}
	if in.blind {
		e.tell(src.Input, "warning",
			fmt.Sprintf("no random access point for %v, decoding begins anywhere", patience.Duration()))
	}
	for _, note := range plan.Notes {
		if src.Input == Slate || in.hold > 0 {
			break // that there is no sound in it is as it should be
		}
		e.tell(src.Input, "info", note)
	}
	e.lastID++
	src.asOf = video
	if in.hold > 0 {
		in.until = (video + in.hold - base).Round(90_000)
	}
	r := &run{
		id: e.lastID, version: e.version, src: src, start: video, base: base, reason: reason, plan: plan, out: e.cfg.Output,
		began: e.cfg.Now(), now: e.cfg.Now, gate: make(chan struct{}), still: in.hold > 0, order: o, made: ch,
	}
	if err := r.launch(&e.cfg, in); err != nil {
		return nil, err
	}
	e.cfg.Log.Info().Int("run", r.id).Int("pid", r.proc.Pid()).Str("input", src.Input).Str("reason", reason).
		Int64("k", e.cfg.Channel.Grid.K(video)).Dur("sound_before", max(0, video-audio).Duration()).Msg("run started")
	return r, nil
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
