package send

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

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
	loop := NewLoop()
	for {
		n, err := f.round(ctx, file, loop, emit)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("source %s: no packets of a transport stream in it", f.Name)
		}
		if !f.Loop {
			return nil
		}
		loop.Again()
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("source %s cannot be looped: %w", f.Name, err)
		}
	}
}

// round reads the file once and tells how many packets there were.
func (f File) round(ctx context.Context, file io.Reader, loop *Loop, emit func(p mpegts.Packet) error) (int, error) {
	var framer mpegts.Framer
	var failed error
	n := 0
	take := func(p mpegts.Packet) {
		n++
		if failed == nil && loop.Push(p) {
			failed = emit(p)
		}
	}
	buffer := make([]byte, 64<<10)
	for failed == nil && ctx.Err() == nil {
		got, err := file.Read(buffer)
		framer.Push(buffer[:got], take)
		if errors.Is(err, io.EOF) {
			framer.Flush(take)
			return n, failed
		}
		if err != nil {
			return n, fmt.Errorf("reading source %s: %w", f.Name, err)
		}
	}
	return n, errors.Join(failed, ctx.Err())
}
