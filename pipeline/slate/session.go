package slate

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"onair/pkg/beat"
	"onair/pkg/child"
	"onair/pkg/ffmpeg"
	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

// Ends of a session that FFmpeg did not choose.
var (
	errLate   = errors.New("the slate's clock has fallen behind")
	errHangs  = errors.New("it made nothing for long, and was killed")
	errStands = errors.New("it stood still, as if stopped, and was killed")
	errClosed = errors.New("it closed its output but did not end, and was killed")
)

// session is one FFmpeg at work.
type session struct {
	*Slate
	proc  *child.Process
	alive chan struct{} // something has come out
	ended chan struct{} // closed when nothing will any more
	made  atomic.Int64  // pictures that have come out
}

// session runs one FFmpeg until it ends or ctx does, and tells whether a picture came out. The pictures go on where
// those of the one before ended, so that who shows them misses none.
func (s *Slate) session(ctx context.Context) (made bool, err error) {
	due := s.begins()
	proc, err := child.Start(child.Spec{Path: s.cfg.FFmpeg, Args: s.args(due), Outputs: 1, Paced: true, Stdin: waiting})
	if err != nil {
		return false, err
	}
	one := session{Slate: s, proc: proc, alive: make(chan struct{}, 1), ended: make(chan struct{})}
	inner, cancel := context.WithCancel(ctx)
	g, inner := errgroup.WithContext(inner)
	g.Go(func() error {
		defer cancel()
		defer close(one.ended)
		return one.read(proc.Output(0))
	})
	g.Go(func() error { return one.draw(inner, proc.Stdin(), due) })
	g.Go(func() error { return one.watch(inner) })
	err = g.Wait()
	exit := proc.Wait()
	if n := one.made.Load(); n > 0 {
		s.next = due + tick.Tick(n)*period
	}
	return one.made.Load() > 0, reason(err, exit, proc.Tail())
}

// begins is when the first picture of a session is due: the one that the session before did not bring, unless that was
// long ago, else at the begin of a second. Where the very first one lies decides for all.
func (s *Slate) begins() tick.Tick {
	now := s.cfg.Now()
	if s.next != 0 && now-s.next <= late {
		return s.next
	}
	return (now/period + 1) * period
}

// reason says why a session ended that was to go on.
func reason(err error, exit child.Exit, tail []string) error {
	switch {
	case errors.Is(err, errLate), errors.Is(err, errHangs), errors.Is(err, errStands):
		return err
	case exit.Asked:
		return errClosed
	}
	end := ffmpeg.Exit{Code: exit.Code}
	if exit.Signal != 0 {
		end.Signal = exit.Signal.String()
	}
	return errors.New(ffmpeg.Explain(end, tail))
}

// read hands on what comes out, in whole packets: what an FFmpeg that is killed leaves of one would put those of the
// next out of step.
func (s *session) read(from io.Reader) error {
	buf := make([]byte, 350*mpegts.Size)
	for have := 0; ; {
		n, err := from.Read(buf[have:])
		have += n
		if whole := have - have%mpegts.Size; whole > 0 {
			s.pass(buf[:whole])
			have = copy(buf, buf[whole:have])
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// pass hands packets on, and counts the pictures that begin in them.
func (s *session) pass(ts []byte) {
	for i := 0; i < len(ts); i += mpegts.Size {
		pkt := mpegts.Packet(ts[i : i+mpegts.Size])
		if !pkt.Start() {
			continue
		}
		if _, ok := mpegts.PESTimes(pkt.Payload()); ok {
			s.made.Add(1)
		}
	}
	s.cfg.Sink.Datagram(ts, s.cfg.Now()+Lead, 0)
	select {
	case s.alive <- struct{}{}:
	default:
	}
}

// draw writes a picture as every second of the channel's time begins, the first one at due.
func (s *session) draw(ctx context.Context, to io.Writer, due tick.Tick) error {
	for ; !stopped(ctx); due += period {
		now := s.cfg.Now()
		if now-due > behind {
			return errLate
		}
		pause(ctx, (due - now).Duration())
		if stopped(ctx) {
			break
		}
		if _, err := to.Write(s.card.Load().Draw((due + Lead).Time().Local())); err != nil {
			return nil //nolint:nilerr // why it ended is what FFmpeg says
		}
	}
	return nil
}

// watch ends FFmpeg when ctx ends, or nothing has come out for long, or it stands still with something to do.
func (s *session) watch(ctx context.Context) error {
	defer s.proc.Kill() // which lets the other two end
	timer := time.NewTimer(hangs)
	defer timer.Stop()
	looks := beat.NewTicker(lookEvery)
	defer looks.Stop()
	for still := (child.Standstill{}); ; {
		select {
		case <-ctx.Done():
			s.farewell()
			return nil
		case <-timer.C:
			return errHangs
		case <-looks.Next():
			if still.Look(s.proc, s.made.Load() == 0 || s.proc.Unread() == 0, lookEvery, stoodFor) {
				return errStands
			}
		case <-s.alive:
			timer.Reset(hangs)
			still = child.Standstill{}
		}
	}
}

// farewell waits for the end of an FFmpeg that has closed its output: killed now, it could not say why.
func (s *session) farewell() {
	select {
	case <-s.ended:
	default:
		return
	}
	timer := time.NewTimer(dying)
	defer timer.Stop()
	select {
	case <-s.proc.Done():
	case <-timer.C:
	}
}
