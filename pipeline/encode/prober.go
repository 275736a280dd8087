package encode

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"onair/pkg/anchor"
	"onair/pkg/beat"
	"onair/pkg/ffmpeg"
	"onair/pkg/mpegts"
	"onair/pkg/selector"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

const (
	probeEvery = 2 * beat.Period     // how often a new format is looked for
	probeFor   = 10 * time.Second    // longest a probe may take
	probeAgain = 2 * time.Second     // pause after one that found nothing
	probeSpan  = 3 * tick.Second     // of arrival that a probe reads
	glanceSpan = 4 * tick.Second / 5 // of arrival that a glance reads
)

// Format is what an input consists of now; see ProberConfig.
type Format struct {
	Number     uint32 // 0: nothing usable yet
	Pictures   uint32 // the first number since which the coded pictures are what they are now
	Program    mpegts.Program
	LastPacket tick.Tick // arrival of the newest packet; 0: none
}

func (f Format) silent(now tick.Tick) tick.Tick {
	if f.LastPacket == 0 {
		return selector.Never
	}
	return now - f.LastPacket
}

func (f Format) declaresVideo() bool {
	for _, s := range f.Program.Streams {
		if s.Kind == mpegts.Video {
			return true
		}
	}
	return false
}

// ProberConfig says which input a Prober looks after.
type ProberConfig struct {
	Name   string
	FFmpeg string // ffprobe program
	Spool  *spool.Spool
	Table  *anchor.Table
	Format func() Format // read often
	Select []string      // audio tracks to take, in order: PIDs, languages or indexes

	// Found is told each result before Source returns it, and if it holds what the programme announces.
	Found func(src ffmpeg.Source, whole bool)
	Event func(level, message string) // "info", "warning", "error"
}

// Prober finds out with ffprobe, whenever the format of an input changes, what the input's streams are, so that a run
// need not; it is the Input of an Encoder.
type Prober struct {
	cfg ProberConfig

	mu     sync.Mutex
	src    Source
	tracks []string // see Choose
	failed string
}

var _ Input = (*Prober)(nil)

// NewProber makes the prober of one input.
func NewProber(cfg ProberConfig) *Prober { return &Prober{cfg: cfg, tracks: cfg.Select} }

// Choose takes other audio tracks, see ProberConfig.Select: a run that reads them takes over at a segment boundary.
func (p *Prober) Choose(tracks []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tracks = tracks
}

// Name is the input's name.
func (p *Prober) Name() string { return p.cfg.Name }

// Silent is how long nothing has arrived; very long when nothing ever did.
func (p *Prober) Silent(now tick.Tick) tick.Tick { return p.cfg.Format().silent(now) }

// Source is the newest format when it is probed and some of it anchored.
func (p *Prober) Source() (Source, bool) {
	p.mu.Lock()
	src := p.src
	src.Select = p.tracks
	p.mu.Unlock()
	if src.Format == 0 || src.Format != p.cfg.Format().Number {
		return Source{}, false
	}
	_, ok := src.head()
	return src, ok
}

// Problem says why the input cannot be used although something arrives; empty: nothing is wrong.
func (p *Prober) Problem() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}

// Probed is the newest result, whether or not it still holds.
func (p *Prober) Probed() (ffmpeg.Source, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.src.Probe, p.src.Format != 0
}

// Run probes until ctx ends.
func (p *Prober) Run(ctx context.Context) error {
	done := uint32(0)
	for beat.Wait(ctx, probeEvery) {
		f := p.cfg.Format()
		if f.Number == 0 || f.Number == done || !p.begun(f.Number) {
			continue
		}
		found, err := p.look(ctx, f)
		if err == nil && found.Video == nil && f.declaresVideo() && p.age(f.Number) < patience {
			err = errors.New("the picture that the programme announces does not come")
		}
		if ctx.Err() != nil || p.cfg.Format().Number != f.Number { // it was found out about something that is over
			continue
		}
		if err != nil {
			p.note(err)
			wait(ctx, probeAgain)
			continue
		}
		done = f.Number
		if p.cfg.Found != nil {
			p.cfg.Found(found, found.Video != nil || !f.declaresVideo())
		}
		p.mu.Lock()
		p.src = Source{
			Input: p.cfg.Name, Format: f.Number, Pictures: f.Pictures, Program: f.Program, Probe: found,
			Spool: p.cfg.Spool, Table: p.cfg.Table,
		}
		p.failed = ""
		p.mu.Unlock()
	}
	return nil
}

// note tells a failed probe once, until another reason comes.
func (p *Prober) note(err error) {
	p.mu.Lock()
	same := p.failed == err.Error()
	p.failed = err.Error()
	p.mu.Unlock()
	if !same && p.cfg.Event != nil {
		p.cfg.Event("error", fmt.Sprintf("input %s: %v", p.cfg.Name, err))
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// begun tells whether a format has a point in the spool from which it can be decoded, or has gone without for long.
func (p *Prober) begun(format uint32) bool {
	video := false
	_, any := p.cfg.Spool.First(func(e spool.Entry) bool { return e.Format == format })
	_, access := p.cfg.Spool.First(func(e spool.Entry) bool {
		video = video || e.Format == format && e.Video
		return e.Format == format && e.Video && (e.Access == mpegts.IDR || e.Access == mpegts.Recovery)
	})
	if access || !any {
		return access
	}
	age := p.age(format)
	return age > patience || !video && age > tick.Second
}

// age is how long a format has been in the spool.
func (p *Prober) age(format uint32) tick.Tick {
	first, ok := p.cfg.Spool.First(func(e spool.Entry) bool { return e.Format == format })
	if !ok {
		return 0
	}
	return p.cfg.Spool.Stats().Newest - first.Arrival
}
