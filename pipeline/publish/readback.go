package publish

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"onair/pkg/dash"
	"onair/pkg/hls"
	"onair/pkg/presentation"
	"onair/pkg/store"
	"onair/pkg/tick"
)

// readTimeout bounds one try to read a store back.
const readTimeout = 10 * time.Second

// farAhead is how much later than now the last listed segment may be before the list is taken for that of another grid
// or of a wrong clock.
const farAhead = 60 * tick.Second

// found is what a store holds of a channel.
type found struct {
	objects   map[string]store.Info
	playlists map[string]hls.Playlist // by track
	listedAt  time.Time               // newest media playlist
	periods   []dash.Period
	gone      []presentation.Track // those of playlists that the channel has no longer
	cut       map[string]bool      // segments that are not whole
	cutShort  []string             // what is to be told of these
	troubles  []error
}

// readBack continues what the store lists, so that numbers, window and DVR survive the process. A store that does not
// answer is asked again; what cannot be understood is told and left out.
func (p *Publisher) readBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	f, err := p.find(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.reading.failed(time.Now())
		p.failed(fmt.Errorf("reading back: %w", err))
		return
	}
	p.reading.succeeded()
	p.restored = true
	p.queue.renew(time.Now())
	for _, err := range f.troubles {
		p.failed(err)
		p.event("warning", err.Error())
	}
	for _, text := range f.cutShort {
		p.event("warning", text) // no error of the store: it took what it was given
	}
	p.takeStock(f)
	if err := p.restore(f); err != nil {
		err = fmt.Errorf("reading back: the window starts empty: %w", err)
		p.failed(err)
		p.event("error", err.Error())
		p.window, _ = presentation.New(p.cfg.Presentation) // was valid before
	}
	snap := p.window.Snapshot()
	for _, t := range f.gone {
		if _, there := snap.Track(t.Name); !there {
			p.trash.strangers = append(p.trash.strangers, p.cfg.Presentation.Channel+"/"+hls.MediaName(t.Name))
		}
	}
}

// takeStock notes what the store holds, so that retention finds it.
func (p *Publisher) takeStock(f found) {
	p.trash.leftovers = map[int64][]string{}
	future := p.cfg.Presentation.Grid.K(p.cfg.Now() + farAhead)
	for short, info := range f.objects {
		track, file, below := strings.Cut(short, "/")
		if !below {
			if t, ok := strings.CutSuffix(short, ".m3u8"); ok && short != hls.FileName && f.strange(p, t) {
				p.trash.strangers = append(p.trash.strangers, info.Name)
			}
			continue
		}
		if number, ok := strings.CutSuffix(file, ".m4s"); ok {
			k, err := strconv.ParseInt(number, 10, 64)
			switch {
			case err != nil:
			case k > future:
				p.trash.future = append(p.trash.future, info.Name) // of another grid or clock; the name may be needed one day
			case f.strange(p, track):
				p.trash.leftovers[k] = append(p.trash.leftovers[k], info.Name)
			default:
				p.hold(k, track)
			}
		} else if strings.HasPrefix(file, "init-") {
			p.trash.use(info.Name, 0)
		}
	}
}

// restore fills the window with what was listed, and with what was stored whole but not listed any more.
func (p *Publisher) restore(f found) error {
	l, last, ok := p.align(f)
	if !ok {
		return nil
	}
	grid := p.cfg.Presentation.Grid
	if grid.Start(last) > p.cfg.Now()+farAhead {
		return fmt.Errorf("segment %d lies in the future: the list is of another grid, or this host's clock is wrong, or "+
			"was; its files go when new playlists stand", last)
	}
	if p.shared == nil { // what is there and not listed may be of the other pipeline's next number
		p.salvage(f, &l, last)
	}
	if err := p.window.Restore(l); err != nil {
		return err
	}
	snap := p.window.Snapshot()
	p.queue.pass(snap.Last())
	for _, t := range snap.All() {
		p.lists[t.Name] = true
		for _, s := range snap.Segments(t.Name) {
			if !s.Gap {
				p.trash.use(p.objectName(t.Name, s.Init), s.K)
			}
		}
	}
	p.manifest.shown, p.manifest.any = last, true
	p.status.LastK, p.status.ListedAt = last, tick.FromTime(f.listedAt)
	if _, visible := f.objects[hls.FileName]; visible && f.sound(p, last) {
		p.wasFresh(snap, last, f.listedAt)
	}
	return nil
}

// align makes one list of the tracks' playlists, which differ by the last number if the process died while writing
// them: it begins where the newest begins, and what one lists all have listed.
func (p *Publisher) align(f found) (l presentation.Listed, last int64, ok bool) {
	for name, list := range f.playlists {
		if !p.configured(name) {
			continue // what is gone decides nothing
		}
		end := list.First + int64(len(list.Segments)) - 1
		if len(list.Segments) == 0 {
			continue
		}
		if !ok || list.First > l.First {
			l.First, l.Discontinuities = list.First, list.Discontinuities
		}
		if !ok || end > last {
			last = end
		}
		ok = true
	}
	if !ok || last < l.First {
		return l, last, false
	}
	l.Gone, l.Described = f.gone, map[string][]presentation.Track{}
	for _, period := range f.periods {
		l.Periods = append(l.Periods, period.ID)
		for _, t := range period.Tracks {
			l.Described[t.Init] = describeOnce(l.Described[t.Init], t)
		}
	}
	l.Segments = map[string][]presentation.Segment{}
	for name, list := range f.playlists {
		init := ""
		for k := l.First; k <= last; k++ {
			s := presentation.Segment{K: k, Gap: true, Init: init}
			if i := k - list.First; i >= 0 && i < int64(len(list.Segments)) {
				s = list.Segments[i]
				init = s.Init
				s.Gap = s.Gap || !p.whole(f, name, &s)
			} else if i >= 0 {
				s.Gap = init == "" || !p.whole(f, name, &s)
			}
			l.Segments[name] = append(l.Segments[name], s)
		}
	}
	return l, last, true
}

// sound tells whether viewers can go on with what is there until it is written anew: nothing is broken, and no playlist
// lacks more of the end than one does whose writer died. A playlist that was cut off after a line looks whole.
func (f *found) sound(p *Publisher, last int64) bool {
	for name, list := range f.playlists {
		if p.configured(name) && list.First+int64(len(list.Segments)) < last {
			return false
		}
	}
	return len(f.troubles) == 0
}

// whole tells whether the store has a segment whole, with its initialization, and notes its size.
func (p *Publisher) whole(f found, track string, s *presentation.Segment) bool {
	short := track + "/" + strconv.FormatInt(s.K, 10) + ".m4s"
	info, ok := f.objects[short]
	if !ok || info.Size == 0 || f.cut[short] { // a power cut can leave an empty file, or a part of one
		return false
	}
	init, ok := f.objects[track+"/"+s.Init]
	s.Bytes = info.Size
	return ok && init.Size > 0
}

// wasFresh says since when viewers have seen the newest media that the playlists list.
func (p *Publisher) wasFresh(snap *presentation.Snapshot, last int64, at time.Time) {
	newest := int64(-1)
	for _, t := range snap.Tracks() {
		for _, s := range snap.Segments(t.Name) {
			if !s.Gap && s.K <= last {
				newest = max(newest, s.K)
			}
		}
	}
	if newest >= 0 {
		p.fresh.Store(&listing{k: newest, at: min(tick.FromTime(at), p.cfg.Now())})
	}
}
