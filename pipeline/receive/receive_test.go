package receive_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"onair/pipeline/receive"
	"onair/pkg/store"
)

// TestWhoMayWrite: proof of one kind or another, from where the writer may be, to what it may write.
func TestWhoMayWrite(t *testing.T) {
	t.Parallel()
	r, _ := start(t, store.NewMemory(), func(c *receive.Config) {
		c.Writers = []receive.Writer{
			{Name: "basic", User: "me", Password: "pw", Channels: []string{"news"}},
			{Name: "bearer", Token: "token", Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}},
			{Name: "certified", Certificate: "encoder.example"},
		}
	})
	for name, c := range map[string]struct {
		header, from, path string
		certificate        string
		status             int
	}{
		"nobody":               {"", "192.0.2.1:1", "/news/a.m4s", "", 401},
		"user":                 {"Basic bWU6cHc=", "198.51.100.1:1", "/news/a.m4s", "", 201},
		"user elsewhere":       {"Basic bWU6cHc=", "198.51.100.1:1", "/sport/a.m4s", "", 403},
		"wrong password":       {"Basic bWU6cHg=", "198.51.100.1:1", "/news/a.m4s", "", 401},
		"token":                {"Bearer token", "192.0.2.9:1", "/sport/b.m4s", "", 201},
		"token in IPv6":        {"bearer token", "[::ffff:192.0.2.9]:1", "/sport/c.m4s", "", 201},
		"token from elsewhere": {"Bearer token", "198.51.100.1:1", "/news/a.m4s", "", 403},
		"wrong token":          {"Bearer tokem", "192.0.2.9:1", "/news/a.m4s", "", 401},
		"certificate":          {"", "198.51.100.1:1", "/sport/d.m4s", "encoder.example", 201},
		"wrong certificate":    {"", "198.51.100.1:1", "/sport/d.m4s", "other.example", 401},
	} {
		for _, method := range []string{"PUT", "POST", "DELETE"} {
			req := httptest.NewRequest(method, c.path, strings.NewReader("body"))
			req.Header.Set("Authorization", c.header)
			req.RemoteAddr = c.from
			if c.certificate != "" {
				leaf := &x509.Certificate{Subject: pkix.Name{CommonName: c.certificate}}
				req.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{leaf}}}
			}
			w := httptest.NewRecorder()
			r.rc.ServeHTTP(w, req)
			if w.Code != c.status && (c.status != 201 || w.Code != 200) {
				t.Errorf("%s: %s is %d, want %d: %s", name, method, w.Code, c.status, w.Body)
			}
			if asks := w.Header().Get("WWW-Authenticate") != ""; asks != (w.Code == 401) {
				t.Errorf("%s: asks for credentials: %v", name, asks)
			}
		}
	}
	if st := r.rc.Status(); st.Refused["credentials"] != 12 || st.Refused["forbidden"] != 6 {
		t.Errorf("counted %v", st.Refused)
	}
}

