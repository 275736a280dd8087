package store_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"onair/pipeline/receive"
	"onair/pkg/store"
	"onair/test/weborigin"
)

// fakeHTTP is a server; wrap may put itself before it.
func fakeHTTP(t *testing.T, wrap func(http.Handler) http.Handler) *weborigin.Server {
	t.Helper()
	s := weborigin.New()
	t.Cleanup(s.Close)
	s.Wrap(wrap)
	return s
}

// openHTTP opens a place below a new path of a server.
func openHTTP(t testing.TB, server string, change ...func(*store.HTTPConfig)) *store.HTTP {
	t.Helper()
	c := store.HTTPConfig{URL: server + "/live/" + strconv.FormatInt(prefixes.Add(1), 10), Pipeline: "west"}
	for _, f := range change {
		f(&c)
	}
	s, err := store.NewHTTP(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// httpBackends are the servers that the rules are held against.
func httpBackends() map[string]func(t *testing.T) store.Store {
	return map[string]func(t *testing.T) store.Store{
		"http":               func(t *testing.T) store.Store { return openHTTP(t, fakeHTTP(t, nil).URL) },
		"http on our origin": func(t *testing.T) store.Store { return ourOrigin(t, store.NewMemory()) },
		"http on our origin with a folder": func(t *testing.T) store.Store {
			dir, err := store.NewDir(store.DirConfig{Path: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			return ourOrigin(t, dir)
		},
	}
}

// ourOrigin is a store on onair origin, which keeps things in another one.
func ourOrigin(t *testing.T, behind store.Store) store.Store {
	t.Helper()
	rc, err := receive.New(receive.Config{Store: behind, Writers: []receive.Writer{{Name: "me", User: "me", Password: "pw"}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- rc.Run(ctx) }()
	server := httptest.NewServer(rc)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		cancel()
		<-done
	})
	for end := time.Now().Add(10 * time.Second); rc.Ready() != nil; {
		if time.Now().After(end) {
			t.Fatal(rc.Ready())
		}
	}
	return openHTTP(t, server.URL, func(c *store.HTTPConfig) { c.User, c.Password = "me", "pw" })
}

func TestHTTPURLs(t *testing.T) {
	t.Parallel()
	got, err := store.ParseHTTP("https://me:secret%40word@Origin.Example:8443/live/tv/")
	want := store.HTTPConfig{URL: "https://origin.example:8443/live/tv", User: "me", Password: "secret@word"}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if got.String() != "https://origin.example:8443/live/tv" {
		t.Errorf("named %s", got)
	}
	for text, word := range map[string]string{
		"http://origin.example":                   "",
		"http://[2001:db8::1]:8080/live":          "",
		"origin.example":                          "neither",
		"ftp://origin.example":                    "neither",
		"http:///live":                            "no host",
		"https://origin.example/?token=secretkey": "options",
		"https://origin.example/?":                "options",
		"https://origin.example/#x":               "fragment",
		"https://:secretkey@origin.example/":      "without a user",
		"https://origin.example/a/../b":           "element",
		"https://origin.example/%zz/secretkey":    "no URL",
	} {
		_, err := store.ParseHTTP(text)
		switch {
		case word == "" && err != nil, word != "" && (err == nil || !strings.Contains(err.Error(), word)):
			t.Errorf("%s: error %v, want %q", text, err, word)
		case err != nil && strings.Contains(err.Error(), "secretkey"):
			t.Errorf("%s: the error shows a secret: %v", text, err)
		}
	}
}

// TestHTTPRequestsSayWhatTheyBring: what a CDN and an origin go by.
func TestHTTPRequestsSayWhatTheyBring(t *testing.T) {
	t.Parallel()
	server := fakeHTTP(t, nil)
	s, err := store.NewHTTP(store.HTTPConfig{URL: server.URL + "/live", User: "me", Password: "pw", Pipeline: "west"})
	if err != nil {
		t.Fatal(err)
	}
	const name = "news/v 1/50%?#.m4s"
	put(t, s, store.Object{Name: name, Body: []byte("body"), Cache: "max-age=3", Meta: map[string]string{"input": "main"}})
	got := server.LastPut("live/" + name)
	for key, want := range map[string]string{
		"Content-Type": "video/iso.segment", "Cache-Control": "max-age=3", "Content-Length": "4", "User-Agent": "onair",
		"X-Onair-Meta-Input": "main", "X-Onair-Pipeline": "west", "Dash-If-Ingest": "1.1", "Idempotency-Key": "",
		"Authorization": "Basic bWU6cHc=", "If-None-Match": "",
	} {
		if got.Get(key) != want {
			t.Errorf("%s is %q, want %q", key, got.Get(key), want)
		}
	}
	if info, err := s.Stat(t.Context(), name); err != nil || info.Size != 4 || info.Modified.IsZero() {
		t.Errorf("%+v, %v", info, err)
	}
}

// TestHTTPConnectionsAreKept: as many as there are writes at a time, however many writes there are.
func TestHTTPConnectionsAreKept(t *testing.T) {
	t.Parallel()
	var from atomic.Value
	var others atomic.Int32
	s := openHTTP(t, fakeHTTP(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if old := from.Swap(r.RemoteAddr); old != nil && old != r.RemoteAddr {
				others.Add(1)
			}
			next.ServeHTTP(w, r)
		})
	}).URL)
	for i := range 20 {
		put(t, s, store.Object{Name: strconv.Itoa(i), Body: make([]byte, 1000)})
		get(t, s, strconv.Itoa(i))
		if _, err := s.Get(t.Context(), "nothing"); !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
	}
	if others.Load() != 0 {
		t.Errorf("%d more connections", others.Load())
	}
}

// TestHTTPRedirects: on the same host a write stays one; another host gets no credentials.
func TestHTTPRedirects(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 307, 308} {
		server := fakeHTTP(t, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if moved, ok := strings.CutPrefix(r.URL.Path, "/live/"); ok {
					http.Redirect(w, r, "/new/"+moved, status)
					return
				}
				next.ServeHTTP(w, r)
			})
		})
		s := openHTTP(t, server.URL)
		put(t, s, store.Object{Name: "a", Body: []byte("body")})
		if got := get(t, s, "a"); string(got.Body) != "body" {
			t.Errorf("%d: %q", status, got.Body)
		}
		if names := server.Names(); len(names) != 1 || !strings.HasPrefix(names[0], "new/") {
			t.Errorf("%d: %v", status, names)
		}
	}
	var asked atomic.Int32
	thief := fakeHTTP(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked.Add(1); next.ServeHTTP(w, r) })
	})
	elsewhere := strings.Replace(thief.URL, "127.0.0.1", "localhost", 1)
	for _, to := range []string{elsewhere + "/a", "ftp://127.0.0.1/a", "/live/again", "::"} {
		s := openHTTP(t, fakeHTTP(t, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusPermanentRedirect) })
		}).URL, func(c *store.HTTPConfig) { c.Token = "secret" })
		err := s.Put(t.Context(), store.Object{Name: "a"})
		if err == nil || !strings.Contains(err.Error(), "moved to another host") || errors.Is(err, store.ErrAway) {
			t.Errorf("%s: %v", to, err)
		}
	}
	if asked.Load() != 0 {
		t.Error("another host was asked")
	}
}

