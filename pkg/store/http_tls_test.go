package store_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onair/pkg/store"
)

// secured is a server of TLS that wants a certificate of the client, any will do, with files of one and of its authority.
func secured(t *testing.T) (address, cert, key string) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) != 1 {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	pair := s.TLS.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for file, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s.URL, cert, key
}

// TestHTTPCertificates: of the server by an authority of one's own, and of this side.
func TestHTTPCertificates(t *testing.T) {
	t.Parallel()
	address, cert, key := secured(t)
	for name, c := range map[string]struct {
		ca, cert string
		word     string
	}{
		"both":       {cert, cert, ""},
		"unknown":    {"", cert, "not trusted here"},
		"without it": {cert, "", "see cert and key"},
	} {
		s, err := store.NewHTTP(store.HTTPConfig{URL: address, CA: c.ca, Cert: c.cert, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Put(t.Context(), store.Object{Name: "a", Body: []byte("x")})
		if c.word == "" && err != nil || c.word != "" && (!errors.Is(err, store.ErrAway) || !strings.Contains(err.Error(), c.word)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]store.HTTPConfig{
		"no authority":      {CA: filepath.Join(t.TempDir(), "nothing")},
		"a key as ca":       {CA: key},
		"no certificate":    {Cert: filepath.Join(t.TempDir(), "nothing"), Key: key},
		"key and cert swap": {Cert: key, Key: cert},
	} {
		c.URL = address
		if _, err := store.NewHTTP(c); err == nil || !strings.Contains(err.Error(), address) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
