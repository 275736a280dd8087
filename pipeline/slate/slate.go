// Package slate makes the source that is on air when no input can be: a card, or a picture, once a second, encoded to a
// transport stream by an FFmpeg that is always there, so that the slate is as ready as any input.
package slate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"onair/pkg/card"
	"onair/pkg/ffmpeg"
	"onair/pkg/tick"
)

// Times of the source.
const (
	// Lead is how far ahead of real time the pictures are: a run shows a picture only until the next one comes.
	Lead = tick.Second

	period    = tick.Second
	late      = 3 * tick.Second // what was due so long ago is not begun with
	behind    = 6 * tick.Second // and an FFmpeg that has got so far behind is replaced
	hangs     = 6 * time.Second // FFmpeg is killed when nothing has come out for so long
	stoodFor  = time.Second     // or when it has done nothing at all for so long, with a picture to encode
	dying     = time.Second     // and when it has closed its output and is still there after so long
	lookEvery = 250 * time.Millisecond
	waiting   = 1 << 20 // bytes of a picture that may wait for FFmpeg: written in few pieces, it wakes nobody often
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
	OnAir func() bool // tells whether viewers see it; nil: they never do
	Event func(Event)
}

// Slate fills its sink with the slate's stream.
type Slate struct {
	cfg    Config
	w, h   int
	format ffmpeg.Video

	look atomic.Pointer[Look]      // asked for
	card atomic.Pointer[card.Card] // what is drawn
	news chan struct{}             // look is another one

	next  tick.Tick // when the first picture is due that has not come out; 0: none has
	fault fault     // of FFmpeg
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

// Run makes the stream until ctx ends. An FFmpeg that ends is followed by another at once, if it has worked.
func (s *Slate) Run(ctx context.Context) error {
	if err := s.paint(ctx); err != nil {
		return err
	}
	var painting sync.WaitGroup
	defer painting.Wait()
	painting.Go(func() { s.repaint(ctx) })
	for !stopped(ctx) {
		began := time.Now()
		made, err := s.session(ctx)
		if stopped(ctx) || errors.Is(err, errLate) {
			continue
		}
		pause(ctx, s.ended(time.Since(began), made, err))
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
			s.cfg.Event(Event{"error", "", fmt.Sprintf("the slate stays as it was: %v", err)})
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
