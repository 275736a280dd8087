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

// RunStatus describes a run.
type RunStatus struct {
	ID, PID int
	Input   string
	State   string // starting, active, ending
	From    tick.Tick
	Frames  uint64
	Behind  tick.Tick
	Fed     int64
	Reason  string
	Command []string
	ffmpeg.Progress
}

// Status describes the encoder.
type Status struct {
	Active   string // input of the active run; empty: none
	Choice   string // "auto", or the input that was asked for
	Started  uint64
	Restarts uint64 // because a run died or stalled
	Runs     []RunStatus
}

// Encoder keeps one run going, and joins it to the next one.
type Encoder struct {
	cfg Config

	mu     sync.Mutex // guards what Status and Choose share with the loop
	choice string
	st     Status

	active   *run
	next     *run      // a planned run, until it has taken over
	switchAt tick.Tick // where next takes over
	resume   bool      // the run before ended badly: begin at a whole segment
	failures int
	retryAt  tick.Tick
	lastID   int
	last     string    // input of the newest run
	freedAt  tick.Tick // when the last run ended
	usedUp   uint64    // position in its spool up to which it had read
	restarts uint64
}

// New makes an encoder.
func New(cfg Config) (*Encoder, error) {
	if cfg.Output == nil || len(cfg.Inputs) == 0 {
		return nil, errors.New("encode: an output and an input are needed")
	}
	if cfg.Rotate == 0 {
		cfg.Rotate = 6 * 3600 * tick.Second
	}
	return &Encoder{cfg: cfg, choice: "auto"}, nil
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

// Status tells what runs now.
func (e *Encoder) Status() Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	st := e.st
	st.Choice = e.choice
	return st
}

func (e *Encoder) wanted() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.choice
}

// step is one look at everything.
func (e *Encoder) step(now tick.Tick) {
	e.settle()
	switch {
	case e.active == nil:
		e.begin(now)
	case e.active.over():
		e.bury(now)
	case e.stalled(e.active, now):
		e.event("error", "ffmpeg delivers nothing although it is fed: killed and started again from the spool")
		e.active.stop()
		e.bury(now)
	case e.next != nil:
		e.watchNext(now)
	default:
		e.steady(now)
	}
}

// steady looks after a run that works: loss of its input, a switch, its planned replacement.
func (e *Encoder) steady(now tick.Tick) {
	a := e.active
	in, src, ok := e.choose(now)
	lost := e.silent(a.src.Input, now) > e.cfg.Loss
	switch {
	case lost && ok && in.Name() != a.src.Input, e.silent(a.src.Input, now) > e.cfg.Loss+e.cfg.Hold:
		if !a.feed.finish.Swap(true) {
			e.event("warning", fmt.Sprintf("input %s is lost: nothing has arrived for %v", a.src.Input,
				e.silent(a.src.Input, now).Duration().Round(time.Millisecond)))
		}
	case !ok || lost || a.frames.Load() == 0:
	case in.Name() != a.src.Input:
		e.plan(src, now, "switch to input "+in.Name())
	case now-a.began > e.cfg.Rotate:
		e.plan(src, now, "planned rotation")
	}
}

// choose is the input that should be on air: the one that was asked for if it can, else (or on "auto") the one on air as
// long as it is alive, else the first that is.
func (e *Encoder) choose(now tick.Tick) (Input, Source, bool) {
	order := e.cfg.Inputs
	first := e.wanted()
	if first == "auto" {
		first = e.last
	}
	if first == "" {
		first = e.preferred(now)
	}
	for pass := range 2 {
		for _, in := range order {
			if (in.Name() == first) != (pass == 0) || in.Silent(now) > e.cfg.Loss {
				continue
			}
			if src, ok := in.Source(); ok {
				return in, src, true
			}
			if pass == 0 && now-e.freedAt < probing {
				return nil, Source{}, false
			}
		}
	}
	return nil, Source{}, false
}