// TestWhatIsRefused comes with a status that tells whose fault it is, and is counted by cause.
func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	r, _ := start(t, store.NewMemory(), func(c *receive.Config) {
		c.Limits = receive.Limits{Object: 1000, Objects: 3, Channels: 2, Bytes: 1500}
	})
	for _, c := range []struct {
		path, body, line string
		status           int
		cause            string
	}{
		{"/", "", "X: y", 200, ""}, // a sender tries the publishing point
		{"/news/", "", "X: y", 200, ""},
		{"/news", "body", "X: y", 404, "path"},
		{"/news/../x", "body", "X: y", 404, "path"},
		{"/news/.hidden", "body", "X: y", 404, "path"},
		{"/news/a.m4s", strings.Repeat("x", 1001), "X: y", 413, "size"},
		{"/news/a.m4s", "body", "Content-Type: text/html", 415, "type"},
		{"/news/a.m3u8", "body", "Content-Encoding: gzip", 415, "type"},
		{"/news/a.m4s", "body", "Content-Type: multipart/form-data; boundary=x", 415, "type"},
		{"/news/a.m4s", strings.Repeat("x", 1000), "X: y", 201, ""},
		{"/news/a.m4s", strings.Repeat("y", 1000), "Content-Type: video/mp4", 200, ""},
		{"/news/a.m4s", "body", "If-None-Match: *", 412, "changed"},
		{"/news/a.m4s", "body", `If-Match: "other"`, 412, "changed"},
		{"/news/b.m4s", "body", "If-Match: *", 412, "changed"},
		{"/news/b.m4s", strings.Repeat("x", 501), "X: y", 507, "quota"},
		{"/news/b.m4s", "b", "X: y", 201, ""},
		{"/news/c.m4s", "c", "If-None-Match: *", 201, ""},
		{"/news/d.m4s", "d", "X: y", 507, "quota"},
		{"/sport/d.m4s", "d", "X: y", 201, ""},
		{"/film/d.m4s", "d", "X: y", 507, "quota"},
	} {
		before := r.rc.Status().Refused
		w := r.request("PUT", c.path, c.body, c.line)
		if w.Code != c.status {
			t.Errorf("%s with %s: %d, want %d: %s", c.path, c.line, w.Code, c.status, w.Body)
		}
		if after := r.rc.Status().Refused; c.cause != "" && after[c.cause] != before[c.cause]+1 {
			t.Errorf("%s with %s: counted %v after %v", c.path, c.line, after, before)
		}
	}
	for path, status := range map[string]int{"/news/a.m4s": 200, "/news/z.m4s": 404, "/other/z.m4s": 404} {
		if w := r.request("DELETE", path, ""); w.Code != status {
			t.Errorf("delete %s: %d", path, w.Code)
		}
	}
	if w := r.request("PATCH", "/news/b.m4s", "x"); w.Code != 405 {
		t.Errorf("patch: %d", w.Code)
	}
	if st := r.rc.Status().Channels["news"]; st.Objects != 2 || st.Bytes != 2 {
		t.Errorf("%+v", st)
	}
}

// TestBodiesAreTakenWhole: in chunks, without a length, and never what has broken off.
func TestBodiesAreTakenWhole(t *testing.T) {
	t.Parallel()
	r, _ := start(t, store.NewMemory(), func(c *receive.Config) { c.Limits.Object, c.Limits.Bodies = 300_000, 700_000 })
	send := func(length int64, reader func() broken) int {
		req := httptest.NewRequest("POST", "/news/v/1.m4s", reader())
		req.ContentLength = length
		req.SetBasicAuth("west", "pw")
		w := httptest.NewRecorder()
		r.rc.ServeHTTP(w, req)
		return w.Code
	}
	text := strings.Repeat("segment ", 30_000)
	if code := send(-1, func() broken { return broken{strings.NewReader(text)} }); code != 400 {
		t.Errorf("broken off: %d", code)
	}
	if w := r.view("/news/v/1.m4s"); w.Code != 404 {
		t.Errorf("broken off, and played: %d", w.Code)
	}
	address := r.serve()
	for range 5 { // room is given back
		req, err := http.NewRequestWithContext(t.Context(), "PUT", address+"/news/v/1.m4s", struct{ *strings.Reader }{strings.NewReader(text)})
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("west", "pw")
		res, err := http.DefaultClient.Do(req)
		if err != nil || res.StatusCode/100 != 2 || len(req.TransferEncoding)+int(req.ContentLength) != 0 {
			t.Fatalf("%v, %v", res, err)
		}
		_ = res.Body.Close()
	}
	if w := r.view("/news/v/1.m4s"); w.Code != 200 || w.Body.String() != text {
		t.Errorf("played: %d with %d bytes", w.Code, w.Body.Len())
	}
	if code := send(-1, func() broken { return broken{strings.NewReader(strings.Repeat(text, 2))} }); code != 413 {
		t.Errorf("too large: %d", code)
	}
}

