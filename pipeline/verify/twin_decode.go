package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"onair/pkg/child"
	"onair/pkg/fmp4"
)

const (
	waiting  = 4  // splices that wait for the decoder
	niceness = 15 // of FFmpeg: whatever goes on air on this machine comes first
)

// A decoder may take so many times as long as the media lasts, and some time more.
const (
	slowest      = 4
	slowestExtra = 30 * time.Second
)

// decoder decodes splices, one at a time, in a goroutine of its own.
type decoder struct {
	program string
	missing error // there is no such program
	jobs    chan *splice
	done    chan struct{}
	results map[string]*decoded // by rendition; the goroutine's until done is closed
	dropped map[string]*decoded // what did not get as far; the owner's
}

// decoded is what came of the splices of a rendition.
type decoded struct {
	segments, skipped int
	frames, expected  int64
	reason            string // why segments were skipped
	faults            []spliceFault
}

// spliceFault is what is wrong with one splice.
type spliceFault struct {
	rule    *rule
	object  string
	message string
}

func newDecoder(program string) *decoder {
	d := &decoder{program: program, jobs: make(chan *splice, waiting), done: make(chan struct{}),
		results: map[string]*decoded{}, dropped: map[string]*decoded{}}
	if _, err := exec.LookPath(program); err != nil {
		d.missing = fmt.Errorf("%s is not installed", program)
	}
	return d
}

// start begins to work. When ctx ends, what is under way and what still waits is skipped.
func (d *decoder) start(ctx context.Context) {
	go func() {
		defer close(d.done)
		for s := range d.jobs {
			d.take(ctx, s)
		}
	}()
}

// finish waits until all that was pushed has been decoded or skipped.
func (d *decoder) finish() {
	close(d.jobs)
	<-d.done
}

// push hands over a splice. It waits for room if it is to, as long as ctx lets it.
func (d *decoder) push(ctx context.Context, s *splice, wait bool) {
	why := errBusy
	switch {
	case d.missing != nil:
		why = d.missing
	case wait:
		select {
		case d.jobs <- s:
			return
		case <-ctx.Done():
			why = errEnded
		}
	default:
		select {
		case d.jobs <- s:
			return
		default:
		}
	}
	of(d.dropped, s.rendition).skip(s, why)
}

// Why something is not decoded.
var (
	errBusy  = errors.New("the decoder does not keep up")
	errEnded = errors.New("it was ended before")
	errSlow  = errors.New("the decoder takes too long")
	errLate  = errors.New("no time was left")
)

func of(m map[string]*decoded, rendition string) *decoded {
	if m[rendition] == nil {
		m[rendition] = &decoded{}
	}
	return m[rendition]
}

func (r *decoded) skip(s *splice, why error) {
	r.skipped += s.fresh()
	r.reason = why.Error()
}

func (r *decoded) fault(rule *rule, s *splice, k int64, message string, a ...any) {
	r.faults = append(r.faults, spliceFault{rule, fmt.Sprintf("%s %d", s.rendition, k), fmt.Sprintf(message, a...)})
}

// take decodes a splice both ways and compares what comes out.
func (d *decoder) take(ctx context.Context, s *splice) {
	r := of(d.results, s.rendition)
	limit, cancel := context.WithTimeoutCause(ctx, slowest*s.length.Duration()+slowestExtra, errSlow)
	defer cancel()
	var pictures [2][]byte
	var wrong [2]error
	for i := range pictures {
		if limit.Err() == nil {
			pictures[i], wrong[i] = d.decode(limit, s, i)
		}
	}
	if limit.Err() != nil {
		why := context.Cause(limit)
		if errors.Is(why, context.Canceled) {
			why = errEnded
		}
		r.skip(s, why)
		return
	}
	r.segments += s.fresh()
	want, size := s.frames(), int64(unitOf(s.header))
	before := len(r.faults)
	for i, raw := range pictures {
		got := int64(len(raw)) / size
		r.frames, r.expected = r.frames+got, r.expected+want
		switch first := sideNames[i]; {
		case wrong[i] != nil:
			r.fault(twinDecode, s, s.first, "to %d, taken in turns from %s on: %v", s.last(), first, wrong[i])
		case int64(len(raw)) != want*size:
			r.fault(twinDecode, s, s.first, "to %d, taken in turns from %s on: %d frames of %d samples", s.last(), first, got,
				want)
		}
	}
	if len(r.faults) == before && !s.uneven {
		r.compare(s, pictures)
	}
}

// Size of the pictures that are compared.
const (
	seenWidth  = 32
	seenHeight = 18
)

// unitOf is how many bytes come out of the decoder for one sample: a small grey picture, or a frame of sound in mono.
func unitOf(h *fmp4.Header) int {
	if h.Kind == fmp4.Video {
		return seenWidth * seenHeight
	}
	return 2 * aacFrame
}

func decodeArgs(h *fmp4.Header) []string {
	args := []string{"-hide_banner", "-v", "error", "-xerror", "-threads", "1", "-i", "pipe:0"}
	if h.Kind == fmp4.Video {
		return append(args, "-map", "0:v:0", "-fps_mode", "passthrough", // as many pictures as there are
			"-vf", fmt.Sprintf("scale=%d:%d:flags=area,format=gray", seenWidth, seenHeight), // averages take coding noise out
			"-f", "rawvideo", "pipe:3")
	}
	return append(args, "-map", "0:a:0", "-ac", "1", "-f", "s16le", "pipe:3")
}

// decode runs FFmpeg over one order of a splice. The error tells what it complains of, once it has begun.
func (d *decoder) decode(ctx context.Context, s *splice, begin int) ([]byte, error) {
	p, err := child.Start(child.Spec{Path: d.program, Args: decodeArgs(s.header), Outputs: 1, TailLines: 5})
	if err != nil {
		return nil, err
	}
	_ = unix.Setpriority(unix.PRIO_PROCESS, p.Pid(), niceness) // before it has threads, which inherit it
	defer context.AfterFunc(ctx, p.Kill)()
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		for _, part := range s.parts(begin) {
			if _, err := p.Stdin().Write(part); err != nil {
				break // its exit says why
			}
		}
		_ = p.Stdin().Close()
	}()
	most := (s.frames() + 1) * int64(unitOf(s.header))
	raw, err := io.ReadAll(io.LimitReader(p.Output(0), most))
	_ = p.Output(0).Close()
	exit := p.Wait()
	<-fed
	said := strings.Join(p.Tail(), "; ")
	switch {
	case err != nil:
		return raw, fmt.Errorf("reading from FFmpeg: %w", err)
	case int64(len(raw)) == most: // it was cut off by us
		return raw, nil
	case !exit.OK() || said != "":
		return raw, fmt.Errorf("FFmpeg says %q, %v", said, exit)
	}
	return raw, nil
}
