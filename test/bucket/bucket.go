// Package bucket is an S3 server with one bucket in memory, for tests: what stores need of the protocol, nothing else.
// Requests are not authenticated. A test puts its faults before it with Wrap.
package bucket

import (
	"bufio"
	"bytes"
	"crypto/md5" //nolint:gosec // what an ETag is made of
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Name is the bucket's name.
const Name = "bucket"

// pageSize is how many keys a page of a listing has: small, so that there is more than one.
const pageSize = 3

// Server is the server; make it with New.
type Server struct {
	URL string // http://127.0.0.1:port

	http *httptest.Server

	mu      sync.Mutex
	objects map[string]object // by key
	wrap    func(http.Handler) http.Handler
	puts    map[string]int
}

type object struct {
	body     []byte
	header   http.Header
	modified time.Time
}

// New starts a server; Close ends it.
func New() *Server {
	s := &Server{objects: map[string]object{}, puts: map[string]int{}}
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

// Keys are those that there are, in their order.
func (s *Server) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.objects))
}

// Set writes an object as somebody else would.
func (s *Server) Set(key string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = object{body: body, header: http.Header{}, modified: time.Now()}
}

// Puts tells how many writes of a key the server has taken.
func (s *Server) Puts(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.puts[key]
}

// Fail answers with an S3 error.
func Fail(w http.ResponseWriter, r *http.Request, status int, code string) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>as the test asks</Message></Error>", code)
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	key, ok := strings.CutPrefix(r.URL.Path, "/"+Name)
	if !ok || key != "" && key[0] != '/' {
		Fail(w, r, http.StatusNotFound, "NoSuchBucket")
		return
	}
	switch key = strings.TrimPrefix(key, "/"); {
	case key == "" && r.Method == http.MethodGet:
		s.list(w, r)
	case r.Method == http.MethodPut:
		s.put(w, r, key)
	case r.Method == http.MethodDelete:
		s.mu.Lock()
		delete(s.objects, key)
		s.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		s.get(w, r, key)
	default:
		Fail(w, r, http.StatusMethodNotAllowed, "MethodNotAllowed")
	}
}

func (s *Server) put(w http.ResponseWriter, r *http.Request, key string) {
	body, err := readBody(r)
	if err != nil {
		Fail(w, r, http.StatusBadRequest, "IncompleteBody")
		return
	}
	o := object{body: body, header: http.Header{}, modified: time.Now()}
	for name, values := range r.Header {
		if name == "Content-Type" || name == "Cache-Control" || strings.HasPrefix(name, "X-Amz-Meta-") {
			o.header[name] = values
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, there := s.objects[key]
	switch match := r.Header.Get("If-Match"); {
	case there && r.Header.Get("If-None-Match") == "*", there && match != "" && match != tag(old.body):
		Fail(w, r, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	case !there && match != "":
		Fail(w, r, http.StatusNotFound, "NoSuchKey")
		return
	}
	s.objects[key] = o
	s.puts[key]++
	w.Header().Set("ETag", tag(body))
}

func (s *Server) get(w http.ResponseWriter, r *http.Request, key string) {
	s.mu.Lock()
	o, there := s.objects[key]
	s.mu.Unlock()
	if !there {
		Fail(w, r, http.StatusNotFound, "NoSuchKey")
		return
	}
	maps.Copy(w.Header(), o.header)
	w.Header().Set("ETag", tag(o.body))
	http.ServeContent(w, r, "", o.modified, bytes.NewReader(o.body))
}

// page is the answer to a listing.
type page struct {
	XMLName     xml.Name `xml:"ListBucketResult"`
	Contents    []entry
	IsTruncated bool
	Next        string `xml:"NextContinuationToken,omitempty"`
}

type entry struct {
	Key          string
	Size         int
	LastModified string
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	after := max(query.Get("start-after"), query.Get("continuation-token"))
	var p page
	for _, key := range s.Keys() {
		if !strings.HasPrefix(key, query.Get("prefix")) || key <= after {
			continue
		}
		if len(p.Contents) == pageSize {
			p.IsTruncated, p.Next = true, p.Contents[pageSize-1].Key
			break
		}
		s.mu.Lock()
		o := s.objects[key]
		s.mu.Unlock()
		p.Contents = append(p.Contents, entry{key, len(o.body), o.modified.UTC().Format(time.RFC3339Nano)})
	}
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(p)
}

func tag(body []byte) string {
	sum := md5.Sum(body) //nolint:gosec // see above
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

// readBody reads a body, which over plain HTTP comes in signed chunks: SIZE;chunk-signature=... and the bytes.
func readBody(r *http.Request) ([]byte, error) {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return io.ReadAll(r.Body)
	}
	in := bufio.NewReader(r.Body)
	var body []byte
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		hexSize, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		size, err := strconv.ParseUint(hexSize, 16, 31)
		if err != nil {
			return nil, err
		}
		if size == 0 {
			break
		}
		chunk := make([]byte, size+2) // with the end of its line
		if _, err := io.ReadFull(in, chunk); err != nil {
			return nil, err
		}
		body = append(body, chunk[:size]...)
	}
	if want := r.Header.Get("X-Amz-Decoded-Content-Length"); want != strconv.Itoa(len(body)) {
		return nil, errors.New("the body is not as long as told")
	}
	return body, nil
}