// TestRefusedBodiesAreAnswered: who sends much is told why it is not taken, not only that the connection broke off.
func TestRefusedBodiesAreAnswered(t *testing.T) {
	t.Parallel()
	r, _ := start(t, store.NewMemory(), func(c *receive.Config) { c.Limits.Object = 1 << 20 })
	address := r.serve()
	for word, password := range map[string]string{"does not know these credentials": "wrong", "objects of this size": "pw"} {
		s, err := store.NewHTTP(store.HTTPConfig{URL: address, User: "west", Password: password})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			err := s.Put(t.Context(), store.Object{Name: "news/v/1.m4s", Body: make([]byte, 8<<20)})
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Fatalf("%v, want %q", err, word)
			}
		}
	}
}

// TestFailingStore: what is not stored is not taken, and who writes hears why.
func TestFailingStore(t *testing.T) {
	t.Parallel()
	s := &failing{Memory: store.NewMemory()}
	r, _ := start(t, s)
	r.put("/news/v/1.m4s", "one")
	for err, status := range map[error]int{
		fmt.Errorf("writing: %w", syscall.ENOSPC): 507, fmt.Errorf("writing: %w", syscall.EDQUOT): 507,
		fmt.Errorf("writing: %w", store.ErrAway): 503, errors.New("no"): 500, fmt.Errorf("writing: %w", syscall.ENOTDIR): 409,
	} {
		s.fail(err)
		w := r.request("PUT", "/news/v/2.m4s", "two")
		if w.Code != status || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%v: %d", err, w.Code)
		}
		ready := r.rc.Ready()
		if (ready != nil) != (status != 409) || strings.Contains(fmt.Sprint(ready, w.Body), "writing") {
			t.Errorf("%v: ready: %v, answered %s", err, ready, w.Body)
		}
		if w := r.view("/news/v/2.m4s"); w.Code != 404 {
			t.Errorf("%v: played all the same: %d", err, w.Code)
		}
		if w := r.view("/news/v/1.m4s"); w.Code != 200 {
			t.Errorf("%v: what was there: %d", err, w.Code)
		}
		if r.pass(30 * time.Second); r.rc.Ready() != nil {
			t.Errorf("%v: long ago, and not ready: %v", err, r.rc.Ready())
		}
	}
	s.fail(syscall.ENOSPC)
	if w := r.request("PUT", "/news/v/2.m4s", "two"); w.Code != 507 || r.rc.Ready() == nil {
		t.Errorf("%d, ready: %v", w.Code, r.rc.Ready())
	}
	s.fail(nil)
	r.put("/news/v/2.m4s", "two")
	if err := r.rc.Ready(); err != nil {
		t.Error(err)
	}
}

// TestStoreThatIsAwayAtTheStart is asked again; until then nothing is served or taken.
func TestStoreThatIsAwayAtTheStart(t *testing.T) {
	t.Parallel()
	s := &failing{Memory: store.NewMemory()}
	s.fail(store.ErrAway)
	rc, err := receive.New(receive.Config{Store: s, Writers: []receive.Writer{{Name: "any"}}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- rc.Run(t.Context()) }()
	code := func() int {
		w := httptest.NewRecorder()
		rc.ServeHTTP(w, httptest.NewRequest("PUT", "/news/1.m4s", strings.NewReader("x")))
		return w.Code
	}
	if got := code(); got != 503 || rc.Ready() == nil {
		t.Errorf("%d, ready: %v", got, rc.Ready())
	}
	s.fail(nil)
	for end := time.Now().Add(10 * time.Second); rc.Ready() != nil; {
		if time.Now().After(end) {
			t.Fatal(rc.Ready())
		}
	}
	if got := code(); got != 201 {
		t.Errorf("%d", got)
	}
}
