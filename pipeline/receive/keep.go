package receive

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"onair/pkg/store"
)

// readPause is how long it takes until a store that cannot be read is asked again.
const readPause = time.Second

// readStore notes what the store holds, and insists until it can or ctx ends.
func (rc *Receiver) readStore(ctx context.Context) {
	for ctx.Err() == nil {
		err := rc.readOnce(ctx)
		if rc.told(err); err == nil {
			rc.loaded.Store(true)
			return
		}
		rc.log.Error().Err(err).Msg("the store cannot be read, so nothing is served or taken yet")
		select {
		case <-ctx.Done():
		case <-time.After(readPause):
		}
	}
}

func (rc *Receiver) readOnce(ctx context.Context) error {
	infos, err := rc.cfg.Store.List(ctx, "")
	if err != nil {
		return fmt.Errorf("reading what there is: %w", err)
	}
	left := 0
	for _, i := range infos {
		ch, err := rc.open(channelOf(i.Name))
		if err != nil || channelOf(i.Name) == "" {
			left++
			continue
		}
		ch.mu.Lock()
		ch.add(i.Name, entry{size: i.Size, modified: i.Modified})
		ch.mu.Unlock()
	}
	if left > 0 {
		rc.log.Warn().Int("objects", left).Msg("of no channel, or of more channels than limits.channels allows: they stay")
	}
	for _, i := range infos { // when all media is known
		if err := rc.readAgain(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// readAgain reads a playlist or a manifest that was there before.
func (rc *Receiver) readAgain(ctx context.Context, i store.Info) error {
	ch := rc.channel(channelOf(i.Name))
	if ext := path.Ext(i.Name); ch == nil || ext != ".m3u8" && ext != ".mpd" || i.Size > rc.cfg.Limits.Object {
		return nil
	}
	o, err := rc.cfg.Store.Get(ctx, i.Name)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading what there is: %w", err)
	}
	said := readList(i.Name, o.Body)
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.listed(i.Name, said, i.Modified)
	return nil
}

// sweep removes segments that are older than they may become, and all of a channel that nobody has written to for so
// long but what the timeline keeps: who comes back goes on with that.
func (rc *Receiver) sweep(ctx context.Context) {
	if rc.cfg.Retention <= 0 || !rc.loaded.Load() {
		return
	}
	rc.mu.RLock()
	var all []*channel
	for _, ch := range rc.channels {
		all = append(all, ch)
	}
	rc.mu.RUnlock()
	for _, ch := range all {
		for _, name := range ch.old(rc.cfg.Now().Add(-rc.cfg.Retention)) {
			if ctx.Err() != nil {
				return
			}
			rc.expire(ctx, ch, name)
		}
	}
	rc.forget(rc.cfg.Now().Add(-rc.cfg.Retention))
}

// forget gives up channels that have nothing and that nobody has written to since a time.
func (rc *Receiver) forget(since time.Time) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	for name, ch := range rc.channels {
		ch.mu.RLock()
		if len(ch.objects) == 0 && ch.written.Before(since) {
			delete(rc.channels, name)
		}
		ch.mu.RUnlock()
	}
}

// old are the names of a channel that are from before a time.
func (c *channel) old(before time.Time) []string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out []string
	over := c.written.Before(before)
	for name, e := range c.objects {
		if e.modified.Before(before) && (isMedia(name) || over && path.Ext(name) != ".json") {
			out = append(out, name)
		}
	}
	return out
}

func (rc *Receiver) expire(ctx context.Context, ch *channel, name string) {
	lock := rc.lockOf(name)
	lock.Lock()
	defer lock.Unlock()
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	err := ch.edge.Delete(ctx, name)
	if rc.told(err); err != nil {
		rc.log.Error().Err(err).Str("object", name).Msg("what is too old cannot be removed")
		return
	}
	ch.removed(name)
	rc.expired.Add(1)
}
