package encode

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"onair/pipeline/packager"
	"onair/pkg/anchor"
	"onair/pkg/ffmpeg"
	"onair/pkg/fmp4"
	"onair/pkg/ladder"
	"onair/pkg/mpegts"
	"onair/pkg/selector"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

var (
	grid    = tick.Grid{Rate: tick.Rate{Num: 25, Den: 1}, Frames: 50, GOP: 25, T: 2 * tick.Second}
	audioOf = tick.Audio{Rate: 48_000, Samples: 1024}
	enough  = 20 * time.Second
)

// source is an input of the rig: a feed of one video frame and its sound for each slot of the grid.
type source struct {
	*bench
	letter   byte
	n        int // frames so far; frame n lies at noon + n slots
	format   uint32
	name     string
	off      bool // nothing arrives
	halted   bool // nor is anything made: what comes later is behind
	gen      int64
	mute     bool // no sound does
	blind    bool // no picture does
	burst    int  // so many frames arrive at once; 0: each by itself
	owed     int  // frames that have not come yet, for that
	behind   int  // so many frames come late
	unprobed bool
	last     tick.Tick
	order    byte // for the next video packet
	orders   byte // for every one
}

func newSource(letter byte) *source {
	s := &source{bench: newBench(), letter: letter, format: 1, gen: 1, name: string(letter)}
	s.src.Input = s.name
	s.src.Probe.Audio = []ffmpeg.AudioTrack{{PID: audioPID, Codec: "aac", SampleRate: 48_000, Channels: 2}}
	s.anchor(1)
	return s
}

var _ Input = (*source)(nil)

func (s *source) Name() string { return s.name }

func (s *source) Source() (Source, bool) {
	src := s.src
	src.Format = s.format
	_, ok := src.head()
	return src, ok && !s.unprobed
}

func (s *source) Silent(now tick.Tick) tick.Tick {
	if s.last == 0 {
		return 1 << 62
	}
	return now - s.last
}

// come brings one frame, or all that are owed when a burst is complete, off the segments' begins.
func (s *source) come(now tick.Tick) {
	if s.halted {
		return
	}
	if s.behind > 0 && now-noon <= tick.Tick(s.behind)*slot {
		return
	}
	if s.owed++; s.burst != 0 && (s.n+s.owed)%s.burst != s.burst/2 {
		return
	}
	for ; s.owed > 0; s.owed-- {
		s.arrive(now)
	}
}

// arrive brings one frame.
func (s *source) arrive(now tick.Tick) {
	n := s.n
	s.n++
	if s.off {
		return
	}
	s.last = now
	access := mpegts.None
	if n%10 == 0 {
		access = mpegts.IDR
	}
	pts := int64(n) * 3600
	pkt := pes(videoPID, pts)
	copy(pkt[pictureAt:], picture(s.letter, n))
	if s.orders != 0 {
		s.order = s.orders
	}
	if s.order != 0 {
		pkt[mpegts.Size-1], s.order = s.order, 0
	}
	e := spool.Entry{PID: videoPID, Video: true, Gen: s.gen, PTS: pts, DTS: pts, Arrival: now, Access: access, Format: s.format}
	if !s.blind {
		s.spool.Append(pkt, now, &e)
	}
	if s.mute {
		return
	}
	e = spool.Entry{PID: audioPID, Gen: s.gen, PTS: pts, DTS: pts, Arrival: now, Format: s.format}
	s.spool.Append(pes(audioPID, pts), now, &e)
}

// anew places what comes from now on at its arrival.
func (s *source) anew(now tick.Tick) {
	s.gen++
	s.table.Set(anchor.Anchor{Gen: s.gen, PTS: int64(s.n) * 3600, Tick: now + slot})
}

// rig is an encoder with its inputs and a cutter for each rendition, in a time of its own: it goes on by one frame as soon
// as the run on air has delivered, or has not for a while.
type rig struct {
	t       *testing.T
	e       *Encoder
	now     atomic.Int64
	sources []*source

	mu     sync.Mutex
	cutter map[string]*packager.Cutter
	segs   map[string][]packager.Segment
	events []string
	slates map[int]bool // runs
	held   [][2]tick.Tick
	refuse error // what Header says

	expected []string // renditions

	ladder int     // on air
	coming *coming // a run of another one
}

