package ingest

import (
	"sync"
	"sync/atomic"

	"onair/pkg/anchor"
	"onair/pkg/mpegts"
	"onair/pkg/spool"
	"onair/pkg/tick"
	"onair/pkg/timecode"
)

// pids is the size of the PID space.
const pids = 1 << 13

// audioAlone is how long audio must flow without the declared video before audio becomes the reference of the clock.
const audioAlone = 3 * tick.Second

// ProgrammeConfig says which programme of an input is followed, and into what.
type ProgrammeConfig struct {
	Number uint16 // programme number; 0 is the first of the PAT
	Spool  *spool.Spool
	Clock  *anchor.Clock
	Labels *timecode.Reader // takes the time labels of the pictures; nil: they are not looked for
}

// Format is what a stretch of an input consists of. A new number begins where the programme's tables or the coded
// video's parameters change: what was found out by probing holds within one number only.
type Format struct {
	Number   uint32
	Pictures uint32 // the first number since which the coded pictures are what they are now
	Program  mpegts.Program
}

// ProgrammeStats counts what was found in an input's transport stream, since the start.
type ProgrammeStats struct {
	Packets    uint64 // TS packets in sync
	Null       uint64
	Continuity uint64 // continuity errors on the PIDs of the programme
	Duplicates uint64 // legal repeats, dropped
	Transport  uint64 // transport_error_indicator
	Scrambled  uint64
	Untimed    uint64 // PES packets of video and audio without a PTS
	Unanchored uint64 // PES packets with times of no known clock, or ahead of real time: dropped
	Unfollowed uint64 // changes of a stream's format that were not followed: too many in a minute
	Framer     mpegts.FramerStats
	Tables     mpegts.TablesStats
	Announced  map[uint16]uint16 // numbers of all programmes of the PAT, with the PID of their map; not to be changed
	LastPacket tick.Tick         // arrival of the newest packet of the programme's video and audio; 0: none yet
	Format     Format
	Generation int64
	Offset     tick.Tick // how much later than its place on the timeline the feed arrives
	Drift      tick.Tick // how far the source's clock has moved against the host's since the anchor was made
	Measured   bool      // whether Offset and Drift are known yet
	Problem    string    // why what arrives cannot be used; empty: it can, or has not been missed long
}

// Programme reads one programme out of an input's datagrams, puts its time stamps on the clock and its packets into the
// spool. Datagram is called by one goroutine; the other methods by any.
type Programme struct {
	cfg    ProgrammeConfig
	framer mpegts.Framer
	tables *mpegts.Tables
	cc     mpegts.Continuity
	each   func(mpegts.Packet)
	now    tick.Tick

	number   atomic.Uint32 // of the programme that is asked for
	byPID    [pids]*elementary
	format   Format
	declared mpegts.Program // the programme as its map has it
	since    tick.Tick      // when the streams of the format began to come; 0: none has
	ref      uint16         // PID of the stream that rules the clock; 0: none yet
	grid     atomic.Int64
	began    tick.Tick      // when the first packet came
	listed   tick.Tick      // when the first PAT was seen
	timed    tick.Tick      // when a PES packet with a time came of the stream that rules the clock
	judged   tick.Tick      // when it was last looked at what is missing
	before   ProgrammeStats // at that time

	n     ProgrammeStats
	mu    sync.Mutex
	shown ProgrammeStats
}

var _ Sink = (*Programme)(nil)

// NewProgramme makes the reader of one input's programme.
func NewProgramme(cfg ProgrammeConfig) *Programme {
	p := &Programme{cfg: cfg, tables: mpegts.NewTables()}
	p.number.Store(uint32(cfg.Number))
	p.each = p.packet
	return p
}

// SetGrid tells the slot length for the input's anchors, once the channel's grid is known.
func (p *Programme) SetGrid(slot tick.Tick) { p.grid.Store(int64(slot)) }

// Stats tells what was found so far. It trails the feed by one datagram at most.
func (p *Programme) Stats() ProgrammeStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shown
}

// Datagram takes bytes of the transport stream as they arrived at now.
func (p *Programme) Datagram(ts []byte, now tick.Tick, _ int) {
	if slot := p.grid.Load(); slot != 0 {
		p.cfg.Clock.SetGrid(tick.Tick(slot))
	}
	p.now = now
	if p.began == 0 {
		p.began = now
	}
	if number := uint16(p.number.Load()); number != p.cfg.Number {
		p.cfg.Number = number
		p.choose(0)
	}
	p.framer.Push(ts, p.each)
	if p.listed == 0 && p.tables.First() != 0 {
		p.listed = now
	}
	p.judge()
	p.publish()
}

