package monitor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"onair/pkg/beat"
	"onair/pkg/child"
	"onair/pkg/content"
	"onair/pkg/ffmpeg"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

// niceness of FFmpeg: whatever goes on air comes first.
const niceness = 15

// readSize is how much of what FFmpeg prints is read at once.
const readSize = 4096

// errNoAccess tells that decoding can begin nowhere yet.
var errNoAccess = errors.New("no place to begin decoding")

// session is one FFmpeg that watches.
type session struct {
	*Monitor
	src   Source
	plan  ffmpeg.MonitorPlan
	proc  *child.Process
	feed  *feed
	watch *content.Watch
	began tick.Tick
	wg    sync.WaitGroup

	seen    uint64 // arrivals before this position are known
	entries []spool.Entry
}

// track is what is known of the watched picture or sound.
type track struct {
	told tick.Tick // when FFmpeg said something about it last; 0: never
	due  tick.Tick // arrival of the first of it since; 0: nothing
}

// session watches until the source is another one or gone (nil), ctx ends (nil), or FFmpeg fails.
func (m *Monitor) session(ctx context.Context, src Source) error {
	s := &session{Monitor: m, src: src, plan: ffmpeg.NewMonitorPlan(src.Probe, src.Select), began: m.cfg.Now()}
	s.watch = &content.Watch{FreezeLeast: ffmpeg.FreezeLeast, SilenceLeast: ffmpeg.SilenceLeast}
	var err error
	if s.feed, err = newFeed(m.cfg, src, s.plan.PIDs); err != nil {
		if errors.Is(err, errNoAccess) {
			return nil
		}
		return err
	}
	spec := child.Spec{Path: m.cfg.FFmpeg, Args: s.plan.Args, Outputs: s.plan.Outputs, Paced: true}
	if s.proc, err = child.Start(spec); err != nil {
		return err
	}
	_ = unix.Setpriority(unix.PRIO_PROCESS, s.proc.Pid(), niceness) // before it has threads, which inherit it
	m.begin(s)
	s.start()
	err = s.look(ctx)
	s.proc.Kill()
	s.proc.Wait()
	s.wg.Wait()
	m.end()
	return err
}

func (m *Monitor) begin(s *session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watch, m.pid, m.picture, m.sound, m.offset = s.watch, s.proc.Pid(), track{}, track{}, content.Offset{}
}

// end forgets what was seen: it says nothing of what comes next.
func (m *Monitor) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watch, m.pid = nil, 0
}

func (s *session) start() {
	s.wg.Go(func() {
		_ = s.feed.run(s.proc.Stdin(), s.proc.Done()) // it ends with the process, which is looked after elsewhere
		_ = s.proc.Stdin().Close()
	})
	if i := s.plan.Picture; i >= 0 {
		s.wg.Go(func() { s.read(s.proc.Output(i), s.watch.Picture, &s.picture) })
	}
	if i := s.plan.Sound; i >= 0 {
		s.wg.Go(func() { s.read(s.proc.Output(i), s.watch.Sound, &s.sound) })
	}
}

// read takes what FFmpeg prints until it ends.
func (s *session) read(pipe io.ReadCloser, take func(at tick.Tick, key, value string), t *track) {
	defer pipe.Close() //nolint:errcheck // a pipe's read end
	var r content.Reader
	buf := make([]byte, readSize)
	for {
		n, err := pipe.Read(buf)
		if n > 0 {
			now := s.cfg.Now()
			s.mu.Lock()
			r.Push(buf[:n], take)
			t.told, t.due = now, 0
			s.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// other tells whether a source has to be watched anew.
func (s *session) other(src Source) bool {
	return src.Format != s.src.Format || !slices.Equal(src.Select, s.src.Select)
}

// look looks after FFmpeg until it is to be ended.
func (s *session) look(ctx context.Context) error {
	timer := beat.NewTicker(watchEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.proc.Done():
			return s.died()
		case <-timer.Next():
		}
		now := s.cfg.Now()
		s.arrivals()
		if src, ok := s.ready(); !ok || s.other(src) || now-s.began > rotate {
			return nil
		}
		if err := s.stalled(now); err != nil {
			return err
		}
	}
}

// arrivals looks at what has newly come: it is due to be told of, and tells how far sound and picture are apart.
func (s *session) arrivals() {
	end := s.cfg.Spool.Stats().Next
	if s.seen == 0 {
		s.seen = s.feed.start
	}
	s.entries = s.cfg.Spool.Entries(s.entries[:0], s.seen, end)
	s.seen = end
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries {
		if !slices.Contains(s.plan.PIDs, e.PID) {
			continue
		}
		s.offset.Push(e.Video, e.Gen, tick.Tick(e.PTS)*tick.Per90k, e.Arrival)
		t := &s.sound
		if e.Video {
			t = &s.picture
		}
		if t.due == 0 {
			t.due = s.cfg.Now()
		}
	}
}

// stalled tells that FFmpeg says nothing although there is something to look at or listen to.
func (s *session) stalled(now tick.Tick) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range []track{s.picture, s.sound} {
		limit := stall
		if t.told == 0 {
			limit = startup
		}
		if t.due != 0 && now-t.due > limit {
			return fmt.Errorf("ffmpeg has said nothing for %v%s", limit.Duration(), lastWords(s.proc))
		}
	}
	return nil
}

func (s *session) died() error {
	e := s.proc.Wait()
	exit := ffmpeg.Exit{Code: e.Code, Asked: e.Asked}
	if e.Signal != 0 {
		exit.Signal = e.Signal.String()
	}
	return errors.New(ffmpeg.Explain(exit, s.proc.Tail()))
}

// lastWords is the last line that FFmpeg wrote, if any.
func lastWords(p *child.Process) string {
	lines := p.Tail()
	if len(lines) == 0 {
		return ""
	}
	return ": " + strings.TrimSpace(lines[len(lines)-1])
}
