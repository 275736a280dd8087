package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline"
	"onair/pipeline/config"
	"onair/pipeline/control"
	"onair/pipeline/origin"
	"onair/web"
)

// Bounds of the HTTP server.
const (
	headerTime = 10 * time.Second
	idleTime   = 2 * time.Minute
	closeTime  = 2 * time.Second
)

// site is one HTTP address with its channels.
type site struct {
	file     *config.Channel
	listener net.Listener
	server   *http.Server
	log      zerolog.Logger

	certificate *certificate // nil: it speaks plain HTTP
}

// openSites opens every address with its channels, or none.
func openSites(
	sites map[string][]*pipeline.Channel, first map[string]*config.Channel, logger zerolog.Logger,
) ([]*site, error) {
	var open []*site
	all := 0
	for _, chs := range sites {
		all += len(chs)
	}
	held := newConnections(all)
	for address, chs := range sites {
		s, err := newSite(first[address], chs, held, logger)
		if err != nil {
			for _, o := range open {
				_ = o.listener.Close()
			}
			return nil, err
		}
		open = append(open, s)
	}
	return open, nil
}

func newSite(
	file *config.Channel, chs []*pipeline.Channel, held *connections, logger zerolog.Logger,
) (*site, error) {
	logger = logger.With().Str("stage", "http").Str("address", file.HTTP).Logger()
	var sources []control.Source
	oc := origin.Config{Log: logger}
	for _, ch := range chs {
		sources = append(sources, ch)
		oc.Channels = append(oc.Channels, origin.Channel{Name: ch.Name(), Edge: ch.Edge(), Fresh: ch.Fresh})
	}
	objects, err := origin.New(oc)
	if err != nil {
		return nil, err
	}
	cc := control.Config{
		Version: version, Channels: sources, Origin: objects, Page: web.Files(), Token: file.APIToken.Reveal(), Log: logger,
		Connections: held.counts,
	}
	var secure tls.Config
	var cert *certificate
	if file.TLS.Enabled() {
		if cert, err = newCertificate(file.TLS, tellAll(chs)); err != nil {
			return nil, err
		}
		secure.GetCertificate, cc.CertificateEnd = cert.get, cert.end
	}
	handler, err := control.New(cc)
	if err != nil {
		return nil, err
	}
	listener, err := held.listen(file.HTTP, logger)
	if err != nil {
		return nil, err
	}
	return &site{
		file: file, listener: listener, certificate: cert, log: logger,
		server: &http.Server{
			Handler: handler, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime,
			TLSConfig: &secure,
			ErrorLog:  log.New(newComplaints(logger), "", 0), //nolint:forbidigo // the library takes no other logger
		},
	}, nil
}

// tellAll gives channels an event about the address that they are served at.
func tellAll(chs []*pipeline.Channel) func(level control.Level, message string) {
	return func(level control.Level, message string) {
		for _, ch := range chs {
			ch.Tell(control.Event{Level: level, Stage: "http", Code: codeCertificate, Message: message})
		}
	}
}

// run serves until ctx ends.
func (s *site) run(ctx context.Context) error {
	s.log.Info().Str("listening", s.listener.Addr().String()).Msg("serving")
	done := make(chan error, 1)
	go func() {
		if s.certificate != nil {
			go s.certificate.watch(ctx)
			done <- s.server.ServeTLS(s.listener, "", "")
			return
		}
		done <- s.server.Serve(s.listener)
	}()
	select {
	case err := <-done:
		err = fmt.Errorf("http server: %w", err)
		s.log.Error().Err(err).Msg("the address is not served any more")
		return err
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if err := s.server.Shutdown(closing); err != nil {
		_ = s.server.Close() // requests that would not end are cut
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("http server: %w", err)
	}
	return nil
}

// Lines that the HTTP library may log in a minute: clients cause most of them.
const (
	complaintsAtOnce = 10
	complaintsEvery  = time.Minute
)

// complaints logs what the HTTP library has to say, which are lines of text otherwise.
type complaints struct{ log zerolog.Logger }

func newComplaints(logger zerolog.Logger) complaints {
	return complaints{logger.Sample(&zerolog.BurstSampler{Burst: complaintsAtOnce, Period: complaintsEvery})}
}

// Write logs one line.
func (c complaints) Write(line []byte) (int, error) {
	c.log.Warn().Msg(string(bytes.TrimSpace(line)))
	return len(line), nil
}