func (p *Programme) publish() {
	p.n.Framer, p.n.Tables = p.framer.Stats(), p.tables.Stats()
	p.n.Format, p.n.Generation = p.format, p.cfg.Clock.Gen()
	p.n.Offset, p.n.Drift, p.n.Measured = p.cfg.Clock.Offset()
	p.mu.Lock()
	p.shown = p.n
	p.shown.Unanchored += p.cfg.Clock.Lost()
	p.mu.Unlock()
}

func (p *Programme) packet(pkt mpegts.Packet) {
	p.n.Packets++
	pid := pkt.PID()
	switch {
	case pkt.TransportError():
		p.n.Transport++
		return
	case pid == 0x1fff:
		p.n.Null++
		return
	}
	if p.tables.Push(pkt) {
		p.n.Announced = p.tables.Announced()
		p.choose(p.declared.Number)
	}
	es := p.byPID[pid]
	if es == nil {
		return
	}
	if pkt.Scrambled() {
		p.n.Scrambled++
		return
	}
	switch p.cc.Check(pkt) {
	case mpegts.Duplicate, mpegts.Repeated:
		p.n.Duplicates++
		return
	case mpegts.Lost:
		p.n.Continuity++
	}
	p.take(es, pkt)
}

// take puts one packet of a followed stream into the spool.
func (p *Programme) take(es *elementary, pkt mpegts.Packet) {
	if pkt.Start() {
		p.sniff(es, pkt)
	}
	if es.Kind == mpegts.Data {
		return
	}
	p.n.LastPacket = p.now
	var entry *spool.Entry
	if pkt.Start() {
		var e spool.Entry
		if e, es.drop = p.stamp(es, pkt); es.drop {
			return
		}
		if e.PID != 0 {
			entry = &e
		}
	}
	if es.drop {
		return
	}
	if es.labels != nil && es.PID == p.ref {
		p.read(es, pkt, entry)
	}
	access := mpegts.None
	if es.detector != nil {
		access = es.detector.Push(pkt)
		if shape := es.detector.Shape(); shape != 0 { // a new map's detector has seen nothing yet
			p.reshape(es, shape)
		}
	}
	if entry != nil {
		entry.Format = p.format.Number
		es.open = access == mpegts.Undecided
		if !es.open {
			entry.Access = access
		}
	}
	pos := p.cfg.Spool.Append(pkt, p.now, entry)
	if entry != nil {
		es.pes = pos
	} else if es.open && access != mpegts.Undecided {
		es.open = false
		if access != mpegts.None {
			p.cfg.Spool.SetAccess(es.pes, access, p.format.Number)
		}
	}
}

// stamp places the PES packet that begins with pkt. An entry without PID is one that has no time; drop tells that the
// packet is not to be used.
func (p *Programme) stamp(es *elementary, pkt mpegts.Packet) (e spool.Entry, drop bool) {
	times, ok := mpegts.PESTimes(pkt.Payload())
	if !ok {
		p.n.Untimed++
		return e, false
	}
	p.refer(es)
	if es.Kind == mpegts.Audio {
		data := pkt.Payload()[min(times.Header, len(pkt.Payload())):]
		if shape := uint64(mpegts.SoundShape(es.Codec, data)); shape != 0 {
			p.reshape(es, shape)
		}
	}
	if es.PID == p.ref {
		p.timed, p.n.Problem = p.now, ""
	}
	s := anchor.Stamp{Stream: es.index, Ref: es.PID == p.ref, PTS: times.PTS, DTS: times.PTS, Arrival: p.now}
	if times.HasDTS {
		s.DTS = times.DTS
	}
	place := p.cfg.Clock.Push(s)
	if place.Drop {
		p.n.Unanchored++
		return e, true
	}
	return spool.Entry{
		PID: es.PID, Video: es.Kind == mpegts.Video, Gen: place.Gen, PTS: place.PTS, DTS: place.DTS,
		Arrival: p.now, Format: p.format.Number,
	}, false
}

// refer chooses the stream whose times rule the clock: the video, or the audio when no video comes.
func (p *Programme) refer(es *elementary) {
	if p.since == 0 {
		p.since = p.now
	}
	if es.first == 0 {
		es.first = p.now
		if p.now-p.since > lateStream { // what was found out about the format before is without this stream
			p.format.Number++
			p.since = p.now
		}
	}
	if p.ref == es.PID {
		return
	}
	if es.Kind == mpegts.Video && (p.ref == 0 || p.byPID[p.ref].Kind != mpegts.Video) {
		p.ref = es.PID
	}
	if p.ref == 0 && (!p.declaresVideo() || p.now-max(es.first, p.since) > audioAlone) {
		p.ref = es.PID
	}
}

func (p *Programme) declaresVideo() bool {
	for _, s := range p.format.Program.Streams {
		if s.Kind == mpegts.Video {
			return true
		}
	}
	return false
}
