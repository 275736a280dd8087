package packager_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"onair/pipeline/packager"
	"onair/pkg/tick"
)

// Segments of four pictures at 25 per second make scripts short.
var (
	rate   = tick.Rate{Num: 25, Den: 1}
	grid4  = tick.Grid{Rate: rate, Frames: 4, GOP: 4, T: 4 * rate.Frame()}
	config = packager.CutterConfig{Rendition: "v", Video: true, Grid: grid4, Timescale: 90_000}
)

// base is where slot 0 of the scripts lies: a segment boundary of our days.
const base = 11_156_250_000 * 4

// rig drives a Cutter by a script of steps, separated by ";":
//
//	take R S     run R from slot S on
//	run R A-B    frames A to B of run R, key frames at each fourth slot and at the run's first
//	delta R S    one frame that is no key frame
//	done R       the run has ended
type rig struct {
	t     testing.TB
	c     *packager.Cutter
	frame tick.Tick
	begun map[int]bool
	segs  []packager.Segment
	errs  []error
}

func newRig(t testing.TB, cfg packager.CutterConfig) *rig {
	t.Helper()
	c, err := packager.NewCutter(cfg)
	if err != nil {
		t.Fatal(err)
	}
	frame := cfg.Grid.Rate.Frame()
	if !cfg.Video {
		frame = cfg.Audio.Frame()
	}
	return &rig{t: t, c: c, frame: frame, begun: map[int]bool{}}
}

func (r *rig) do(script string) {
	r.t.Helper()
	for _, step := range strings.Split(script, ";") {
		word := strings.Fields(step)
		if len(word) == 0 {
			continue
		}
		run, _ := strconv.Atoi(word[1])
		var from, to int64
		if len(word) > 2 {
			a, b, two := strings.Cut(word[2], "-")
			from, _ = strconv.ParseInt(a, 10, 64)
			if to = from; two {
				to, _ = strconv.ParseInt(b, 10, 64)
			}
		}
		switch word[0] {
		case "take":
			r.c.Take(run, r.at(from))
		case "done":
			r.c.Done(run)
		case "run":
			for s := from; s <= to; s++ {
				r.push(r.picture(run, s, s%4 == 0 || !r.begun[run]))
				r.begun[run] = true
			}
		case "delta":
			r.push(r.picture(run, from, false))
		default:
			r.t.Fatalf("no such step: %q", step)
		}
	}
}

func (r *rig) at(slot int64) tick.Tick { return tick.Tick(base+slot) * r.frame }

func (r *rig) picture(run int, slot int64, sync bool) packager.Frame {
	at := r.at(slot)
	return packager.Frame{Run: run, DTS: at, PTS: at, Sync: sync, Data: fmt.Appendf(nil, "%d@%d", run, slot)}
}

func (r *rig) push(f packager.Frame) {
	segs, err := r.c.Push(f)
	r.segs = append(r.segs, segs...)
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

// emitted is every segment as "K:runs", the run of each frame by its data. Each frame's slot is checked on the way.
func (r *rig) emitted() string {
	r.t.Helper()
	var out []string
	for _, s := range r.segs {
		var b strings.Builder
		size := 0
		for i, v := range s.Samples {
			run, slot, _ := strings.Cut(string(v.Data), "@")
			if want := strconv.FormatInt(int64(s.Start/r.frame)-base+int64(i), 10); slot != want {
				r.t.Errorf("segment %d, sample %d: slot %s, want %s", s.K, i, slot, want)
			}
			b.WriteString(run)
			size += len(v.Data)
		}
		if s.Bytes != size || s.End-s.Start != tick.Tick(len(s.Samples))*r.frame {
			r.t.Errorf("segment %d: %d bytes, want %d; %d to %d", s.K, s.Bytes, size, s.Start, s.End)
		}
		out = append(out, fmt.Sprintf("%d:%s", s.K-base/4, b.String()))
	}
	return strings.Join(out, " ")
}

// faults is the kind of each error, in order.
func (r *rig) faults() string {
	var out []string
	for _, err := range r.errs {
		for name, kind := range map[string]error{
			"hole": packager.ErrHole, "key": packager.ErrNoKey, "order": packager.ErrOrder, "ahead": packager.ErrAhead,
		} {
			if errors.Is(err, kind) {
				out = append(out, name)
			}
		}
	}
	return strings.Join(out, " ")
}
