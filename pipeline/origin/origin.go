// Package origin serves a channel's output over HTTP: objects of a store with a live edge in memory, with the media
// types, caching and freshness rules of a streaming origin.
package origin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/rs/zerolog"

	"onair/pkg/store"
)

// Config lists what is served.
type Config struct {
	Channels []Channel
	Log      zerolog.Logger
}

// Channel is one channel's output, below /<name>/.
type Channel struct {
	Name string
	Edge *Edge
	// Fresh tells why the channel's playlists must not be served now; nil if they may. It is called for every playlist
	// request. A nil Fresh is always fresh.
	Fresh func() error
	// Describe adds to the header of an answer what is known about an object, and tells why it must not be served now;
	// nil if it may. A nil Describe knows nothing.
	Describe func(name string, head http.Header) error
}

// Stats counts answers.
type Stats struct {
	Requests, NotModified, Missing, Stale, Errors uint64
}

// Handler serves the channels.
type Handler struct {
	channels map[string]Channel
	log      zerolog.Logger
	failures failures

	requests, notModified, missing, stale, errors atomic.Uint64
}

var _ http.Handler = (*Handler)(nil)

// New makes the handler.
func New(c Config) (*Handler, error) {
	h := &Handler{channels: make(map[string]Channel, len(c.Channels)), log: c.Log}
	for _, ch := range c.Channels {
		if _, ok := h.channels[ch.Name]; ok || ch.Name == "" || ch.Edge == nil {
			return nil, fmt.Errorf("origin: channel %q is named twice, has no name or no store", ch.Name)
		}
		h.channels[ch.Name] = ch
	}
	return h, nil
}

// Stats tells how many requests were answered how.
func (h *Handler) Stats() Stats {
	return Stats{
		Requests: h.requests.Load(), NotModified: h.notModified.Load(), Missing: h.missing.Load(), Stale: h.stale.Load(),
		Errors: h.errors.Load(),
	}
}

// Header values that are the same in many answers; net/http reads them only.
var (
	anyOrigin = []string{"*"}
	exposed   = []string{"Age, CMSD-Static, Content-Length, Content-Range, Date, ETag, Last-Modified, Retry-After, " +
		"X-Onair-Age, X-Onair-Last-K, X-Onair-Pipeline"}
	methods   = []string{"GET, HEAD, OPTIONS"}
	preflight = []string{"Range, If-Range, If-None-Match, If-Modified-Since, " +
		"CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status"}
	dayLong    = []string{"86400"}
	byEncoding = []string{"Accept-Encoding"}
	gzipped    = []string{"gzip"}
	byteRanges = []string{"bytes"}
	noStore    = []string{cacheHead}
)

// ServeHTTP answers a request for /<channel>/<object>.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.requests.Add(1)
	head := w.Header()
	head["Access-Control-Allow-Origin"] = anyOrigin
	head["Access-Control-Expose-Headers"] = exposed
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		readRange(r.Header)
	case http.MethodOptions:
		head["Access-Control-Allow-Methods"] = methods
		head["Access-Control-Allow-Headers"] = preflight
		head["Access-Control-Max-Age"] = dayLong
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		head["Allow"] = methods
		refuse(w, http.StatusMethodNotAllowed, "only GET, HEAD and OPTIONS are answered here")
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	slash := strings.IndexByte(name, '/')
	if slash < 0 {
		h.notFound(w)
		return
	}
	ch, ok := h.channels[name[:slash]]
	if !ok {
		h.notFound(w)
		return
	}
	if err := ch.well(name, head); err != nil {
		h.stale.Add(1)
		head["Retry-After"] = []string{"1"}
		refuse(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	if o := ch.Edge.lookup(name); o != nil && served(name) && h.serve(w, r, o) == nil {
		return
	}
	h.behind(w, r, ch.Edge, name)
}

// well tells why an object must not be served now.
func (ch Channel) well(name string, head http.Header) error {
	if ch.Describe != nil {
		if err := ch.Describe(name, head); err != nil {
			return err
		}
	}
	if isText(name) && ch.Fresh != nil {
		return ch.Fresh()
	}
	return nil
}

// behind answers for an object that is not in memory.
func (h *Handler) behind(w http.ResponseWriter, r *http.Request, e *Edge, name string) {
	if !served(name) || store.CheckName(name) != nil {
		h.notFound(w)
		return
	}
	if !e.live(name) {
		f, info, ok, err := e.open(r.Context(), name)
		if ok {
			if err != nil {
				h.failed(w, name, err)
				return
			}
			defer func() { _ = f.Close() }()
			serveFile(w, r, f, fileFacts{info: info, cache: e.cache(name)})
			return
		}
	}
	o, err := e.load(r.Context(), name)
	if err == nil {
		err = h.serve(w, r, o)
	}
	if err != nil {
		h.failed(w, name, err)
	}
}

func (h *Handler) failed(w http.ResponseWriter, name string, err error) {
	switch {
	case errors.Is(err, store.ErrNotFound):
		h.notFound(w)
	case errors.Is(err, context.Canceled):
		refuse(w, http.StatusServiceUnavailable, "the request was given up") // nobody reads this
	default:
		h.errors.Add(1)
		if n, ok := h.failures.report(); ok {
			h.log.Error().Err(err).Str("object", name).Uint64("times", n).Msg("store cannot be read for viewers")
		}
		refuse(w, http.StatusServiceUnavailable, "the store behind this origin fails")
	}
}

func (h *Handler) notFound(w http.ResponseWriter) {
	h.missing.Add(1)
	refuse(w, http.StatusNotFound, "no such object here (yet, or any more)")
}

// refuse answers with a reason that caches may keep for a second only: another origin may have it, or this one soon.
func refuse(w http.ResponseWriter, status int, reason string) {
	head := w.Header()
	head.Set("Content-Type", "text/plain; charset=utf-8")
	head.Set("Cache-Control", cacheError)
	head.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(reason + "\n")) // the client may have gone
}
