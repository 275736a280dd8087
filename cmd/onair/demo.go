package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"text/template"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"onair/pipeline/config"
	"onair/pipeline/send"
	"onair/pkg/leg"
)

type demoCmd struct {
	HTTP string `name:"http" default:":8080" placeholder:":8080" help:"Address of the page; port 0 takes a free one."`
	Dir  string `name:"dir" placeholder:"DIR" type:"path" help:"Folder for the channel file and the output, which is kept. If not given: one that is removed at the end."`
}

// demoFile is the channel's file: an example to start from.
var demoFile = template.Must(template.New("demo").Parse(
	`# The channel of "onair demo", as any other: "onair check" prints what it means, and docs/channel.yaml has every key.
channel: demo
http: "{{.HTTP}}"

inputs:
  # Two legs with identical packets. The sender loses one in fifty on each, never the same on both, and the second is
  # 40 ms late: the page shows what the merge recovers.
  - name: main
    legs: ["rtp://127.0.0.1:{{index .Ports 0}}", "rtp://127.0.0.1:{{index .Ports 1}}"]
    allow: [127.0.0.0/8]
  # The same programme over SRT.
  - name: backup
    legs: ["srt://127.0.0.1:{{index .Ports 2}}?mode=listener"]
    allow: [127.0.0.0/8]

frame_rate: 25
segment: 4s
gop: 2s
# The least work for the encoder, so that a laptop has room for a browser beside it.
preset: superfast
video:
  - {name: v720, size: 1280x720, bitrate: 2M}
  - {name: v480, size: 854x480, bitrate: 1.1M}
  - {name: v360, size: 640x360, bitrate: 600k}
audio:
  - {name: a1, bitrate: 128k}

window: 10m
outputs:
  - dir: "{{.Dir}}/origin"
`))

// demo is one demonstration under way.
type demo struct {
	HTTP  string
	Dir   string
	Ports [3]uint16 // of the two RTP legs and the SRT listener
}

// Run implements the verb: a sender and the channel that receives it in one process.
func (c *demoCmd) Run(e *env) (err error) {
	log, err := e.logger()
	if err != nil {
		return usage(err)
	}
	d := demo{Dir: c.Dir}
	if d.HTTP, err = freeAddress(c.HTTP); err != nil {
		return usage(fmt.Errorf("demo: --http: %w", err))
	}
	if d.Ports, err = freePorts(); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if c.Dir == "" {
		if d.Dir, err = os.MkdirTemp("", "onair-demo-"); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(d.Dir)) }()
	}
	file, err := d.write(e)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	// What the sender says when the channel has hung up, as it was asked to, is no news.
	sender, err := d.sender(log.Hook(zerolog.HookFunc(func(ev *zerolog.Event, _ zerolog.Level, _ string) {
		if e.ctx.Err() != nil {
			ev.Discard()
		}
	})))
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	d.announce(e)
	g, ctx := errgroup.WithContext(e.ctx)
	sending, stop := context.WithCancel(context.WithoutCancel(ctx)) // as long as there is a channel that listens
	defer stop()
	g.Go(func() error {
		defer stop()
		return runChannels(ctx, []*config.Channel{file}, e, log)
	})
	g.Go(func() error { return sender.Run(sending) })
	g.Go(func() error { d.watch(ctx, e); return nil })
	return g.Wait()
}

// write writes the channel file and reads it as any other.
func (d demo) write(e *env) (*config.Channel, error) {
	if err := os.MkdirAll(d.Dir, 0o755); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := demoFile.Execute(&text, d); err != nil {
		return nil, err
	}
	if err := os.WriteFile(d.path(), text.Bytes(), 0o644); err != nil {
		return nil, err
	}
	return config.Load(d.path(), e.lookup)
}

func (d demo) path() string { return filepath.Join(d.Dir, "demo.yaml") }

// sender makes the contribution: a test programme to all legs.
func (d demo) sender(log zerolog.Logger) (*send.Sender, error) {
	source, err := send.NewTest(send.TestConfig{})
	if err != nil {
		return nil, err
	}
	loopback := func(scheme leg.Scheme, port uint16) leg.URL {
		return leg.URL{Scheme: scheme, Host: "127.0.0.1", Port: port}
	}
	backup := loopback(leg.SRT, d.Ports[2])
	backup.Mode, backup.Latency = leg.Caller, leg.DefaultLatency
	const loss, skew = 0.02, 40 * time.Millisecond
	return send.New(send.Config{
		Source: source, Exclusive: true, Log: log.With().Str("stage", "sender").Logger(),
		Legs: []send.Leg{
			{URL: loopback(leg.RTP, d.Ports[0]), Impairment: send.Impairment{Loss: loss}},
			{URL: loopback(leg.RTP, d.Ports[1]), Impairment: send.Impairment{Loss: loss, Skew: skew}},
			{URL: backup},
		},
	})
}

// page is the address to be opened on this machine.
func (d demo) page() string {
	host, port, _ := net.SplitHostPort(d.HTTP)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}

func (d demo) announce(e *env) {
	fmt.Fprintf(e.stdout, `
  page   %s   (plays in about 20 s; Ctrl-C ends it)
  HLS    %sdemo/index.m3u8
  DASH   %sdemo/manifest.mpd
  file   %s

`, d.page(), d.page(), d.page(), d.path())
}

// watch tells when there is something to play.
func (d demo) watch(ctx context.Context, e *env) {
	begun := time.Now()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.page()+"demo/index.m3u8", nil)
		if err != nil {
			return
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			fmt.Fprintf(e.stdout, "  on air after %d s: %s\n\n", int(time.Since(begun).Seconds()), d.page())
			return
		}
	}
}

// freeAddress is address, with a port that nobody uses if it asks for one.
func freeAddress(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	if port != "0" {
		return address, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	defer l.Close() //nolint:errcheck // nobody has connected
	_, port, err = net.SplitHostPort(l.Addr().String())
	return net.JoinHostPort(host, port), err
}

// freePorts are UDP ports of the loopback interface that nobody uses.
func freePorts() (ports [3]uint16, err error) {
	for i := range ports {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return ports, err
		}
		defer c.Close() //nolint:errcheck // nothing was sent; held until all are found, so that none is found twice
		local, _ := c.LocalAddr().(*net.UDPAddr)
		ports[i] = local.AddrPort().Port()
	}
	return ports, nil
}
