package receive

import (
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"onair/pipeline/origin"
	"onair/pkg/store"
)

// channel is what is known of the objects below the first element of their names.
type channel struct {
	edge *origin.Edge
	play *origin.Handler
	now  func() time.Time

	mu      sync.RWMutex
	objects map[string]entry
	lists   map[string]*list // playlists and manifests, by name
	bytes   int64
	kept    int64     // bytes of what is no media
	mediaAt time.Time // when media was written last
	written time.Time // when anything was
}

// entry is what is known of an object.
type entry struct {
	size     int64
	modified time.Time
	by       string // which pipeline; empty: not known, since a restart
}

// open is a channel, which is made if there is room for one more.
func (rc *Receiver) open(name string) (*channel, error) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	if ch := rc.channels[name]; ch != nil {
		return ch, nil
	}
	if len(rc.channels) >= rc.cfg.Limits.Channels {
		return nil, refusal{http.StatusInsufficientStorage, causeQuota, "there are as many channels as limits.channels has"}
	}
	edge, err := origin.NewEdge(origin.EdgeConfig{Store: rc.cfg.Store, Bytes: rc.cfg.Limits.Memory, Strict: true})
	if err != nil {
		return nil, err
	}
	ch := &channel{edge: edge, now: rc.cfg.Now, objects: map[string]entry{}, lists: map[string]*list{}}
	ch.play, err = origin.New(origin.Config{
		Channels: []origin.Channel{{Name: name, Edge: edge, Describe: ch.describe}}, Log: rc.cfg.Log,
	})
	if err != nil {
		return nil, err
	}
	rc.channels[name] = ch
	return ch, nil
}

func (c *channel) entry(name string) (entry, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.objects[name]
	return e, ok
}

// adopt takes a channel back that was given up, as nobody wrote to it, while somebody began to.
func (rc *Receiver) adopt(name string, ch *channel) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	if rc.channels[name] == nil {
		rc.channels[name] = ch
	}
}

// mostKept bounds what a channel has in memory for good, in bytes: playlists, manifests and initializations.
const mostKept = 64 << 20

// fits tells whether a channel may have an object in the place of the old one.
func (c *channel) fits(o store.Object, old entry, there bool, l Limits) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	size := int64(len(o.Body))
	switch {
	case !isMedia(o.Name) && c.kept+size-old.size > mostKept:
		return refusal{http.StatusInsufficientStorage, causeQuota, "the channel's playlists and headers are too large"}
	case !there && len(c.objects) >= l.Objects:
		return refusal{http.StatusInsufficientStorage, causeQuota, "the channel has as many objects as limits.objects allows"}
	case l.Bytes > 0 && c.bytes+size-old.size > l.Bytes:
		return refusal{http.StatusInsufficientStorage, causeQuota, "the channel has as many bytes as limits.bytes allows"}
	}
	return nil
}

// wrote notes an object that the store has.
func (c *channel) wrote(o store.Object, e entry) {
	said := readList(o.Name, o.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(o.Name, e)
	c.listed(o.Name, said, e.modified)
}

// add notes an object; mu is held.
func (c *channel) add(name string, e entry) {
	c.count(name, e.size-c.objects[name].size)
	c.objects[name] = e
	if e.modified.After(c.written) {
		c.written = e.modified
	}
	if isMedia(name) && e.modified.After(c.mediaAt) {
		c.mediaAt = e.modified
	}
}

// count adds to the bytes of a channel; mu is held.
func (c *channel) count(name string, bytes int64) {
	c.bytes += bytes
	if !isMedia(name) {
		c.kept += bytes
	}
}

// removed forgets an object that the store has no longer.
func (c *channel) removed(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count(name, -c.objects[name].size)
	delete(c.objects, name)
	delete(c.lists, name)
}

// isMedia tells segments from playlists, manifests, initializations and what the timeline keeps.
func isMedia(name string) bool {
	switch path.Ext(name) {
	case ".m3u8", ".mpd", ".json", "":
		return false
	}
	return !isInit(name)
}

func isInit(name string) bool {
	return strings.HasPrefix(path.Base(name), "init") || path.Ext(name) == ".init"
}

// numbered tells whether media has the name of a segment of onair, which never changes.
func numbered(name string) bool {
	base, ok := strings.CutSuffix(path.Base(name), ".m4s")
	_, err := strconv.ParseUint(base, 10, 63)
	return ok && err == nil
}
