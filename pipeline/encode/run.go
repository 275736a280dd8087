package encode

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"syscall"

	"onair/pkg/child"
	"onair/pkg/ffmpeg"
	"onair/pkg/fmp4"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

// run is one FFmpeg process over the interval of a spool that begins at start.
type run struct {
	id      int
	version int // of the channel that it encodes
	src     Source
	start   tick.Tick // first video slot
	base    tick.Tick
	reason  string
	plan    ffmpeg.Plan
	proc    *child.Process
	feed    *feed
	out     Output
	began   tick.Tick // when it was started
	looked  tick.Tick // when stalled was asked last
	idle    tick.Tick // and for how long nothing had arrived since the newest frame
	wg      sync.WaitGroup
	gate    chan struct{} // closed by open: frames wait for it, so that none comes before the run was given its place
	ended   chan struct{} // closed when the process and all its readers are done
	feedErr error         // valid after ended
	whole   bool          // it is ended although its input goes on: the next run may read what it has read
	still   bool          // it shows a picture that is held

	delivered int64            // lastFrame when hung was asked last
	stands    child.Standstill // since then

	frames    atomic.Uint64
	lastFrame atomic.Int64 // tick at which the newest frame came out; 0: none yet
	lastPTS   atomic.Int64 // place of the newest frame of the leading rendition
	progress  atomic.Pointer[ffmpeg.Progress]
	newest    atomic.Int64          // latest decoding time of any rendition that has come out
	readErr   atomic.Pointer[error] // first reason why a rendition could not be read
	refused   atomic.Bool           // and the run was ended for it
	now       func() tick.Tick

	order  order          // what it is made for
	made   ffmpeg.Channel // what the plan was made for: all of that, or less
	tracks []track        // as in plan.Outputs
	blamed string         // rendition that it was ended for
	excess error          // that it took too much, for which it was ended
	asked  tick.Tick      // when it was last asked what it takes
	taken  child.Usage    // the answer
	pace   []mark         // where it was in the last seconds
}

// launch starts FFmpeg and the goroutines around it; ended tells when all of them are gone.
func (r *run) launch(cfg *Config, in entrance) error {
	feed, err := newFeed(r.src, r.plan, r.base, in)
	if err != nil {
		return fmt.Errorf("input %s: %w", r.src.Input, err)
	}
	proc, err := child.Start(child.Spec{
		Path: cfg.FFmpeg, Args: r.plan.Args, Outputs: len(r.plan.Outputs) + 1, Paced: true,
		Limits: r.order.limits, Groups: cfg.Groups,
	})
	if err != nil {
		return err
	}
	r.proc, r.ended = proc, make(chan struct{})
	r.tracks = make([]track, len(r.plan.Outputs))
	r.feed, feed.out = feed, proc.Stdin()
	r.wg.Add(len(r.plan.Outputs) + 2)
	go r.feedUntilEnd()
	for i, name := range r.plan.Outputs {
		go r.read(name, proc.Output(i), i)
	}
	go r.watchProgress(proc.Output(len(r.plan.Outputs)))
	go func() {
		proc.Wait()
		r.wg.Wait()
		close(r.ended)
	}()
	return nil
}

// slate tells whether what the run makes is not what an input brings: the slate, or a picture that is held.
func (r *run) slate() bool { return r.still || r.src.Input == Slate }

// open lets the run's frames through.
func (r *run) open() { close(r.gate) }

func (r *run) feedUntilEnd() {
	defer r.wg.Done()
	r.feedErr = r.feed.run(r.proc.Done())
	_ = r.proc.Stdin().Close() // end of file for FFmpeg; it may be gone already
	if errors.Is(r.feedErr, spool.ErrOverrun) {
		r.proc.Kill()
	}
}

// read takes one rendition's frames out of its pipe.
func (r *run) read(name string, pipe io.ReadCloser, index int) {
	defer r.wg.Done()
	defer pipe.Close() //nolint:errcheck // a pipe's read end
	if err := r.deliver(name, pipe, index); !errors.Is(err, io.EOF) {
		err = &refusal{name, err}
		r.readErr.CompareAndSwap(nil, &err)
		if !errors.Is(err, io.ErrUnexpectedEOF) { // which is how a run that is killed ends
			r.refused.Store(true)
			r.proc.Kill()
		}
	}
}

