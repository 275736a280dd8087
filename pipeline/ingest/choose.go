package ingest

import (
	"hash/crc32"
	"slices"

	"onair/pkg/anchor"
	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

// elementary is one stream of the programme.
type elementary struct {
	mpegts.Stream // as it is
	announced     mpegts.Stream
	guess         mpegts.Codec // what the newest PES packets seem to carry instead
	guesses       int          // how many in a row
	index         int
	detector      *mpegts.Detector
	labels        *mpegts.Labels
	pes           uint64 // position of the running PES packet
	open          bool   // whether that one still waits for its access verdict
	drop          bool   // the running PES packet is not taken
	first         tick.Tick
	shape         uint64 // of the coded pictures or sound; 0: none seen yet
	shapes        int    // changes of that since counted
	counted       tick.Tick
	refused       uint64 // the newest shape that was not followed
}

const (
	// mapsWithin is how long after the PAT the map of its first programme is waited for before another one's is taken:
	// TR 101 290 wants every map twice a second, senders send it less often.
	mapsWithin = 2 * tick.Second
	// lateStream is how long after the others a stream may begin without making a new format. Longer than a source is
	// probed.
	lateStream = 3 * tick.Second
	// enoughGuesses is how many PES packets in a row must show another codec than the announced one.
	enoughGuesses = 3
	// maxShapes is how many changes of a stream's format are followed within shapesSpan: more come from something that
	// is not what it seems.
	maxShapes  = 100
	shapesSpan = 60 * tick.Second
)

// Choose follows another programme from the next datagram on, as another format; one that the stream does not have yet
// begins when it has.
func (p *Programme) Choose(number uint16) { p.number.Store(uint32(number)) }

// choose picks the programme from the tables, and begins a new format when it is another one than before. Without a
// number it is the first of the PAT with picture or sound, or the one of number stay as long as that exists.
func (p *Programme) choose(stay uint16) {
	var chosen *mpegts.Program
	programs := p.tables.Programs()
	for i := range programs {
		prog := &programs[i]
		if p.cfg.Number != 0 && prog.Number != p.cfg.Number || !usable(*prog) {
			continue
		}
		if chosen == nil || p.cfg.Number == 0 && prog.Number == stay {
			chosen = prog
		}
	}
	if chosen == nil {
		return
	}
	early := p.now-max(p.listed, p.began) <= mapsWithin
	if p.format.Number == 0 && p.cfg.Number == 0 && early && p.tables.First() != programs[0].Number {
		return // the map of the first one may yet come
	}
	if p.format.Number == 0 || !chosen.Same(p.declared) {
		p.begin(*chosen)
	}
}

// usable tells whether a programme has streams that can be picture or sound.
func usable(prog mpegts.Program) bool {
	return slices.ContainsFunc(prog.Streams, func(s mpegts.Stream) bool { return s.Kind != mpegts.Data || unnamed(s) })
}

// unnamed tells whether the map does not say what a stream is: it may be sound.
func unnamed(s mpegts.Stream) bool { return s.Codec == mpegts.Private }

// begin starts a format: the programme of a new map.
func (p *Programme) begin(prog mpegts.Program) {
	old := p.byPID
	clear(p.byPID[:])
	p.ref, p.since, p.declared = 0, 0, prog
	for i, s := range prog.Streams {
		if i >= anchor.MaxStreams || s.Kind == mpegts.Data && !unnamed(s) {
			continue
		}
		es := &elementary{Stream: s, announced: s, index: i}
		if was := old[s.PID]; was != nil && was.announced.Codec == s.Codec {
			es.first, es.shape, es.shapes, es.counted = was.first, was.shape, was.shapes, was.counted
			if was.Codec != was.announced.Codec {
				es.Stream = s.As(was.Codec)
			}
		}
		if s.Kind == mpegts.Video {
			es.detector = mpegts.NewDetector(s.Codec)
			if p.cfg.Labels != nil {
				es.labels = mpegts.NewLabels(s.Codec)
			}
		}
		p.byPID[s.PID] = es
	}
	p.assemble()
}

// assemble makes the format out of the streams as they are known now.
func (p *Programme) assemble() {
	prog := p.declared
	prog.Streams = nil
	for _, s := range p.declared.Streams {
		if es := p.byPID[s.PID]; es != nil && es.Kind != mpegts.Data {
			prog.Streams = append(prog.Streams, es.Stream)
		}
	}
	next := Format{Number: p.format.Number + 1, Pictures: p.format.Pictures, Program: prog}
	if !samePictures(prog, p.format.Program) {
		next.Pictures = next.Number
	}
	p.format = next
}

// reshape begins a new format when a stream's pictures or sound change theirs.
func (p *Programme) reshape(es *elementary, shape uint64) {
	if shape == es.shape {
		es.refused = 0
		return
	}
	if es.shape != 0 {
		if !p.mayChange(es, shape) {
			return
		}
		p.format.Number++
	}
	if es.Kind == mpegts.Video {
		p.format.Pictures = p.format.Number
	}
	es.shape, es.refused = shape, 0
}

// mayChange counts a change of a stream's format, and tells whether it is followed.
func (p *Programme) mayChange(es *elementary, shape uint64) bool {
	if p.now-es.counted >= shapesSpan {
		es.counted, es.shapes = p.now, 0
	}
	if es.shapes < maxShapes {
		es.shapes++
		return true
	}
	if shape != es.refused {
		es.refused = shape
		p.n.Unfollowed++
	}
	return false
}

// samePictures tells whether two programmes announce the same video.
func samePictures(a, b mpegts.Program) bool {
	video := func(p mpegts.Program) (out []mpegts.Stream) {
		for _, s := range p.Streams {
			if s.Kind == mpegts.Video {
				out = append(out, s)
			}
		}
		return out
	}
	return slices.EqualFunc(video(a), video(b), func(x, y mpegts.Stream) bool {
		return x.PID == y.PID && x.Codec == y.Codec
	})
}

// sniffed are the announcements that are not believed without a look.
var sniffed = map[mpegts.Codec]bool{
	mpegts.Private: true, mpegts.MP2: true, mpegts.AAC: true, mpegts.AACLATM: true, mpegts.AC3: true, mpegts.EAC3: true,
}

// sniff looks at the begin of a PES packet for sound of another codec than the map announces.
func (p *Programme) sniff(es *elementary, pkt mpegts.Packet) {
	if !sniffed[es.announced.Codec] {
		return
	}
	times, ok := mpegts.PESTimes(pkt.Payload())
	if !ok || times.Header >= len(pkt.Payload()) {
		return
	}
	found := mpegts.Sniff(pkt.Payload()[times.Header:])
	if found == "" || found == es.Codec || found == mpegts.AC3 && es.Codec == mpegts.EAC3 { // those may hold AC-3 frames
		es.guesses = 0
		return
	}
	if found != es.guess {
		es.guess, es.guesses = found, 0
	}
	if es.guesses++; es.guesses >= enoughGuesses && p.mayChange(es, uint64(crc32.ChecksumIEEE([]byte(found)))) {
		es.Stream, es.guesses, es.shape = es.announced.As(found), 0, 0
		p.assemble()
	}
}