// coming is a run that is to take over with another ladder: what it brings is kept beside.
type coming struct {
	run, ladder  int
	video, audio tick.Tick
	frames       []func()
}

func newRig(t *testing.T, letters ...byte) *rig {
	t.Helper()
	return newRigOf(t, []ladder.Rendition{{Name: "v", Kind: ladder.Video, Width: 192, Height: 108, Bitrate: 100_000},
		{Name: "a", Kind: ladder.Audio, Bitrate: 64_000, Channels: 2}}, letters...)
}

func newRigOf(t *testing.T, renditions []ladder.Rendition, letters ...byte) *rig {
	t.Helper()
	t.Setenv(fakeEnv, "ffmpeg")
	t.Setenv(fakeDir, t.TempDir())
	r := &rig{t: t, cutter: map[string]*packager.Cutter{}, segs: map[string][]packager.Segment{},
		slates: map[int]bool{}}
	r.now.Store(int64(noon))
	ch := ffmpeg.Channel{Grid: grid, Audio: audioOf}
	for _, x := range renditions {
		if x.Kind == ladder.Video {
			x.Rate = grid.Rate
		}
		ch.Renditions = append(ch.Renditions, x.WithDefaults())
		r.expected = append(r.expected, x.Name)
	}
	for _, x := range ch.Renditions {
		c, err := packager.NewCutter(packager.CutterConfig{
			Rendition: x.Name, Video: x.Kind == ladder.Video, Grid: grid, Audio: audioOf, Timescale: x.Timescale(),
		})
		if err != nil {
			t.Fatal(err)
		}
		r.cutter[x.Name] = c
	}
	cfg := Config{
		FFmpeg: os.Args[0], Channel: ch, Output: r, Hold: tick.Second,
		Failover: selector.Conditions{Loss: tick.Second / 2, ReturnAfter: 30 * tick.Second},
		Now:      func() tick.Tick { return tick.Tick(r.now.Load()) }, Log: zerolog.Nop(), Event: r.event,
	}
	for _, l := range letters {
		s := newSource(l)
		r.sources = append(r.sources, s)
		cfg.Inputs = append(cfg.Inputs, s)
	}
	var err error
	if r.e, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.e.shutdown()
		if t.Failed() {
			t.Log(strings.Join(r.events, "\n"))
		}
	})
	return r
}

func (r *rig) event(ev Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, fmt.Sprintf("%v %s: %s", (tick.Tick(r.now.Load())-noon).Duration(), ev.Level, ev.Message))
}

// told tells whether an event has come that contains text.
func (r *rig) told(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Contains(strings.Join(r.events, "\n"), text)
}

// Next, Take, Header, Frame and Done are the Output.
func (r *rig) Next(whole bool) (video, audio tick.Tick, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := [2]tick.Tick{1 << 62, 1 << 62}
	for _, name := range r.expected {
		c := r.cutter[name]
		next, i := c.Next(), 0
		if next == 0 {
			return 0, 0, false
		}
		if whole {
			next = grid.Start(grid.K(next))
		}
		if name == "a" {
			i = 1
		}
		at[i] = min(at[i], next)
	}
	if whole || at[1] == 1<<62 {
		return min(at[0], at[1]), min(at[0], at[1]), true
	}
	return at[0], at[1], true
}

func (r *rig) Held(from, until tick.Tick) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = append(r.held, [2]tick.Tick{from, until})
}

func (r *rig) Take(run, ladder int, video, audio tick.Tick) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.coming = nil
	if ladder != r.ladder {
		r.coming = &coming{run: run, ladder: ladder, video: video, audio: audio}
		return
	}
	r.take(run, video, audio)
}

func (r *rig) take(run int, video, audio tick.Tick) {
	for name, c := range r.cutter {
		if name == "a" {
			c.Take(run, audio)
		} else {
			c.Take(run, video)
		}
	}
}

// Expect says what comes.
func (r *rig) Expect(renditions []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expected = renditions
	if c := r.coming; c != nil {
		r.ladder, r.coming = c.ladder, nil
		r.take(c.run, c.video, c.audio)
		for _, push := range c.frames {
			push()
		}
	}
}

func (r *rig) Header(int, string, fmp4.Header) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refuse
}

