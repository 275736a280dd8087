package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"onair/pkg/dash"
	"onair/pkg/hls"
	"onair/pkg/presentation"
	"onair/pkg/store"
)

// find reads everything that is needed, without the lock.
func (p *Publisher) find(ctx context.Context) (found, error) {
	prefix := p.cfg.Presentation.Channel + "/"
	infos, err := p.cfg.Store.List(ctx, prefix)
	if errors.Is(err, store.ErrNoList) {
		infos, err = p.unlisted(ctx)
	}
	if err != nil {
		return found{}, err
	}
	f := found{
		objects: make(map[string]store.Info, len(infos)), playlists: map[string]hls.Playlist{}, cut: map[string]bool{},
	}
	for _, i := range infos {
		f.objects[strings.TrimPrefix(i.Name, prefix)] = i
	}
	for _, t := range p.cfg.Presentation.Tracks {
		if err := p.findList(ctx, &f, t.Name); err != nil {
			return found{}, err
		}
	}
	if err := p.findPeriods(ctx, &f); err != nil {
		return found{}, err
	}
	if err := p.findIndex(ctx, &f); err != nil {
		return found{}, err
	}
	if err := p.findGone(ctx, &f); err != nil {
		return found{}, err
	}
	p.findCut(ctx, &f)
	return f, nil
}

// findList reads the playlist of a track, if there is one.
func (p *Publisher) findList(ctx context.Context, f *found, track string) error {
	info, body, err := p.read(ctx, f, hls.MediaName(track))
	if body == nil || err != nil {
		return err
	}
	list, err := hls.ReadMedia(body)
	if err != nil {
		f.stranger(info, err)
		return nil
	}
	f.playlists[track] = list
	if info.Modified.After(f.listedAt) {
		f.listedAt = info.Modified
	}
	return nil
}

// findGone reads the playlists of tracks that the manifest still knows and the channel does not.
func (p *Publisher) findGone(ctx context.Context, f *found) error {
	for _, period := range f.periods {
		for _, t := range period.Tracks {
			same := func(other presentation.Track) bool { return other.Name == t.Name }
			if p.configured(t.Name) || slices.ContainsFunc(f.gone, same) {
				continue
			}
			if err := p.findList(ctx, f, t.Name); err != nil {
				return err
			}
			if len(f.playlists[t.Name].Segments) > 0 {
				f.gone = append(f.gone, t)
			}
		}
	}
	return nil
}

// configured tells whether the channel began with a track.
func (p *Publisher) configured(track string) bool {
	return slices.ContainsFunc(p.cfg.Presentation.Tracks, func(t presentation.Track) bool { return t.Name == track })
}

// strange tells whether a track is neither the channel's nor one whose media may still be listed.
func (f *found) strange(p *Publisher, track string) bool {
	return !p.configured(track) && !slices.ContainsFunc(f.gone, func(t presentation.Track) bool { return t.Name == track })
}

// describeOnce adds a track to those of its init, in the order of their sets.
func describeOnce(all []presentation.Track, t presentation.Track) []presentation.Track {
	if slices.ContainsFunc(all, func(other presentation.Track) bool { return other.Name == t.Name }) {
		return all
	}
	at := len(all)
	for at > 0 && all[at-1].Set > t.Set {
		at--
	}
	return slices.Insert(all, at, t)
}

func (p *Publisher) findPeriods(ctx context.Context, f *found) error {
	info, body, err := p.read(ctx, f, dash.FileName)
	if body == nil || err != nil {
		return err
	}
	if f.periods, err = dash.ReadPeriods(body); err != nil {
		f.stranger(info, err)
	}
	return nil
}

// findIndex looks at the multivariant playlist: nothing is taken from it, but viewers begin with it.
func (p *Publisher) findIndex(ctx context.Context, f *found) error {
	info, body, err := p.read(ctx, f, hls.FileName)
	if body == nil || err != nil {
		return err
	}
	if err := hls.CheckMultivariant(body); err != nil {
		f.stranger(info, err)
	}
	return nil
}

// read gets one of the objects that were found; body is nil when it is not there.
func (p *Publisher) read(ctx context.Context, f *found, name string) (info store.Info, body []byte, err error) {
	info, ok := f.objects[name]
	if !ok {
		return info, nil, nil
	}
	o, err := p.cfg.Store.Get(ctx, info.Name)
	if errors.Is(err, store.ErrNotFound) {
		return info, nil, nil
	}
	if o.Body == nil && err == nil {
		o.Body = []byte{} // it is there, and empty
	}
	return info, o.Body, err
}

// stranger notes an object that cannot be one of ours, or is broken.
func (f *found) stranger(info store.Info, err error) {
	f.troubles = append(f.troubles, fmt.Errorf("%s is not ours and is left out: %w", info.Name, err))
}

// salvage adds segments that were stored, but whose listing the process did not live to see.
func (p *Publisher) salvage(f found, l *presentation.Listed, last int64) {
	newest := p.cfg.Presentation.Grid.K(p.cfg.Now() + farAhead)
	for k := last + 1; k <= newest; k++ {
		row := map[string]presentation.Segment{}
		for name, segs := range l.Segments {
			s := presentation.Segment{K: k, Init: segs[len(segs)-1].Init}
			if s.Init != "" && p.whole(f, name, &s) && f.newest(name, s.Init) {
				row[name] = s
			}
		}
		if len(row) == 0 {
			return
		}
		for name, segs := range l.Segments {
			s, ok := row[name]
			if !ok {
				s = presentation.Segment{K: k, Gap: true, Init: segs[len(segs)-1].Init}
			}
			l.Segments[name] = append(segs, s)
		}
	}
}

// newest tells whether an initialization is the last one that a track has got: else what was stored after the last list
// may need another.
func (f *found) newest(track, init string) bool {
	at := f.objects[track+"/"+init].Modified
	for name, info := range f.objects {
		if strings.HasPrefix(name, track+"/init-") && info.Modified.After(at) {
			return false
		}
	}
	return true
}
