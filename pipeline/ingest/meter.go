package ingest

import (
	"sync"

	"github.com/rs/zerolog"

	"onair/pkg/tick"
)

// meter counts datagrams and their bytes, and measures the bitrate over whole seconds.
type meter struct {
	packets, bytes uint64
	since          tick.Tick // begin of the running second
	mark           uint64    // bytes at that time
	rate           int64     // bits per second of the second before
}

func (m *meter) add(n int, now tick.Tick) {
	m.roll(now)
	m.packets++
	m.bytes += uint64(n)
}

// roll closes the running second if it is over.
func (m *meter) roll(now tick.Tick) {
	span := now - m.since
	if span < tick.Second {
		return
	}
	m.rate = 0
	if m.since != 0 && span < 2*tick.Second {
		m.rate = tick.MulDiv(int64(m.bytes-m.mark)*8, int64(tick.Second), int64(span))
	}
	m.since, m.mark = now, m.bytes
}

// repeated logs an event that may happen at any rate: at once, then at most once a second with the count.
type repeated struct {
	log     zerolog.Logger
	message string

	mu    sync.Mutex
	last  tick.Tick
	count uint64
	why   string
}

// report notes one more event.
func (r *repeated) report(why string, now tick.Tick) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	r.why = why
	r.flushLocked(now)
}

// flush logs what has been held back for a second.
func (r *repeated) flush(now tick.Tick) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flushLocked(now)
}

// flushLocked needs mu. The logger is called under it so that lines stay in order; it is this event's own.
func (r *repeated) flushLocked(now tick.Tick) {
	if r.count == 0 || r.last != 0 && now-r.last < tick.Second {
		return
	}
	r.log.Warn().Uint64("count", r.count).Str("reason", r.why).Msg(r.message)
	r.last, r.count = now, 0
}
