package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"syscall"
	"time"

	"onair/pkg/loop"
	"onair/pkg/mpegts"
	"onair/pkg/pace"
	"onair/pkg/tick"
)

const (
	clipDatagram = 7 * mpegts.Size        // bytes handed on together, as in a datagram
	clipEarly    = 5 * time.Millisecond   // what is due within this goes with what is due now
	clipLate     = time.Second            // what is later than this is not made up for
	clipShortest = 100 * tick.Millisecond // a file that lasts less is no clip
	clipJunk     = 1 << 20                // bytes without a packet, after which a file is no transport stream
	clipLook     = time.Second            // how often it is looked whether the file is still the same

	// clipSpacing is the least distance of two datagrams, 250 Mb/s: references that say more are wrong.
	clipSpacing = clipDatagram * 8 * time.Second / 250_000_000
)

// clips receives file legs.
type clips struct{}

func (clips) receive(ctx context.Context, p *path) error {
	file, err := openClip(p.url.Path)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read from
	info, err := file.Stat()
	if err != nil {
		return systemSays("cannot read the file", err)
	}
	p.open(Connected, netip.AddrPort{})
	c := &clip{
		ctx: ctx, name: p.url.Path, file: file, info: info, looked: time.Now(), timer: time.NewTimer(0),
		take: func(b []byte) { p.take(b, netip.AddrPort{}) },
	}
	defer c.timer.Stop()
	err = c.play()
	if ctx.Err() == nil && !c.start.IsZero() { // too short a break to be seen once a second
		p.log.Warn().Str("reason", err.Error()).Msg("file begun anew")
	}
	return err
}

// openClip opens a regular file: reading anything else might wait forever.
func openClip(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, systemSays("cannot open the file", err)
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		_ = file.Close()
		return nil, errors.New("cannot play this: it is not a regular file")
	}
	return file, nil
}

// systemSays leaves away the path, since the leg's URL stands beside the error.
func systemSays(what string, err error) error {
	var number syscall.Errno
	if errors.As(err, &number) {
		err = number
	}
	return fmt.Errorf("%s: %w", what, err)
}

// clip is a file that is played over and over, as fast as its clock references say, with clocks that go on from one
// round to the next. It is read as it is needed.
type clip struct {
	ctx    context.Context //nolint:containedctx // that of one receive
	name   string
	file   *os.File
	info   fs.FileInfo // as it was opened
	looked time.Time
	timer  *time.Timer
	take   func(ts []byte)

	round int  // bytes read in this round
	found bool // packets of a transport stream
	start time.Time
	last  time.Time // when the newest datagram was due
	at    tick.Tick // of the pending datagram
	ts    []byte    // the pending datagram
}

// play plays until something is wrong with the file or the context ends.
func (c *clip) play() error {
	l, p := loop.New(), pace.ByPCR(c.packet)
	for {
		_, err := l.Round(c, func(pkt mpegts.Packet) error {
			c.found = true
			return p.Push(pkt)
		})
		switch {
		case errors.Is(err, pace.ErrNoPCR):
			return fmt.Errorf("%w, and it is played by that: write it anew with ffmpeg -i FILE -c copy -f mpegts", err)
		case err != nil:
			return err
		case !c.found:
			return errNoTS
		}
		l.Again()
		if l.Period() < clipShortest {
			return fmt.Errorf("the file lasts only %v: it needs %v or more", l.Period().Duration(), clipShortest.Duration())
		}
		if _, err := c.file.Seek(0, io.SeekStart); err != nil {
			return systemSays("cannot read the file again", err)
		}
		c.round = 0
	}
}

var errNoTS = errors.New("the file is not MPEG-TS")

// Read implements io.Reader over one round of the file.
func (c *clip) Read(b []byte) (int, error) {
	if !c.found && c.round > clipJunk {
		return 0, errNoTS
	}
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.file.Read(b)
	c.round += n
	if err != nil && !errors.Is(err, io.EOF) {
		err = systemSays("cannot read the file", err)
	}
	return n, err
}

// packet puts a packet into the pending datagram and hands that on when it is full.
func (c *clip) packet(p mpegts.Packet, at tick.Tick) error {
	if len(c.ts) == 0 {
		c.at = at
	}
	c.ts = append(c.ts, p...)
	if len(c.ts) < clipDatagram {
		return nil
	}
	if err := c.wait(); err != nil {
		return err
	}
	c.take(c.ts)
	c.ts = c.ts[:0]
	return nil
}

// wait waits until the pending datagram is due.
func (c *clip) wait() error {
	now := time.Now()
	if c.start.IsZero() {
		c.start, c.last = now.Add(-c.at.Duration()), now
	}
	due := c.start.Add(c.at.Duration())
	if least := c.last.Add(clipSpacing); due.Before(least) {
		due = least
	}
	if late := now.Sub(due); late > clipLate { // this host stood still
		c.start, due = c.start.Add(late), now
	}
	c.last = due
	if left := due.Sub(now); left > clipEarly {
		c.timer.Reset(left)
		select {
		case <-c.ctx.Done():
			return c.ctx.Err()
		case <-c.timer.C:
		}
	}
	if now.Sub(c.looked) < clipLook {
		return c.ctx.Err()
	}
	c.looked = now
	return c.same()
}

// same tells whether the file that is being played is still the one of its name.
func (c *clip) same() error {
	info, err := os.Stat(c.name)
	switch {
	case err != nil:
		return systemSays("the file has gone while it was played", err)
	case !os.SameFile(info, c.info):
		return errors.New("the file was replaced while it was played: the new one is opened")
	case info.Size() != c.info.Size() || !info.ModTime().Equal(c.info.ModTime()):
		return errors.New("the file was changed while it was played: it is opened again")
	}
	return nil
}