// TestHTTPSaysWhoseFaultItIs: what a server answers, or that it does not, comes with what to do.
func TestHTTPSaysWhoseFaultItIs(t *testing.T) {
	t.Parallel()
	for status, c := range map[int]struct {
		word string
		away bool
	}{
		200: {"", false}, 201: {"", false}, 204: {"", false},
		401: {"does not know these credentials", false}, 403: {"do not suffice", false}, 404: {"see the address", false},
		405: {"takes no writes", false}, 409: {"create_full_put_path", false}, 413: {"client_max_body_size", false},
		415: {"media type", false}, 429: {"fewer requests", true}, 500: {"own fault", true}, 503: {"overloaded", true},
		507: {"make room", true}, 206: {"no answer of an origin", false},
	} {
		server := fakeHTTP(t, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "text/plain; charset=utf-8")
				w.WriteHeader(status)
				if status != http.StatusNoContent {
					_, _ = io.WriteString(w, "its own \x1b[31mwords\nand more")
				}
			})
		})
		s := openHTTP(t, server.URL, func(c *store.HTTPConfig) { c.User, c.Password = "me", "secretkey" })
		err := s.Put(t.Context(), store.Object{Name: "a"})
		switch {
		case c.word == "" && err != nil, c.word != "" && err == nil:
			t.Errorf("%d: %v", status, err)
		case err == nil:
		case !strings.Contains(err.Error(), c.word) || !strings.Contains(err.Error(), "its own [31mwords") ||
			strings.Contains(err.Error(), "more") || strings.Contains(err.Error(), "secretkey") ||
			!strings.Contains(err.Error(), server.URL) || errors.Is(err, store.ErrAway) != c.away:
			t.Errorf("%d: %v", status, err)
		}
	}
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	err = openHTTP(t, "http://"+gone.Addr().String()).Put(t.Context(), store.Object{Name: "a"})
	if !errors.Is(err, store.ErrAway) || !strings.Contains(err.Error(), "nothing listens") {
		t.Errorf("nobody there: %v", err)
	}
}

