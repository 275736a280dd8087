package encode

import (
	"errors"
	"fmt"
	"sync/atomic"

	"onair/pkg/ffmpeg"
	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// track is how far a run has come with one rendition.
type track struct {
	newest atomic.Int64 // decoding time of the newest frame; 0: none yet
	out    atomic.Int64 // when that came
}

// refusal is why a rendition's frames could not be taken.
type refusal struct {
	rendition string
	err       error
}

// Error names the rendition.
func (r *refusal) Error() string { return fmt.Sprintf("rendition %s: %v", r.rendition, r.err) }

// Unwrap is why.
func (r *refusal) Unwrap() error { return r.err }

// culprit is the rendition that a run which has ended badly ended for, and why; empty if none can be named.
func (r *run) culprit() (name, why string) {
	if !r.over() || r.excess != nil {
		return "", ""
	}
	if r.blamed != "" {
		return r.blamed, "it came to a stop while others went on"
	}
	var refused *refusal
	if err := r.readErr.Load(); err != nil && r.refused.Load() && errors.As(*err, &refused) {
		return refused.rendition, refused.err.Error()
	}
	exit := r.proc.Wait()
	if exit.OK() || exit.Signal != 0 {
		return "", ""
	}
	return ffmpeg.Culprit(r.proc.Tail(), r.made.Renditions), ffmpeg.Explain(ffmpeg.Exit{Code: exit.Code}, r.proc.Tail())
}

// stuck names a picture that does not come while another one does, both of the same source: stallAfter of it.
func (r *run) stuck(now tick.Tick) string {
	front, stuck := tick.Tick(0), ""
	for i, x := range r.made.Renditions {
		if x.Kind == ladder.Video {
			front = max(front, tick.Tick(r.tracks[i].newest.Load()))
		}
	}
	for i, x := range r.made.Renditions {
		if front == 0 || x.Kind != ladder.Video {
			continue
		}
		at, out := tick.Tick(r.tracks[i].newest.Load()), tick.Tick(r.tracks[i].out.Load())
		if at == 0 {
			at, out = r.start, r.began
		}
		if front-at > stallAfter && now-out > stallAfter {
			stuck = x.Name
		}
	}
	return stuck
}

// pictureAt is when the newest picture of any size came out; 0: none has.
func (r *run) pictureAt() tick.Tick {
	newest := tick.Tick(0)
	for i, x := range r.made.Renditions {
		if x.Kind == ladder.Video {
			newest = max(newest, tick.Tick(r.tracks[i].out.Load()))
		}
	}
	return newest
}

// mark is where a run was at a time.
type mark struct{ now, at tick.Tick }

// paceOver is the time over which a run's speed is taken.
const paceOver = 10 * tick.Second

// gauge notes, once a second, where a run is.
func (r *run) gauge(now tick.Tick) {
	if n := len(r.pace); n > 0 && now-r.pace[n-1].now < tick.Second {
		return
	}
	r.pace = append(r.pace, mark{now, tick.Tick(r.lastPTS.Load())})
	for len(r.pace) > 2 && now-r.pace[0].now > paceOver {
		r.pace = append(r.pace[:0], r.pace[1:]...)
	}
}

// speed is how fast the run was in the last seconds, in times of real time; 0: not known yet.
func (r *run) speed() float64 {
	if len(r.pace) < 2 {
		return 0
	}
	first, last := r.pace[0], r.pace[len(r.pace)-1]
	return float64(last.at-first.at) / float64(last.now-first.now)
}