// deliver hands frames on until the pipe ends or a frame is refused; io.EOF is the clean end. The initialization of an
// encoder that never saw a picture lacks its colours: none is handed on before there is a frame.
func (r *run) deliver(name string, pipe io.Reader, index int) error {
	<-r.gate
	rd := fmp4.NewReader(pipe)
	h, err := rd.Header()
	if err != nil {
		return err
	}
	for first := true; ; first = false {
		f, err := rd.Next()
		if err != nil {
			return err
		}
		if first {
			if err := r.out.Header(r.id, name, h); err != nil {
				return err
			}
		}
		scale := int64(h.Timescale)
		out := Frame{
			PTS: r.base + tick.FromUnits(f.PTS, scale), DTS: r.base + tick.FromUnits(f.DTS, scale), Sync: f.Sync, Data: f.Data,
			Slate: r.slate(), Input: r.src.Input,
		}
		r.pass(out.DTS)
		if err := r.out.Frame(r.id, name, out); err != nil {
			return err
		}
		now := int64(r.now())
		r.lastFrame.Store(now)
		r.tracks[index].out.Store(now)
		r.tracks[index].newest.Store(int64(out.DTS))
		if index == 0 {
			r.frames.Add(1)
			r.lastPTS.Store(int64(out.PTS))
		}
	}
}

// pass notes how far the run has come, before the frame that shows it is handed on.
func (r *run) pass(dts tick.Tick) {
	for was := r.newest.Load(); int64(dts) > was; was = r.newest.Load() {
		if r.newest.CompareAndSwap(was, int64(dts)) {
			return
		}
	}
}

// reached is the end of the latest frame that has come out, generously: of no rendition has more been handed on.
func (r *run) reached() tick.Tick { return tick.Tick(r.newest.Load()) + slack }

// slack is more than a frame of any rendition lasts.
const slack = tick.Second / 10

func (r *run) watchProgress(pipe io.ReadCloser) {
	defer r.wg.Done()
	defer pipe.Close() //nolint:errcheck // a pipe's read end
	var lines ffmpeg.ProgressReader
	buf := make([]byte, 4096)
	for {
		n, err := pipe.Read(buf)
		lines.Push(buf[:n], func(p ffmpeg.Progress) { r.progress.Store(&p) })
		if err != nil {
			return
		}
	}
}

// over tells whether the process and its readers are done.
func (r *run) over() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// stop ends a run whose frames are not wanted any more.
func (r *run) stop() {
	r.proc.Kill()
	<-r.ended
}

// killed tells whether somebody else has killed FFmpeg; valid after the end.
func (r *run) killed() bool {
	exit := r.proc.Wait()
	return exit.Signal == syscall.SIGKILL && !exit.Asked
}

// failure says why the run ended; nil means that it had been told to, or its share of the spool was at its end.
func (r *run) failure() error {
	exit := r.proc.Wait()
	told := r.feedErr == nil || errors.Is(r.feedErr, errFormat) || errors.Is(r.feedErr, errAbsence)
	switch err := r.readErr.Load(); {
	case r.excess != nil:
		return r.excess
	case exit.OK() && told && r.frames.Load() > 0:
		return nil
	case errors.Is(r.feedErr, spool.ErrOverrun):
		return fmt.Errorf("ffmpeg is slower than the source, and the spool is full: %w", r.feedErr)
	case err != nil && (exit.OK() || r.refused.Load()):
		return *err
	case exit.OK() && !told:
		return errors.New("ffmpeg ended by itself, there was more to encode")
	}
	end := ffmpeg.Exit{Code: exit.Code}
	if exit.Signal != 0 {
		end.Signal = exit.Signal.String()
	}
	if exit.OutOfMemory {
		return errors.New("FFmpeg took more memory than limits.memory allows: the kernel killed it")
	}
	return errors.New(ffmpeg.Explain(end, r.proc.Tail()))
}
