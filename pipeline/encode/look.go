package encode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"

	"onair/pkg/ffmpeg"
	"onair/pkg/mpegts"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

// look probes a format. One that follows another is glanced at as well: when that shows all that the programme
// announces it is enough, because a segment waits for it. What the first one is like decides more, and for good.
func (p *Prober) look(ctx context.Context, f Format) (ffmpeg.Source, error) {
	was, again := p.Probed()
	if !again {
		return p.probe(ctx, f, probeSpan)
	}
	ctx, cancel := context.WithCancel(ctx)
	var found ffmpeg.Source
	var err error
	long := make(chan struct{})
	go func() {
		defer close(long)
		found, err = p.probe(ctx, f, probeSpan)
	}()
	glance, bad := p.probe(ctx, f, glanceSpan)
	if bad == nil && shows(glance, was, f.Program) {
		cancel()
		<-long
		return glance, nil
	}
	<-long
	cancel()
	return found, err
}

// shows tells whether a source has all that its programme announces, and captions if there were some before.
func shows(src, was ffmpeg.Source, of mpegts.Program) bool {
	for _, s := range of.Streams {
		switch s.Kind {
		case mpegts.Video:
			if v := src.Video; v == nil || v.Rate.IsZero() || was.Video != nil && was.Video.Captions && !v.Captions {
				return false
			}
		case mpegts.Audio:
			if !slices.ContainsFunc(src.Audio, func(t ffmpeg.AudioTrack) bool { return t.PID == s.PID && t.SampleRate > 0 }) {
				return false
			}
		}
	}
	return true
}

// probe runs ffprobe over the format's packets, from its first random access point on, as many as arrive within span.
func (p *Prober) probe(ctx context.Context, f Format, span tick.Tick) (ffmpeg.Source, error) {
	psi, err := mpegts.PSI(f.Program, 0)
	if err != nil {
		return ffmpeg.Source{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, probeFor)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.cfg.FFmpeg, ffmpeg.ProbeArgs()...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	in, err := cmd.StdinPipe()
	if err != nil {
		return ffmpeg.Source{}, err
	}
	if err := cmd.Start(); err != nil {
		return ffmpeg.Source{}, fmt.Errorf("starting ffprobe: %w", err)
	}
	fed, captions := make(chan struct{}), lookForCaptions(f.Program)
	go func() {
		defer close(fed)
		defer in.Close() //nolint:errcheck // end of file for ffprobe
		p.pour(ctx, f, span, psi, captions.before(in.Write))
	}()
	err = cmd.Wait()
	late := ctx.Err() != nil
	cancel()
	<-fed
	if late {
		return ffmpeg.Source{}, fmt.Errorf("ffprobe has not come to an end of the source within %v", probeFor)
	}
	if err != nil {
		return ffmpeg.Source{}, fmt.Errorf("ffprobe finds nothing usable in the source: %s", lastLine(errs.Bytes(), err))
	}
	src, err := ffmpeg.ParseProbe(out.Bytes())
	if err == nil && src.Video == nil && len(src.Audio) == 0 {
		err = errors.New("the source carries neither picture nor sound")
	}
	if err == nil && src.Video != nil {
		src.Video.Services = captions.services(src.Video.Captions)
		src.Video.Captions = len(src.Video.Services) > 0
	}
	return src, err
}

func lastLine(b []byte, err error) string {
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	if last := lines[len(lines)-1]; len(last) > 0 {
		return string(last)
	}
	return err.Error()
}

// pour writes a format's packets, with our own tables before them: as many as arrive within span. It ends sooner when
// write fails or ctx ends.
func (p *Prober) pour(
	ctx context.Context, f Format, span tick.Tick, psi [][mpegts.Size]byte, write func([]byte) (int, error),
) {
	first, ok := p.cfg.Spool.First(func(e spool.Entry) bool {
		return e.Format == f.Number && (e.Access == mpegts.IDR || e.Access == mpegts.Recovery)
	})
	if !ok {
		first, ok = p.cfg.Spool.First(func(e spool.Entry) bool { return e.Format == f.Number })
	}
	if !ok {
		return
	}
	mine := map[uint16]bool{}
	for _, s := range f.Program.Streams {
		mine[s.PID] = true
	}
	var batch []byte
	for i := range psi {
		batch = append(batch, psi[i][:]...)
	}
	buf := make([]byte, feedChunk*mpegts.Size)
	for pos := first.Pos; ; {
		n, err := p.cfg.Spool.Read(pos, buf)
		if err != nil {
			return
		}
		for i := range n {
			if pkt := mpegts.Packet(buf[i*mpegts.Size : (i+1)*mpegts.Size]); mine[pkt.PID()] {
				batch = append(batch, pkt...)
			}
		}
		pos += uint64(n)
		if len(batch) > 0 {
			if _, err := write(batch); err != nil {
				return
			}
		}
		batch = batch[:0]
		enough := p.cfg.Spool.Stats().Newest-first.Arrival > span || p.cfg.Format().Number != f.Number
		if n == 0 && (enough || !wait(ctx, feedEvery)) {
			return
		}
	}
}
