package probe

import (
	"context"
	"errors"
	"fmt"
	"io"

	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

const (
	readSize = 64 << 10
	// scanned is how much of a file is looked at to choose its clock.
	scanned = 32 << 20
)

// errEnough ends the reading of a file.
var errEnough = errors.New("enough was read")

// File analyses a stream that is read at full speed: time is that of its own clock, not that of the reading. span ends
// the analysis after so much of the stream's time; 0: at its end. The error is that of reading; what is no transport
// stream is no error, but told by the report.
func File(ctx context.Context, r io.ReadSeeker, source string, span tick.Tick) (Report, error) {
	scan := chooser{tables: mpegts.NewTables(), pcrs: map[uint16]int{}, times: map[uint16]int{}}
	if err := packets(ctx, io.LimitReader(r, scanned), new(mpegts.Framer), scan.push); err != nil {
		return Report{}, fmt.Errorf("reading %s: %w", source, err)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return Report{}, fmt.Errorf("reading %s from the start: %w", source, err)
	}
	a := New(source)
	a.network = nil
	pace := pacer{ref: scan.choose(), at: fileStart}
	a.clock = pace.ref.kind
	over := false
	pace.out = func(p mpegts.Packet, now tick.Tick) {
		if over = over || (span > 0 && now-fileStart > span); over {
			return
		}
		a.now = now
		a.packet(p, now)
	}
	counted := counter{r: r}
	err := packets(ctx, &counted, &a.framer, func(p mpegts.Packet) {
		pace.push(p)
		a.monitor.Framer(a.framer.Stats(), a.now)
		counted.over = over
	})
	if err != nil && !errors.Is(err, errEnough) {
		return Report{}, fmt.Errorf("reading %s: %w", source, err)
	}
	pace.flush(pace.mean())
	a.bytes = counted.n
	a.monitor.Framer(a.framer.Stats(), a.now)
	if !over {
		a.now = max(a.now, pace.at)
	}
	return a.Report(a.now), nil
}

// counter counts what is read, until it is over.
type counter struct {
	r    io.Reader
	n    uint64
	over bool
}

// Read implements io.Reader.
func (c *counter) Read(b []byte) (int, error) {
	if c.over {
		return 0, errEnough
	}
	n, err := c.r.Read(b)
	c.n += uint64(n)
	return n, err
}

// packets reads r to its end and cuts it into packets.
func packets(ctx context.Context, r io.Reader, f *mpegts.Framer, emit func(mpegts.Packet)) error {
	buf := make([]byte, readSize)
	for {
		n, err := r.Read(buf)
		f.Push(buf[:n], emit)
		if errors.Is(err, io.EOF) {
			f.Flush(emit)
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}
