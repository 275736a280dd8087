package publish

import (
	"context"
	"errors"
	"slices"

	"onair/pkg/dash"
	"onair/pkg/hls"
	"onair/pkg/store"
)

// What a store without a listing may hold beside what its playlists name, in segments: those that a process wrote and
// did not live to list, and those that it took off the list and did not live to delete.
const (
	mayFollow  = 3
	mayPrecede = 2 // and as many as the window has
)

// unlisted is what a store that cannot tell what it holds has of the channel, going by its playlists: they name nothing
// that the store has not confirmed. What may be there has no size, so that it is deleted in its time and never listed.
func (p *Publisher) unlisted(ctx context.Context) ([]store.Info, error) {
	var out []store.Info
	var tracks []string
	for _, t := range p.cfg.Presentation.Tracks {
		tracks = append(tracks, t.Name)
	}
	for _, name := range []string{hls.FileName, dash.FileName} {
		body, err := p.ask(ctx, name)
		if err != nil {
			return nil, err
		}
		if body == nil {
			continue
		}
		out = append(out, store.Info{Name: p.below(name), Size: int64(len(body))})
		periods, _ := dash.ReadPeriods(body) // likewise: see unlistedTrack
		for _, period := range periods {
			for _, t := range period.Tracks {
				if !slices.Contains(tracks, t.Name) {
					tracks = append(tracks, t.Name)
				}
			}
		}
	}
	for _, track := range tracks {
		infos, err := p.unlistedTrack(ctx, track)
		if err != nil {
			return nil, err
		}
		out = append(out, infos...)
	}
	return out, nil
}

// unlistedTrack is what the playlist of a track tells.
func (p *Publisher) unlistedTrack(ctx context.Context, track string) ([]store.Info, error) {
	body, err := p.ask(ctx, hls.MediaName(track))
	if body == nil || err != nil {
		return nil, err
	}
	grid := p.cfg.Presentation.Grid
	info := store.Info{Name: p.below(hls.MediaName(track)), Size: int64(len(body))}
	list, _ := hls.ReadMedia(body) // what is none is told when it is read to be gone on with
	if len(list.Segments) == 0 {
		return []store.Info{info}, nil
	}
	last := list.First + int64(len(list.Segments)) - 1
	before := int64(p.cfg.Presentation.Window/grid.T) + mayPrecede
	var out []store.Info
	for k := max(list.First-before, 0); k <= last+mayFollow; k++ {
		segment := store.Info{Name: p.segmentName(track, k)}
		if i := k - list.First; i >= 0 && k <= last && !list.Segments[i].Gap {
			segment.Size = 1                         // it is more, and nobody asks
			info.Modified = grid.Start(k + 1).Time() // it was listed then, or later
			out = append(out, store.Info{Name: p.objectName(track, list.Segments[i].Init), Size: 1})
		}
		out = append(out, segment)
	}
	return append(out, info), nil
}

func (p *Publisher) below(name string) string { return p.cfg.Presentation.Channel + "/" + name }

// ask reads an object of the channel; nil: there is none.
func (p *Publisher) ask(ctx context.Context, name string) ([]byte, error) {
	o, err := p.cfg.Store.Get(ctx, p.below(name))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case o.Body == nil:
		return []byte{}, nil // it is there, and empty
	}
	return o.Body, nil
}
