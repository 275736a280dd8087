package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"onair/pipeline/encode"
	"onair/pipeline/packager"
	"onair/pipeline/publish"
	"onair/pkg/fmp4"
	"onair/pkg/ladder"
	"onair/pkg/presentation"
	"onair/pkg/tick"
)

const (
	// farAhead is how far beyond a segment's end the first rendition gets before the others are no longer waited for:
	// more than an encoder looks ahead and a source sends its sound late. It is media, not time: the renditions of a
	// run advance together; while a run is replaced none does, so that a crash makes no gap.
	farAhead = 2 * tick.Second
	// maxHeld bounds the segment numbers that wait for a rendition.
	maxHeld = 8
)

// assembly puts the frames of runs together to segments and hands them to the publishers: the place where encode,
// packager and publish meet. It is the Output of the encoder.
type assembly struct {
	grid    tick.Grid
	audio   tick.Audio
	event   func(level, message string)
	changed func(message string) // another ladder is listed; nil: nobody is told
	clock   func(input string) clock
	from    tick.Tick // what lies before is published already; set before the encoder runs

	mu      sync.Mutex
	now     *edition                   // on air
	coming  *edition                   // of the run that is to take over, if it has another ladder
	offers  map[int][]ladder.Rendition // ladders of which runs may come
	runs    map[int]*edition           // what the newest runs encode
	held    []heldSegment              // complete, but other renditions of their number are not
	makers  map[int]maker              // what the newest runs' frames are made of
	begun   map[int64]bool             // newest numbers that begin with a picture that is held back
	outlets []outlet                   // where segments go; set before the encoder runs, then guarded by mu
	given   int64                      // newest number that the publishers have: nothing up to there is wanted again
	listed  int64                      // how many segments may be listed, and on their way
}

// track is one rendition on its way.
type track struct {
	ladder.Rendition
	of        *edition
	order     sync.Mutex // held from frame to segment: segments leave in order, whichever run brings them
	marked    int        // run whose maker is noted; guarded by order
	mu        sync.Mutex // guards the cutter and what follows
	cutter    *packager.Cutter
	timescale int64
	header    fmp4.Header
	init      []byte
	announced bool // its init has been given to the publishers; guarded by the assembly's mu
	stats     trackStats
	before    packager.CutterStats // of the editions before

	emitted  int64 // last number that it has completed; guarded by the assembly's mu
	declared int64 // bitrate that manifests tell; guarded by the assembly's mu, and so is sinks
	sinks    int64 // segment from which a lower one may be told; 0: it is the target

	resting   atomic.Bool // no run brings it
	returning atomic.Bool // one does again, and no segment is complete yet
}

type trackStats struct {
	Codecs     string
	LastK      int64
	Bytes      uint64
	LastBytes  int
	LastLength tick.Tick
}

// newAssembly makes a cutter for every rendition.
func newAssembly(grid tick.Grid, audio tick.Audio, ladderOf []ladder.Rendition) (*assembly, error) {
	a := &assembly{
		grid: grid, audio: audio, runs: map[int]*edition{}, offers: map[int][]ladder.Rendition{},
		makers: map[int]maker{}, begun: map[int64]bool{},
	}
	var err error
	if a.now, err = a.newEdition(0, ladderOf); err != nil {
		return nil, err
	}
	a.now.told = true // when they are built
	return a, nil
}

var _ encode.Output = (*assembly)(nil)

// Next is where media is wanted next, see encode.Output.
func (a *assembly) Next(whole bool) (video, audio tick.Tick, ok bool) {
	video, audio = 1<<62, 1<<62
	a.mu.Lock()
	floor := a.grid.Start(a.given + 1) // a rendition that was given up is not encoded again for what is listed
	tracks := a.now.tracks
	a.mu.Unlock()
	for _, t := range tracks {
		if t.resting.Load() {
			continue
		}
		t.mu.Lock()
		at, last := t.cutter.Next(), t.cutter.Emitted()
		t.mu.Unlock()
		if at == 0 {
			return a.from, a.from, a.from != 0
		}
		if whole {
			at = a.grid.Start(a.grid.K(at))
			if last != packager.None {
				at = max(at, a.grid.Start(last+1))
			}
		}
		at = max(at, floor)
		if t.Kind == ladder.Video {
			video = min(video, at)
		} else {
			audio = min(audio, at)
		}
	}
	switch {
	case whole:
		video = min(video, audio)
		audio = video
	case video == 1<<62 && a.grid.Rate.IsZero():
		video = audio
	case video == 1<<62:
		video = a.grid.Rate.At(a.grid.Rate.Slot(audio))
	case audio == 1<<62:
		audio = video
	}
	return video, audio, true
}

// Take hands over to a run.
func (a *assembly) Take(run, number int, video, audio tick.Tick) {
	ed := a.assign(run, number, a.grid.K(video))
	if ed == nil {
		return
	}
	for _, t := range ed.tracks {
		from := audio
		if t.Kind == ladder.Video {
			from = video
		}
		t.mu.Lock()
		t.cutter.Take(run, from)
		t.mu.Unlock()
	}
}

