// Package ffmpeg plans runs of FFmpeg and reads what it says: source, channel and interval in, argument vector out. It
// runs nothing.
package ffmpeg

import (
	"fmt"
	"strconv"

	"onair/pkg/ladder"
	"onair/pkg/tick"
)

// margin is the least distance between a run's base and its start: FFmpeg's timestamps stay positive with decoder
// delay,
// encoder priming and pre-roll in front of the first frame.
const margin = 2 * tick.Second

// lead is how many audio frames a run makes before its start. The packager drops them: the first is the encoder's
// priming, the second carries the fade-in of the overlapping transform, the third covers a start inside a frame.
const lead = 3

// firstPipe is FFmpeg's descriptor of the first rendition's pipe.
const firstPipe = 3

// Channel is what the runs of a channel have in common.
type Channel struct {
	Grid       tick.Grid
	Audio      tick.Audio // zero is 48 kHz AAC-LC
	Preset     string     // the codec's own presets; empty is "veryfast"
	Renditions []ladder.Rendition
	Haste      int // how many steps faster the presets are than configured; what runs make stays interchangeable
	// audio tracks of the input to take, in order: PIDs, languages or indexes; empty lets each rendition choose
	Select []string
}

// Interval is the part of the timeline that a run encodes. Its end is the end of its input.
type Interval struct {
	Base  tick.Tick // the instant of FFmpeg's PTS 0: a value of Base
	Start tick.Tick // the run's first frame: a frame slot of the grid

	// Audio is the first sample that is wanted, where that lies before Start, by at most MaxSoundAhead; 0 is Start. A run
	// that follows one whose feed broke off wants sound from earlier on: in a TS it comes later than its pictures.
	Audio tick.Tick
	// the source's sound begins later: silence up to there. A change of its channels then costs sound, not pictures
	Fill bool

	// Hold makes a run of a still picture, so long, that shows the last one of a feed that lies before Start and is
	// decoded from From on. 0: a run as any other.
	Hold, From tick.Tick
}

// MaxSoundAhead is the most by which a run's sound may begin before its pictures: FFmpeg may be told to fill it with
// silence, and makes all of that at once.
const MaxSoundAhead = 3 * tick.Second / 2

// priming is the least distance from base to the first sample that is wanted.
const priming = tick.Second / 2

// Plan is one run of FFmpeg.
type Plan struct {
	Args     []string // without the program's name
	Outputs  []string // rendition names; rendition i is written to descriptor 3+i
	Progress int      // descriptor of -progress: the one after the last rendition
	PIDs     []uint16 // tracks to feed, ascending; whatever else the programme has is not needed
	Silence  bool     // the feed must carry the silent track of package Silence, from the run's first packet on
	Captions bool     // captions in the source's pictures survive in the H.264 renditions
	Notes    []string // what the user should know: a track not found, a choice made
}

// Base is the latest instant at least 2 s before start at which the frame grid, the audio frame grid and MPEG's 90 kHz
// clock meet: FFmpeg, which counts its own grids from PTS 0, then works on the channel's. It lies at most about an hour
// before start (44.1 kHz at 30000/1001; 21 s for 48 kHz), far inside the 26.5 h of a PTS.
func Base(start tick.Tick, grid tick.Grid, audio tick.Audio) tick.Tick {
	span := tick.Common(grid.Rate.Frame(), audioOrDefault(audio).Frame(), tick.Per90k)
	at := start - margin
	n := at / span
	if at%span < 0 {
		n--
	}
	return n * span
}

func audioOrDefault(a tick.Audio) tick.Audio {
	if a.Rate == 0 || a.Samples == 0 {
		return tick.Audio{Rate: 48_000, Samples: 1024}
	}
	return a
}

// planner collects a plan while it is made.
type planner struct {
	Plan
	src   Source
	ch    Channel
	at    Interval
	video []int // indexes into ch.Renditions
	audio []int
}

