package probe

import (
	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

// Clocks by which an analysis may run.
const (
	clockArrival = "arrival"
	clockPCR     = "pcr"
	clockPTS     = "pts"
	clockNone    = "none"
)

// Analysis collects what comes. It is fed from one goroutine, as a file or as the sink of an input, and asked for its
// report when that has ended.
type Analysis struct {
	source  string
	clock   string
	framer  mpegts.Framer
	monitor *mpegts.Monitor
	tracks  map[uint16]*track
	cues    map[uint16]*cues
	byPID   [1 << 13]follower
	emit    func(mpegts.Packet)
	now     tick.Tick
	bytes   uint64
	network *Network
}

// follower takes the packets of one PID.
type follower interface{ push(mpegts.Packet) }

// New returns an empty analysis. source names the input in the report and must hold no secret.
func New(source string) *Analysis {
	a := &Analysis{
		source: source, clock: clockArrival, monitor: mpegts.NewMonitor(),
		tracks: map[uint16]*track{}, cues: map[uint16]*cues{}, network: &Network{},
	}
	a.emit = func(p mpegts.Packet) { a.packet(p, a.now) }
	return a
}

// Datagram takes the bytes of one datagram, which arrived at now after lost others that did not.
func (a *Analysis) Datagram(ts []byte, now tick.Tick, lost int) {
	a.network.Datagrams++
	a.network.Lost += uint64(lost)
	a.bytes += uint64(len(ts))
	a.now = now
	a.framer.Push(ts, a.emit)
	a.monitor.Framer(a.framer.Stats(), now)
}

// packet takes one packet at its time.
func (a *Analysis) packet(p mpegts.Packet, now tick.Tick) {
	tables := a.monitor.Tables().Stats()
	a.monitor.Push(p, now)
	if a.monitor.Tables().Stats().PMTs != tables.PMTs {
		a.follow()
	}
	if f := a.byPID[p.PID()]; f != nil && !p.TransportError() {
		f.push(p)
	}
}

// follow begins to look into the streams that the tables name. What is known of a stream stays when it is named again.
func (a *Analysis) follow() {
	for _, prog := range a.monitor.Tables().Programs() {
		for _, s := range prog.Streams {
			switch {
			case s.Kind == mpegts.Video && (a.tracks[s.PID] == nil || a.tracks[s.PID].codec != s.Codec):
				a.tracks[s.PID] = newTrack(s.Codec)
				a.byPID[s.PID] = a.tracks[s.PID]
			case s.Codec == mpegts.SCTE35 && a.cues[s.PID] == nil:
				a.cues[s.PID] = newCues(prog.Number)
				a.byPID[s.PID] = a.cues[s.PID]
			}
		}
	}
}

// track looks into a video stream.
type track struct {
	codec       mpegts.Codec
	detector    *mpegts.Detector
	captions    *mpegts.Captions
	counted     bool
	keyPictures uint64
}

func newTrack(c mpegts.Codec) *track {
	return &track{codec: c, detector: mpegts.NewDetector(c), captions: mpegts.NewCaptions(c), counted: true}
}

func (t *track) push(p mpegts.Packet) {
	if p.Start() {
		t.counted = false
	}
	if v := t.detector.Push(p); !t.counted && v != mpegts.Undecided {
		t.counted = true
		if v != mpegts.None {
			t.keyPictures++
		}
	}
	t.captions.Push(p)
}

// report is the state of the captions, present or not.
func (t *track) report() *Captions {
	s := t.captions.Stats()
	c := &Captions{Present: s.Pictures > 0, Pictures: s.Pictures, Channels: s.Channels, Services: s.Services}
	if c.Channels == nil {
		c.Channels = []string{}
	}
	if c.Services == nil {
		c.Services = []int{}
	}
	return c
}
