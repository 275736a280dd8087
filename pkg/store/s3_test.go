package store_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"onair/pkg/store"
	"onair/test/bucket"
)

// fakeS3 is a server; wrap may put itself before it.
func fakeS3(t *testing.T, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	s := bucket.New()
	t.Cleanup(s.Close)
	s.Wrap(wrap)
	return s.URL
}

// openS3 opens a place below a new prefix of bucket.
func openS3(t testing.TB, endpoint, name string) *store.S3 {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credentials")
	text := "[onair]\naws_access_key_id = " + credential("AWS_ACCESS_KEY_ID", "key") +
		"\naws_secret_access_key = " + credential("AWS_SECRET_ACCESS_KEY", "secret") + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	prefix := "test/" + strconv.FormatInt(prefixes.Add(1), 10) + "-" + strconv.Itoa(os.Getpid())
	s, err := store.NewS3(store.S3Config{
		Bucket: name, Prefix: prefix, Endpoint: endpoint, PathStyle: true, Profile: "onair", Credentials: file,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var prefixes atomic.Int64

func credential(name, other string) string {
	if v := os.Getenv(name); v != "" && os.Getenv("ONAIR_S3") != "" {
		return v
	}
	return other
}

// s3Backends are the servers that the rules are held against: one of the test and, where ONAIR_S3 names it as
// http://host:port/bucket, a real one, whose keys are in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
func s3Backends() map[string]func(t *testing.T) store.Store {
	out := map[string]func(t *testing.T) store.Store{
		"s3": func(t *testing.T) store.Store { return openS3(t, fakeS3(t, nil), bucket.Name) },
	}
	if server := os.Getenv("ONAIR_S3"); server != "" {
		out["s3 server"] = func(t *testing.T) store.Store {
			u, err := url.Parse(server)
			if err != nil {
				t.Fatal(err)
			}
			return openS3(t, u.Scheme+"://"+u.Host, strings.Trim(u.Path, "/"))
		}
	}
	return out
}

func TestS3URLs(t *testing.T) {
	t.Parallel()
	got, err := store.ParseS3("s3://bucket/a/b/?endpoint=http://127.0.0.1:9001&region=eu-west-1&path_style=1&profile=p")
	want := store.S3Config{
		Bucket: "bucket", Prefix: "a/b", Endpoint: "http://127.0.0.1:9001", Region: "eu-west-1", PathStyle: true, Profile: "p",
	}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if got.String() != "s3://bucket/a/b?endpoint=http://127.0.0.1:9001" {
		t.Errorf("named %s", got)
	}
	for text, word := range map[string]string{
		"s3://bucket":                                "",
		"s3://my.bucket/?region=us-west-2":           "",
		"http://bucket":                              "s3://",
		"s3://":                                      "bucket",
		"s3://Bucket_1":                              "bucket",
		"s3://key:secretkey@bucket":                  "environment",
		"s3://bucket#x":                              "fragment",
		"s3://bucket/../x":                           "prefix",
		"s3://bucket?secretkey=1":                    "an option that S3 stores do not have",
		"s3://bucket?region=a&region=b":              "2 times",
		"s3://bucket?region=":                        "empty",
		"s3://bucket?path_style=yes":                 "0 nor 1",
		"s3://bucket?endpoint=ftp://x":               "endpoint",
		"s3://bucket?endpoint=http://x/path":         "more than scheme",
		"s3://bucket?endpoint=http://u:secretkey@x/": "more than scheme",
		"s3://bucket?a=%zz":                          "options",
	} {
		_, err := store.ParseS3(text)
		switch {
		case word == "" && err != nil, word != "" && (err == nil || !strings.Contains(err.Error(), word)):
			t.Errorf("%s: error %v, want %q", text, err, word)
		case err != nil && strings.Contains(err.Error(), "secretkey"):
			t.Errorf("%s: the error shows a secret: %v", text, err)
		}
	}
}

// TestS3WithoutItsCredentialsFile is the configuration's fault, told before anything is asked.
func TestS3WithoutItsCredentialsFile(t *testing.T) {
	t.Parallel()
	_, err := store.NewS3(store.S3Config{Bucket: "bucket", Credentials: filepath.Join(t.TempDir(), "nothing")})
	if err == nil || !strings.Contains(err.Error(), "credentials file") {
		t.Errorf("error %v", err)
	}
}

// TestS3CreateOutlastsAConflict: 409 means that somebody writes there just now, not that he has won.
func TestS3CreateOutlastsAConflict(t *testing.T) {
	t.Parallel()
	var conflicts atomic.Int32
	s := openS3(t, fakeS3(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && conflicts.Add(1) <= 3 {
				bucket.Fail(w, r, http.StatusConflict, "ConditionalRequestConflict")
				return
			}
			next.ServeHTTP(w, r)
		})
	}), bucket.Name)
	if err := s.Create(t.Context(), store.Object{Name: "a.json", Body: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, "a.json"); string(got.Body) != "1" || conflicts.Load() != 4 {
		t.Errorf("%q after %d requests", got.Body, conflicts.Load())
	}
}

// TestS3SaysWhoseFaultItIs: what a server answers, or that it does not, comes with what to do.
func TestS3SaysWhoseFaultItIs(t *testing.T) {
	t.Parallel()
	for code, c := range map[string]struct {
		status int
		word   string
	}{
		"NoSuchBucket":          {404, "make the bucket"},
		"AccessDenied":          {403, "s3:PutObject"},
		"SignatureDoesNotMatch": {403, "AWS_ACCESS_KEY_ID"},
		"PermanentRedirect":     {301, "region="},
		"SlowDown":              {503, "fewer requests"},
		"XMinioStorageFull":     {507, "make room"},
		"SomethingNew":          {500, "own fault"},
	} {
		endpoint := fakeS3(t, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bucket.Fail(w, r, c.status, code) })
		})
		s := openS3(t, endpoint, bucket.Name)
		_, getErr := s.Get(t.Context(), "a")
		for op, err := range map[string]error{
			"put": s.Put(t.Context(), store.Object{Name: "a"}), "create": s.Create(t.Context(), store.Object{Name: "a"}),
			"get": getErr,
		} {
			if err == nil || !strings.Contains(err.Error(), c.word) || !strings.Contains(err.Error(), "s3://bucket/") ||
				errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrExists) {
				t.Errorf("%s, %s: %v", code, op, err)
			}
		}
	}
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	err = openS3(t, "http://"+gone.Addr().String(), bucket.Name).Put(t.Context(), store.Object{Name: "a"})
	if err == nil || !strings.Contains(err.Error(), "nothing listens") {
		t.Errorf("nobody there: %v", err)
	}
}

