package main

import (
	"fmt"
	"io"
	"net"
	"strings"
	"text/tabwriter"
	"time"

	"onair/pipeline"
	"onair/pipeline/config"
	"onair/pkg/ffmpeg"
	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// What a plan assumes of a source that nobody has seen yet.
const (
	assumedWidth  = 1920
	assumedHeight = 1080
	assumedRate   = 25
	assumedVideo  = 256 // PID of the picture; audio follows
)

// assumedStart is when the planned run of FFmpeg would begin: a fixed instant, so that two plans of a file are equal.
var assumedStart = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// plan is what a channel file means, for its author to read.
type plan struct {
	ch     *config.Channel
	grid   tick.Grid
	audio  tick.Audio
	ladder []ladder.Rendition
	run    ffmpeg.Plan
	source ffmpeg.Source
}

// newPlan plans a channel for an assumed source of 1920x1080, at the channel's frame rate or 25.
func newPlan(ch *config.Channel) (*plan, error) {
	p := &plan{ch: ch, audio: ch.AudioGrid()}
	rate := ch.FrameRate
	if rate.IsZero() {
		rate = tick.Rate{Num: assumedRate, Den: 1}
	}
	gridRate, picture := rate, config.Picture{Width: assumedWidth, Height: assumedHeight, SARNum: 1, SARDen: 1}
	if ch.Video != nil && len(ch.Video) == 0 {
		gridRate = tick.Rate{}
	}
	var err error
	if p.grid, err = ch.Grid(gridRate); err != nil {
		return nil, fmt.Errorf("making the grid: %w", err)
	}
	p.ladder = ch.Ladder(picture, gridRate)
	p.source = p.assumed(rate)
	start := p.grid.Start(p.grid.NextK(tick.FromTime(assumedStart)))
	p.run, err = ffmpeg.NewPlan(p.source,
		ffmpeg.Channel{Grid: p.grid, Audio: p.audio, Preset: ch.Preset, Renditions: p.ladder, Select: ch.Inputs[0].Tracks()},
		ffmpeg.Interval{Base: ffmpeg.Base(start, p.grid, p.audio), Start: start})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// assumed is a source that has the track that each rendition asks for.
func (p *plan) assumed(rate tick.Rate) ffmpeg.Source {
	src := ffmpeg.Source{}
	if !p.grid.Rate.IsZero() {
		src.VideoPID = assumedVideo
		src.Video = &ffmpeg.Video{
			Codec: "h264", Width: assumedWidth, Height: assumedHeight, SARNum: 1, SARDen: 1, Rate: rate, PixFmt: "yuv420p",
		}
	}
	chosen := p.ch.Inputs[0].Audio
	tracks := len(p.ch.Audio)
	for _, c := range chosen {
		tracks = max(tracks, c.Index+1)
	}
	for i := range tracks {
		t := ffmpeg.AudioTrack{
			PID: assumedVideo + 1 + uint16(i), Codec: "aac", SampleRate: int(p.audio.Rate), Channels: 2,
		}
		if i < len(p.ch.Audio) {
			t.Channels = p.ch.Audio[i].Channels
			if l := p.ch.Audio[i].Language; l != "und" {
				t.Language = l
			}
		}
		if i < len(chosen) {
			t.Language = chosen[i].Language
			if chosen[i].PID != 0 {
				t.PID = chosen[i].PID
			}
		}
		src.Audio = append(src.Audio, t)
	}
	return src
}

// print writes the plan. Only the first error of the writer counts.
func (p *plan) print(w io.Writer) error {
	out := &lines{w: w}
	c := p.ch
	out.f("channel %s (%s)", c.Name, c.File)
	out.f("")
	p.address(out)
	out.f("  timeline   %s (grid.json, anchors)", c.Timeline.Below(c.Name))
	for _, s := range c.Outputs {
		out.f("  output     %s", s.Below(c.Name))
		if s.CMAF {
			out.f("             CMAF ingest: headers, segments (.cmfv, .cmfa) and the MPD are sent; all else is the receiver's")
		}
		if s.Shared {
			out.f("             shared: another pipeline publishes there, too; slate and gaps wait %v for its media",
				p.grid.T.Duration())
		}
	}
	if !c.SharesTimeline() {
		out.f("             pipelines with folders of their own are not twins: those share a timeline")
	}
	if !c.Twin.IsZero() {
		out.f("  twin       %s (read: a rendition of each number is compared, in turns)", c.Twin.Below(c.Name))
	}
	if c.Webhook != "" {
		out.f("  webhook    %s", c.Webhook)
	}
	out.f("")
	p.inputs(out)
	out.f("")
	p.times(out)
	out.f("")
	p.renditions(out)
	out.f("")
	p.command(out)
	return out.err
}

// lines writes until the first error.
type lines struct {
	w   io.Writer
	err error
}

func (l *lines) f(format string, a ...any) {
	if l.err == nil {
		_, l.err = fmt.Fprintf(l.w, strings.TrimRight(format, " ")+"\n", a...)
	}
}

func (p *plan) address(out *lines) {
	scheme := "http"
	if p.ch.TLS.Enabled() {
		scheme = "https"
	}
	host, port, _ := net.SplitHostPort(p.ch.HTTP) // checked when the file was read
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "localhost"
	}
	out.f("  http       %s: page %s://%s/%s/", p.ch.HTTP, scheme, net.JoinHostPort(host, port), p.ch.Name)
	if p.ch.APIToken == "" {
		out.f("             changes by the API: from this machine only")
	} else {
		out.f("             changes by the API: with the token")
	}
}

func (p *plan) inputs(out *lines) {
	out.f("inputs, in order of preference")
	for _, in := range p.ch.Inputs {
		program := "first programme"
		if in.Program != 0 {
			program = fmt.Sprintf("programme %d", in.Program)
		}
		tracks := "audio by language, else by place"
		if len(in.Audio) > 0 {
			tracks = "audio " + strings.Join(in.Tracks(), ", ")
		}
		var allow []string
		for _, a := range in.Allow {
			allow = append(allow, a.String())
		}
		out.f("  %s: %s, %s", in.Name, program, tracks)
		p.legs(out, in)
		out.f("    allow    %s", strings.Join(allow, ", "))
		if in.ByTimecode() {
			out.f("    timecode places the pictures, where it is within 1.5 s of their arrival")
		}
		if p.ch.Watched(in) {
			out.f("    monitor  picture and sound are watched, by a decoder at low priority")
		}
	}
	if len(p.ch.Inputs) > 1 {
		out.f("  the first that is well is used; one that is silent for %s is left, and returned to when well for %s",
			p.ch.Failover.Loss, p.ch.Failover.ReturnAfter)
	}
	p.slate(out)
}

func (p *plan) slate(out *lines) {
	what := "a card with name and clock"
	if p.ch.Slate.Image != "" {
		what = p.ch.Slate.Image
	}
	out.f("  slate      %s, after the last picture was held for %s", what, p.ch.Slate.Hold)
	if p.ch.StartsOnSlate() {
		out.f("    start    on it, if no input has come within 3s")
	} else {
		out.f("    start    waits for the first input")
	}
}

func (p *plan) renditions(out *lines) {
	out.f("renditions")
	var table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  name\tpicture or sound\tencoder\ttarget\tbandwidth\taverage\tcodecs")
	for _, r := range p.ladder {
		what := fmt.Sprintf("%dx%d", r.Width, r.Height)
		if r.Kind == ladder.Audio {
			what = fmt.Sprintf("%d channels, %s", r.Channels, r.Language)
		}
		encoder, err := ffmpeg.Encoder(r)
		if err != nil {
			encoder = "?"
		}
		peak, average := r.Bandwidth(p.grid.T)
		fmt.Fprintf(t, "  %s\t%s\t%s\t%v\t%d\t%d\t%s\n", r.Name, what, encoder, config.Bitrate(r.Bitrate), peak, average,
			ladder.CodecString(r))
	}
	_ = t.Flush() // a strings.Builder takes everything
	for line := range strings.Lines(table.String()) {
		out.f("%s", strings.TrimRight(line, " \n"))
	}
	out.f("  bandwidth and average: bits per second with container; an HLS variant declares picture and sound together")
	p.limits(out)
	if p.ch.Video == nil {
		out.f("  the video renditions are the default ladder for %dx%d: the file leaves it to the source",
			assumedWidth, assumedHeight)
	}
}

// limits are what a run may take, and what happens when there is no time for all of it.
func (p *plan) limits(out *lines) {
	ch := ffmpeg.Channel{Grid: p.grid, Audio: p.audio, Preset: p.ch.Preset, Renditions: p.ladder}
	l := pipeline.MemoryAndCPU(p.ch.Limits, ch)
	memory, cpu := fmt.Sprintf("%d MiB", l.Memory>>20), "any number of processors"
	if p.ch.Limits.Memory == 0 {
		memory += ", by the ladder"
	}
	if l.Processors > 0 {
		cpu = fmt.Sprintf("%g processors, where control groups can be made", l.Processors)
	}
	out.f("  a run may take %s of memory (%s) and %s", memory, "a run that takes more is ended and encoded again", cpu)
}

func (p *plan) command(out *lines) {
	var assumed []string
	if v := p.source.Video; v != nil {
		assumed = append(assumed, fmt.Sprintf("%dx%d at %s", v.Width, v.Height, v.Rate))
	}
	if n := len(p.source.Audio); n > 0 {
		assumed = append(assumed, fmt.Sprintf("audio tracks: %d", n))
	}
	out.f("FFmpeg, for an assumed source (%s) and a run from %s on", strings.Join(assumed, ", "),
		assumedStart.Format(time.RFC3339))
	for _, note := range p.run.Notes {
		out.f("  note: %s", note)
	}
	out.f("  %s", strings.Join(wrap(p.run.Args), " \\\n    "))
}