// NewPlan is the command for encoding src from at.Start on. A ladder that cannot be made is an error: the channel
// file's
// fault. What the source lacks is replaced: no audio by silence (see Plan.Silence), no video by black.
func NewPlan(src Source, ch Channel, at Interval) (Plan, error) {
	p := &planner{src: src, ch: ch, at: at}
	p.ch.Audio = audioOrDefault(ch.Audio)
	for i, r := range ch.Renditions {
		p.Outputs = append(p.Outputs, r.Name)
		if r.Kind == ladder.Video {
			p.video = append(p.video, i)
		} else {
			p.audio = append(p.audio, i)
		}
	}
	p.Progress = firstPipe + len(ch.Renditions)
	if err := p.validate(); err != nil {
		return Plan{}, err
	}
	tracks := p.tracks()
	p.global()
	p.input()
	p.videoGraph()
	p.audioGraph(tracks)
	for i, r := range ch.Renditions {
		if err := p.output(i, r); err != nil {
			return Plan{}, err
		}
	}
	p.pids(tracks)
	return p.Plan, nil
}

func (p *planner) validate() error {
	switch {
	case len(p.ch.Renditions) == 0:
		return fmt.Errorf("planning a run: the ladder has no renditions")
	case p.src.Video == nil && len(p.src.Audio) == 0:
		return fmt.Errorf("planning a run: the source has neither video nor audio")
	case p.at.Audio != 0 && p.at.Audio < max(p.at.Base+priming, p.at.Start-MaxSoundAhead):
		return fmt.Errorf("planning a run: sound is wanted from %v before the start", (p.at.Start - p.at.Audio).Duration())
	case len(p.video) == 0:
		return nil
	}
	frame := p.ch.Grid.Rate.Frame()
	if frame == 0 || p.ch.Grid.GOP <= 0 {
		return fmt.Errorf("planning a run: the ladder has video but the grid has no frame rate or GOP")
	}
	if p.at.Hold < 0 || p.at.Hold > 0 && (p.at.From > p.at.Start || p.at.From < p.at.Base) {
		return fmt.Errorf("planning a run: what is held at %d begins at %d", p.at.Start, p.at.From)
	}
	if p.at.Start%frame != 0 || p.at.Base%frame != 0 {
		return fmt.Errorf("planning a run: start %d or base %d is no frame slot", p.at.Start, p.at.Base)
	}
	for _, i := range p.video {
		r := p.ch.Renditions[i]
		if r.Width <= 0 || r.Height <= 0 || r.Width%2 != 0 || r.Height%2 != 0 || r.Bitrate <= 0 {
			return fmt.Errorf("rendition %s: size %dx%d must be even and bitrate %d positive", r.Name, r.Width, r.Height,
				r.Bitrate)
		}
	}
	return nil
}

func (p *planner) add(args ...string) { p.Args = append(p.Args, args...) }

func (p *planner) note(format string, a ...any) { p.Notes = append(p.Notes, fmt.Sprintf(format, a...)) }

// global are the options of the process.
func (p *planner) global() {
	p.add("-hide_banner", "-nostdin")
	p.add("-loglevel", "warning") // the tail of stderr is shown to the user: no statistics, no banner
	p.add("-nostats", "-stats_period", "0.5", "-progress", "pipe:"+strconv.Itoa(p.Progress))
	p.add("-copyts")              // PTS of the feed are the channel's time since base: keep them
	p.add("-max_error_rate", "1") // a damaged feed is no reason to fail at its end
	for _, i := range p.video {
		if family(p.ch.Renditions[i]) == vaapi {
			p.add("-init_hw_device", "vaapi=onair", "-filter_hw_device", "onair")
			break
		}
	}
}

// input describes the feed on standard input.
func (p *planner) input() {
	// Without these two the first frame of a live-paced pipe comes after 5.5 s instead of 1.4 s.
	p.add("-analyzeduration", "400000", "-probesize", "2000000")
	if p.src.Video != nil {
		// More decoding threads delay the picture by a frame each, and FFmpeg's own choice grows with the machine.
		p.add("-threads:v", decodeThreads(*p.src.Video))
		// A change of format in mid-run must not rebuild the graph: its grid would start at the run's start again.
		p.add("-reinit_filter:v", "0")
	}
	p.add("-f", "mpegts", "-i", "pipe:0")
}

func decodeThreads(v Video) string {
	if v.Width*v.Height > 1920*1088 || v.Rate.Num > 31*v.Rate.Den && v.Height > 720 {
		return "4"
	}
	return "2"
}

// seconds is a span as FFmpeg reads it: microseconds are what its options resolve.
func seconds(t tick.Tick) string {
	us := t.Round(1_000_000)
	return fmt.Sprintf("%d.%06d", us/1_000_000, us%1_000_000)
}