// TestS3NeverWaitsLongerThanItsContext: a server that takes the request and never answers.
func TestS3NeverWaitsLongerThanItsContext(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	asked := make(chan struct{}, 8)
	s := openS3(t, fakeS3(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{}; <-hang })
	}), bucket.Name)
	t.Cleanup(func() { close(hang) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if err := s.Put(ctx, store.Object{Name: "a", Body: make([]byte, 1<<20)}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestS3CutBodyIsNoObject: a connection that breaks in mid-body.
func TestS3CutBodyIsNoObject(t *testing.T) {
	t.Parallel()
	s := openS3(t, fakeS3(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				next.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Length", "1000")
			w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
			_, _ = w.Write(make([]byte, 500))
		})
	}), bucket.Name)
	put(t, s, store.Object{Name: "a", Body: make([]byte, 1000)})
	if _, err := s.Get(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "broke the connection off") {
		t.Errorf("error %v", err)
	}
}

// TestS3LeavesOthersKeysOut: marks of folders and what is no name here.
func TestS3LeavesOthersKeysOut(t *testing.T) {
	t.Parallel()
	server := bucket.New()
	t.Cleanup(server.Close)
	for _, key := range []string{"p/news/", "p/news/.hidden", "p/news/1.m4s", "q/news/2.m4s", "p2/news/3.m4s"} {
		server.Set(key, []byte("x"))
	}
	s, err := store.NewS3(store.S3Config{Bucket: bucket.Name, Prefix: "p", Endpoint: server.URL, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.List(t.Context(), "")
	if err != nil || len(list) != 1 || list[0].Name != "news/1.m4s" {
		t.Errorf("%v, %v", list, err)
	}
}

// TestS3AwayIsNotRefused: whoever cannot be asked may come back, who says no may not.
func TestS3AwayIsNotRefused(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{"AccessDenied": false, "NoSuchBucket": false, "InternalError": true} {
		status := map[bool]int{false: http.StatusForbidden, true: http.StatusInternalServerError}[want]
		s := openS3(t, fakeS3(t, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bucket.Fail(w, r, status, code) })
		}), bucket.Name)
		if _, err := s.Get(t.Context(), "a"); errors.Is(err, store.ErrAway) != want {
			t.Errorf("%s: %v", code, err)
		}
	}
	server := bucket.New()
	server.Close()
	if _, err := openS3(t, server.URL, bucket.Name).Get(t.Context(), "a"); !errors.Is(err, store.ErrAway) {
		t.Errorf("nobody there: %v", err)
	}
}

