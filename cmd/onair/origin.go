package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"onair/pipeline/config"
	"onair/pipeline/control"
	"onair/pipeline/receive"
	"onair/pkg/store"
)

type originCmd struct {
	File  string `arg:"" name:"FILE.yaml" help:"File of the origin: see docs/origin.md." type:"path"`
	Check bool   `name:"check" help:"Read the file, tell what is wrong with it and what it means; touches no network."`
}

// Run serves until the context ends.
func (c *originCmd) Run(e *env) error {
	logger, err := e.logger()
	if err != nil {
		return usage(err)
	}
	file, err := config.LoadOrigin(c.File, e.lookup)
	switch {
	case c.Check && err == nil:
		return describeOrigin(e.stdout, e.stderr, file)
	case err == nil:
		for _, w := range file.Warnings {
			logger.Warn().Msg(w.String())
		}
		err = runOrigin(e.ctx, file, logger)
	}
	if c.Check || e.human() {
		return told(e.stderr, err)
	}
	return logged(logger, err)
}

// describeOrigin prints what the file of an origin means.
func describeOrigin(stdout, stderr io.Writer, o *config.Origin) error {
	out := &lines{w: stdout}
	scheme := "http"
	if o.TLS.Enabled() {
		scheme = "https"
	}
	out.f("origin (%s)", o.File)
	out.f("  address    %s://%s", scheme, o.HTTP)
	out.f("  store      %s", o.Store)
	for _, w := range o.Writers {
		channels := "all channels"
		if len(w.Channels) > 0 {
			channels = strings.Join(w.Channels, ", ")
		}
		out.f("  writer     %s: by %s, to %s", w.Name, proof(w), channels)
	}
	l := o.Limits
	out.f("  limits     objects of %s, %d channels of %d objects each", l.Object, l.Channels, l.Objects)
	if l.Bytes > 0 {
		out.f("             and %s each", l.Bytes)
	}
	if o.Retention > 0 {
		out.f("  retention  %v", o.Retention)
	}
	for _, w := range o.Warnings {
		w.Wrong = "warning: " + w.Wrong
		fmt.Fprintln(stderr, w)
	}
	return out.err
}

// proof is how a writer proves who it is.
func proof(w config.Writer) string {
	switch {
	case w.User != "":
		return "user " + w.User + " and password"
	case w.Token != "":
		return "token"
	case w.Certificate != "":
		return "certificate " + w.Certificate
	}
	return "address alone"
}

// runOrigin receives and serves until ctx ends, or the server fails.
func runOrigin(ctx context.Context, file *config.Origin, logger zerolog.Logger) error {
	tune(ctx)
	kept, unlock, err := openKept(file.Store)
	if err != nil {
		return fmt.Errorf("origin: %w", err)
	}
	defer unlock()
	rc, err := receive.New(receive.Config{
		Store: kept, Writers: writers(file.Writers), Retention: file.Retention,
		Log: logger.With().Str("stage", "origin").Logger(),
		Limits: receive.Limits{
			Object: int64(file.Limits.Object), Channels: file.Limits.Channels, Objects: file.Limits.Objects,
			Bytes: int64(file.Limits.Bytes), Memory: int64(file.Limits.Memory),
		},
	})
	if err != nil {
		return err
	}
	s, err := newOriginSite(file, rc, logger.With().Str("stage", "http").Str("address", file.HTTP).Logger())
	if err != nil {
		return err
	}
	g, inner := errgroup.WithContext(ctx)
	g.Go(func() error { return rc.Run(inner) })
	g.Go(func() error { return s.run(inner) })
	return g.Wait()
}

// keptLock is the folder by whose lock one origin keeps others from its store.
const keptLock = "_origin"

// openKept opens where objects are kept.
func openKept(s config.Store) (kept store.Store, unlock func(), err error) {
	unlock = func() {}
	if s.Dir == "" {
		place, err := store.ParseS3(s.S3)
		if err != nil {
			return nil, unlock, err
		}
		kept, err = store.NewS3(place)
		return kept, unlock, err
	}
	dir, err := store.NewDir(store.DirConfig{Path: s.Dir})
	if err != nil {
		return nil, unlock, err
	}
	release, err := dir.Lock(keptLock)
	switch {
	case errors.Is(err, store.ErrLocked):
		return nil, unlock, fmt.Errorf("store folder %s: another onair origin has it: end that one, or give one of the two "+
			"another dir", dir)
	case err == nil:
		unlock = release
	case !errors.Is(err, store.ErrNoLocks):
		return nil, unlock, err
	}
	return dir, unlock, nil
}

func writers(list []config.Writer) []receive.Writer {
	out := make([]receive.Writer, len(list))
	for i, w := range list {
		out[i] = receive.Writer{
			Name: w.Name, User: w.User, Password: w.Password.Reveal(), Token: w.Token.Reveal(), Certificate: w.Certificate,
			Channels: w.Channels, Allow: w.Allow,
		}
	}
	return out
}

// newOriginSite opens the address of an origin.
func newOriginSite(file *config.Origin, rc *receive.Receiver, logger zerolog.Logger) (*site, error) {
	held := newConnections(file.Limits.Channels)
	oc := control.OriginConfig{
		Version: version, Objects: rc, Ready: rc.Ready, Connections: held.counts,
		Status: func() control.OriginStatus { return originStatus(rc.Status()) },
	}
	s := &site{log: logger}
	var secure tls.Config
	if file.TLS.Enabled() {
		authority, err := file.Authority()
		if err != nil {
			return nil, fmt.Errorf("client_ca: %w", err)
		}
		if s.certificate, err = newCertificate(file.TLS, tellLog(logger)); err != nil {
			return nil, err
		}
		secure.GetCertificate, oc.CertificateEnd = s.certificate.get, s.certificate.end
		if secure.ClientCAs = authority; authority != nil {
			secure.ClientAuth = tls.VerifyClientCertIfGiven // viewers have none
		}
	}
	var err error
	if s.listener, err = held.listen(file.HTTP, logger); err != nil {
		return nil, err
	}
	s.server = &http.Server{
		Handler: control.NewOrigin(oc), ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, TLSConfig: &secure,
		ErrorLog: log.New(newComplaints(logger), "", 0), //nolint:forbidigo // the library takes no other logger
	}
	return s, nil
}

// tellLog logs what there is to tell about a certificate.
func tellLog(logger zerolog.Logger) func(level control.Level, message string) {
	return func(level control.Level, message string) {
		l := zerolog.WarnLevel
		if level == control.Info {
			l = zerolog.InfoLevel
		}
		logger.WithLevel(l).Msg(message)
	}
}

// originStatus is what the metrics need of an origin's status.
func originStatus(st receive.Status) control.OriginStatus {
	out := control.OriginStatus{
		Requests: st.Requests, Writes: st.Writes, WrittenBytes: st.Bytes, Deletes: st.Deletes, Expired: st.Expired,
		Refused: st.Refused, Channels: map[string]control.OriginChannel{},
	}
	for _, cause := range receive.Causes {
		if _, counted := out.Refused[cause]; !counted {
			out.Refused[cause] = 0 // what grows has to be there before
		}
	}
	for name, ch := range st.Channels {
		p := ch.Playing
		out.Channels[name] = control.OriginChannel{
			Objects: int64(ch.Objects), Bytes: ch.Bytes, MemoryBytes: ch.Memory.Bytes, Stale: int64(ch.Stale),
			Views: p.Requests, NotModified: p.NotModified, Missing: p.Missing, Refusals: p.Stale, Failed: p.Errors,
		}
	}
	return out
}
