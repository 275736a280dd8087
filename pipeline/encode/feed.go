package encode

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"onair/pkg/anchor"
	"onair/pkg/beat"
	"onair/pkg/ffmpeg"
	"onair/pkg/mpegts"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

const (
	feedEvery  = beat.Period     // how often the spool is looked at
	feedChunk  = 512             // packets read at once
	tableEvery = 20              // looks between two repeats of our PAT and PMT
	slow       = tick.Second / 2 // pictures that are so far apart make silence wait for them
	lookAhead  = tick.Second / 5 // of an encoder of sound, and more
)

// Ends of a feed before its spool's: at another format, after an absence that is not bridged, with the process that is
// fed.
var (
	errFormat  = errors.New("the source's format changes here")
	errAbsence = errors.New("the source was absent before this")
	errEnded   = errors.New("ffmpeg ended")
)

// feed writes one run's share of a spool to FFmpeg: the chosen streams with our own tables, and every time stamp
// rewritten to 90 kHz since base, so that FFmpeg meets neither wrap nor jump.
type feed struct {
	src   Source
	base  tick.Tick
	pos   uint64
	video uint64 // packets of the video before this position are left out
	end   uint64 // position at which reading ends; 0: nowhere
	until int64  // silence goes on up to there, in 90 kHz since base; 0: it ends with the pictures
	out   io.Writer

	finish  atomic.Bool  // set: end of file once everything that has arrived is written
	fed     atomic.Int64 // bytes written
	writing atomic.Bool  // more is being written: it is set for long where nobody reads
	newest  atomic.Int64 // newest place on the timeline that was written
	decoded tick.Tick    // newest decoding time of the leading stream that was written; 0: none
	streams map[uint16]*fedStream
	silence *ffmpeg.Silence // of a source without sound; nil otherwise
	silent  bool
	shown   int64               // of a source without sound: newest picture, in 90 kHz since base
	psi     [][mpegts.Size]byte // the PAT, then our PMT
	buf     []byte
	batch   []byte
	entries []spool.Entry
	cc      [2]uint8 // of the PAT and of the PMT
	looks   int
}

type fedStream struct {
	video bool
	skip  bool // the running PES packet is left out
	known bool
	delta uint64 // what is added to this stream's 33-bit times
	at    tick.Tick
	unit  unit // of video: what is held back
}

// newFeed makes the feed of a run: the tracks that plan reads, from in on.
func newFeed(src Source, plan ffmpeg.Plan, base tick.Tick, in entrance) (*feed, error) {
	f := &feed{
		src: src, base: base, pos: in.pos, video: in.video, end: in.end, until: in.until, silent: plan.Silence,
		streams: map[uint16]*fedStream{},
		buf:     make([]byte, feedChunk*mpegts.Size), batch: make([]byte, 0, (feedChunk+2)*mpegts.Size),
	}
	prog := src.Program
	prog.Streams = nil
	for _, s := range src.Program.Streams {
		if slices.Contains(plan.PIDs, s.PID) {
			f.streams[s.PID] = &fedStream{video: s.Kind == mpegts.Video, skip: true, unit: unit{frame: frameOf(src)}}
			prog.Streams = append(prog.Streams, s)
		}
	}
	if f.streams[prog.PCRPID] == nil {
		prog.PCRPID = 0x1fff
	}
	if plan.Silence {
		prog.Streams = append(prog.Streams, mpegts.Stream{PID: ffmpeg.SilencePID, Type: ffmpeg.SilenceStreamType})
	}
	var err error
	f.psi, err = mpegts.PSI(prog, 0)
	return f, err
}

// frameOf is the duration of a source's pictures, 0 where that is not known.
func frameOf(src Source) tick.Tick {
	if src.Probe.Video == nil || src.Probe.Video.Rate.IsZero() {
		return 0
	}
	return src.Probe.Video.Rate.Frame()
}

// run feeds until done is closed (errEnded), the format changes (errFormat), the source was absent (errAbsence), the
// ring overtakes the reader, or finish is set and everything has been written (nil).
func (f *feed) run(done <-chan struct{}) error {
	timer := beat.NewTicker(feedEvery)
	defer timer.Stop()
	for {
		last := f.finish.Load()
		n, err := f.step()
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		if last {
			return f.trail()
		}
		select {
		case <-done:
			return errEnded
		case <-timer.Next():
		}
	}
}

