package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline"
	"onair/pipeline/config"
)

// keyPair writes a certificate and its key, and gives the lines that make a channel use them.
func keyPair(t *testing.T) string {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pair := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, "key.pem": {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("tls: {cert: %q, key: %q}\n", filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
}

func TestRunWithTLSThatCannotBeUsed(t *testing.T) {
	needFFmpeg(t)
	good := keyPair(t)
	for name, lines := range map[string]string{
		"no file":     strings.ReplaceAll(good, "cert.pem", "none.pem"),
		"not a key":   strings.ReplaceAll(good, "key.pem", "cert.pem"),
		"not a chain": strings.ReplaceAll(good, "cert.pem", "key.pem"),
	} {
		code, _, stderr := onair(context.Background(), "run", channelFile(t, "http: \"127.0.0.1:0\"\n"+lines))
		if code != exitFailed || !strings.Contains(stderr, "cannot be used") || strings.Contains(stderr, "serving") {
			t.Errorf("%s: exit %d: %s", name, code, stderr)
		}
	}
}

// openSite is a site without channels of its own, and what it logs.
func openSite(t *testing.T, more string) (*site, *bytes.Buffer) {
	t.Helper()
	file, err := config.Load(channelFile(t, "http: \"127.0.0.1:0\"\n"+more), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s, err := newSite(file, nil, newConnections(1), zerolog.New(zerolog.SyncWriter(&log)))
	if err != nil {
		t.Fatal(err)
	}
	return s, &log
}

// TestComplaintsOfTheServerAreLogLines: whoever speaks plain text to an HTTPS address cannot fill the log.
func TestComplaintsOfTheServerAreLogLines(t *testing.T) {
	s, log := openSite(t, keyPair(t))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	for range 3 * complaintsAtOnce {
		c, err := net.Dial("tcp", s.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte("hello, this is not TLS\n"))
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, _ = c.Read(make([]byte, 100)) // until it is refused
		_ = c.Close()
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	told := 0
	for line := range bytes.Lines(log.Bytes()) {
		var entry struct{ Level, Message string }
		if err := json.Unmarshal(line, &entry); err != nil {
			t.Errorf("%v: %s", err, line)
		}
		if strings.Contains(entry.Message, "TLS handshake error") && entry.Level == "warn" {
			told++
		}
	}
	if told == 0 || told > complaintsAtOnce {
		t.Errorf("%d complaints are logged:\n%s", told, log)
	}
}

func TestAServerThatFailsEndsTheProgram(t *testing.T) {
	s, log := openSite(t, "")
	if err := s.listener.Close(); err != nil {
		t.Fatal(err)
	}
	ch, err := pipeline.New(pipeline.ChannelConfig{File: s.file, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	err = serve(context.Background(), nil, []*pipeline.Channel{ch}, []*site{s})
	if err == nil || !strings.Contains(log.String(), "not served any more") {
		t.Fatalf("error %v, log %s", err, log)
	}
}
