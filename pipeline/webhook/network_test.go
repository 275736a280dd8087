package webhook_test

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"onair/pipeline/webhook"
)

// TestMain makes the certificate of httptest's servers one that the system trusts.
func TestMain(m *testing.M) {
	s := httptest.NewTLSServer(nil)
	s.Close()
	dir, err := os.MkdirTemp("", "webhook")
	if err != nil {
		panic(err)
	}
	path := filepath.Join(dir, "roots.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err = os.WriteFile(path, text, 0o600); err != nil {
		panic(err)
	}
	if err = os.Setenv("SSL_CERT_FILE", path); err != nil {
		panic(err)
	}
	m.Run()
	_ = os.RemoveAll(dir)
}

// until polls for something that takes a moment.
func until(t *testing.T, r *rig, what string, holds func(webhook.Status) bool) webhook.Status {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		st := r.Status()
		if holds(st) {
			return st
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %+v\n%s", what, st, r.log)
		}
	}
}

func failure(st webhook.Status) bool { return st.Failures > 0 }

func TestRequestIsJSONAndSigned(t *testing.T) {
	type request struct {
		header http.Header
		body   string
	}
	got := make(chan request, 1)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.URL.String() != "/hook?token=t0ken" {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		got <- request{r.Header, string(b)}
	}))
	defer s.Close()
	r := start(t, strings.Replace(s.URL, "https://", "https://user:passw0rd@", 1)+"/hook?token=t0ken", nil)
	r.add(2)
	q := <-got
	if want := `{"channel":"news","events":[{"seq":1},{"seq":2}]}` + "\n"; q.body != want {
		t.Errorf("body %s, want %s", q.body, want)
	}
	mac := hmac.New(sha256.New, []byte("shared secret"))
	mac.Write([]byte(q.body))
	if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); q.header.Get("Onair-Signature") != want {
		t.Errorf("signature %q, want %s", q.header.Get("Onair-Signature"), want)
	}
	if q.header.Get("Content-Type") != "application/json" || q.header.Get("User-Agent") != "onair/test" ||
		!strings.HasPrefix(q.header.Get("Authorization"), "Basic ") {
		t.Errorf("header %v", q.header)
	}
	until(t, r, "delivered", func(st webhook.Status) bool { return st.Delivered == 2 && st.Target == s.URL })
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var strayed atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed.Add(1) }))
	defer elsewhere.Close()
	s := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer s.Close()
	r := start(t, s.URL, nil)
	r.add(1)
	st := until(t, r, "refusal", failure)
	if strayed.Load() != 0 || !strings.Contains(st.LastError, "redirects are not followed") {
		t.Errorf("%d requests went elsewhere, %+v", strayed.Load(), st)
	}
}

func TestUnknownCertificateIsRefused(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request came through") }))
	defer s.Close()
	r := start(t, strings.Replace(s.URL, "127.0.0.1", "localhost", 1), nil) // the certificate is not for that name
	r.add(1)
	if st := until(t, r, "refusal", failure); !strings.Contains(st.LastError, "certificate") {
		t.Errorf("%+v", st)
	}
}

// TestSecretsOfTheAddressAreNotShown: whatever goes wrong, and whatever the receiver repeats.
func TestSecretsOfTheAddressAreNotShown(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = echo.Close() })
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			line, _ := bufio.NewReader(c).ReadString('\n') // no HTTP, but what was asked for
			_, _ = fmt.Fprintf(c, "%s\r\n\r\n", strings.TrimSpace(line))
			_ = c.Close()
		}
	}()
	refuses := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(refuses.Close)
	for name, host := range map[string]string{
		"nobody listens": closed.Addr().String(), "no HTTP": echo.Addr().String(),
		"refuses": strings.TrimPrefix(refuses.URL, "http://"), "not a port": "127.0.0.1:70000",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, "http://user:passw0rd@"+host+"/services/s3cret?token=t0ken", nil)
			r.add(1)
			st := until(t, r, "failure", failure)
			for _, secret := range []string{"passw0rd", "s3cret", "t0ken", "services"} {
				if shown := fmt.Sprintf("%+v", st) + r.log.String(); strings.Contains(shown, secret) {
					t.Errorf("%s is shown: %s", secret, shown)
				}
			}
			t.Log(st.LastError)
		})
	}
}