// step writes what can be written now and returns how many packets of the spool that used up.
func (f *feed) step() (int, error) {
	n, err := f.src.Spool.Read(f.pos, f.buf)
	if f.end != 0 {
		n = int(min(uint64(n), max(f.end, f.pos)-f.pos))
	}
	if err != nil || n == 0 {
		return 0, err
	}
	f.entries = f.src.Spool.Entries(f.entries[:0], f.pos, f.pos+uint64(n))
	f.batch = f.batch[:0]
	if f.looks%tableEvery == 0 {
		f.tables()
	}
	f.looks++
	used, stop := f.rewrite(n)
	f.pos += uint64(used)
	if err := f.write(); err != nil {
		return used, err
	}
	return used, stop
}

func (f *feed) write() error {
	if len(f.batch) == 0 {
		return nil
	}
	f.writing.Store(true)
	defer f.writing.Store(false)
	if _, err := f.out.Write(f.batch); err != nil {
		return fmt.Errorf("feeding ffmpeg: %w", err)
	}
	f.fed.Add(int64(len(f.batch)))
	return nil
}

// trail ends the feed: with the silence that goes on after the last picture.
func (f *feed) trail() error {
	until := max(f.until, f.shown)
	if !f.silent || until == 0 {
		return nil
	}
	f.batch = f.batch[:0]
	f.hush(until)
	return f.write()
}

// tables repeats our PAT and PMT.
func (f *feed) tables() {
	for i := range f.psi {
		cc := &f.cc[min(i, 1)]
		mpegts.SetCC(f.psi[i][:], *cc)
		f.batch = append(f.batch, f.psi[i][:]...)
		*cc++
	}
}

// rewrite takes packets from buf into batch. It stops early before a packet whose anchor is not fixed yet.
func (f *feed) rewrite(n int) (int, error) {
	next := 0
	for i := range n {
		pkt := mpegts.Packet(f.buf[i*mpegts.Size : (i+1)*mpegts.Size])
		st := f.streams[pkt.PID()]
		pos := f.pos + uint64(i)
		var entry *spool.Entry
		if next < len(f.entries) && f.entries[next].Pos == pos {
			entry = &f.entries[next]
			next++
		}
		if entry != nil && entry.Format > f.src.Format { // of whatever stream: it may be that none keeps its PID
			return i, errFormat
		}
		if st == nil {
			continue
		}
		if entry != nil {
			if !f.src.mine(*entry) {
				st.skip = true
				continue
			}
			if wait, err := f.begin(st, *entry); wait || err != nil {
				return i, err
			}
			if st.video && !st.skip && pos >= f.video {
				f.batch = st.unit.begin(st.at, f.batch)
			}
		}
		if st.skip || st.video && pos < f.video {
			continue
		}
		if st.known {
			mpegts.Rewrite(pkt, st.shift)
		}
		if st.video {
			f.batch = st.unit.push(pkt, f.batch)
		} else {
			f.batch = append(f.batch, pkt...)
		}
	}
	return n, nil
}

func (st *fedStream) shift(raw uint64) uint64 { return (raw + st.delta) & (1<<33 - 1) }

// begin looks up the place of a PES packet; wait tells that its anchor is not fixed yet.
func (f *feed) begin(st *fedStream, e spool.Entry) (wait bool, err error) {
	at, state := f.src.place(e)
	leads := f.src.hasVideo() == st.video
	newest := tick.Tick(f.newest.Load())
	decoded := at - tick.Tick(e.PTS-e.DTS)*tick.Per90k
	switch {
	case state == anchor.Pending:
		return true, nil
	case state == anchor.Dead, at < f.base:
		st.skip = true
		return false, nil
	case leads && f.decoded != 0 && f.src.bridge != 0 && decoded-f.decoded > f.src.bridge:
		return false, errAbsence
	}
	st.skip, st.known, st.at = false, true, at
	st.delta = uint64((at-f.base).Round(90_000)-e.PTS) & (1<<33 - 1)
	if leads {
		f.decoded = max(decoded, f.decoded)
		f.newest.Store(int64(max(at, newest)))
	}
	if f.silent && st.video {
		f.accompany(st, (at - f.base).Round(90_000))
	}
	return false, nil
}

// accompany makes the silence for a picture. A decoder and a filter give a picture back when they have the next two:
// where these are a second apart, as the slate's, silence that is not as late as they are leaves them so far behind
// that a little more is taken for pictures that do not come. What the encoder of sound looks ahead it needs.
func (f *feed) accompany(st *fedStream, pts int64) {
	f.shown = max(f.shown, pts)
	if st.unit.frame >= slow {
		pts = max(0, pts-(2*st.unit.frame-lookAhead).Round(90_000))
	}
	f.hush(pts)
}

// hush brings the silent track up to pts.
func (f *feed) hush(pts int64) {
	if f.silence == nil {
		f.silence = ffmpeg.NewSilence(pts)
	}
	f.silence.Until(pts, func(pkt []byte) { f.batch = append(f.batch, pkt...) })
}
