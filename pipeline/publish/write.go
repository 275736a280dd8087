package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"onair/pkg/dash"
	"onair/pkg/hls"
	"onair/pkg/ladder"
	"onair/pkg/presentation"
	"onair/pkg/store"
	"onair/pkg/tick"
)

// manifest is the job that keeps playlists and MPD up to date: only the newest state is written.
type manifest struct {
	job
	wanted  *presentation.Snapshot // nil: nothing to write
	media   uint64                 // segment numbers with media in it or before it, since the start
	arrived time.Time              // of the last segment in it
	shown   int64                  // last number that viewers can see
	any     bool                   // shown is set
	refresh bool                   // write what is unchanged, too, the next time
	written map[string][]byte      // what the store has confirmed; owned by the running job
}

// refreshEvery is after how many rounds an unchanged playlist is written all the same, in case somebody removed it.
const refreshEvery = 15

func (p *Publisher) objectName(track, file string) string {
	return p.cfg.Presentation.Channel + "/" + track + "/" + file
}

func (p *Publisher) segmentName(track string, k int64) string {
	return p.objectName(track, strconv.FormatInt(k, 10)+".m4s")
}

// Cache-Control by object: a playlist may be half a target duration old; the MPD is asked for anew by a player, which
// takes the time from its Date, and kept as long by shared caches; media never changes under its name and is there for
// as long as any playlist can list it. Slate may be media at another origin, so caches ask again soon.
func (p *Publisher) mediaCache(slate bool) string {
	if slate {
		return "public, max-age=1"
	}
	return p.caching
}

func caching(size int64, t tick.Tick) string {
	return "public, max-age=" + seconds(2*tick.Tick(size+1)*t) + ", immutable"
}

func seconds(t tick.Tick) string {
	return strconv.FormatInt(max(1, int64(t/tick.Second)), 10)
}

func (p *Publisher) initObject(t presentation.Track, body []byte) store.Object {
	o := store.Object{Name: p.objectName(t.Name, t.Init), Body: body, Type: "video/mp4", Cache: p.mediaCache(false)}
	if t.Kind == ladder.Audio {
		o.Type = "audio/mp4"
	}
	return o
}

func (p *Publisher) segmentObject(it *item) store.Object {
	name := p.segmentName(it.Track, it.K)
	o := store.Object{Name: name, Body: it.Body, Type: store.Type(name), Cache: p.mediaCache(it.Slate)}
	if p.shared != nil { // elsewhere it would be the same for all
		o.Meta = it.Meta
	}
	return o
}

// writeQueue starts the writes that are due, initializations first, then segments by number.
func (p *Publisher) writeQueue(ctx context.Context, now time.Time, sooner func(time.Time)) {
	for _, o := range p.inits {
		if o.stored {
			continue
		}
		if o.due(now) && p.status.writing < writers {
			until := now.Add(p.cfg.RetryFor)
			p.startWrite(ctx, &o.job, write{o.object, until, func(time.Time) { o.stored = true }})
		}
		sooner(o.after)
	}
	for _, e := range p.queue.ordered() {
		for _, it := range e.items {
			if it.state != waiting || !p.ready(it) || !now.Before(it.deadline) { // it is given up when its turn comes
				continue
			}
			if it.due(now) && p.status.writing < writers {
				p.hold(it.K, it.Track)
				p.startWrite(ctx, &it.job, write{p.segmentObject(it), it.deadline, func(at time.Time) { p.stored(it, at) }})
			}
			sooner(it.after)
		}
	}
}

// write is one try to store an object.
type write struct {
	object store.Object
	until  time.Time
	done   func(now time.Time) // called under the lock
}

// startWrite runs one try beside the loop.
func (p *Publisher) startWrite(ctx context.Context, j *job, w write) {
	j.running = true
	p.status.writing++
	p.spawn(func() {
		ctx, cancel := context.WithDeadline(ctx, w.until)
		defer cancel()
		err := p.create(ctx, w.object)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.status.writing--
		now := time.Now()
		if err != nil {
			j.failed(now)
			p.failed(err)
			if errors.Is(err, store.ErrName) {
				j.after = w.until // asking again does not help
			}
			return
		}
		j.succeeded()
		p.status.Writes++
		w.done(now)
	})
}

