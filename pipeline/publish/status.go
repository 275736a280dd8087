package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"onair/pkg/presentation"
	"onair/pkg/tick"
)

// Status is a publisher's state.
type Status struct {
	Store      string
	LastK      int64         // newest number in the store's playlists; -1: none written yet
	ListedAt   tick.Tick     // when they were last written
	Media      uint64        // segment numbers listed with media of some track since the start
	Writes     uint64        // objects stored
	Errors     uint64        // tries that failed, and one for each 2 s during which a write hangs
	Gaps       uint64        // segments listed as a gap here, whatever for
	Untaken    uint64        // segments of these that were delivered, and that the store did not take in time
	Dropped    uint64        // segment numbers dropped because too much waited
	Late       uint64        // segments that came after their number was settled
	Twins      uint64        // segments that the other pipeline had brought first, in a store that is shared
	Adopted    uint64        // segment numbers that the other pipeline had listed first
	Deleted    uint64        // expired objects removed
	Queue      int           // segment numbers that wait
	QueueBytes int64         // their media
	Latency    time.Duration // from the last segment's arrival to its listing, last time
	LastError  string        // empty: none yet, or all went well since
	ErrorAt    tick.Tick
	Tracks     []TrackStatus // in the presentation's order
}

// TrackStatus is one track's state in this store.
type TrackStatus struct {
	Name      string
	LastK     int64 // newest number stored; -1: none
	Segments  uint64
	Bytes     uint64
	LastBytes int64 // size of the newest segment
	Gaps      uint64
	Latency   time.Duration // from arrival to stored, last time
}

// counters is what Status tells, and what is counted for it.
type counters struct {
	Status
	rounds  uint64 // of playlists
	settled uint64 // segment numbers in the window's newest state with media of some track since the start
	tracks  map[string]*TrackStatus
	writing int
	muted   uint64 // errors not logged since the last one
	logged  time.Time
}

// Status tells the state.
func (p *Publisher) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.status.Status
	s.Store = p.cfg.Store.String()
	s.Queue, s.QueueBytes = p.queue.len(), p.queue.bytes
	for _, t := range p.tracks {
		ts := *p.status.tracks[t.Name]
		s.Gaps += ts.Gaps
		s.Tracks = append(s.Tracks, ts)
	}
	if !p.manifest.any {
		s.LastK = -1
	}
	return s
}

// Snapshot is the presentation as it was last settled; the store's playlists follow it within moments.
func (p *Publisher) Snapshot() *presentation.Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.window.Snapshot()
}

// Fresh tells why viewers must not be given this store's playlists; nil if they may. The newest media, slate included,
// gaps not, must have been listed within max(1.5 T, T + 3 s). It is cheap enough for every request.
func (p *Publisher) Fresh() error {
	l := p.fresh.Load()
	if l == nil {
		return errNothingListed
	}
	if age := p.cfg.Now() - l.at; age > p.limit {
		return fmt.Errorf("the newest media, segment %d, was listed %v ago; more than %v is stale", l.k,
			age.Duration().Truncate(100*time.Millisecond), p.limit.Duration().Truncate(100*time.Millisecond))
	}
	return nil
}

var errNothingListed = errors.New("nothing is listed yet: playlists appear with the third segment")

// failed counts an error and logs it.
func (p *Publisher) failed(err error) {
	if errors.Is(err, context.Canceled) {
		return // we gave it up ourselves, at the end
	}
	p.status.Errors++
	p.status.LastError, p.status.ErrorAt = err.Error(), p.cfg.Now()
	p.warn(err)
}

func (p *Publisher) event(level, message string) {
	if p.cfg.Event != nil {
		p.cfg.Event(level, "store "+p.cfg.Store.String()+": "+message)
	}
}

// warn logs at most once a second, with the count of what was left out. The caller holds mu.
func (p *Publisher) warn(err error) {
	p.status.muted++
	now := time.Now()
	if now.Sub(p.status.logged) < time.Second {
		return
	}
	p.cfg.Log.Warn().Err(err).Uint64("times", p.status.muted).Msg("publishing has trouble")
	p.status.muted, p.status.logged = 0, now
}
