package publish

import (
	"fmt"
	"slices"

	"onair/pkg/hls"
	"onair/pkg/presentation"
	"onair/pkg/tick"
)

// change is another set of tracks that is listed from a number on.
type change struct {
	k      int64
	tracks []presentation.Track
}

// Change gives the channel other tracks from segment k on, with the initializations in inits by track, see
// presentation.Window.Change. Those of segments before k stay as they are. Call it before the first segment of the new
// tracks; a track whose initialization is not known yet gets it by SetInit.
func (p *Publisher) Change(k int64, tracks []presentation.Track, inits map[string][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changes = append(p.changes, change{k, slices.Clone(tracks)})
	p.known = make(map[string]presentation.Track, len(tracks))
	for _, t := range tracks {
		p.queue.meet(t.Name, k)
		p.place(t.Name)
		p.known[t.Name] = t
		if p.status.tracks[t.Name] == nil {
			p.status.tracks[t.Name] = &TrackStatus{Name: t.Name, LastK: -1}
		}
		if body := inits[t.Name]; body != nil && t.Init != "" {
			p.writeInit(t, body)
		}
	}
	p.tracks = slices.Clone(tracks)
	p.signal()
}

// SetWindow changes how much is listed, from the next segment on.
func (p *Publisher) SetWindow(length tick.Tick) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cfg.Presentation.Window == length {
		return
	}
	p.cfg.Presentation.Window = length
	p.window.Resize(length)
	p.caching = caching(p.window.Snapshot().Size(), p.cfg.Presentation.Grid.T)
}

// turn makes the changes that hold for segment k. The caller holds mu.
func (p *Publisher) turn(k int64) {
	for len(p.changes) > 0 && p.changes[0].k <= k {
		c := p.changes[0]
		p.changes = p.changes[1:]
		if s := p.window.Snapshot(); s.Len() > 0 && s.Last() < c.k-1 { // what is missing before it is of the old ones
			if err := p.window.Append(c.k-1, nil); err != nil {
				p.failed(err)
			}
		}
		if err := p.window.Change(c.tracks); err != nil {
			p.failed(fmt.Errorf("another ladder: %w", err))
			continue
		}
		p.applied = make(map[string]presentation.Track, len(c.tracks))
		for _, t := range c.tracks {
			p.applied[t.Name] = t
		}
	}
}

// leave throws away the playlists of tracks that are not in the window any more, once those that are stand without
// them. The caller holds mu.
func (p *Publisher) leave(snap *presentation.Snapshot) {
	for name := range p.lists {
		if _, there := snap.Track(name); !there && p.shared != nil {
			delete(p.lists, name) // the other pipeline may have it still
		} else if !there {
			p.trash.throw(p.cfg.Presentation.Channel + "/" + hls.MediaName(name))
			delete(p.lists, name)
			delete(p.manifest.written, p.cfg.Presentation.Channel+"/"+hls.MediaName(name))
		}
	}
	for _, t := range snap.All() {
		p.lists[t.Name] = true
	}
}

// place is a track's bit in what is held of a number; -1: there is none left for it.
func (p *Publisher) place(name string) int {
	if i := slices.Index(p.places, name); i >= 0 {
		return i
	}
	if len(p.places) < maxPlaces {
		p.places = append(p.places, name)
		return len(p.places) - 1
	}
	used := uint64(0)
	for _, tracks := range p.trash.held {
		used |= tracks
	}
	for i, old := range p.places {
		if _, there := p.known[old]; !there && used&(1<<i) == 0 {
			p.places[i] = name
			return i
		}
	}
	return -1
}

// maxPlaces is how many tracks a bit mask holds.
const maxPlaces = 64

// hold notes that the store may have a segment of a track.
func (p *Publisher) hold(k int64, track string) {
	if i := p.place(track); i >= 0 {
		p.trash.hold(k, i)
		return
	}
	if p.trash.leftovers == nil {
		p.trash.leftovers = map[int64][]string{}
	}
	if name := p.segmentName(track, k); !slices.Contains(p.trash.leftovers[k], name) {
		p.trash.leftovers[k] = append(p.trash.leftovers[k], name)
	}
}
