// Package spool keeps the last seconds of one input's TS packets, so that an encoder can start from a random access
// point in the past.
//
// Packets are numbered from 0 in order of arrival; a position is such a number. The headers of PES packets are indexed
// with their source times, and so are changes of the programme. One goroutine appends, any number read.
package spool

import (
	"errors"
	"sync"

	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

// chunkPackets is how many packets are kept and dropped together.
const chunkPackets = 1024

// ErrOverrun tells a reader that what it wanted next has been dropped: it was slower than the ring is long.
var ErrOverrun = errors.New("spool: reader was overrun")

// Config bounds a spool.
type Config struct {
	Length   tick.Tick // how much is kept, by arrival; default 30 s
	MaxBytes int64     // most that is kept whatever Length says; default 512 MiB
}

// Entry is the index entry of one PES packet.
type Entry struct {
	Pos     uint64 // position of the TS packet that begins it
	PID     uint16
	Video   bool
	Gen     int64 // generation of the source clock, see package anchor
	PTS     int64 // 90 kHz, unwrapped within its generation
	DTS     int64
	Arrival tick.Tick
	Access  mpegts.Access // of video: whether decoding can begin here
	Format  uint32        // number of the format that rules from here, counted by the writer
}

type chunk struct {
	first uint64
	n     int
	last  tick.Tick // arrival of its newest packet
	data  [chunkPackets * mpegts.Size]byte
}

// Spool is the ring.
type Spool struct {
	mu      sync.RWMutex
	cfg     Config
	chunks  []*chunk // oldest first
	free    []*chunk
	next    uint64 // position of the next packet
	entries ring
	newest  tick.Tick
}

// New makes an empty spool.
func New(cfg Config) *Spool {
	if cfg.Length == 0 {
		cfg.Length = 30 * tick.Second
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 512 << 20
	}
	return &Spool{cfg: cfg}
}

// Append adds one packet that arrived at now. e, if not nil, indexes it as the begin of a PES packet; its Pos is set
// here. The packet's position is returned.
func (s *Spool) Append(p mpegts.Packet, now tick.Tick, e *Entry) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.tail(now)
	copy(c.data[c.n*mpegts.Size:], p)
	c.n++
	c.last = now
	s.newest = now
	pos := s.next
	s.next++
	if e != nil {
		e.Pos = pos
		s.entries.push(*e)
	}
	return pos
}

// tail is the chunk that has room for one more packet.
func (s *Spool) tail(now tick.Tick) *chunk {
	if n := len(s.chunks); n > 0 && s.chunks[n-1].n < chunkPackets {
		return s.chunks[n-1]
	}
	s.trim(now)
	var c *chunk
	if n := len(s.free); n > 0 {
		c = s.free[n-1]
		s.free = s.free[:n-1]
	} else {
		c = &chunk{}
	}
	c.first, c.n = s.next, 0
	s.chunks = append(s.chunks, c)
	return c
}

// trim drops chunks that are too old, or too many.
func (s *Spool) trim(now tick.Tick) {
	const size = chunkPackets * mpegts.Size
	drop := 0
	for drop < len(s.chunks) {
		if old := s.chunks[drop]; now-old.last <= s.cfg.Length && int64(len(s.chunks)-drop+1)*size <= s.cfg.MaxBytes {
			break
		}
		drop++
	}
	if drop == 0 {
		return
	}
	if len(s.free) < 2 {
		s.free = append(s.free, s.chunks[:min(drop, 2)]...)
	}
	n := copy(s.chunks, s.chunks[drop:])
	clear(s.chunks[n:])
	s.chunks = s.chunks[:n]
	first := s.next
	if n > 0 {
		first = s.chunks[0].first
	}
	s.entries.dropBefore(first)
}

// SetAccess tells what was found out about the PES packet that began at pos, after it was appended.
func (s *Spool) SetAccess(pos uint64, a mpegts.Access, format uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := s.entries.n - 1; i >= 0; i-- {
		e := s.entries.at(i)
		if e.Pos == pos {
			e.Access, e.Format = a, format
		}
		if e.Pos <= pos {
			return
		}
	}
}

// Read copies whole packets from position pos into buf and returns how many; 0 means that there is none yet.
func (s *Spool) Read(pos uint64, buf []byte) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.chunks) == 0 || pos >= s.next {
		return 0, nil
	}
	if pos < s.chunks[0].first {
		return 0, ErrOverrun
	}
	c := s.chunks[(pos-s.chunks[0].first)/chunkPackets] // all but the newest are full
	off := int(pos - c.first)
	n := min(c.n-off, len(buf)/mpegts.Size)
	copy(buf, c.data[off*mpegts.Size:(off+n)*mpegts.Size])
	return n, nil
}

// Entries appends to dst the index entries of positions in [from, to) and returns it.
func (s *Spool) Entries(dst []Entry, from, to uint64) []Entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := s.entries.search(from); i < s.entries.n; i++ {
		e := s.entries.at(i)
		if e.Pos >= to {
			break
		}
		dst = append(dst, *e)
	}
	return dst
}

// Find returns the newest entry for which keep is true, looking back from the end.
func (s *Spool) Find(keep func(Entry) bool) (Entry, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := s.entries.n - 1; i >= 0; i-- {
		if e := s.entries.at(i); keep(*e) {
			return *e, true
		}
	}
	return Entry{}, false
}

// First returns the oldest entry for which keep is true.
func (s *Spool) First(keep func(Entry) bool) (Entry, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := range s.entries.n {
		if e := s.entries.at(i); keep(*e) {
			return *e, true
		}
	}
	return Entry{}, false
}

// Stats describes what a spool holds.
type Stats struct {
	First, Next uint64 // positions: the oldest kept and the one that comes next
	Bytes       int64
	Length      tick.Tick // by arrival
	Newest      tick.Tick // arrival of the newest packet; 0 when nothing came yet
}

// Stats tells what the spool holds now.
func (s *Spool) Stats() Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	st := Stats{First: s.next, Next: s.next, Newest: s.newest, Bytes: int64(len(s.chunks)) * chunkPackets * mpegts.Size}
	if len(s.chunks) > 0 {
		st.First = s.chunks[0].first
	}
	if s.entries.n > 0 {
		st.Length = s.newest - s.entries.at(0).Arrival
	}
	return st
}
