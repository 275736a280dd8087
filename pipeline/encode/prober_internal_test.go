package encode

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"onair/pkg/ffmpeg"
	"onair/pkg/tick"
)

// proberRig is a prober over a spool, with a fake ffprobe.
type proberRig struct {
	*bench
	*Prober
	mu     sync.Mutex
	format Format
	events []string
	found  chan ffmpeg.Source
	stop   func() error
}

func newProberRig(t *testing.T, fake string) *proberRig {
	t.Helper()
	t.Setenv(fakeEnv, fake)
	r := &proberRig{bench: newBench(), found: make(chan ffmpeg.Source, 10)}
	r.bench.anchor(1)
	r.Prober = NewProber(ProberConfig{
		Name: "main", FFmpeg: os.Args[0], Spool: r.spool, Table: r.table,
		Format: func() Format {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.format
		},
		Found: func(src ffmpeg.Source, _ bool) { r.found <- src },
		Event: func(level, message string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, level+": "+message)
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = r.stop() })
	return r
}

// is makes a number the input's format.
func (r *proberRig) is(format uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.format = Format{Number: format, Program: r.bench.src.Program, LastPacket: noon}
}

func (r *proberRig) wait(t *testing.T) ffmpeg.Source {
	t.Helper()
	select {
	case src := <-r.found:
		return src
	case <-time.After(enough):
		t.Fatal("nothing is found")
		return ffmpeg.Source{}
	}
}

// eventually polls until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(enough); !holds(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}

func (r *proberRig) has() bool {
	_, ok := r.Prober.Source()
	return ok
}

func TestProberFindsEachFormat(t *testing.T) {
	r := newProberRig(t, "probe")
	if r.has() || r.Silent(noon) < 3600*tick.Second {
		t.Fatal("something is there before anything has arrived")
	}
	r.frames(0, 50, 1, 1)
	r.is(1)
	if src := r.wait(t); src.Video == nil || src.Video.Codec != "h264" || src.Video.Width != 640 {
		t.Fatalf("found %+v", src)
	}
	eventually(t, "the source", r.has)
	if silent := r.Silent(noon + tick.Second); silent != tick.Second {
		t.Fatalf("silent for %v", silent.Duration())
	}
	r.is(2)
	if r.has() {
		t.Fatal("what was found in one format is told of another")
	}
	r.frames(50, 50, 1, 2)
	r.wait(t)
	eventually(t, "the source of the second format", r.has)
	if src, _ := r.Prober.Source(); src.Format != 2 || src.Input != "main" || src.Spool != r.spool {
		t.Fatalf("source %+v", src)
	}
}

// TestAChangeOfFormatIsKnownAtAGlance: after a second of what follows another format, where three of the first one are
// waited for, and where a second does not show all of it.
func TestAChangeOfFormatIsKnownAtAGlance(t *testing.T) {
	for fake, enoughFrames := range map[string]int{"probe at the end": 25, "probe slowly": 100} {
		t.Run(fake, func(t *testing.T) {
			r := newProberRig(t, fake)
			r.frames(0, 100, 1, 1)
			r.is(1)
			if src := r.wait(t); len(src.Audio) != 1 || src.Audio[0].SampleRate != 48_000 {
				t.Fatalf("found %+v", src)
			}
			r.is(2)
			r.frames(100, 25, 1, 2)
			if enoughFrames > 25 {
				select {
				case src := <-r.found:
					t.Fatalf("found in a second: %+v", src)
				case <-time.After(6 * probeEvery): // more than a glance takes
				}
				r.frames(125, enoughFrames-25, 1, 2)
			}
			if src := r.wait(t); len(src.Audio) != 1 || src.Audio[0].SampleRate != 48_000 || src.Video == nil {
				t.Fatalf("found %+v", src)
			}
		})
	}
}

func TestProberGivesTheTracksThatAreChosen(t *testing.T) {
	r := newProberRig(t, "probe")
	r.frames(0, 50, 1, 1)
	r.is(1)
	r.wait(t)
	eventually(t, "the source", r.has)
	if src, _ := r.Prober.Source(); src.Select != nil {
		t.Errorf("tracks %q", src.Select)
	}
	r.Choose([]string{"deu", "1"})
	if src, _ := r.Prober.Source(); strings.Join(src.Select, " ") != "deu 1" {
		t.Errorf("tracks %q", src.Select)
	}
}

func TestProberWaitsForTheFormatToBegin(t *testing.T) {
	r := newProberRig(t, "probe")
	r.is(1)
	r.frames(1, 9, 1, 1) // no key frame yet
	if r.begun(1) {
		t.Fatal("a format without a key frame counts as begun")
	}
	r.frames(10, 50, 1, 1)
	r.wait(t)
}

func TestProberTellsOnceWhatIsWrong(t *testing.T) {
	r := newProberRig(t, "probe fails")
	r.frames(0, 50, 1, 1)
	r.is(1)
	eventually(t, "the problem", func() bool { return r.Problem() != "" })
	if !strings.Contains(r.Problem(), "Invalid data found") {
		t.Fatalf("problem %q", r.Problem())
	}
	if _, ok := r.Probed(); ok || r.has() {
		t.Fatal("a source although the probe failed")
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if len(r.events) != 1 {
		t.Fatalf("events %q", r.events)
	}
}

func TestProberTellsOfAMapThatCannotBeWritten(t *testing.T) {
	r := newProberRig(t, "probe")
	r.bench.src.Program.PMTPID = 0
	r.frames(0, 50, 1, 1)
	r.is(1)
	eventually(t, "the problem", func() bool { return r.Problem() != "" })
	if !strings.Contains(r.Problem(), "no program map can be on pid") {
		t.Fatalf("problem %q", r.Problem())
	}
}

func TestProberEndsAlthoughFFprobeHangs(t *testing.T) {
	r := newProberRig(t, "probe hangs")
	r.frames(0, 50, 1, 1)
	r.is(1)
	began := time.Now()
	eventually(t, "a running ffprobe", func() bool { return time.Since(began) > 2*probeEvery })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > probeFor/2 {
		t.Fatalf("ended after %v", took)
	}
}
