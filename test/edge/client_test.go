//go:build e2e

package edge_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onair/test/edge"
)

// certificate makes one for 127.0.0.1, and who trusts it.
func certificate(t *testing.T) (cert, private string, roots *x509.CertPool) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, secret.Public(), secret)
	if err != nil {
		t.Fatal(err)
	}
	der2, err := x509.MarshalECPrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, private, roots = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), x509.NewCertPool()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	roots.AppendCertsFromPEM(text)
	for name, body := range map[string][]byte{
		cert: text, private: pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der2}),
	} {
		if err := os.WriteFile(name, body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, private, roots
}

// TestHTTPS: HTTP/2 over TLS, beside plain HTTP.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	a.live()
	cert, private, roots := certificate(t)
	e := edge.Start(t, a.address, b.address, "EDGE_CERTIFICATE="+cert, "EDGE_CERTIFICATE_KEY="+private, "EDGE_TOKEN_KEY="+key)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		transport := &http.Transport{
			ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: version, MaxVersion: version},
		}
		defer transport.CloseIdleConnections()
		resp, err := (&http.Client{Transport: transport}).Get("https://" + e.TLS + "/ch/index.m3u8?token=" +
			token(key, "ch", time.Now().Add(time.Hour)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.ProtoMajor != 2 || resp.StatusCode != http.StatusOK {
			t.Errorf("%s %v", resp.Proto, resp.Status)
		}
		if c := resp.Header.Get("Set-Cookie"); !strings.Contains(c, "; Secure; SameSite=None") {
			t.Errorf("cookie %q", c)
		}
	}
	if got := get(t, e.URL+"/edge-health"); got.status != http.StatusOK {
		t.Errorf("plain HTTP: %v", got)
	}
}

// TestTooOften: who asks too often is refused, by address.
func TestTooOften(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	a.live()
	e := edge.Start(t, a.address, b.address, "EDGE_RATE=1", "EDGE_BURST=5", "EDGE_TRUSTED=127.0.0.1/32")
	refused := 0
	for range 20 {
		if get(t, e.URL+"/ch/v/1.m4s").status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused < 5 {
		t.Errorf("%d of 20 refused", refused)
	}
	if got := get(t, e.URL+"/ch/v/1.m4s", "X-Forwarded-For", "192.0.2.1"); got.status != http.StatusOK {
		t.Errorf("another client behind the same proxy: %v", got)
	}
}

// TestTooMany: who has too many connections is refused another.
func TestTooMany(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	a.live()
	a.on("/ch/v/2.m4s", a.hang)
	e := edge.Start(t, a.address, b.address, "EDGE_CLIENT_CONNECTIONS=1")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.URL+"/ch/v/2.m4s", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	if !eventually(10*time.Second, func() bool { return len(a.requests()) > 0 }) {
		t.Fatal("the first one did not reach the origin")
	}
	if got := get(t, e.URL+"/ch/v/1.m4s"); got.status != http.StatusTooManyRequests {
		t.Errorf("a second connection: %v", got)
	}
}

// TestKilled: an nginx that was killed is started again in the same folder, and knows what it served last.
func TestKilled(t *testing.T) {
	t.Parallel()
	a, b := newOrigin(t, "a"), newOrigin(t, "b")
	f := formats["HLS"]
	f.on(a, 1, 10)
	f.on(b, 1, 9)
	e := edge.Start(t, a.address, b.address)
	v := &viewer{t: t, url: e.URL + f.path}
	v.reaches(10, "a")
	e.Kill(t)
	a.on(f.path, drop)
	e.Restart(t)
	if v.look(); v.code != http.StatusOK || v.last != 10 {
		t.Errorf("%d, %d after a restart", v.code, v.last)
	}
}
