package monitor

import (
	"errors"
	"fmt"
	"io"

	"onair/pkg/anchor"
	"onair/pkg/beat"
	"onair/pkg/mpegts"
	"onair/pkg/spool"
	"onair/pkg/tick"
)

const (
	feedEvery  = 2 * beat.Period  // how often the spool is looked at
	feedChunk  = 512              // packets read at once
	tableEvery = 20               // looks between two repeats of our PAT and PMT
	margin     = tick.Second      // from the zero of FFmpeg's times to the first picture
	behind     = 4 * tick.Second  // what a feed that lags more than this leaves out, up to the newest access point
	patience   = 10 * tick.Second // without an access point, after which decoding begins anywhere
)

// errEnded tells that the process that is fed has ended.
var errEnded = errors.New("ffmpeg ended")

// feed writes the watched streams of a spool to FFmpeg, from its newest access point on: with our own tables, and with
// times on the channel's timeline since base, so that FFmpeg meets neither wrap nor jump. One that cannot keep up
// leaves out what lies before the newest access point.
type feed struct {
	cfg     Config
	src     Source
	leading uint16 // PID whose access points count
	base    tick.Tick
	start   uint64 // where it began
	pos     uint64
	first   uint64 // packets of the leading stream before this position are left out
	out     io.Writer
	streams map[uint16]*stream
	psi     [][mpegts.Size]byte // the PAT, then our PMT
	cc      [2]uint8            // of these two
	looks   int
	buf     []byte
	batch   []byte
	entries []spool.Entry
}

type stream struct {
	skip  bool   // the running PES packet is left out
	delta uint64 // what is added to this stream's 33-bit times
}

// newFeed makes a feed of the streams in pids, the first of which leads.
func newFeed(cfg Config, src Source, pids []uint16) (*feed, error) {
	f := &feed{
		cfg: cfg, src: src, leading: pids[0], streams: map[uint16]*stream{},
		buf: make([]byte, feedChunk*mpegts.Size), batch: make([]byte, 0, (feedChunk+2)*mpegts.Size),
	}
	prog := src.Program
	prog.Streams, prog.PCRPID = nil, mpegts.PIDNull
	for _, s := range src.Program.Streams {
		for _, pid := range pids {
			if s.PID == pid && f.streams[pid] == nil {
				f.streams[pid] = &stream{skip: true}
				prog.Streams = append(prog.Streams, s)
			}
		}
	}
	var err error
	if f.psi, err = mpegts.PSI(prog, 0); err != nil {
		return nil, fmt.Errorf("tables for ffmpeg: %w", err)
	}
	e, ok := f.access(0)
	if !ok {
		return nil, errNoAccess
	}
	at, _ := cfg.Table.Map(e.Gen, e.PTS)
	f.base, f.start, f.pos, f.first = at-margin, e.Pos, e.Pos, e.Pos
	return f, nil
}

// access is the newest place after a position at which decoding can begin.
func (f *feed) access(after uint64) (spool.Entry, bool) {
	e, ok := f.cfg.Spool.Find(func(e spool.Entry) bool {
		return f.leads(e) && e.Pos >= after && (!e.Video || e.Access == mpegts.IDR || e.Access == mpegts.Recovery)
	})
	if ok || after != 0 {
		return e, ok
	}
	if oldest, found := f.cfg.Spool.First(f.leads); !found || f.cfg.Now()-oldest.Arrival < patience {
		return e, false
	}
	return f.cfg.Spool.Find(f.leads)
}

// leads tells whether e begins a unit of the leading stream that has its place on the timeline.
func (f *feed) leads(e spool.Entry) bool {
	if e.PID != f.leading || !f.mine(e) {
		return false
	}
	_, state := f.cfg.Table.Map(e.Gen, e.PTS)
	return state == anchor.Mapped
}

func (f *feed) mine(e spool.Entry) bool {
	pictures := e.Video && f.src.Pictures != 0 && e.Format >= f.src.Pictures
	return e.Format == f.src.Format || pictures && e.Format < f.src.Format
}

// run feeds until done is closed or the process reads no more.
func (f *feed) run(out io.Writer, done <-chan struct{}) error {
	f.out = out
	timer := beat.NewTicker(feedEvery)
	defer timer.Stop()
	for {
		n, err := f.step()
		if err != nil {
			return err
		}
		if n == feedChunk {
			continue
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
	n, err := f.cfg.Spool.Read(f.pos, f.buf)
	if errors.Is(err, spool.ErrOverrun) {
		if e, ok := f.access(f.pos); ok {
			f.jump(e)
		}
		return 0, nil
	}
	if err != nil || n == 0 {
		return 0, err
	}
	f.entries = f.cfg.Spool.Entries(f.entries[:0], f.pos, f.pos+uint64(n))
	if f.late() {
		return 0, nil
	}
	f.batch = f.batch[:0]
	if f.looks%tableEvery == 0 {
		f.tables()
	}
	f.looks++
	used := f.rewrite(n)
	f.pos += uint64(used)
	if len(f.batch) > 0 {
		if _, err := f.out.Write(f.batch); err != nil {
			return used, fmt.Errorf("feeding ffmpeg: %w", err)
		}
	}
	return used, nil
}

// late leaves out what FFmpeg is too slow for.
func (f *feed) late() bool {
	if len(f.entries) == 0 || f.cfg.Spool.Stats().Newest-f.entries[0].Arrival <= behind {
		return false
	}
	e, ok := f.access(f.pos + uint64(len(f.buf)/mpegts.Size))
	if ok {
		f.jump(e)
	}
	return ok
}

// jump goes on at e.
func (f *feed) jump(e spool.Entry) {
	f.pos, f.first = e.Pos, e.Pos
	for _, s := range f.streams {
		s.skip = true
	}
}

// tables repeats our PAT and PMT.
func (f *feed) tables() {
	for i := range f.psi {
		cc := &f.cc[min(i, 1)]
		mpegts.SetCC(f.psi[i][:], *cc)
		*cc++
		f.batch = append(f.batch, f.psi[i][:]...)
	}
}

// rewrite takes packets from buf into batch. It stops early before a packet whose anchor is not fixed yet.
func (f *feed) rewrite(n int) int {
	next := 0
	for i := range n {
		pkt := mpegts.Packet(f.buf[i*mpegts.Size : (i+1)*mpegts.Size])
		pos := f.pos + uint64(i)
		var entry *spool.Entry
		if next < len(f.entries) && f.entries[next].Pos == pos {
			entry = &f.entries[next]
			next++
		}
		st := f.streams[pkt.PID()]
		if st == nil {
			continue
		}
		if entry != nil && !f.begin(st, *entry) {
			return i
		}
		if st.skip {
			continue
		}
		f.batch = append(f.batch, pkt...)
		mpegts.Rewrite(f.batch[len(f.batch)-mpegts.Size:], func(raw uint64) uint64 { return (raw + st.delta) & (1<<33 - 1) })
	}
	return n
}

// begin finds the place of a PES packet; false: its anchor is not fixed yet.
func (f *feed) begin(st *stream, e spool.Entry) bool {
	at, state := f.cfg.Table.Map(e.Gen, e.PTS)
	if state == anchor.Pending {
		return false
	}
	st.skip = state == anchor.Dead || at < f.base || !f.mine(e) || e.PID == f.leading && e.Pos < f.first
	st.delta = uint64((at-f.base).Round(90_000)-e.PTS) & (1<<33 - 1)
	return true
}
