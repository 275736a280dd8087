// Package weborigin is an HTTP origin in memory, for tests: what stores need of one, nothing else. Requests are not
// authenticated. A test puts its faults before it with Wrap.
package weborigin

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"onair/pkg/store"
)

// pageSize is how many objects a page of a listing has: small, so that there is more than one.
const pageSize = 3

// Server is the server; make it with New.
type Server struct {
	URL string // http://127.0.0.1:port

	http *httptest.Server

	mu      sync.Mutex
	objects map[string]object // by path, without the slash before it
	wrap    func(http.Handler) http.Handler
	puts    map[string]int
	last    map[string]http.Header
}

type object struct {
	body     []byte
	header   http.Header
	modified time.Time
}

// New starts a server; Close ends it.
func New() *Server {
	s := &Server{objects: map[string]object{}, puts: map[string]int{}, last: map[string]http.Header{}}
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		wrap := s.wrap
		s.mu.Unlock()
		h := http.Handler(http.HandlerFunc(s.serve))
		if wrap != nil {
			h = wrap(h)
		}
		h.ServeHTTP(w, r)
	}))
	s.URL = s.http.URL
	return s
}

// Close ends the server and breaks its connections off.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
}

// Wrap puts a handler before the server from now on; nil: none.
func (s *Server) Wrap(wrap func(http.Handler) http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrap = wrap
}

// Plain is for Wrap: a server that has no listing and takes every write, as nginx does.
func Plain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("If-None-Match")
		r.Header.Del("If-Match")
		if r.URL.RawQuery != "" {
			http.Error(w, "403 Forbidden", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Names are the objects that there are, in their order.
func (s *Server) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.objects))
}

// Puts tells how many writes of a name the server has taken.
func (s *Server) Puts(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.puts[name]
}

// LastPut is the header of the last write of a name.
func (s *Server) LastPut(name string) http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last[name]
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	switch {
	case r.Method == http.MethodGet && r.URL.Query().Has(store.ListQuery):
		s.list(w, r)
	case r.Method == http.MethodPut:
		s.put(w, r, name)
	case r.Method == http.MethodDelete:
		s.mu.Lock()
		delete(s.objects, name)
		s.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		s.get(w, r, name)
	default:
		http.Error(w, "not here", http.StatusMethodNotAllowed)
	}
}

func (s *Server) put(w http.ResponseWriter, r *http.Request, name string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	o := object{body: body, header: http.Header{}, modified: time.Now()}
	for key, values := range r.Header {
		if key == "Content-Type" || key == "Cache-Control" || strings.HasPrefix(key, store.HeaderMeta) {
			o.header[key] = values
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last[name] = r.Header.Clone()
	old, there := s.objects[name]
	match := r.Header.Get("If-Match")
	if there && r.Header.Get("If-None-Match") == "*" || match != "" && (!there || match != tag(old.body)) {
		http.Error(w, "it is there, or another one", http.StatusPreconditionFailed)
		return
	}
	s.objects[name] = o
	s.puts[name]++
	w.Header().Set("ETag", tag(body))
	w.WriteHeader(http.StatusCreated)
}

func (s *Server) get(w http.ResponseWriter, r *http.Request, name string) {
	s.mu.Lock()
	o, there := s.objects[name]
	s.mu.Unlock()
	if !there {
		http.NotFound(w, r)
		return
	}
	maps.Copy(w.Header(), o.header)
	w.Header().Set("ETag", tag(o.body))
	http.ServeContent(w, r, "", o.modified, bytes.NewReader(o.body))
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	base := strings.TrimPrefix(r.URL.Path, "/")
	var p store.ListPage
	for _, path := range s.Names() {
		name, below := strings.CutPrefix(path, base)
		if !below || !strings.HasPrefix(name, query.Get(store.ListQuery)) || name <= query.Get(store.ListAfter) {
			continue
		}
		if len(p.Objects) == pageSize {
			p.More = true
			break
		}
		s.mu.Lock()
		o := s.objects[path]
		s.mu.Unlock()
		p.Objects = append(p.Objects, store.ListEntry{Name: name, Size: int64(len(o.body)), Modified: o.modified})
	}
	w.Header().Set("Content-Type", store.ListType)
	_ = json.NewEncoder(w).Encode(p)
}

func tag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:8]) + `"`
}