// TestS3BeginsAnewWhatIsNotAnswered: a write that the server takes and says nothing about ends long before its context.
func TestS3BeginsAnewWhatIsNotAnswered(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	s := openS3(t, fakeS3(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-hang
		})
	}), bucket.Name)
	t.Cleanup(func() { close(hang) })
	err := s.Put(t.Context(), store.Object{Name: "a", Body: make([]byte, 1<<20)})
	if !errors.Is(err, store.ErrAway) || !strings.Contains(err.Error(), "no answer within") {
		t.Errorf("error %v", err)
	}
}

// TestCheckCreate finds a server out that does not know If-None-Match.
func TestCheckCreate(t *testing.T) {
	t.Parallel()
	server := bucket.New()
	t.Cleanup(server.Close)
	s := openS3(t, server.URL, bucket.Name)
	if err := store.CheckCreate(t.Context(), s, "news"); err != nil {
		t.Fatal(err)
	}
	if keys := server.Keys(); len(keys) != 0 {
		t.Errorf("left behind: %v", keys)
	}
	server.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("If-None-Match")
			next.ServeHTTP(w, r)
		})
	})
	if err := store.CheckCreate(t.Context(), s, "news"); !errors.Is(err, store.ErrNotExclusive) {
		t.Errorf("error %v", err)
	}
}

// TestS3BelievesNoAnswerWithoutATag: as that of a proxy.
func TestS3BelievesNoAnswerWithoutATag(t *testing.T) {
	t.Parallel()
	s := openS3(t, fakeS3(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	}), bucket.Name)
	if err := s.Put(t.Context(), store.Object{Name: "a", Body: []byte("x")}); !errors.Is(err, store.ErrAway) {
		t.Errorf("error %v", err)
	}
}

// FuzzParseS3: what is read names the same place when it is written and read again, and can be opened.
func FuzzParseS3(f *testing.F) {
	f.Add("s3://bucket/prefix?endpoint=http://127.0.0.1:9001&region=us-east-1&path_style=1")
	f.Add("s3://bucket/a/../b?profile=x&credentials=/etc/keys")
	f.Add("s3://user:secret@bucket")
	f.Add("s3://bucket?endpoint=http://127.0.0.1:9001//")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := store.ParseS3(text)
		if err != nil {
			return
		}
		again, err := store.ParseS3(c.String())
		if err != nil || again.String() != c.String() {
			t.Errorf("%q is %+v, then %+v, %v", text, c, again, err)
		}
		c.Credentials = "" // of a file that is not there
		if _, err := store.NewS3(c); err != nil {
			t.Errorf("%q was read, and is refused: %v", text, err)
		}
	})
}
