package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"onair/pkg/store"
)

// originFile is the file of an origin with a folder of its own, and some more lines.
func originFile(t *testing.T, more string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "origin.yaml")
	text := fmt.Sprintf("http: \"127.0.0.1:0\"\nstore: {dir: %q}\nwriters:\n  - {name: west, user: west, password: secretsecretsecret}\n%s",
		t.TempDir(), more)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestOriginCheck(t *testing.T) {
	code, stdout, stderr := onair(t.Context(), "origin", "--check", originFile(t, "  - {name: near}\nretention: 1h\n"))
	for _, want := range []string{
		"address    http://127.0.0.1:0", "west: by user west and password, to all channels", "near: by address alone", "1h0m0s",
	} {
		if code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("exit %d, no %q in %s", code, want, stdout)
		}
	}
	if !strings.Contains(stderr, "warning: anybody may write") || strings.Contains(stdout+stderr, "secretsecret") {
		t.Errorf("%s%s", stdout, stderr)
	}
	for _, flag := range []string{"--check", "--log-format=human"} {
		code, stdout, stderr = onair(t.Context(), "origin", flag, originFile(t, "limit: 3\n"))
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, "origin.yaml:5: limit: unknown key") {
			t.Errorf("%s: exit %d: %s%s", flag, code, stdout, stderr)
		}
	}
}

// lineBuffer keeps what is logged, for a test that reads while it is written.
type lineBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lineBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lineBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startOrigin runs the verb and gives the address that it listens on; stop ends it as a signal does, and gives its code.
func startOrigin(t *testing.T, file string) (address string, stop func() int, log *lineBuffer) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log = &lineBuffer{}
	done := make(chan int, 1)
	go func() { done <- run(ctx, []string{"origin", "--log-format", "json", file}, io.Discard, log) }()
	stop = sync.OnceValue(func() int { cancel(); return <-done })
	t.Cleanup(func() { stop() })
	for end := time.Now().Add(20 * time.Second); ; {
		for line := range strings.Lines(log.String()) {
			var l struct{ Listening string }
			if json.Unmarshal([]byte(line), &l) == nil && l.Listening != "" {
				return l.Listening, stop, log
			}
		}
		select {
		case code := <-done:
			done <- code
			t.Fatalf("exit %d: %s", code, log)
		default:
		}
		if time.Now().After(end) {
			t.Fatal(log.String())
		}
	}
}

// ready waits until an origin answers so.
func ready(t *testing.T, client *http.Client, url string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; {
		res, err := client.Get(url + "/readyz")
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(end) {
			t.Fatal(res, err)
		}
	}
}

// TestOriginTakesAndPlays, tells metrics, keeps others from its folder, and goes on after a restart.
func TestOriginTakesAndPlays(t *testing.T) {
	file := originFile(t, "")
	address, stop, log := startOrigin(t, file)
	url := "http://" + address
	ready(t, http.DefaultClient, url)
	s, err := store.NewHTTP(store.HTTPConfig{URL: url, User: "west", Password: "secretsecretsecret"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(store.CheckCreate(t.Context(), s, "news"), store.CheckSwap(t.Context(), s, "news"),
		s.Put(t.Context(), store.Object{Name: "news/v/1.m4s", Body: []byte("one")})); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := onair(t.Context(), "origin", file); code != exitFailed || !strings.Contains(stderr, "another onair origin") {
		t.Errorf("a second one: exit %d: %s", code, stderr)
	}
	for path, want := range map[string]string{
		"/news/v/1.m4s": "one", "/metrics": "onair_origin_writes_total 4", "/healthz": "ok",
	} {
		if got := body(t, url+path); !strings.Contains(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
	if code := stop(); code != exitOK {
		t.Errorf("exit %d: %s", code, log)
	}
	if strings.Contains(log.String(), "secretsecret") {
		t.Errorf("a secret is shown: %s", log)
	}
	address, _, _ = startOrigin(t, file)
	ready(t, http.DefaultClient, "http://"+address)
	if got := body(t, "http://"+address+"/news/v/1.m4s"); got != "one" {
		t.Errorf("after a restart: %s", got)
	}
}

func body(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// selfSigned writes a certificate for both sides of a connection, which is its own authority.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "encoder.example"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestOriginByCertificate: a writer may prove who it is by its certificate; viewers need none.
func TestOriginByCertificate(t *testing.T) {
	cert, key := selfSigned(t)
	address, _, _ := startOrigin(t, originFile(t, fmt.Sprintf(
		"  - {name: encoder, certificate: encoder.example}\ntls: {cert: %q, key: %q}\nclient_ca: %q\n", cert, key, cert)))
	with, err := store.NewHTTP(store.HTTPConfig{URL: "https://" + address, CA: cert, Cert: cert, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	without, err := store.NewHTTP(store.HTTPConfig{URL: "https://" + address, CA: cert})
	if err != nil {
		t.Fatal(err)
	}
	o := store.Object{Name: "news/v/1.m4s", Body: []byte("one")}
	for end := time.Now().Add(10 * time.Second); ; {
		err := with.Put(t.Context(), o)
		if err == nil {
			break
		}
		if !errors.Is(err, store.ErrAway) || time.Now().After(end) {
			t.Fatal(err)
		}
	}
	if err := without.Put(t.Context(), o); err == nil || !strings.Contains(err.Error(), "does not know these credentials") {
		t.Errorf("without a certificate: %v", err)
	}
}
