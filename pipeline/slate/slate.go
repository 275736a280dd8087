// Package slate makes the source that is on air when no input can be: a card, or a picture, once a second, encoded to a
// transport stream by an FFmpeg that is always there, so that the slate is as ready as any input.
package slate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"onair/pkg/card"
	"onair/pkg/child"
	"onair/pkg/ffmpeg"
	"onair/pkg/tick"
)

// Times of the source.
const (
	// Lead is how far ahead of real time the pictures are: a run shows a picture only until the next one comes.
	Lead = tick.Second

	period   = tick.Second
	late     = 3 * tick.Second // a clock that is so far behind begins anew
	hangs    = 6 * time.Second // FFmpeg is killed when nothing has come out for so long
	backOff  = 250 * time.Millisecond
	mostWait = 15 * time.Second
)

// maxCard bounds the card: what is larger is scaled up when it is encoded.
const maxWidth, maxHeight = 1280, 720

// Sink takes the stream, as an input's.
type Sink interface {
	// Datagram takes bytes of the transport stream that arrived at now.
	Datagram(ts []byte, now tick.Tick, lost int)
}

// Look is what a slate shows, and may change while it runs.
type Look struct {
	Text  string
	Image string // picture file; empty: a plain card with name, text and clock
}

// Config describes a slate.
type Config struct {
	FFmpeg        string // program
	Width, Height int    // of the picture that it is shown in
	Title         string // the channel's name
	Look
	Sink  Sink
	Now   func() tick.Tick
	Event func(level, message string) // "info", "warning", "error"
}

// Slate fills its sink with the slate's stream.
type Slate struct {
	cfg    Config
	w, h   int
	format ffmpeg.Video

	look atomic.Pointer[Look]      // asked for
	card atomic.Pointer[card.Card] // what is drawn
	news chan struct{}             // look is another one
}

// New makes a slate. It starts nothing.
func New(cfg Config) *Slate {
	s := &Slate{cfg: cfg, news: make(chan struct{}, 1)}
	s.look.Store(&cfg.Look)
	s.w, s.h = fit(cfg.Width, cfg.Height)
	s.format = ffmpeg.Video{
		Codec: "mpeg2video", Width: s.w, Height: s.h, SARNum: 1, SARDen: 1, Rate: tick.Rate{Num: 1, Den: 1},
		Matrix: "bt709", Range: "tv", PixFmt: "yuv420p",
	}
	return s
}

// fit is a size of the same shape within the bounds, even.
func fit(w, h int) (int, int) {
	if w <= 0 || h <= 0 {
		return 320, 180
	}
	if w > maxWidth {
		w, h = maxWidth, h*maxWidth/w
	}
	if h > maxHeight {
		w, h = w*maxHeight/h, maxHeight
	}
	return max(w&^1, 16), max(h&^1, 16)
}

// Video is what the stream's picture is.
func (s *Slate) Video() ffmpeg.Video { return s.format }

// Run makes the stream until ctx ends. An FFmpeg that fails is started again, later and later.
func (s *Slate) Run(ctx context.Context) error {
	if err := s.paint(ctx); err != nil {
		return err
	}
	var painting sync.WaitGroup
	defer painting.Wait()
	painting.Go(func() { s.repaint(ctx) })
	for failures := 0; !stopped(ctx); {
		began := time.Now()
		err := s.session(ctx)
		if stopped(ctx) {
			break
		}
		if time.Since(began) > mostWait {
			failures = 0
		}
		s.tell(err, failures)
		pause(ctx, min(backOff<<min(failures, 10), mostWait))
		failures++
	}
	return nil
}

// Change has something else shown, from the next second on that is drawn.
func (s *Slate) Change(l Look) {
	if was := s.look.Swap(&l); *was == l {
		return
	}
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// paint makes the card of the newest look.
func (s *Slate) paint(ctx context.Context) error {
	l := s.look.Load()
	c, err := card.New(card.Config{
		Width: s.w, Height: s.h, Title: s.cfg.Title, Text: l.Text, Picture: s.load(ctx, l.Image),
	})
	if err != nil {
		return fmt.Errorf("slate: %w", err)
	}
	s.card.Store(c)
	return nil
}

// repaint follows Change until ctx ends.
func (s *Slate) repaint(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.news:
		}
		if err := s.paint(ctx); err != nil {
			s.cfg.Event("error", fmt.Sprintf("the slate stays as it was: %v", err))
		}
	}
}

// tell makes an event of a session's end: of the first, and then ever more seldom.
func (s *Slate) tell(err error, failures int) {
	level := "warning"
	if failures > 1 {
		level = "error"
	}
	if errors.Is(err, errLate) {
		return
	}
	if failures&(failures+1) == 0 { // 0, 1, 3, 7 ...
		s.cfg.Event(level, fmt.Sprintf("the slate's encoder ended and is started again: %v", err))
	}
}

var errLate = errors.New("the slate's clock has fallen behind")

// session runs one FFmpeg until it ends or ctx does.
func (s *Slate) session(ctx context.Context) error {
	proc, err := child.Start(child.Spec{Path: s.cfg.FFmpeg, Args: s.args(), Outputs: 1})
	if err != nil {
		return err
	}
	inner, cancel := context.WithCancel(ctx)
	g, inner := errgroup.WithContext(inner)
	alive := make(chan struct{}, 1)
	g.Go(func() error {
		defer cancel()
		return s.read(proc.Output(0), alive)
	})
	g.Go(func() error {
		defer cancel()
		return s.draw(inner, proc.Stdin())
	})
	g.Go(func() error {
		defer proc.Kill() // which lets the other two end
		return watch(inner, alive)
	})
	err = g.Wait()
	exit := proc.Wait()
	if errors.Is(err, errLate) || errors.Is(err, errHangs) || err == nil && exit.Asked {
		return err
	}
	end := ffmpeg.Exit{Code: exit.Code}
	if exit.Signal != 0 {
		end.Signal = exit.Signal.String()
	}
	return errors.New(ffmpeg.Explain(end, proc.Tail()))
}

// read hands on what comes out.
func (s *Slate) read(from io.Reader, alive chan<- struct{}) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			s.cfg.Sink.Datagram(buf[:n], s.cfg.Now()+Lead, 0)
			select {
			case alive <- struct{}{}:
			default:
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// draw writes a picture as every second of the channel's time begins.
func (s *Slate) draw(ctx context.Context, to io.Writer) error {
	// Not before the second begins: where the first one lies decides for all.
	for due := (s.cfg.Now()/period + 1) * period; !stopped(ctx); due += period {
		now := s.cfg.Now()
		if now-due > late {
			return errLate
		}
		pause(ctx, (due - now).Duration())
		if stopped(ctx) {
			break
		}
		if _, err := to.Write(s.card.Load().Draw((due + Lead).Time().Local())); err != nil {
			return nil //nolint:nilerr // why it ended is what FFmpeg says
		}
	}
	return nil
}

var errHangs = errors.New("it made nothing for long, and was killed")

// watch waits until ctx ends, or nothing has come out for long.
func watch(ctx context.Context, alive <-chan struct{}) error {
	timer := time.NewTimer(hangs)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			return errHangs
		case <-alive:
			timer.Reset(hangs)
		}
	}
}

func stopped(ctx context.Context) bool { return ctx.Err() != nil }

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
