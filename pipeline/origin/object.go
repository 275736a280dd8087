package origin

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"onair/pkg/store"
)

// Cache-Control of objects that came without one: media never changes under its name; a playlist may be half a short
// target duration old.
const (
	cacheMedia = "public, max-age=600, immutable"
	cacheText  = "public, max-age=1"
	cacheHead  = "no-store" // HEAD on a manifest is how players ask the time
	cacheError = "public, max-age=1"
)

// object is a stored object with everything that answers about it need, made once.
type object struct {
	store.Object
	modified time.Time
	size     int64
	plain    encoding
	memory   *memory   // has the body, and nothing else has; nil: it is in plain
	gzip     *encoding // nil: compressing does not pay
	text     bool
	kind     []string // Content-Type
	cache    []string // Cache-Control
	changed  []string // Last-Modified
	late     bool     // the store behind has not confirmed it; never changed
}

// encoding is one form of an object's body. Header values are kept as the slices that http.Header wants.
type encoding struct {
	body   []byte
	etag   []string
	length []string
}

func newObject(o store.Object, modified time.Time) *object {
	if o.Type == "" {
		o.Type = store.Type(o.Name)
	}
	out := &object{Object: o, modified: modified, size: int64(len(o.Body)), text: isText(o.Name), kind: []string{o.Type}}
	out.changed = []string{modified.UTC().Format(http.TimeFormat)}
	out.setCache(o.Cache)
	if !out.text {
		out.plain = newEncoding(o.Body, mediaTag(out.size, modified))
		return out
	}
	sum := sha256.Sum256(o.Body)
	tag := hex.EncodeToString(sum[:10])
	out.plain = newEncoding(o.Body, `"`+tag+`"`)
	if z := compress(o.Body); len(z) < len(o.Body) {
		e := newEncoding(z, `"`+tag+`-gzip"`)
		out.gzip = &e
	}
	return out
}

// settle moves a large body into pages of its own, where these can be had. It is for objects that nobody has seen yet.
func (o *object) settle() {
	if o.text || o.size < leastMemory {
		return
	}
	if m, err := newMemory(o.Body); err == nil {
		o.memory, o.Body, o.plain.body = m, nil, nil
	}
}

// whole is the object as it was stored.
func (o *object) whole() (store.Object, error) {
	out, err := o.Object, error(nil)
	if o.memory != nil {
		out.Body, err = o.memory.read()
	}
	return out, err
}

func (o *object) setCache(c string) {
	switch {
	case c != "":
		o.Cache = c
	case o.text:
		c = cacheText
	default:
		c = cacheMedia
	}
	o.cache = []string{c}
}

func newEncoding(body []byte, tag string) encoding {
	return encoding{body: body, etag: []string{tag}, length: []string{strconv.Itoa(len(body))}}
}

// mediaTag is the entity tag of an object that never changes under its name: the same from memory and from a file.
func mediaTag(size int64, modified time.Time) string {
	return `"` + strconv.FormatInt(modified.UnixNano(), 36) + "-" + strconv.FormatInt(size, 36) + `"`
}

// compressors are kept because each holds most of a megabyte.
var compressors = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// compress gives the gzip form, or body itself if that fails.
func compress(body []byte) []byte {
	var buf bytes.Buffer
	w, ok := compressors.Get().(*gzip.Writer)
	if !ok {
		return body
	}
	defer compressors.Put(w)
	w.Reset(&buf)
	if _, err := w.Write(body); err != nil {
		return body
	}
	if err := w.Close(); err != nil {
		return body
	}
	return buf.Bytes()
}

// isText: playlists and manifests, which change under their name.
func isText(name string) bool {
	switch path.Ext(name) {
	case ".m3u8", ".mpd":
		return true
	}
	return false
}

// served tells whether an object is for viewers; a folder also holds the channel's grid and anchors.
func served(name string) bool {
	switch path.Ext(name) {
	case ".m3u8", ".mpd", ".m4s", ".mp4", ".vtt", // what a channel publishes
		".ts", ".aac", ".m4a", ".m4v", ".init", ".cmfv", ".cmfa", ".cmft": // what others push
		return true
	}
	return false
}

// passing tells an object that goes with time, so that memory must not keep it for good: media under other names than a
// channel gives. What a channel begins with, its initializations, stays.
func passing(name string) bool {
	return !isText(name) && !strings.HasPrefix(path.Base(name), "init")
}

// acceptsGzip reads Accept-Encoding (RFC 9110 §12.5.3): gzip or *, unless its weight is 0.
func acceptsGzip(values []string) bool {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			name, weight, _ := strings.Cut(part, ";")
			name = strings.TrimSpace(name)
			if name != "gzip" && name != "x-gzip" && name != "*" && !strings.EqualFold(name, "gzip") {
				continue
			}
			q, ok := strings.CutPrefix(strings.TrimSpace(weight), "q=")
			if !ok || strings.Trim(q, "0.") != "" {
				return true
			}
			if name != "*" {
				return false
			}
		}
	}
	return false
}
