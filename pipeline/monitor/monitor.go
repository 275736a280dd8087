// Package monitor looks at what an input brings: at its transport stream (TR 101 290), and, by an FFmpeg of its own, at
// its picture and its sound. What it cannot tell is unknown, and never the input's failure.
package monitor

import (
	"context"
	"fmt"
	"sync"
	"time"

	"onair/pkg/anchor"
	"onair/pkg/beat"
	"onair/pkg/content"
	"onair/pkg/ffmpeg"
	"onair/pkg/mpegts"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

const (
	watchEvery = 4 * beat.Period        // how often a watch is looked after
	stale      = 3 * tick.Second        // after which what was seen last says nothing of now
	silence    = 2 * tick.Second        // without a packet, after which an input is not watched
	stall      = 6 * tick.Second        // without a word of FFmpeg although it is fed, after which it is replaced
	startup    = 15 * tick.Second       // the same before its first word
	rotate     = 6 * 3600 * tick.Second // longest life of an FFmpeg: none meets the wrap of its times, or grows old
	lasting    = time.Minute            // a life after which a failure begins a new row
	shortest   = time.Second            // pause after a first failure
	longest    = time.Minute            // after many
)

// Source is a stretch of an input whose format is known.
type Source struct {
	Format   uint32
	Pictures uint32 // the first format since which the coded pictures are what they are; 0: Format
	Program  mpegts.Program
	Probe    ffmpeg.Source
	Select   []string // audio tracks that the input's configuration asks for, in order
}

// Config of a Monitor.
type Config struct {
	Name   string // of the input, for events
	FFmpeg string // program; default "ffmpeg"
	Spool  *spool.Spool
	Table  *anchor.Table
	// Source is what the input consists of now; false: nothing usable. Read often.
	Source func() (Source, bool)
	Now    func() tick.Tick
	Event  func(level, message string) // "info", "warning", "error"; nil: none
}

// Monitor watches the content of one input. All methods may be called from any goroutine.
type Monitor struct {
	cfg Config

	mu       sync.Mutex
	watch    *content.Watch // of the running FFmpeg; nil: none
	offset   content.Offset
	picture  track
	sound    track
	pid      int
	restarts uint64
}

// New makes the monitor of an input. Nothing is started.
func New(cfg Config) *Monitor {
	if cfg.FFmpeg == "" {
		cfg.FFmpeg = "ffmpeg"
	}
	if cfg.Event == nil {
		cfg.Event = func(string, string) {}
	}
	return &Monitor{cfg: cfg}
}

// Content is what is seen and heard now; false: nothing is known. Neither outlives the packets that it was found in.
func (m *Monitor) Content() (content.Content, bool) {
	now := m.cfg.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.watch == nil {
		return content.Content{}, false
	}
	c := m.watch.Content()
	if !c.Picture || now-m.picture.told > stale {
		c.Picture, c.Black, c.Freeze = false, 0, 0
	}
	if !c.Sound || now-m.sound.told > stale {
		c.Sound, c.Silence, c.LoudnessLUFS, c.Loud = false, 0, 0, false
	}
	c.AVOffset, c.Offset = m.offset.Value(now)
	return c, c.Picture || c.Sound
}

// Stats is the state of a monitor's FFmpeg.
type Stats struct {
	PID      int    // 0: none runs
	Restarts uint64 // times one was replaced that had died or hung
}

// Stats tells how the monitor itself is.
func (m *Monitor) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Stats{PID: m.pid, Restarts: m.restarts}
}

// Run watches until ctx ends. Whatever happens to FFmpeg is told and put right here: it is no error.
func (m *Monitor) Run(ctx context.Context) error {
	pause := shortest
	for beat.Wait(ctx, watchEvery) {
		src, ok := m.ready()
		if !ok {
			continue
		}
		began := time.Now()
		err := m.session(ctx, src)
		if err == nil || ctx.Err() != nil {
			continue
		}
		if time.Since(began) > lasting {
			pause = shortest
		}
		m.mu.Lock()
		m.restarts++
		m.mu.Unlock()
		m.cfg.Event("warning", fmt.Sprintf("input %s: its content is not watched for %v: %v", m.cfg.Name, pause, err))
		wait(ctx, pause)
		pause = min(2*pause, longest)
	}
	return nil
}

// ready is the source, if it is there to be watched.
func (m *Monitor) ready() (Source, bool) {
	if m.silent() {
		return Source{}, false
	}
	src, ok := m.cfg.Source()
	if !ok || src.Probe.Video == nil && len(src.Probe.Audio) == 0 {
		return Source{}, false
	}
	return src, true
}

// silent tells that nothing arrives.
func (m *Monitor) silent() bool {
	st := m.cfg.Spool.Stats()
	return st.Newest == 0 || m.cfg.Now()-st.Newest > silence
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
