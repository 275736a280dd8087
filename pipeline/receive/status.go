package receive

import (
	"errors"
	"maps"

	"onair/pipeline/origin"
)

// Status is what an origin tells of itself.
type Status struct {
	Requests uint64
	Writes   uint64 // objects that were taken
	Bytes    uint64 // of these
	Deletes  uint64
	Expired  uint64            // objects that became too old
	Refused  map[string]uint64 // by cause: see Causes
	Channels map[string]ChannelStatus
}

// ChannelStatus is what an origin tells of a channel.
type ChannelStatus struct {
	Objects int
	Bytes   int64
	Stale   int // playlists and manifests that are a 503 now
	Playing origin.Stats
	Memory  origin.EdgeStats
}

// Status tells the state.
func (rc *Receiver) Status() Status {
	s := Status{
		Requests: rc.requests.Load(), Writes: rc.writes.Load(), Bytes: rc.bytes.Load(), Deletes: rc.deletes.Load(),
		Expired: rc.expired.Load(), Channels: map[string]ChannelStatus{},
	}
	rc.refusedMu.Lock()
	s.Refused = maps.Clone(rc.refused)
	rc.refusedMu.Unlock()
	rc.mu.RLock()
	defer rc.mu.RUnlock()
	for name, ch := range rc.channels {
		cs := ChannelStatus{Stale: ch.stale(), Playing: ch.play.Stats(), Memory: ch.edge.Stats()}
		ch.mu.RLock()
		cs.Objects, cs.Bytes = len(ch.objects), ch.bytes
		ch.mu.RUnlock()
		s.Channels[name] = cs
	}
	return s
}

// Ready tells why the origin cannot serve or take anything now; nil if it can.
func (rc *Receiver) Ready() error {
	if !rc.loaded.Load() {
		return errors.New("the store has not been read yet")
	}
	if t := rc.trouble.Load(); t != nil && rc.cfg.Now().Sub(t.at) < troubleLasts {
		return errors.New(t.text)
	}
	return nil
}
