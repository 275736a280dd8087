package verify

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// maxObject bounds an object that is read, in bytes.
const maxObject = 256 << 20

// object is one thing that was fetched.
type object struct {
	name    string
	status  int // HTTP's; 200 and 404 stand for a file that is there or not
	header  http.Header
	body    []byte
	gzipped bool
	at      time.Time // when the answer had come
	err     error     // no answer, or a broken one
}

func (o object) ok() bool { return o.err == nil && o.status == http.StatusOK }

// source is where an output lies. Names are relative to the channel's folder, or absolute URLs.
type source interface {
	get(ctx context.Context, name string) object
	live() bool // more may come
}

// open is the source of a target: a URL, asked by client or by one with a time limit, or a folder. It opens nothing but
// the folder.
func open(target string, client *http.Client) (source, error) {
	if !strings.Contains(target, "://") {
		return openDirectory(target)
	}
	own := http.Client{Timeout: 10 * time.Second}
	if client != nil {
		own = *client
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return openServer(target, &own)
}

// kindOf is a source's kind, as reports have it.
func kindOf(from source) string {
	if from.live() {
		return kindHTTP
	}
	return kindDirectory
}

// directory is an output in a folder.
type directory struct{ path string }

func (d directory) live() bool { return false }

func (d directory) get(_ context.Context, name string) object {
	o := object{name: name, status: http.StatusOK, at: time.Now()}
	if strings.Contains(name, "://") || !filepath.IsLocal(filepath.FromSlash(name)) {
		o.status = http.StatusForbidden
		return o
	}
	o.body, o.err = os.ReadFile(filepath.Join(d.path, filepath.FromSlash(name)))
	if errors.Is(o.err, fs.ErrNotExist) {
		o.status, o.err = http.StatusNotFound, nil
	}
	return o
}

// openDirectory is the channel's folder at path: the folder itself, or the only one below it.
func openDirectory(path string) (directory, error) {
	if _, err := os.Stat(filepath.Join(path, indexName)); err == nil {
		return directory{path}, nil
	}
	found, err := filepath.Glob(filepath.Join(path, "*", indexName))
	switch {
	case err != nil:
		return directory{}, err
	case len(found) == 1:
		return directory{filepath.Dir(found[0])}, nil
	case len(found) > 1:
		return directory{}, fmt.Errorf("%s holds %d channels: name one of its folders", path, len(found))
	}
	if _, err := os.Stat(path); err != nil {
		return directory{}, err
	}
	return directory{}, fmt.Errorf("%s holds no %s", path, indexName)
}

// server is an output behind HTTP.
type server struct {
	client   *http.Client
	base     *url.URL
	requests atomic.Int64
	bytes    atomic.Int64
}

func (s *server) live() bool { return true }

// openServer is the channel at target: its folder, its multivariant playlist or its MPD.
func openServer(target string, client *http.Client) (*server, error) {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is no http or https URL", redact(target))
	}
	if strings.HasSuffix(u.Path, ".m3u8") || strings.HasSuffix(u.Path, ".mpd") {
		u.Path = u.Path[:strings.LastIndexByte(u.Path, '/')+1]
	} else if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	u.RawPath, u.Fragment = "", ""
	return &server{client: client, base: u}, nil
}

// redact is a URL without user information and query, which may be secrets.
func redact(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return "(not a URL)"
	}
	if u.User != nil {
		u.User = url.User("...")
	}
	if u.RawQuery != "" {
		u.RawQuery = "..."
	}
	return u.String()
}

// url keeps the target's query: a token belongs to every object.
func (s *server) url(name string) (string, error) {
	u, err := s.base.Parse(name)
	if err != nil {
		return "", err
	}
	if u.RawQuery == "" {
		u.RawQuery = s.base.RawQuery
	}
	return u.String(), nil
}

func (s *server) get(ctx context.Context, name string) object {
	return s.do(ctx, http.MethodGet, name, http.Header{"Accept-Encoding": {"gzip"}})
}

// do sends one request. It follows no redirect, and undoes gzip itself, so that both are seen.
func (s *server) do(ctx context.Context, method, name string, header http.Header) object {
	o := object{name: name}
	address, err := s.url(name)
	if err != nil {
		o.err = err
		return o
	}
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		o.err = err
		return o
	}
	req.Header = header
	req.Header.Set("Origin", "https://player.example")
	req.Header.Set("User-Agent", "onair-verify")
	s.requests.Add(1)
	res, err := s.client.Do(req)
	if err != nil {
		o.err, o.at = plain(err), time.Now()
		return o
	}
	defer func() { _ = res.Body.Close() }()
	o.status, o.header = res.StatusCode, res.Header
	o.body, o.err = readBody(res, &o.gzipped)
	o.at = time.Now()
	s.bytes.Add(int64(len(o.body)))
	return o
}

// plain is a client's error without the URL, which may carry a token.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func readBody(res *http.Response, gzipped *bool) ([]byte, error) {
	var r io.Reader = res.Body
	if strings.EqualFold(res.Header.Get("Content-Encoding"), "gzip") {
		*gzipped = true
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("body is no gzip: %w", err)
		}
		r = z
	}
	b, err := io.ReadAll(io.LimitReader(r, maxObject+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("body breaks off after %d bytes: %w", len(b), err)
	case len(b) > maxObject:
		return nil, fmt.Errorf("body of more than %d bytes", maxObject)
	}
	return b, nil
}