// stored notes a segment that the store has confirmed, unless it was given up meanwhile.
func (p *Publisher) stored(it *item, now time.Time) {
	if it.state != waiting {
		return
	}
	it.state = stored
	t := p.status.tracks[it.Track]
	t.LastK = max(t.LastK, it.K)
	t.Segments++
	t.Bytes += uint64(len(it.Body))
	t.LastBytes = int64(len(it.Body))
	t.Latency = now.Sub(it.arrived)
}

// writeManifests writes the media playlists and, when all are stored, what points at them.
func (p *Publisher) writeManifests(ctx context.Context, m manifest, first bool) {
	snap := m.wanted
	limit := p.cfg.RetryFor
	if first {
		limit /= 2 // playlists are small: what hangs is better begun anew
	}
	err := p.writeRound(ctx, snap, limit)
	if errors.Is(err, errOvertaken) {
		err = p.goAlong(ctx, snap)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if errors.Is(err, errOvertaken) {
		p.manifest.succeeded() // what is wanted now is another state
		return
	}
	if err != nil {
		p.manifest.failed(now)
		p.failed(err)
		return
	}
	p.manifest.succeeded()
	p.manifest.refresh = p.manifest.refresh && !m.refresh // it may have been asked for meanwhile
	p.status.rounds++
	if p.manifest.wanted == snap {
		p.manifest.wanted = nil
		p.status.Latency = now.Sub(p.manifest.arrived)
	}
	at := p.cfg.Now()
	p.shared.confirmed(snap, now)
	p.listed(snap, at)
	if slow, _ := p.flights.slow(now); !slow && !p.queue.troubled() {
		p.status.LastError = ""
	}
	p.status.LastK, p.status.ListedAt, p.status.Media = snap.Last(), at, m.media
	p.removeStrangers()
	p.leave(snap)
	p.tell(snap, at)
}

// tell calls OnListed for what viewers see now and did not before.
func (p *Publisher) tell(snap *presentation.Snapshot, at tick.Tick) {
	from := snap.First()
	if p.manifest.any {
		from = max(from, p.manifest.shown+1)
	}
	p.manifest.shown, p.manifest.any = snap.Last(), true
	if p.cfg.OnListed == nil {
		return
	}
	p.mu.Unlock()
	defer p.mu.Lock()
	for k := from; k <= snap.Last(); k++ {
		p.cfg.OnListed(k, at)
	}
}

// writeRound gives each of the two steps limit.
func (p *Publisher) writeRound(ctx context.Context, snap *presentation.Snapshot, limit time.Duration) error {
	channel := p.cfg.Presentation.Channel + "/"
	half := seconds(tick.Tick(snap.TargetDuration()) * tick.Second / 2)
	listCache := "public, max-age=" + half
	var lists []store.Object
	for _, t := range snap.All() {
		body, err := hls.Media(snap, t.Name)
		if err != nil {
			return err
		}
		lists = append(lists, store.Object{Name: channel + hls.MediaName(t.Name), Body: body, Cache: listCache})
	}
	if err := p.putAll(ctx, lists, snap.Last(), limit); err != nil {
		return err
	}
	index, err := hls.Multivariant(snap)
	if err != nil {
		return err
	}
	tops := []store.Object{{Name: channel + hls.FileName, Body: index, Cache: "public, max-age=10"}}
	mpd, err := dash.MPD(snap)
	switch {
	case err == nil:
		cache := "public, max-age=0, s-maxage=" + half
		tops = append(tops, store.Object{Name: channel + dash.FileName, Body: mpd, Cache: cache})
	case !errors.Is(err, dash.ErrEmpty):
		return err
	}
	return p.putAll(ctx, tops, snap.Last(), limit)
}

// putAll writes changed playlists, which go up to segment last, side by side.
func (p *Publisher) putAll(ctx context.Context, objects []store.Object, last int64, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	p.mu.Lock()
	refresh := p.manifest.refresh || p.status.rounds%refreshEvery == 0
	p.mu.Unlock()
	var wg sync.WaitGroup
	errs := make([]error, len(objects))
	slots := make(chan struct{}, writers)
	for i := range objects {
		o := objects[i]
		o.Type = store.Type(o.Name)
		if !refresh && bytes.Equal(p.manifest.written[o.Name], o.Body) {
			continue
		}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = p.replace(ctx, o, last)
		})
	}
	wg.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, o := range objects {
		if errs[i] == nil {
			p.manifest.written[o.Name] = o.Body
			p.status.Writes++
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("playlists: %w", err)
	}
	return nil
}
