package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onair/pipeline/config"
	"onair/pipeline/control"
)

// issue writes a certificate with a serial number that is valid for so long from an hour ago, and its key.
func issue(t *testing.T, files config.TLS, serial int64, valid time.Duration) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Now().Add(-time.Hour)
	made := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: from, NotAfter: from.Add(valid), DNSNames: []string{"localhost"}}
	cert, err := x509.CreateCertificate(rand.Reader, made, made, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{files.Cert: {Type: "CERTIFICATE", Bytes: cert}, files.Key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func certificateFiles(t *testing.T) config.TLS {
	dir := t.TempDir()
	return config.TLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
}

// TestACertificateIsRenewedWhileItIsServed: new connections get the new one as soon as its files are whole, and the old
// one until then.
func TestACertificateIsRenewedWhileItIsServed(t *testing.T) {
	const month = 30 * 24 * time.Hour
	files := certificateFiles(t)
	issue(t, files, 1, month)
	s, _ := openSite(t, fmt.Sprintf("tls: {cert: %q, key: %q}\n", files.Cert, files.Key))
	var told []string
	s.certificate.tell = func(level control.Level, message string) { told = append(told, string(level)+" "+message) }
	go func() { _ = s.server.ServeTLS(s.listener, "", "") }()
	defer func() { _ = s.server.Close() }()
	serial := func() (n int64, end string) {
		t.Helper()
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // made here
		defer transport.CloseIdleConnections()
		answer, err := (&http.Client{Transport: transport}).Get("https://" + s.listener.Addr().String() + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		_, end, _ = strings.Cut(string(b), "\nonair_tls_certificate_expiration_timestamp_seconds ")
		end, _, _ = strings.Cut(end, "\n")
		return answer.TLS.PeerCertificates[0].SerialNumber.Int64(), end
	}
	look := func() {
		t.Helper()
		s.certificate.look(time.Now())
	}
	first, end := serial()
	look()
	if first != 1 || len(told) != 0 || end == "" {
		t.Fatalf("certificate %d, its end %q, told %q", first, end, told)
	}
	old, err := os.ReadFile(files.Key)
	if err != nil {
		t.Fatal(err)
	}
	issue(t, files, 2, 2*month)
	renewed, err := os.ReadFile(files.Key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files.Key, old, 0o600); err != nil { // the key comes later
		t.Fatal(err)
	}
	look()
	look()
	if n, _ := serial(); n != 1 || len(told) != 1 || !strings.Contains(told[0], "warning tls: the files have changed and are not taken") {
		t.Fatalf("certificate %d, told %q", n, told)
	}
	if err := os.WriteFile(files.Key, renewed, 0o600); err != nil {
		t.Fatal(err)
	}
	look()
	n, after := serial()
	if n != 2 || after == end || len(told) != 2 || !strings.Contains(told[1], "info tls: new connections get the certificate") {
		t.Fatalf("certificate %d, its end %q, told %q", n, after, told)
	}
	if err := os.Remove(files.Cert); err != nil {
		t.Fatal(err)
	}
	look()
	if n, _ := serial(); n != 2 || len(told) != 3 {
		t.Fatalf("certificate %d, told %q", n, told)
	}
}

// TestTheEndOfACertificateIsTold once a day, and sooner only of another one.
func TestTheEndOfACertificateIsTold(t *testing.T) {
	const day = 24 * time.Hour
	files := certificateFiles(t)
	issue(t, files, 1, 90*day)
	var told []string
	c, err := newCertificate(files, func(level control.Level, message string) { told = append(told, string(level)+" "+message) })
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		want  int // messages so far
		last  string
	}{
		{0, 0, ""}, {75 * day, 0, ""}, {77 * day, 1, "warning"}, {77*day + time.Hour, 1, "warning"}, {78*day + time.Minute, 2, "warning"},
		{89*day + 22*time.Hour, 3, "warning"}, {91 * day, 4, "error"}, {-2 * day, 4, "error"},
	} {
		c.look(time.Now().Add(step.after))
		if len(told) != step.want || step.want > 0 && !strings.HasPrefix(told[step.want-1], step.last+" tls: certificate ") {
			t.Fatalf("after %v told %q, want %d messages, the last a %s", step.after, told, step.want, step.last)
		}
	}
	issue(t, files, 2, 6*day) // short ones are renewed late
	c.look(time.Now())
	c.look(time.Now().Add(5 * day))
	if len(told) != 6 || !strings.HasPrefix(told[4], "info") || !strings.Contains(told[5], "is valid for 22 h more") {
		t.Fatalf("told %q", told)
	}
}

func TestCheckLooksAtTheCertificate(t *testing.T) {
	files := certificateFiles(t)
	check := func(want string) {
		t.Helper()
		_, out, told := onair(context.Background(), "check", channelFile(t, fmt.Sprintf("tls: {cert: %q, key: %q}\n", files.Cert, files.Key)))
		if has := strings.Contains(out+told, want); !has {
			t.Errorf("want %q in\n%s%s", want, out, told)
		}
	}
	check("cannot be found on this machine")
	for valid, want := range map[time.Duration]string{
		30 * time.Minute: "players refuse it", 10 * time.Hour: "https://localhost", 400 * time.Hour: "https://localhost",
		1000*time.Hour - time.Second: "https://localhost",
	} {
		issue(t, files, 1, valid)
		check(want)
	}
	if err := os.WriteFile(files.Key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	check("run refuses it")
}
