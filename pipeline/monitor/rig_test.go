package monitor_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"onair/pipeline/ingest"
	"onair/pipeline/monitor"
	"onair/pkg/anchor"
	"onair/pkg/content"
	"onair/pkg/ffmpeg"
	"onair/pkg/mpegts"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// speed is how much faster than real time the streams of the tests run, and the clock of what watches them.
const speed = 3

// Ends of arguments that make a stream: constant bit rates, so that a byte's place tells its time.
const (
	toTS = " -muxdelay 0.4 -muxpreload 0.4 -muxrate 1M -f mpegts "
	h264 = " -c:v libx264 -preset veryfast -g 50 -b:v 500k -maxrate 500k -bufsize 250k "
	aac  = " -c:a aac -b:a 96k "
)

// clip makes a stream with FFmpeg.
func clip(tb testing.TB, args string) []byte {
	tb.Helper()
	name := filepath.Join(tb.TempDir(), "clip.ts")
	var list []string
	for i, part := range strings.Split("-v error -nostdin "+args+toTS+name, "'") { // quotes keep a part together
		if i%2 == 0 {
			list = append(list, strings.Fields(part)...)
		} else {
			list = append(list, part)
		}
	}
	if out, err := exec.Command("ffmpeg", list...).CombinedOutput(); err != nil {
		tb.Fatalf("making a clip: %v\n%s", err, out)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// rig is an input whose stream comes from memory, and its monitor.
type rig struct {
	t         *testing.T
	start     time.Time // zero: it is still
	still     tick.Tick
	programme *ingest.Programme
	spool     *spool.Spool
	table     *anchor.Table
	monitor   *monitor.Monitor
	cancel    context.CancelFunc
	ended     sync.WaitGroup

	mu     sync.Mutex
	events []string
}

// newStill is a rig that nobody watches, in which time stands still, so that no machine is too slow for it.
func newStill(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, still: noon, spool: spool.New(spool.Config{}), table: anchor.NewTable()}
	r.programme = ingest.NewProgramme(ingest.ProgrammeConfig{Spool: r.spool, Clock: anchor.NewClock(r.table, nil, nil)})
	r.programme.SetGrid(tick.Second / 25)
	return r
}

func newRig(t *testing.T, program string) *rig {
	t.Helper()
	r := newStill(t)
	r.start = time.Now()
	r.monitor = monitor.New(monitor.Config{
		Name: "main", FFmpeg: program, Spool: r.spool, Table: r.table, Source: r.source, Now: r.now,
		Event: func(level, message string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, level+": "+message)
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	r.cancel = cancel
	r.ended.Go(func() { _ = r.monitor.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		r.ended.Wait()
	})
	return r
}

func (r *rig) now() tick.Tick {
	if r.start.IsZero() {
		return r.still
	}
	return noon + speed*tick.FromDuration(time.Since(r.start))
}

// source tells of each stream of the programme that it is decodable.
func (r *rig) source() (monitor.Source, bool) {
	f := r.programme.Stats().Format
	src := monitor.Source{Format: f.Number, Pictures: f.Pictures, Program: f.Program}
	for _, s := range f.Program.Streams {
		switch s.Kind {
		case mpegts.Video:
			src.Probe.Video, src.Probe.VideoPID = &ffmpeg.Video{}, s.PID
		case mpegts.Audio:
			src.Probe.Audio = append(src.Probe.Audio, ffmpeg.AudioTrack{PID: s.PID})
		case mpegts.Data:
		}
	}
	return src, f.Number != 0
}

// play brings a stream of so many seconds at its pace, and calls look with how much of it has come, ten times a second.
func (r *rig) play(ts []byte, seconds float64, look func(at float64)) {
	r.t.Helper()
	const step = 7 * mpegts.Size
	begin, looked := r.now(), -1.0
	for off := 0; off < len(ts); off += step {
		at := float64(off) / float64(len(ts)) * seconds
		for wait := begin + tick.Tick(at*float64(tick.Second)) - r.now(); wait > 0; {
			time.Sleep(wait.Duration() / speed)
			break
		}
		r.programme.Datagram(ts[off:min(off+step, len(ts))], r.now(), 0)
		if look != nil && at-looked > 0.1 {
			looked = at
			look(at)
		}
	}
}

// until polls for a condition.
func (r *rig) until(what string, longest time.Duration, is func() bool) {
	r.t.Helper()
	for end := time.Now().Add(longest); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("no %s within %v; events %q", what, longest, r.told())
		}
	}
}

func (r *rig) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.events...)
}

// within fails unless a condition that lasts from one second of the stream to another is told within 1.5 s of the truth.
func within(t *testing.T, what string, told tick.Tick, at, from, to float64) {
	t.Helper()
	const tolerance = 1.5
	got := float64(told) / float64(tick.Second)
	switch {
	case at > from+tolerance && at < to:
		if got == 0 || got < at-from-tolerance || got > at-from+tolerance {
			t.Errorf("%.1f s: %s for %.2f s, is so for %.2f s", at, what, got, at-from)
		}
	case at < from || at > to+tolerance:
		if got > tolerance {
			t.Errorf("%.1f s: %s for %.2f s, and it is not", at, what, got)
		}
	}
}

func show(c content.Content, known bool) string { return fmt.Sprintf("%+v (known %t)", c, known) }
