package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"onair/pipeline"
	"onair/pipeline/config"
	"onair/pipeline/control"
	"onair/pipeline/origin"
	"onair/pipeline/rtmp"
	"onair/pipeline/rtsp"
	"onair/pkg/ffmpeg"
	"onair/web"
)

// Bounds of the HTTP server.
const (
	headerTime = 10 * time.Second
	idleTime   = 2 * time.Minute
	closeTime  = 2 * time.Second
)

// gcPercent is how much garbage may be there beside what lives. Nearly all memory is media without pointers in it,
// which costs a collection nothing, so little room for garbage is cheap; GOGC in the environment says otherwise.
const gcPercent = 25

type runCmd struct {
	Files []string `arg:"" name:"file" help:"Channel files." type:"path"`
}

// Run keeps the channels on air until the context ends.
func (c *runCmd) Run(e *env) error {
	files, err := config.LoadAll(c.Files, e.lookup)
	if err != nil {
		return told(e.stderr, err)
	}
	log, err := e.logger()
	if err != nil {
		return usage(err)
	}
	return runChannels(e.ctx, files, e, log)
}

// runChannels builds the channels, serves them, and runs them to their end.
func runChannels(ctx context.Context, files []*config.Channel, e *env, log zerolog.Logger) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	if err := checkFFmpeg(ctx, log); err != nil {
		return err
	}
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(gcPercent)
	}
	var channels []*pipeline.Channel
	sites := map[string][]*pipeline.Channel{}
	first := map[string]*config.Channel{}
	overRTSP, overRTMP := rtsp.NewServers(), rtmp.NewServers()
	for _, f := range files {
		for _, w := range f.Warnings {
			log.Warn().Str("channel", f.Name).Msg(w.String())
		}
		ch, err := pipeline.New(pipeline.ChannelConfig{
			File: f, Version: version,
			Load: func() (*config.Channel, error) { return loadAgain(f, channels, e) },
			RTSP: overRTSP, RTMP: overRTMP, Log: log,
		})
		if err != nil {
			return err
		}
		channels = append(channels, ch)
		sites[f.HTTP] = append(sites[f.HTTP], ch)
		if first[f.HTTP] == nil {
			first[f.HTTP] = f
		}
	}
	var open []*site
	for address, chs := range sites {
		s, err := newSite(first[address], chs, log)
		if err != nil {
			for _, o := range open {
				_ = o.listener.Close()
			}
			return err
		}
		open = append(open, s)
	}
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	var servers errgroup.Group
	for _, s := range open {
		servers.Go(func() error { return s.run(serving) })
	}
	g, inner := errgroup.WithContext(ctx)
	g.Go(func() error { return reloadOnSignal(inner, hup, channels) })
	for _, ch := range channels {
		g.Go(func() error { return ch.Run(inner) })
	}
	err := g.Wait()
	stopServing()
	return errors.Join(err, servers.Wait())
}

// checkFFmpeg refuses to start without a usable FFmpeg.
func checkFFmpeg(ctx context.Context, log zerolog.Logger) error {
	for _, program := range []string{"ffmpeg", "ffprobe"} {
		v, err := ffmpegVersion(ctx, program)
		if err != nil {
			return err
		}
		log.Info().Str("program", program).Str("version", v.Text).Msg("found")
	}
	return nil
}

func ffmpegVersion(ctx context.Context, program string) (ffmpeg.Version, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return ffmpeg.Version{}, fmt.Errorf("%s is not installed (apt-get install ffmpeg) or not in PATH: %w", program, err)
	}
	out, err := exec.CommandContext(ctx, path, ffmpeg.VersionArgs()...).Output()
	if err != nil {
		return ffmpeg.Version{}, fmt.Errorf("%s does not run: %w", path, err)
	}
	v, err := ffmpeg.ParseVersion(out)
	if err != nil {
		return v, fmt.Errorf("%s: %w", path, err)
	}
	return v, v.Check()
}

// site is one HTTP address with its channels.
type site struct {
	listener net.Listener
	server   *http.Server
	file     *config.Channel
	log      zerolog.Logger
}

func newSite(file *config.Channel, chs []*pipeline.Channel, log zerolog.Logger) (*site, error) {
	log = log.With().Str("stage", "http").Str("address", file.HTTP).Logger()
	var sources []control.Source
	oc := origin.Config{Log: log}
	for _, ch := range chs {
		sources = append(sources, ch)
		oc.Channels = append(oc.Channels, origin.Channel{Name: ch.Name(), Edge: ch.Edge(), Fresh: ch.Fresh})
	}
	objects, err := origin.New(oc)
	if err != nil {
		return nil, err
	}
	handler, err := control.New(control.Config{
		Version: version, Channels: sources, Origin: objects, Page: web.Files(), Token: file.APIToken.Reveal(), Log: log,
	})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", file.HTTP)
	if err != nil {
		return nil, fmt.Errorf("http address %q cannot be served (is another process using it?): %w", file.HTTP, err)
	}
	return &site{
		listener: listener, file: file, log: log,
		server: &http.Server{Handler: handler, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime},
	}, nil
}

// run serves until ctx ends.
func (s *site) run(ctx context.Context) error {
	s.log.Info().Str("listening", s.listener.Addr().String()).Msg("serving")
	done := make(chan error, 1)
	go func() {
		if s.file.TLS.Enabled() {
			done <- s.server.ServeTLS(s.listener, s.file.TLS.Cert, s.file.TLS.Key)
			return
		}
		done <- s.server.Serve(s.listener)
	}()
	select {
	case err := <-done:
		return fmt.Errorf("http server: %w", err)
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
