package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"onair/pipeline/config"
	"onair/pipeline/control"
)

const (
	certificateEvery = 10 * time.Second // how often the files are looked at
	endAgain         = 24 * time.Hour   // how often it is told that a certificate ends soon
	codeCertificate  = "certificate"    // of the events that tell about it
)

// certificate is that of an HTTPS address. Its files are read again when they change, because it ends before a channel
// does; connections that are open keep the old one.
type certificate struct {
	files config.TLS
	tell  func(level control.Level, message string)

	held   atomic.Pointer[tls.Certificate]
	state  string    // of the files when they were read
	fault  string    // that was told of them since
	warned time.Time // when it was told that it ends soon; zero: never
}

// newCertificate reads the files. tell is called by look, from one goroutine.
func newCertificate(files config.TLS, tell func(level control.Level, message string)) (*certificate, error) {
	c := &certificate{files: files, tell: tell, state: stateOf(files)}
	pair, err := files.Load()
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	c.held.Store(pair)
	return c, nil
}

// get is the certificate for a connection.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.held.Load(), nil }

// end is when the certificate is valid no more.
func (c *certificate) end() time.Time { return c.held.Load().Leaf.NotAfter }

// watch looks at the files until ctx ends.
func (c *certificate) watch(ctx context.Context) {
	timer := time.NewTicker(certificateEvery)
	defer timer.Stop()
	for c.look(time.Now()); ; {
		select {
		case <-ctx.Done():
			return
		case now := <-timer.C:
			c.look(now)
		}
	}
}

// look takes files that have changed, if they are a certificate and its key, and tells when the end is near.
func (c *certificate) look(now time.Time) {
	if state := stateOf(c.files); state != c.state {
		pair, err := c.files.Load()
		switch {
		case err == nil:
			c.state, c.fault, c.warned = state, "", time.Time{}
			c.held.Store(pair)
			c.tell(control.Info, fmt.Sprintf("tls: new connections get the certificate of %s, valid until %s",
				c.files.Cert, day(pair.Leaf.NotAfter)))
		case err.Error() != c.fault:
			c.fault = err.Error()
			c.tell(control.Warning, fmt.Sprintf("tls: the files have changed and are not taken, the certificate from before "+
				"stays (valid until %s): %v", day(c.end()), err))
		}
	}
	if now.Sub(c.warned) < endAgain {
		return
	}
	text, invalid := config.Ending(c.held.Load(), now)
	if text == "" {
		return
	}
	level := control.Warning
	if invalid {
		level = control.Error
	}
	c.warned = now
	c.tell(level, fmt.Sprintf("tls: certificate %s %s: renew it, the file is read again by itself", c.files.Cert, text))
}

// stateOf tells files from what they were before: names, sizes, times, or why they cannot be looked at.
func stateOf(files config.TLS) string {
	state := ""
	for _, name := range []string{files.Cert, files.Key} {
		if info, err := os.Stat(name); err != nil {
			state += err.Error()
		} else {
			state += fmt.Sprintf("%s %d %v\n", name, info.Size(), info.ModTime())
		}
	}
	return state
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
