package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"onair/pipeline"
	"onair/pipeline/config"
	"onair/pipeline/rtmp"
	"onair/pipeline/rtsp"
	"onair/pkg/ffmpeg"
	"onair/pkg/processors"
)

// gcPercent is how much garbage may be there beside what lives. Nearly all memory is media without pointers in it,
// which costs a collection nothing, so little room for garbage is cheap; GOGC in the environment says otherwise.
const gcPercent = 25

// tune sets the runtime up for a server, until ctx ends.
func tune(ctx context.Context) {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(gcPercent)
	}
	processors.Follow(ctx)
}

type runCmd struct {
	Files []string `arg:"" name:"file" help:"Channel files." type:"path"`
}

// Run keeps the channels on air until the context ends.
func (c *runCmd) Run(e *env) error {
	log, err := e.logger()
	if err != nil {
		return usage(err)
	}
	files, err := config.LoadAll(c.Files, e.lookup)
	if err == nil {
		err = runChannels(e.ctx, files, e, log)
	}
	if e.human() {
		return told(e.stderr, err)
	}
	return logged(log, err)
}

// runChannels builds the channels, serves them, and runs them to their end.
func runChannels(ctx context.Context, files []*config.Channel, e *env, log zerolog.Logger) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	if err := checkFFmpeg(ctx, files, log); err != nil && ctx.Err() == nil { // else it is to stop, as asked
		return err
	}
	tune(ctx)
	var channels []*pipeline.Channel
	defer func() {
		for _, ch := range channels { // those of a program that did not come so far as to run them, too
			ch.Close()
		}
	}()
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
	open, err := openSites(sites, first, log)
	if err != nil {
		return err
	}
	return serve(ctx, hup, channels, open)
}

// serve runs channels and servers until ctx ends or one of them fails; the servers serve until the channels have ended.
func serve(ctx context.Context, hup <-chan os.Signal, channels []*pipeline.Channel, open []*site) error {
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var servers errgroup.Group
	for _, s := range open {
		servers.Go(func() error {
			defer stop()
			return s.run(serving)
		})
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

// checkFFmpeg refuses to start without an FFmpeg that can make the channels' renditions.
func checkFFmpeg(ctx context.Context, files []*config.Channel, log zerolog.Logger) error {
	for _, program := range []string{"ffmpeg", "ffprobe"} {
		v, err := ffmpegVersion(ctx, program)
		if err != nil {
			return err
		}
		log.Info().Str("program", program).Str("version", v.Text).Msg("found")
	}
	out, err := exec.CommandContext(ctx, "ffmpeg", ffmpeg.EncodersArgs()...).Output()
	if err != nil {
		return fmt.Errorf("ffmpeg does not list its encoders: %w", err)
	}
	can := ffmpeg.ParseEncoders(out)
	for _, f := range files {
		// Of any size: the default ladder's encoder is the same for all.
		picture := config.Picture{Width: assumedWidth, Height: assumedHeight, SARNum: 1, SARDen: 1}
		if err := can.Check(f.Ladder(picture, f.FrameRate)); err != nil {
			return fmt.Errorf("channel %s: %w", f.Name, err)
		}
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
