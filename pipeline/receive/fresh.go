package receive

import (
	"fmt"
	"net/http"
	"path"
	"strconv"
	"time"

	"onair/pkg/dash"
	"onair/pkg/hls"
)

// list is what a playlist or a manifest says of itself, and when it named newer media last.
type list struct {
	kind   kind
	ended  bool
	target time.Duration // the longest that a segment may be; 0: not known
	newest int64         // number of the newest media; -1: there is none, or no number
	listed time.Time
	timed  bool      // of a manifest: a timeline names its segments
	media  time.Time // of a manifest: when the newest media was written that it may name
}

// kind is what a list lists.
type kind int

const (
	segments kind = iota // a media playlist
	variants             // a multivariant playlist, or what is none of these
	manifest             // of DASH
)

// usualTarget is the length of a segment where none is told.
const usualTarget = 10 * time.Second

// limit is how long after its newest media was listed a list may be served.
func (l *list) limit() time.Duration {
	t := l.target
	if t == 0 {
		t = usualTarget
	}
	return max(t*3/2, t+3*time.Second)
}

// readList reads a playlist or a manifest; nil: it is none by its name.
func readList(name string, body []byte) *list {
	switch path.Ext(name) {
	case ".m3u8":
		return readPlaylist(body)
	case ".mpd":
		return readManifest(body)
	}
	return nil
}

// listed notes what a list says that was written at a time; mu is held.
func (c *channel) listed(name string, next *list, at time.Time) {
	if next == nil {
		return
	}
	old := c.lists[name]
	next.listed, next.media = at, c.mediaAt
	if old != nil && old.kind == next.kind && !next.news(old) {
		next.listed = old.listed
	}
	c.lists[name] = next
}

// news tells whether a list names newer media than it did. Numbers that go back are those of a writer that begins anew.
func (l *list) news(old *list) bool {
	if l.kind == manifest {
		return l.media.After(old.media)
	}
	return l.newest != old.newest && l.newest >= 0
}

func readPlaylist(body []byte) *list {
	g := hls.LookAt(body)
	l := &list{kind: variants, ended: g.Ended, target: g.Target.Duration(), newest: g.Newest}
	if g.Media {
		l.kind = segments
	}
	return l
}

// readManifest takes what cannot be read for one that never becomes stale: viewers will tell.
func readManifest(body []byte) *list {
	g, err := dash.LookAt(body)
	return &list{
		kind: manifest, ended: !g.Dynamic || err != nil, target: g.Longest.Duration(), timed: g.Listed, newest: -1,
	}
}

// since is when a list named newer media last, and how long that may be ago; ended: it does not matter. mu is held.
func (c *channel) since(l *list) (at time.Time, newest int64, limit time.Duration, ended bool) {
	switch {
	case l.kind == manifest && !l.timed && c.mediaAt.After(l.listed):
		at, limit, ended = c.mediaAt, l.limit(), l.ended // its segments follow from the clock
	default:
		at, limit, ended = l.listed, l.limit(), l.ended
	}
	newest = l.newest
	if l.kind == segments {
		return at, newest, limit, ended
	}
	any := false
	for _, m := range c.lists { // the freshest of what they are about
		if m.kind != segments {
			continue
		}
		newest = max(newest, m.newest)
		if l.kind != variants {
			continue
		}
		if !any || m.listed.After(at) {
			at, limit = m.listed, m.limit()
		}
		ended = ended || m.ended
		any = true
	}
	return at, newest, limit, ended || l.kind == variants && !any
}

// describe adds to an answer what is known of an object, and tells whether it is a list that must not be served,
// because another origin may have a newer one.
func (c *channel) describe(name string, head http.Header) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.objects[name]
	if !ok {
		return nil
	}
	if e.by != "" {
		head["X-Onair-Pipeline"] = []string{e.by}
	}
	if static := objectKind(name); static != "" {
		head["Cmsd-Static"] = []string{static}
	}
	l := c.lists[name]
	if l == nil {
		return nil
	}
	at, newest, limit, ended := c.since(l)
	age := max(c.now().Sub(at), 0)
	if newest >= 0 {
		head["X-Onair-Last-K"] = []string{strconv.FormatInt(newest, 10)}
	}
	head["X-Onair-Age"] = []string{strconv.FormatInt(age.Milliseconds(), 10)}
	if !ended && age > limit {
		return fmt.Errorf("stale: the newest media was listed %v ago, allowed are %v: another origin may have newer",
			age.Round(time.Millisecond), limit)
	}
	return nil
}

// objectKind is CMSD-Static (CTA-5006 §3.2) as far as a name tells: the kind of object, and of a list its format.
func objectKind(name string) string {
	switch ext := path.Ext(name); {
	case ext == ".m3u8":
		return "ot=m,sf=h"
	case ext == ".mpd":
		return "ot=m,sf=d"
	case isInit(name):
		return "ot=i"
	case ext == ".cmfv", ext == ".m4v":
		return "ot=v"
	case ext == ".cmfa", ext == ".m4a", ext == ".aac":
		return "ot=a"
	case ext == ".ts":
		return "ot=av"
	case ext == ".vtt", ext == ".cmft":
		return "ot=c"
	}
	return ""
}

// stale are the lists that must not be served now.
func (c *channel) stale() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	n := 0
	for _, l := range c.lists {
		if at, _, limit, ended := c.since(l); !ended && c.now().Sub(at) > limit {
			n++
		}
	}
	return n
}
