package receive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/fnv"
	"mime"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"onair/pkg/store"
)

// storeTime bounds one write to the store behind.
const storeTime = 10 * time.Second

// put takes an object, by PUT or POST: DASH-IF Live Media Ingest has both mean the same.
func (rc *Receiver) put(w http.ResponseWriter, r *http.Request) error {
	name := objectName(r)
	who, err := rc.admit(r, strings.SplitN(name, "/", 2)[0])
	if err != nil {
		return err
	}
	if r.ContentLength == 0 && strings.Count(strings.TrimSuffix(name, "/"), "/") == 0 {
		return nil // a sender that tries the publishing point before it has something (ibid. §6.2)
	}
	if channelOf(name) == "" || store.CheckName(name) != nil {
		return refusal{http.StatusNotFound, causePath, "this is no path of an object: allowed is /CHANNEL/NAME"}
	}
	o := store.Object{Name: name, Cache: r.Header.Get("Cache-Control"), Meta: meta(r.Header)}
	if o.Type, err = mediaType(r.Header, name); err != nil {
		return err
	}
	b, err := rc.receive(w, r)
	defer b.done()
	if err != nil {
		return err
	}
	o.Body = b.bytes
	created, err := rc.store(r, who, o)
	if err != nil {
		return err
	}
	rc.writes.Add(1)
	rc.bytes.Add(uint64(len(o.Body)))
	w.Header()["Etag"] = []string{tagOf(o.Body)}
	if created {
		w.WriteHeader(http.StatusCreated)
	}
	return nil
}

// meta are the facts that come with an object.
func meta(head http.Header) map[string]string {
	var out map[string]string
	for k, v := range head {
		if key, ok := strings.CutPrefix(k, store.HeaderMeta); ok && key != "" && len(v) > 0 {
			if out == nil {
				out = map[string]string{}
			}
			out[strings.ToLower(key)] = v[0]
		}
	}
	return out
}

// mediaType is what a request says, or what the name says where that says more.
func mediaType(head http.Header, name string) (string, error) {
	text := head.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(text)
	switch encoding := head.Get("Content-Encoding"); {
	case encoding != "" && encoding != "identity":
		return "", refusal{http.StatusUnsupportedMediaType, causeType, "the object is sent compressed: send it as it is, " +
			"it is compressed for those who ask for that"}
	case text == "", kind == "application/octet-stream", kind == "application/x-www-form-urlencoded":
		return store.Type(name), nil
	case err != nil, strings.HasPrefix(kind, "multipart/"), kind == "text/html":
		return "", refusal{http.StatusUnsupportedMediaType, causeType, "an object is the body itself, of the type of a " +
			"playlist, a manifest or media"}
	}
	return text, nil
}

// store writes an object if the conditions of the request hold.
func (rc *Receiver) store(r *http.Request, who *Writer, o store.Object) (created bool, err error) {
	ch, err := rc.open(channelOf(o.Name))
	if err != nil {
		return false, err
	}
	lock := rc.lockOf(o.Name)
	lock.Lock()
	defer lock.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), storeTime)
	defer cancel()
	old, there := ch.entry(o.Name)
	if err := ch.condition(ctx, r.Header, o.Name, there); err != nil {
		return false, err
	}
	if err := ch.fits(o, old, there, rc.cfg.Limits); err != nil {
		return false, err
	}
	write := ch.edge.Put
	if r.Header.Get("If-None-Match") == "*" {
		write = ch.edge.Create
	}
	o.Cache = caching(o)
	err = write(ctx, o)
	if rc.told(err); err != nil {
		return false, err
	}
	ch.wrote(o, entry{size: int64(len(o.Body)), modified: rc.cfg.Now(), by: pipelineOf(r, who)})
	rc.adopt(channelOf(o.Name), ch)
	return !there, nil
}

// caching is the Cache-Control of an object. Others than onair may write media again under its name.
func caching(o store.Object) string {
	if o.Cache == "" && (isMedia(o.Name) && !numbered(o.Name) || isInit(o.Name)) {
		return "public, max-age=10"
	}
	return o.Cache
}