func (r *rig) Frame(run int, rendition string, f Frame) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.Slate {
		r.slates[run] = true
	}
	push := func() {
		segs, err := r.cutter[rendition].Push(packager.Frame{Run: run, PTS: f.PTS, DTS: f.DTS, Sync: f.Sync, Data: f.Data})
		if err != nil {
			r.events = append(r.events, "cutter: "+err.Error())
		}
		r.segs[rendition] = append(r.segs[rendition], segs...)
	}
	if r.coming != nil && r.coming.run == run {
		r.coming.frames = append(r.coming.frames, push)
		return nil
	}
	push()
	return nil
}

func (r *rig) Done(run int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.cutter {
		c.Done(run)
	}
}

// withSlate gives the encoder a slate, of which everything is as of an input.
func (r *rig) withSlate() *source {
	s := newSource('s')
	s.name, s.src.Input = Slate, Slate
	s.src.Probe.Audio, s.mute = nil, true
	r.sources = append(r.sources, s)
	r.e.cfg.Slate = s
	return s
}

// frame lets one frame arrive at every input and the encoder look at everything.
func (r *rig) frame() {
	now := tick.Tick(r.now.Add(int64(slot)))
	for _, s := range r.sources {
		s.come(now)
	}
	r.e.step(now)
	r.e.publish()
	limit, a := 20*time.Millisecond, r.e.active
	if a != nil && a.feed.finish.Load() { // a process that ends takes its own time, of which the clock here knows nothing
		limit *= 10
	}
	r.await(limit, func() bool {
		return a != nil && (a.over() || tick.Tick(a.lastPTS.Load()) >= now-10*slot)
	})
}

// frames lets n frames arrive.
func (r *rig) frames(n int) {
	for range n {
		r.frame()
	}
}

// until lets frames arrive until something holds.
func (r *rig) until(what string, holds func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(enough); !holds(); r.frame() {
		if time.Now().After(deadline) {
			r.t.Fatalf("in vain waited for: %s", what)
		}
	}
}

// await polls until something holds or the time is over.
func (r *rig) await(limit time.Duration, holds func() bool) {
	for deadline := time.Now().Add(limit); !holds() && time.Now().Before(deadline); runtime.Gosched() {
		<-time.After(time.Millisecond / 2)
	}
}

// onAir waits until a run of an input delivers.
func (r *rig) onAir(input string) {
	r.t.Helper()
	r.until("input "+input+" on air", func() bool {
		a := r.e.active
		return a != nil && r.e.next == nil && a.src.Input == input && a.frames.Load() > 0
	})
}

// settled waits until everything that has come so far is in segments, and returns those of the video.
func (r *rig) settled() []packager.Segment {
	r.t.Helper()
	head := grid.K(tick.Tick(r.now.Load()))
	r.until("the segments so far", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.cutter["v"].Emitted() >= head && r.cutter["a"].Emitted() >= head
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.segs["v"]
}

// shown is the content of the slots of segments, as "a12": input and source frame.
func shown(segs []packager.Segment) map[int]string {
	out := map[int]string{}
	for _, seg := range segs {
		for i, s := range seg.Samples {
			out[int((seg.Start-noon)/slot)+i] = fmt.Sprintf("%c%d", s.Data[4], binary.BigEndian.Uint32(s.Data))
		}
	}
	return out
}

// wantWhole checks that no segment is missing and every slot shows its own source frame, of any input.
func (r *rig) wantWhole(segs []packager.Segment) {
	r.t.Helper()
	r.mu.Lock()
	for _, name := range [2]string{"v", "a"} {
		for i, s := range r.segs[name] {
			if i > 0 && s.K != r.segs[name][i-1].K+1 {
				r.t.Errorf("rendition %s: segment %d after %d", name, s.K, r.segs[name][i-1].K)
			}
		}
	}
	r.mu.Unlock()
	for at, what := range shown(segs) {
		if at >= 0 && what[1:] != fmt.Sprint(at) {
			r.t.Fatalf("slot %d shows %s", at, what)
		}
	}
}

func (r *rig) wantInput(segs []packager.Segment, first, after byte) (at int) {
	r.t.Helper()
	slots := shown(segs)
	last := int((segs[len(segs)-1].End - noon) / slot)
	for at = 0; at < last && slots[at][0] == first; at++ {
	}
	for i := at; i < last; i++ {
		if slots[i] != "" && slots[i][0] != after {
			r.t.Fatalf("slot %d shows %s after the switch at %d", i, slots[i], at)
		}
	}
	if at == last {
		r.t.Fatal("no switch in the segments")
	}
	return at
}