// TestHTTPNeverWaitsLongerThanItsContext: a server that takes the request and never answers.
func TestHTTPNeverWaitsLongerThanItsContext(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	asked := make(chan struct{}, 8)
	s := openHTTP(t, fakeHTTP(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{}; <-hang })
	}).URL)
	t.Cleanup(func() { close(hang) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if err := s.Put(ctx, store.Object{Name: "a", Body: make([]byte, 1<<20)}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestHTTPBeginsAnewWhatIsNotAnswered: what the server takes and says nothing about ends long before its context.
func TestHTTPBeginsAnewWhatIsNotAnswered(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	s := openHTTP(t, fakeHTTP(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-hang
		})
	}).URL)
	t.Cleanup(func() { close(hang) })
	err := s.Put(t.Context(), store.Object{Name: "a", Body: make([]byte, 1<<20)})
	if !errors.Is(err, store.ErrAway) || !strings.Contains(err.Error(), "no answer within") {
		t.Errorf("error %v", err)
	}
}

// TestHTTPCutBodyIsNoObject: a connection that breaks in mid-body.
func TestHTTPCutBodyIsNoObject(t *testing.T) {
	t.Parallel()
	for _, length := range []string{"1000", ""} {
		s := openHTTP(t, fakeHTTP(t, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if length != "" {
					w.Header().Set("Content-Length", length)
				}
				_, _ = w.Write(make([]byte, 500))
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			})
		}).URL)
		if o, err := s.Get(t.Context(), "a"); !errors.Is(err, store.ErrAway) || !strings.Contains(err.Error(), "broke the connection off") {
			t.Errorf("length %q: %d bytes, %v", length, len(o.Body), err)
		}
	}
}

// TestHTTPWithoutConditions: a server that knows none of them is found out, for a timeline and for playlists of several.
func TestHTTPWithoutConditions(t *testing.T) {
	t.Parallel()
	server := fakeHTTP(t, weborigin.Plain)
	s := openHTTP(t, server.URL)
	if err := store.CheckCreate(t.Context(), s, "news"); !errors.Is(err, store.ErrNotExclusive) {
		t.Errorf("create: %v", err)
	}
	if err := store.CheckSwap(t.Context(), s, "news"); !errors.Is(err, store.ErrNotSwapped) {
		t.Errorf("swap: %v", err)
	}
	if names := server.Names(); len(names) != 0 {
		t.Errorf("left behind: %v", names)
	}
	server.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(untagged{w}, r) })
	})
	if err := store.CheckSwap(t.Context(), s, "news"); !errors.Is(err, store.ErrNotSwapped) {
		t.Errorf("swap without tags: %v", err)
	}
}

// untagged is an answer without the tag that whoever swaps goes by.
type untagged struct{ http.ResponseWriter }

func (w untagged) WriteHeader(status int) {
	w.Header().Del("ETag")
	w.ResponseWriter.WriteHeader(status)
}

// nginx is a server as many have it, with a folder behind it.
func nginx(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("no nginx here")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address, dir := l.Addr().String(), t.TempDir()
	_ = l.Close()
	file := filepath.Join(dir, "nginx.conf")
	text := "daemon off; master_process off; error_log stderr; pid " + dir + "/pid; events {}\n" +
		"http { access_log off; client_body_temp_path " + dir + "/body; proxy_temp_path " + dir + "/p;\n" +
		"fastcgi_temp_path " + dir + "/f; uwsgi_temp_path " + dir + "/u; scgi_temp_path " + dir + "/s;\n" +
		"server { listen " + address + "; root " + dir + "/root; client_max_body_size 1m;\n" +
		"dav_methods PUT DELETE; create_full_put_path on; } }\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "-c", file, "-p", dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	for end := time.Now().Add(10 * time.Second); ; {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
			return "http://" + address
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// TestHTTPOnNginx: objects are stored and read, and what it cannot do is found out.
func TestHTTPOnNginx(t *testing.T) {
	t.Parallel()
	s := openHTTP(t, nginx(t))
	const name = "news/v1/50%?#.m4s"
	for _, body := range []string{"first", "second", ""} {
		put(t, s, store.Object{Name: name, Body: []byte(body)})
		if got := get(t, s, name); string(got.Body) != body || got.Tag == "" {
			t.Errorf("%+v", got)
		}
		if info, err := s.Stat(t.Context(), name); err != nil || info.Size != int64(len(body)) || info.Modified.IsZero() {
			t.Errorf("%+v, %v", info, err)
		}
	}
	if _, err := s.List(t.Context(), "news/"); !errors.Is(err, store.ErrNoList) {
		t.Errorf("list: %v", err)
	}
	for range 2 {
		if err := s.Delete(t.Context(), name); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	if _, err := s.Get(t.Context(), name); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("get: %v", err)
	}
	if err := store.CheckCreate(t.Context(), s, "news"); !errors.Is(err, store.ErrNotExclusive) {
		t.Errorf("create: %v", err)
	}
	if err := store.CheckSwap(t.Context(), s, "news"); !errors.Is(err, store.ErrNotSwapped) {
		t.Errorf("swap: %v", err)
	}
	err := s.Put(t.Context(), store.Object{Name: "large", Body: make([]byte, 2<<20)})
	if err == nil || !strings.Contains(err.Error(), "client_max_body_size") {
		t.Errorf("a large one: %v", err)
	}
}