// preferred is, before the first run, the input that is waited for while it is probed: the first one that is alive.
func (e *Encoder) preferred(now tick.Tick) string {
	for _, in := range e.cfg.Inputs {
		if in.Silent(now) <= e.cfg.Loss {
			if e.freedAt == 0 {
				e.freedAt = now
			}
			return in.Name()
		}
	}
	return ""
}

func (e *Encoder) silent(input string, now tick.Tick) tick.Tick {
	for _, in := range e.cfg.Inputs {
		if in.Name() == input {
			return in.Silent(now)
		}
	}
	return 0
}

// begin starts a run where the timeline goes on.
func (e *Encoder) begin(now tick.Tick) {
	if now < e.retryAt {
		return
	}
	in, src, ok := e.choose(now)
	if !ok {
		return
	}
	if !e.resume && src.Input == e.last {
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
	r, err := e.start(src, enter, video, audio, reason+" with input "+in.Name())
	if err != nil {
		e.fail(now, err)
		return
	}
	e.active, e.resume = r, false
	e.cfg.Output.Take(r.id, video, audio)
	r.open()
}

// where decides the first slot of a run: what is wanted next, or, when the source begins in a later segment, that one's
// start. Pictures missing at the begin are filled by the first one, so less than a segment.
func (e *Encoder) where(src Source, now tick.Tick) (video, audio tick.Tick, in entrance, ok bool) {
	grid := e.cfg.Channel.Grid
	video, audio, any := e.cfg.Output.Next(e.resume)
	want := video
	if !any {
		want = 0 // nothing before: from the first point at which the source can be decoded
	}
	in, ok = src.enter(want, now)
	if !ok {
		return 0, 0, in, false
	}
	if from := grid.Start(grid.K(in.at)); !any || from > video {
		video, audio = from, from
		if in, ok = src.enter(video, now); !ok {
			return 0, 0, in, false
		}
	}
	return video, audio, in, true
}

// plan prepares a hand-over at the next segment boundary that the new run can reach in time.
func (e *Encoder) plan(src Source, now tick.Tick, reason string) {
	head, ok := src.head()
	if !ok {
		return
	}
	grid := e.cfg.Channel.Grid
	at := grid.Start(grid.NextK(head + leadTime))
	if next, _, any := e.cfg.Output.Next(false); any && at < next {
		at = grid.Start(grid.NextK(next))
	}
	if at-head > leadTime+lookSlack {
		return // not yet
	}
	in, ok := src.enter(at, now)
	if !ok {
		return
	}
	r, err := e.start(src, in, at, at, reason)
	if err != nil {
		e.fail(now, err)
		return
	}
	e.next, e.switchAt = r, at
	e.cfg.Output.Take(r.id, at, at)
	r.open()
}

// lookSlack is how much earlier than leadTime a planned run may be started.
const lookSlack = tick.Second / 5

// watchNext completes a planned hand-over, or gives it up when the new run fails.
func (e *Encoder) watchNext(now tick.Tick) {
	if e.next.over() || e.stalled(e.next, now) {
		e.event("error", "the run that was to take over failed: "+e.why(e.next))
		e.next.stop()
		e.cfg.Output.Done(e.next.id)
		e.next = nil
		e.active.stop() // its frames from the hand-over on are gone: both begin again from the spool
		e.bury(now)
		return
	}
	video, audio, ok := e.cfg.Output.Next(false)
	if !ok || min(video, audio) < e.switchAt {
		return
	}
	old := e.active
	old.stop()
	e.cfg.Output.Done(old.id)
	e.active, e.next = e.next, nil
	e.event("info", fmt.Sprintf("run %d took over from run %d at segment %d (%s)", e.active.id, old.id,
		e.cfg.Channel.Grid.K(e.switchAt), e.active.reason))
}

// bury takes leave of the active run, which has ended.
func (e *Encoder) bury(now tick.Tick) {
	r := e.active
	e.active = nil
	if e.next != nil {
		e.next.stop()
		e.cfg.Output.Done(e.next.id)
		e.next = nil
	}
	<-r.ended
	e.freedAt, e.usedUp = now, r.feed.pos
	e.cfg.Output.Done(r.id)
	err := r.failure()
	if err == nil {
		e.failures = 0
		return
	}
	e.resume = true
	e.restarts++
	if now-r.began > calm || r.frames.Load() >= uint64(max(1, e.cfg.Channel.Grid.GOP)) {
		e.failures = 0 // it worked: what ended it need not end the next one
	}
	e.fail(now, fmt.Errorf("run %d (pid %d) ended: %w", r.id, r.proc.Pid(), err))
}

// settle makes Done idempotent for runs that ended while a planned one waits.
func (e *Encoder) settle() {
	if e.active != nil && e.next != nil && e.active.over() && e.active.failure() == nil {
		// The old run reached its end before the hand-over: the next one is the active one from here.
		e.cfg.Output.Done(e.active.id)
		e.active, e.next = e.next, nil
	}
}

// fail tells an error and delays the next attempt: at once the first time, then longer and longer.
func (e *Encoder) fail(now tick.Tick, err error) {
	e.event("error", err.Error())
	e.retryAt = now + min(tick.Second*tick.Tick(e.failures*e.failures)/4, 5*tick.Second)
	e.failures++
}

func (e *Encoder) why(r *run) string {
	if !r.over() {
		return "it delivers nothing although it is fed"
	}
	if err := r.failure(); err != nil {
		return err.Error()
	}
	return "it ended early"
}

// stalled tells whether a run has been fed but delivers nothing.
func (e *Encoder) stalled(r *run, now tick.Tick) bool {
	if r.over() || r.feed.fed.Load() == 0 {
		return false
	}
	limit, since := startupAfter, r.began
	if last := tick.Tick(r.lastFrame.Load()); last != 0 {
		limit, since = stallAfter, last
	}
	if r.feed.finish.Load() {
		return now-since > limit
	}
	return now-since > limit && e.silent(r.src.Input, now) < e.cfg.Loss
}

func (e *Encoder) start(src Source, in entrance, video, audio tick.Tick, reason string) (*run, error) {
	base := ffmpeg.Base(min(video, audio, in.at), e.cfg.Channel.Grid, e.cfg.Channel.Audio)
	ch := e.cfg.Channel
	ch.Select = src.Select
	plan, err := ffmpeg.NewPlan(src.Probe, ch, ffmpeg.Interval{Base: base, Start: video, Audio: audio, Fill: in.late})
	if err != nil {
		return nil, fmt.Errorf("no run can be made for input %s: %w", src.Input, err)
	}
	e.lastID++
	e.last = src.Input
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

func (e *Encoder) event(level, message string) {
	if e.cfg.Event != nil {
		e.cfg.Event(level, message)
	}
}

// shutdown lets the active run deliver what it was fed, and ends everything.
func (e *Encoder) shutdown() {
	if e.next != nil {
		e.next.stop()
	}
	if e.active == nil {
		return
	}
	e.active.feed.finish.Store(true)
	select {
	case <-e.active.ended:
	case <-time.After(3 * time.Second):
	}
	e.active.stop()
	e.cfg.Output.Done(e.active.id)
}

// publish refreshes what Status tells.
func (e *Encoder) publish() {
	st := Status{Started: uint64(e.lastID), Restarts: e.restarts}
	for i, r := range [2]*run{e.active, e.next} {
		if r == nil {
			continue
		}
		if i == 0 {
			st.Active = r.src.Input
		}
		st.Runs = append(st.Runs, r.status(i == 0 && e.next != nil))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.st = st
}

func (r *run) status(ending bool) RunStatus {
	s := RunStatus{
		ID: r.id, PID: r.proc.Pid(), Input: r.src.Input, State: "active", From: r.start, Frames: r.frames.Load(),
		Fed: r.feed.fed.Load(), Reason: r.reason, Command: r.plan.Args,
	}
	switch {
	case s.Frames == 0:
		s.State = "starting"
	case ending:
		s.State = "ending"
	}
	if last := r.lastPTS.Load(); last != 0 {
		s.Behind = max(0, tick.Tick(r.feed.newest.Load()-last))
	}
	if p := r.progress.Load(); p != nil {
		s.Progress = *p
	}
	return s
}
