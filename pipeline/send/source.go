package send

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"onair/pkg/loop"
	"onair/pkg/mpegts"
)

// Source is a transport stream.
type Source interface {
	// Run gives the packets of the stream in their order to emit, which waits until more are wanted, until the stream or
	// ctx ends or emit fails; its error is then returned. A packet is valid during the call and may be changed.
	Run(ctx context.Context, emit func(p mpegts.Packet) error) error
	// Margin is how much later than the first packet's arrival it is sent: what a source that makes its packets in real
	// time may be late by without being heard.
	Margin() time.Duration
}

// File is a transport stream in a file, of 188-, 192- or 204-byte packets.
type File struct {
	Name string
	Loop bool // begin again at the end, with clocks that go on
}

var _ Source = File{}

// Margin implements Source.
func (f File) Margin() time.Duration { return 0 }

// Run implements Source.
func (f File) Run(ctx context.Context, emit func(p mpegts.Packet) error) error {
	file, err := os.Open(f.Name)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read from
	l := loop.New()
	for {
		n, err := l.Round(reader{ctx, file}, emit)
		if err != nil {
			return fmt.Errorf("source %s: %w", f.Name, err)
		}
		if n == 0 {
			return fmt.Errorf("source %s: no packets of a transport stream in it", f.Name)
		}
		if !f.Loop {
			return nil
		}
		l.Again()
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("source %s cannot be looped: %w", f.Name, err)
		}
	}
}

// reader reads until ctx ends.
type reader struct {
	ctx  context.Context //nolint:containedctx // that of one Run
	file io.Reader
}

// Read implements io.Reader.
func (r reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.file.Read(b)
}
