package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"onair/pipeline/send"
	"onair/pkg/leg"
	"onair/pkg/tick"
)

// sendCmd's lists have an item for each --to, or one for all.
type sendCmd struct {
	Source string        `arg:"" name:"source" help:"A TS file, or test: for a made programme with frame numbers, a clock, flashes and beeps."`
	To     []string      `name:"to" required:"" sep:"none" placeholder:"URL" help:"Destination: rtp://, udp:// or srt://, several times for several legs."`
	Loop   bool          `name:"loop" help:"Begin the file again at its end, with clocks that go on."`
	For    time.Duration `name:"for" placeholder:"1m" help:"Stop after so much of the stream."`

	Size  string `name:"size" default:"1280x720" help:"Picture of test:."`
	Rate  string `name:"rate" default:"25" help:"Pictures a second of test:."`
	Codec string `name:"codec" enum:"h264,hevc,mpeg2video" default:"h264" help:"Video codec of test:."`

	Loss      []string `name:"loss" placeholder:"5%" help:"Part of the datagrams that is lost, for each leg or for all: 5%,2%."`
	Burst     []int    `name:"burst" placeholder:"N" help:"Mean number of datagrams lost in a row."`
	Jitter    []string `name:"jitter" placeholder:"20ms" help:"Delay up to so much, at random; the order stays."`
	Skew      []string `name:"skew" placeholder:"0ms,60ms" help:"Delay of all."`
	Reorder   []string `name:"reorder" placeholder:"1%" help:"Part of the datagrams that later ones overtake."`
	Drop      []string `name:"drop" placeholder:"2@10s-20s" help:"Leg 2 is silent from 10 s to 20 s of the stream; several times for several silences."`
	Exclusive bool     `name:"exclusive" help:"No datagram is lost on all RTP legs."`
	Seed      uint64   `name:"seed" placeholder:"N" help:"Repeats the chance of a run before; 0 is another one each time."`

	FEC      string `name:"fec" placeholder:"8x4" help:"Send ST 2022-1 FEC of so many columns and rows to the ports +2 and +4 of rtp:// destinations. Loss is for the media alone."`
	RTPInSRT bool   `name:"rtp-in-srt" help:"SRT destinations get RTP too, not bare TS."`
	JSON     bool   `name:"json" help:"Print the summary as JSON."`
	DropLog  string `name:"drop-log" placeholder:"FILE" help:"Write down each datagram that was dropped: leg, number, sequence number, cause."`
}

// Run implements the verb.
func (c *sendCmd) Run(e *env) error {
	config, err := c.config()
	if err != nil {
		return typed("send", err)
	}
	if config.Log, err = e.logger(); err != nil {
		return usage(err)
	}
	var drops *os.File
	if c.DropLog != "" {
		if drops, err = os.Create(c.DropLog); err != nil {
			return usage(fmt.Errorf("send: --drop-log: %w", err))
		}
		config.DropLog = drops
	}
	sender, err := send.New(config)
	if err != nil {
		return usage(fmt.Errorf("send: %w", err))
	}
	err = sender.Run(e.ctx)
	if drops != nil {
		err = errors.Join(err, drops.Close())
	}
	return errors.Join(err, e.print(sender.Summary(), c.JSON))
}

func (c *sendCmd) config() (send.Config, error) {
	out := send.Config{Exclusive: c.Exclusive, Seed: c.Seed, For: c.For, RTPInSRT: c.RTPInSRT}
	if c.FEC != "" {
		columns, rows, err := matrix(c.FEC)
		if err != nil {
			return out, fmt.Errorf("--fec: %w", err)
		}
		out.Columns, out.Rows = columns, rows
	}
	if c.For < 0 {
		return out, fmt.Errorf("--for %v is negative", c.For)
	}
	for _, to := range c.To {
		u, err := leg.ParseDestination(to)
		if err != nil {
			return out, fmt.Errorf("--to: %w", err)
		}
		out.Legs = append(out.Legs, send.Leg{URL: u})
	}
	if err := c.impair(out.Legs); err != nil {
		return out, err
	}
	var err error
	out.Source, err = c.source()
	return out, err
}

func (c *sendCmd) source() (send.Source, error) {
	if c.Source != "test:" {
		if info, err := os.Stat(c.Source); err != nil || info.IsDir() {
			return nil, errors.Join(fmt.Errorf("source %q is neither test: nor a TS file", c.Source), err)
		}
		return send.File{Name: c.Source, Loop: c.Loop}, nil
	}
	config := send.TestConfig{Codec: c.Codec}
	width, height, found := strings.Cut(c.Size, "x")
	var errW, errH error
	config.Width, errW = strconv.Atoi(width)
	config.Height, errH = strconv.Atoi(height)
	if !found || errW != nil || errH != nil {
		return nil, fmt.Errorf("--size %q: a size is like 1280x720", c.Size)
	}
	var err error
	if config.Rate, err = tick.ParseRate(c.Rate); err != nil {
		return nil, fmt.Errorf("--rate: %w", err)
	}
	return send.NewTest(config)
}

// impair sets the legs' impairments.
func (c *sendCmd) impair(legs []send.Leg) error {
	for i := range legs {
		l := &legs[i]
		at := place{i, len(legs)}
		err := errors.Join(
			ofLeg("--loss", c.Loss, at, func(s string) (err error) { l.Loss, err = part(s); return err }),
			ofLeg("--reorder", c.Reorder, at, func(s string) (err error) { l.Reorder, err = part(s); return err }),
			ofLeg("--jitter", c.Jitter, at, func(s string) (err error) { l.Jitter, err = time.ParseDuration(s); return err }),
			ofLeg("--skew", c.Skew, at, func(s string) (err error) { l.Skew, err = time.ParseDuration(s); return err }),
			ofLeg("--burst", c.Burst, at, func(n int) error { l.Burst = n; return nil }),
		)
		if err != nil {
			return err
		}
	}
	for _, text := range c.Drop {
		leg, cut, err := parseDrop(text)
		if err == nil && leg > len(legs) {
			err = fmt.Errorf("there is no leg %d", leg)
		}
		if err != nil {
			return fmt.Errorf("--drop %q: %w", text, err)
		}
		legs[leg-1].Cuts = append(legs[leg-1].Cuts, cut)
	}
	return nil
}
