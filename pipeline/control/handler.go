package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// ErrNoInput is wrapped by Source.SwitchInput when the channel has no input of that name.
var ErrNoInput = errors.New("no such input")

// Source is a channel as the handler sees it. All methods may be called from any goroutine.
type Source interface {
	// Status is a snapshot of the channel; the caller owns what it gets.
	Status() Status
	// Fresh is nil while playlists may be served, else why not: the rule of the origin's 503.
	Fresh() error
	// SwitchInput moves the channel to the named input, "auto" gives the choice back. The error is the caller's fault
	// (no such input) when it wraps ErrNoInput, else the channel's.
	SwitchInput(name string) error
	// Reload reads the channel's file again; the error is a ReloadRefused.
	Reload() (Reloaded, error)
	// Events are what has happened; the caller owns what it gets.
	Events(q EventQuery) Events
}

// Config of a handler.
type Config struct {
	Version  string       // of the program, for the build metric
	Channels []Source     // shown in this order; their names must differ
	Origin   http.Handler // serves /<channel>/<object>; nil: 404
	Page     fs.FS        // index.html and what it loads from _assets; nil: no page, 404
	Token    string       // bearer token of what changes anything; empty: loopback only
	// CertificateEnd is when the address's certificate is valid no more; nil: it speaks plain HTTP.
	CertificateEnd func() time.Time
	// Connections are those to the HTTP addresses of the process: held now, and ever refused; nil: they are not counted.
	Connections func() (held, refused int64)
	Log         zerolog.Logger // the zero value logs nothing
}

// handler is the HTTP side of a process.
type handler struct {
	channels []channel
	origin   http.Handler
	page     *page
	guard    guard
	log      zerolog.Logger
}

// channel is a source and the name it had at the start.
type channel struct {
	name   string
	source Source
}

// New makes the handler of every path of the process: pages, API, metrics, health, and the output through
// Config.Origin. It fails when two channels have one name or the page cannot be read.
func New(c Config) (http.Handler, error) {
	h := &handler{origin: c.Origin, guard: guard{token: c.Token}, log: c.Log}
	seen := map[string]bool{}
	for _, s := range c.Channels {
		name := s.Status().Channel
		if seen[name] {
			return nil, fmt.Errorf("two channels are named %q: each needs a name of its own", name)
		}
		seen[name] = true
		h.channels = append(h.channels, channel{name, s})
	}
	if c.Page != nil {
		p, err := newPage(c.Page)
		if err != nil {
			return nil, fmt.Errorf("reading the page: %w", err)
		}
		h.page = p
	}
	return h.routes(newMetrics(c, h.channels)), nil
}

// routes maps paths; whatever no other route takes is the output's.
func (h *handler) routes(metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/channels", h.getChannels)
	mux.HandleFunc("GET /api/v1/channels/{channel}", h.withChannel(h.getChannel))
	mux.HandleFunc("GET /api/v1/channels/{channel}/inputs/{input}/thumbnail.jpg", h.withChannel(h.getThumbnail))
	mux.HandleFunc("GET /api/v1/channels/{channel}/events", h.withChannel(h.getEvents))
	mux.HandleFunc("POST /api/v1/channels/{channel}/input", h.guard.wrap(h.withChannel(h.postInput)))
	mux.HandleFunc("POST /api/v1/channels/{channel}/reload", h.guard.wrap(h.withChannel(h.postReload)))
	mux.HandleFunc("/api/", h.apiElse)
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", h.readyz)
	mux.HandleFunc("/", h.rest)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

// find is the channel of that name, nil when there is none.
func (h *handler) find(name string) Source {
	for _, c := range h.channels {
		if c.name == name {
			return c.source
		}
	}
	return nil
}

// rest serves pages, what they load, and the output.
func (h *handler) rest(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	name, object, deep := strings.Cut(path, "/")
	switch {
	case path == "":
		h.servePage(w, r, "index.html", "./")
	case h.page != nil && h.page.has(path):
		h.servePage(w, r, path, "./")
	case h.find(name) != nil && !deep:
		http.Redirect(w, r, name+"/", http.StatusMovedPermanently)
	case h.find(name) != nil && object == "":
		h.servePage(w, r, "index.html", "../")
	case h.origin != nil:
		h.origin.ServeHTTP(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (h *handler) servePage(w http.ResponseWriter, r *http.Request, name, base string) {
	if h.page == nil {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	h.page.serve(w, r, name, base)
}
