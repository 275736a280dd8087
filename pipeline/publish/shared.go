package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"onair/pkg/dash"
	"onair/pkg/hls"
	"onair/pkg/presentation"
	"onair/pkg/store"
	"onair/pkg/tick"
)

// sharing is what a publisher keeps of a store to which the channel's other pipeline publishes too.
//
// The two know nothing of each other but what is in the store. A segment is created if it is absent: who is first does
// not matter, as the other's is as good. Slate, and what lacks altogether, waits for as long as the other may yet bring
// media. A playlist is replaced only if it is the one that was read or written last; else the other has listed
// something meanwhile, and that rules: what it has listed is taken over, and what is our own is appended to it.
type sharing struct {
	store  store.Swapper
	rows   []row // appended and not in the store's playlists yet, oldest first
	rules  rules
	search search
	last   time.Time // when playlists were written or read last
	newest int64     // number that the other pipeline has listed; guarded by the publisher's mu as all of these

	mu       sync.Mutex
	versions map[string]version // of the playlists, as they were read or written last
}

// row is one number with the segments that are listed of it.
type row struct {
	k    int64
	segs map[string]presentation.Segment
}

// rules are what the other pipeline has listed of numbers that it has not listed in every track yet.
type rules map[int64]map[string]presentation.Segment

// errOvertaken tells that the other pipeline has written a playlist since it was read.
var errOvertaken = errors.New("the other pipeline has listed something meanwhile")

func newSharing(s store.Swapper) *sharing {
	return &sharing{store: s, versions: map[string]version{}, newest: -1}
}

// listed tells whether the other pipeline has listed a number, so that it is no fault if a segment of it comes late.
func (s *sharing) listed(k int64) bool { return s != nil && k <= s.newest }

// confirmed notes that the store's playlists are those of snap.
func (s *sharing) confirmed(snap *presentation.Snapshot, now time.Time) {
	if s == nil {
		return
	}
	s.last = now
	s.rows = slices.DeleteFunc(s.rows, func(r row) bool { return r.k <= snap.Last() })
	for k := range s.rules {
		if k <= snap.Last() {
			delete(s.rules, k)
		}
	}
}

// apply gives what is to be listed of a number when what the other pipeline has listed of it rules.
func (r rules) apply(k int64, segs map[string]presentation.Segment) map[string]presentation.Segment {
	theirs := r[k]
	if len(theirs) == 0 {
		return segs
	}
	out := make(map[string]presentation.Segment, len(segs))
	for track, s := range segs {
		if _, ruled := theirs[track]; !ruled {
			out[track] = s
		}
	}
	for track, s := range theirs {
		if !s.Gap {
			out[track] = presentation.Segment{K: k, Init: s.Init}
		}
	}
	return out
}

// create writes what comes once. In a shared store the other pipeline's is as good.
func (p *Publisher) create(ctx context.Context, o store.Object) error {
	if p.shared == nil {
		return p.put(ctx, o)
	}
	defer p.takesOff()()
	err := p.cfg.Store.Create(ctx, o)
	if !errors.Is(err, store.ErrExists) {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status.Twins++
	return nil
}

// replace writes a playlist, which goes up to segment last, in the place of the one before. In a shared store that must
// be the one that is known.
func (p *Publisher) replace(ctx context.Context, o store.Object, last int64) error {
	if p.shared == nil {
		return p.put(ctx, o)
	}
	defer p.takesOff()()
	const tries = 3
	for range tries {
		again, err := p.swap(ctx, o, last)
		if !again {
			return err
		}
	}
	return fmt.Errorf("%s: %w", o.Name, errOvertaken)
}

// swap tries to replace a playlist once. again tells that there is a new reason to try: what is there is older, or
// gone.
func (p *Publisher) swap(ctx context.Context, o store.Object, last int64) (again bool, err error) {
	s := p.shared
	was := s.version(o.Name)
	if was.last > last {
		return false, nil // theirs goes further already; so will ours when it has caught up
	}
	tag, err := s.store.Swap(ctx, o, was.tag)
	if err == nil {
		s.know(o.Name, version{tag, last})
		return false, nil
	}
	if !errors.Is(err, store.ErrChanged) {
		return false, err
	}
	there, err := s.store.Get(ctx, o.Name)
	if errors.Is(err, store.ErrNotFound) {
		s.know(o.Name, version{})
		return true, nil
	}
	if err != nil {
		return false, err
	}
	is := version{there.Tag, p.lastOf(there)}
	s.know(o.Name, is)
	switch {
	case bytes.Equal(there.Body, o.Body):
		return false, nil
	case o.Name == p.below(hls.FileName):
		return p.changed(o) || hls.CheckMultivariant(there.Body) != nil, nil
	case o.Name == p.below(dash.FileName):
		return is.last < last, nil
	case is.last < p.seen():
		p.event("warning", o.Name+" is not ours, or an old one, and is replaced")
		return true, nil
	}
	return false, errOvertaken
}

// changed tells whether a playlist is another one than this publisher has written last: the ladder has changed here.
func (p *Publisher) changed(o store.Object) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !bytes.Equal(p.manifest.written[o.Name], o.Body)
}

// seen is the last number that viewers have seen listed; 0 before any.
func (p *Publisher) seen() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.manifest.any {
		return 0
	}
	return p.manifest.shown
}

// lastOf is the last segment that a playlist goes up to; -1: it lists none, or cannot be read.
func (p *Publisher) lastOf(o store.Object) int64 {
	grid := p.cfg.Presentation.Grid
	if o.Name == p.below(dash.FileName) {
		at, err := dash.Published(o.Body)
		if err != nil {
			return -1
		}
		return grid.K(tick.FromTime(at)+grid.T/2) - 1 // it was published at the segment's end, to the millisecond
	}
	if list, err := hls.ReadMedia(o.Body); err == nil {
		return list.First + int64(len(list.Segments)) - 1
	}
	return -1
}

// version is what is known of a playlist in the store.
type version struct {
	tag  string // empty: there is none
	last int64  // segment that it goes up to
}

func (s *sharing) version(name string) version {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.versions[name]
}

func (s *sharing) know(name string, v version) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions[name] = v
}
