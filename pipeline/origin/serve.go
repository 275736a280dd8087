package origin

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"onair/pkg/store"
)

// serve answers with an object from memory. What almost every request asks for, the whole object, is written straight
// away; conditions and ranges go the standard library's way. An error says that nothing was answered, as the object has
// left memory.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, o *object) error {
	if o.memory == nil {
		h.answer(w, r, o, nil)
		return nil
	}
	body, err := o.memory.open()
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	h.answer(w, r, o, body)
	return nil
}

// answer writes an object whose body, if it is not at hand, is what can be read from body.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, o *object, body io.ReadSeeker) {
	head := w.Header()
	head["Content-Type"] = o.kind
	head["Last-Modified"] = o.changed
	head["Cache-Control"] = o.cache
	enc := &o.plain
	ranged := len(r.Header["Range"]) != 0
	if o.text {
		head["Vary"] = byEncoding
		if o.gzip != nil && !ranged && acceptsGzip(r.Header["Accept-Encoding"]) {
			enc = o.gzip
			head["Content-Encoding"] = gzipped
		}
		if r.Method == http.MethodHead {
			head["Cache-Control"] = noStore
		}
	}
	head["Etag"] = enc.etag
	if ranged || conditional(r.Header) {
		if body == nil {
			body = bytes.NewReader(enc.body)
		}
		h.serveCondition(w, r, o, enc, body)
		return
	}
	head["Content-Length"] = enc.length
	if !o.text {
		head["Accept-Ranges"] = byteRanges
	}
	w.WriteHeader(http.StatusOK)
	switch {
	case r.Method == http.MethodHead:
	case body != nil:
		_, _ = io.CopyN(w, body, o.size) // the client may have gone
	default:
		_, _ = w.Write(enc.body)
	}
}

func (h *Handler) serveCondition(w http.ResponseWriter, r *http.Request, o *object, enc *encoding, body io.ReadSeeker) {
	if tags := r.Header["If-None-Match"]; len(tags) == 1 && tags[0] == enc.etag[0] {
		h.notModified.Add(1)
		head := w.Header()
		delete(head, "Content-Type")
		delete(head, "Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if enc != &o.plain {
		w.Header()["Content-Length"] = enc.length
	}
	http.ServeContent(w, r, "", o.modified, body)
}

func conditional(h http.Header) bool {
	return len(h["If-None-Match"])+len(h["If-Modified-Since"])+len(h["If-Match"])+len(h["If-Unmodified-Since"]) != 0
}

// nowhere is a range behind the end of everything.
const nowhere = "9223372036854775807-"

// readRange makes the standard library follow RFC 9110 §14.2, by which a range in a unit that is not known is ignored,
// and §14.1.2, by which the last 0 bytes cannot be had.
func readRange(head http.Header) {
	if len(head["Range"]) == 0 {
		return
	}
	list, ok := strings.CutPrefix(head["Range"][0], "bytes=")
	if !ok {
		delete(head, "Range")
		return
	}
	ranges := strings.Split(list, ",")
	for i, one := range ranges {
		last, suffix := strings.CutPrefix(strings.TrimSpace(one), "-")
		if last = strings.TrimSpace(last); suffix && last != "" && strings.Trim(last, "0") == "" {
			ranges[i] = nowhere
		}
	}
	head["Range"] = []string{"bytes=" + strings.Join(ranges, ",")}
}

type fileFacts struct {
	info  store.Info
	cache string
}

// serveFile answers with a file, which the kernel sends without a copy where it can.
func serveFile(w http.ResponseWriter, r *http.Request, f *os.File, facts fileFacts) {
	if facts.cache == "" {
		facts.cache = cacheMedia
	}
	head := w.Header()
	head.Set("Content-Type", store.Type(facts.info.Name))
	head.Set("Cache-Control", facts.cache)
	head["Etag"] = []string{mediaTag(facts.info.Size, facts.info.Modified)}
	http.ServeContent(w, r, "", facts.info.Modified, f)
}

// failures sums up repeated errors: one report a second with the count since the last.
type failures struct {
	mu    sync.Mutex
	count uint64
	last  time.Time
}

func (f *failures) report() (uint64, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	if time.Since(f.last) < time.Second {
		return 0, false
	}
	n := f.count
	f.count, f.last = 0, time.Now()
	return n, true
}