// lockOf is what keeps two who write a name apart; other names may share it.
func (rc *Receiver) lockOf(name string) *sync.Mutex {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return &rc.locks[h.Sum32()%uint32(len(rc.locks))]
}

// condition tells whether those of a request hold (RFC 9110 §13.1): what keeps writers from undoing each other's work.
func (c *channel) condition(ctx context.Context, head http.Header, name string, there bool) error {
	none, match := head.Get("If-None-Match"), head.Get("If-Match")
	if none == "" && match == "" {
		return nil
	}
	tag := ""
	if there && (none != "" && none != "*" || match != "" && match != "*") {
		o, err := c.edge.Get(ctx, name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		tag = tagOf(o.Body)
	}
	if there && none != "" && has(none, tag) || match != "" && (!there || !has(match, tag)) {
		return changed
	}
	return nil
}

var changed = refusal{http.StatusPreconditionFailed, causeChanged, "the object is there already, or is another one"}

// has tells whether a list of entity tags has one.
func has(list, tag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimSpace(one); one == "*" || one == tag {
			return true
		}
	}
	return false
}

// tagOf is the entity tag of what is written: it follows from the bytes alone, also after a restart.
func tagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:10]) + `"`
}

// pipelineOf is who has written, as the request says, else by the name of its credentials.
func pipelineOf(r *http.Request, who *Writer) string {
	if name := r.Header.Get(store.HeaderPipeline); name != "" && len(name) <= 63 {
		return strings.Map(func(c rune) rune {
			if c <= ' ' || c > '~' {
				return '_'
			}
			return c
		}, name)
	}
	return who.Name
}

// remove deletes an object; one that is not there is told, and no fault.
func (rc *Receiver) remove(w http.ResponseWriter, r *http.Request) error {
	name := objectName(r)
	channel := channelOf(name)
	if _, err := rc.admit(r, channel); err != nil {
		return err
	}
	ch := rc.channel(channel)
	if ch == nil || store.CheckName(name) != nil {
		return refusal{http.StatusNotFound, causePath, "no such object here"}
	}
	lock := rc.lockOf(name)
	lock.Lock()
	defer lock.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), storeTime)
	defer cancel()
	if _, there := ch.entry(name); !there {
		return refusal{http.StatusNotFound, causePath, "no such object here"}
	}
	err := ch.edge.Delete(ctx, name)
	if rc.told(err); err != nil {
		return err
	}
	ch.removed(name)
	rc.deletes.Add(1)
	w.WriteHeader(http.StatusOK)
	return nil
}

// trouble is what is told of a store that did not take something.
type trouble struct {
	text string
	at   time.Time
}

// troubleLasts is how long that counts where nothing is written any more: the next write that goes well ends it.
const troubleLasts = 30 * time.Second

// told notes how the store took a write, where it is the store's fault and not that of who writes.
func (rc *Receiver) told(err error) {
	if err == nil {
		rc.trouble.Store(nil)
		return
	}
	switch why := failure(err); why.cause {
	case causeFull, causeStore:
		rc.trouble.Store(&trouble{why.text, rc.cfg.Now()})
	}
}

// failure is what the answer is when the store does not take an object.
func failure(err error) refusal {
	switch {
	case errors.Is(err, store.ErrExists):
		return changed
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrName):
		return refusal{http.StatusNotFound, causePath, "no such object here"}
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return refusal{http.StatusInsufficientStorage, causeFull, "the origin's store is full: make room there"}
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENOTEMPTY):
		return refusal{http.StatusConflict, causePath, "a part of the path is an object, or the object a folder"}
	case errors.Is(err, store.ErrAway):
		return refusal{http.StatusServiceUnavailable, causeStore, "the origin's store is away: its log says more"}
	}
	return refusal{http.StatusInternalServerError, causeStore, "the origin's store fails: its log says more"}
}
