package monitor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"onair/pkg/ffmpeg"
	"onair/pkg/mpegts"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

const (
	thumbnailAge  = 5 * tick.Second // how long a picture is shown again
	thumbnailFor  = 5 * time.Second // longest that making one may take
	thumbnailMost = 1 << 20         // bytes of a JPEG that are believed
	openReach     = 2000            // packets read from a place where decoding is not clean at once
)

// Thumbnails makes small pictures of an input, when asked and not otherwise: one at a time, and none again for five
// seconds. It may be used by any goroutine.
type Thumbnails struct {
	cfg  Config
	turn chan struct{} // held by who makes one

	// Of who holds turn.
	jpeg []byte
	err  error
	made tick.Tick // when jpeg or err was; 0: never
}

// NewThumbnails makes no picture yet. Of cfg it uses the program, the spool, the source and the clock.
func NewThumbnails(cfg Config) *Thumbnails {
	if cfg.FFmpeg == "" {
		cfg.FFmpeg = "ffmpeg"
	}
	return &Thumbnails{cfg: cfg, turn: make(chan struct{}, 1)}
}

// Picture is the newest picture at which decoding can begin, as a JPEG, and when it was made. The error says why there
// is none.
func (t *Thumbnails) Picture(ctx context.Context) ([]byte, tick.Tick, error) {
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
	defer func() { <-t.turn }()
	src, e, err := t.newest()
	if err != nil {
		return nil, 0, err
	}
	if now := t.cfg.Now(); t.made == 0 || now-t.made >= thumbnailAge {
		jpeg, err := t.decode(ctx, src, e)
		if ctx.Err() != nil { // who asked is gone, which says nothing about the picture
			return nil, 0, ctx.Err()
		}
		t.jpeg, t.err, t.made = jpeg, err, now
	}
	return t.jpeg, t.made, t.err
}

// newest is the newest place at which decoding can begin, whose picture is there to its end.
func (t *Thumbnails) newest() (Source, spool.Entry, error) {
	src, ok := t.cfg.Source()
	st := t.cfg.Spool.Stats()
	switch {
	case st.Newest == 0:
		return src, spool.Entry{}, errors.New("nothing has arrived yet")
	case t.cfg.Now()-st.Newest > silence:
		return src, spool.Entry{}, errors.New("nothing arrives")
	case !ok:
		return src, spool.Entry{}, errors.New("what arrives is not known yet")
	case src.Probe.Video == nil:
		return src, spool.Entry{}, errors.New("the input has no picture")
	}
	whole := false
	e, ok := t.cfg.Spool.Find(func(e spool.Entry) bool {
		if e.PID != src.Probe.VideoPID || e.Format != src.Format && (src.Pictures == 0 || e.Format < src.Pictures) {
			return false
		}
		was := whole
		whole = true
		return was && (e.Access == mpegts.IDR || e.Access == mpegts.Recovery)
	})
	if !ok {
		return src, e, errors.New("no picture has come at which decoding can begin")
	}
	return src, e, nil
}

// decode makes the picture that begins at e.
func (t *Thumbnails) decode(ctx context.Context, src Source, e spool.Entry) ([]byte, error) {
	ts, err := t.stream(src, e)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, thumbnailFor)
	defer cancel()
	cmd := exec.CommandContext(ctx, t.cfg.FFmpeg, ffmpeg.ThumbnailArgs()...)
	var out, errs limited
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(ts), &out, &errs
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting ffmpeg: %w", err)
	}
	_ = unix.Setpriority(unix.PRIO_PROCESS, cmd.Process.Pid, niceness)
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("ffmpeg has made no picture within %v", thumbnailFor)
	case out.Len() == 0 && errs.Len() > 0:
		lines := bytes.Split(bytes.TrimSpace(errs.Bytes()), []byte("\n"))
		return nil, fmt.Errorf("ffmpeg makes no picture of what arrives: %s", lines[len(lines)-1])
	case out.Len() == 0:
		return nil, fmt.Errorf("ffmpeg makes no picture of what arrives: %w", orEmpty(err))
	}
	return slices.Clone(out.Bytes()), nil
}

func orEmpty(err error) error {
	if err == nil {
		return errors.New("it wrote nothing")
	}
	return err
}

// stream is our tables and the picture's packets: those up to the next picture, or some more where decoding is not
// clean from the first on.
func (t *Thumbnails) stream(src Source, e spool.Entry) ([]byte, error) {
	prog := src.Program
	prog.Streams, prog.PCRPID = nil, mpegts.PIDNull
	for _, s := range src.Program.Streams {
		if s.PID == e.PID {
			prog.Streams = append(prog.Streams, s)
		}
	}
	psi, err := mpegts.PSI(prog, 0)
	if err != nil {
		return nil, fmt.Errorf("tables for ffmpeg: %w", err)
	}
	var ts []byte
	for i := range psi {
		mpegts.SetCC(psi[i][:], uint8(max(0, i-1)))
		ts = append(ts, psi[i][:]...)
	}
	buf := make([]byte, feedChunk*mpegts.Size)
	for pos, taken := e.Pos, 0; ; {
		n, err := t.cfg.Spool.Read(pos, buf)
		if err != nil || n == 0 {
			return ts, nil //nolint:nilerr // dropped meanwhile: FFmpeg makes of it what it can
		}
		for i := range n {
			pkt := mpegts.Packet(buf[i*mpegts.Size : (i+1)*mpegts.Size])
			if pkt.PID() != e.PID {
				continue
			}
			if pkt.Start() && taken > 0 && (e.Access == mpegts.IDR || taken > openReach) {
				return ts, nil
			}
			ts = append(ts, pkt...)
			taken++
		}
		pos += uint64(n)
	}
}

// limited is a buffer that takes no more than a thumbnail can be.
type limited struct{ bytes.Buffer }

// Write implements io.Writer.
func (l *limited) Write(b []byte) (int, error) {
	if l.Len()+len(b) > thumbnailMost {
		return 0, io.ErrShortWrite
	}
	return l.Buffer.Write(b)
}