// Done tells the cutters that a run has delivered everything.
func (a *assembly) Done(run int) {
	for _, t := range a.editionOf(run).tracks {
		t.mu.Lock()
		t.cutter.Done(run)
		t.mu.Unlock()
	}
}

// Header takes a run's initialization of one rendition. All runs of a ladder must bring the same: players get only one.
func (a *assembly) Header(run int, rendition string, h fmp4.Header) error {
	ed := a.editionOf(run)
	t := ed.byName[rendition]
	init, err := h.WithLanguage(ladder.LanguageCode(t.Language)).Init()
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.init != nil {
		if !bytes.Equal(t.init, init) {
			return fmt.Errorf("run %d made another initialization than the runs before it: its segments would not decode", run)
		}
		return nil
	}
	t.init, t.header = init, h
	t.mu.Lock()
	t.stats.Codecs = h.CodecString()
	t.mu.Unlock()
	if ed == a.now {
		a.announce()
	}
	return nil
}

// announce gives the publishers the initialization once every rendition has brought its own, and what waited for that.
// The caller holds mu.
func (a *assembly) announce() {
	if !a.name() {
		return
	}
	for i, t := range a.now.tracks {
		if t.init == nil || t.announced || !a.now.told {
			continue
		}
		t.announced = true
		desc := a.describe(t, i)
		for _, p := range a.outlets {
			p.SetInit(desc, t.init)
		}
	}
	a.release()
}

// describe is a rendition as manifests show it.
func (a *assembly) describe(t *track, i int) presentation.Track {
	r := t.Rendition
	r.Bitrate = t.declared
	out := trackOf(r, a.grid.T)
	out.Default = t.Kind == ladder.Audio && (i == 0 || t.of.tracks[i-1].Kind != ladder.Audio)
	if t.init == nil {
		return out
	}
	out.Codecs, out.Init = t.header.CodecString(), t.of.version
	if t.Kind == ladder.Video {
		out.Width, out.Height = t.header.Width, t.header.Height
	}
	return out
}

// trackOf is a rendition as manifests show it before any of it was encoded.
func trackOf(r ladder.Rendition, segment tick.Tick) presentation.Track {
	peak, average := r.Bandwidth(segment)
	return presentation.Track{
		Name: r.Name, Kind: r.Kind, Codecs: ladder.CodecString(r), Peak: peak, Average: average,
		Width: r.Width, Height: r.Height, Rate: r.Rate, Timescale: r.Timescale(),
		SampleRate: r.SampleRate, Channels: r.Channels, Language: r.Language, Captions: r.Captions,
	}
}

// Frame takes one frame of a run.
func (a *assembly) Frame(run int, rendition string, f encode.Frame) error {
	t := a.editionOf(run).byName[rendition]
	t.order.Lock()
	defer t.order.Unlock()
	a.mark(t, run, f)
	t.mu.Lock()
	segs, err := t.cutter.Push(packager.Frame{Run: run, PTS: f.PTS, DTS: f.DTS, Sync: f.Sync, Data: f.Data})
	t.mu.Unlock()
	if err != nil {
		if !t.returning.Load() { // where it was missing is no news then
			a.event("warning", err.Error())
		}
		if !errors.Is(err, packager.ErrHole) && !errors.Is(err, packager.ErrNoKey) && !errors.Is(err, packager.ErrOrder) &&
			!errors.Is(err, packager.ErrAhead) {
			return err
		}
	}
	for _, seg := range segs {
		if err := a.emit(t, seg); err != nil {
			return err
		}
	}
	if len(segs) == 0 { // it may be what others waited for, or show that one of them is not worth it
		a.mu.Lock()
		a.release()
		a.mu.Unlock()
	}
	return nil
}

// emit passes a complete segment on.
func (a *assembly) emit(t *track, seg packager.Segment) error {
	made := a.made(seg)
	seg.Slate = made.slate
	a.repeatSets(t, &seg)
	body, err := packager.Marshal(seg, t.timescale)
	if err != nil {
		return err
	}
	t.mu.Lock()
	t.stats.LastK, t.stats.LastBytes, t.stats.LastLength = seg.K, len(body), seg.End-seg.Start
	t.stats.Bytes += uint64(len(body))
	t.mu.Unlock()
	out := publish.Segment{Track: t.Name, K: seg.K, Start: seg.Start, End: seg.End, Body: body}
	a.sign(&out, made)
	a.mu.Lock()
	defer a.mu.Unlock()
	if seg.K >= t.of.until {
		return nil
	}
	a.held = append(a.held, heldSegment{out, t.of})
	t.emitted = seg.K
	a.sink(t, seg.K)
	if t.returning.Swap(false) {
		a.tellLive()
	}
	a.release()
	return nil
}
