// Package loop repeats a transport stream as if it went on.
package loop

import (
	"errors"
	"io"
	"slices"

	"onair/pkg/mpegts"
	"onair/pkg/tick"
)

// Units of 1/90 000 s.
const (
	usualFrame = 3600   // 40 ms, where a stream does not tell
	tolerance  = 1800   // 20 ms by which sound may overlap at the seam: less than one of its frames
	sparse     = 45_000 // time stamps further apart, as of subtitles, tell nothing of how long the last one lasts
)

// none stands for a PID that is not known yet.
const none = mpegts.PIDNull

// Loop repeats a transport stream as if it went on: time stamps, clock references and continuity counters follow
// those of the round before. The distance of two rounds is such that pictures follow each other exactly; it is a
// whole number of pictures more where other streams or the clock last longer. Times inside sections (cues) stay as
// they are.
type Loop struct {
	round  uint64
	shift  uint64 // of this round's times, modulo 2^33
	period int64  // of one round
	pids   map[uint16]*looped
	video  uint16 // PID of the first video stream; none: none yet
}

// looped is what is known about one PID.
type looped struct {
	last      uint8 // continuity counter as sent
	counted   bool
	turn      uint8 // to be added to this round's counters
	turned    bool
	starts    bool // a PES packet or section began in the first round
	open      bool // one has begun in this round
	pes, pcr  track
	video     bool
	sizeSoFar int
}

// New returns a loop in its first round.
func New() *Loop { return &Loop{pids: map[uint16]*looped{}, video: none} }

// Round reads r, packets of 188, 192 or 204 bytes, to its end as one round and gives each packet that must be sent to
// emit, valid during the call. It returns how many packets there were and the first error of emit or r; begin the next
// round with Again and r at its start.
func (l *Loop) Round(r io.Reader, emit func(mpegts.Packet) error) (int, error) {
	var framer mpegts.Framer
	var failed error
	n := 0
	take := func(p mpegts.Packet) {
		n++
		if failed == nil && l.Push(p) {
			failed = emit(p)
		}
	}
	buffer := make([]byte, 64<<10)
	for failed == nil {
		got, err := r.Read(buffer)
		framer.Push(buffer[:got], take)
		if errors.Is(err, io.EOF) {
			framer.Flush(take)
			return n, failed
		}
		if err != nil && failed == nil {
			failed = err
		}
	}
	return n, failed
}

// Push takes the next packet and changes it in place. A packet that must not be sent is false: the rest of something
// that began before the stream did.
func (l *Loop) Push(p mpegts.Packet) bool {
	if p.PID() == mpegts.PIDNull || p.TransportError() {
		return true
	}
	s := l.pids[p.PID()]
	if s == nil {
		s = &looped{}
		l.pids[p.PID()] = s
	}
	if l.round == 0 {
		l.measure(p, s)
	} else {
		mpegts.Rewrite(p, func(raw uint64) uint64 { return raw + l.shift })
		s.open = s.open || p.Start()
		if s.starts && !s.open && p.HasPayload() {
			return s.strip(p)
		}
	}
	s.count(p)
	return true
}

// strip takes the payload away and leaves a packet that has a clock reference; one without is not needed.
func (s *looped) strip(p mpegts.Packet) bool {
	if _, _, ok := p.PCR(); !ok || !s.counted {
		return false
	}
	for i := 5 + int(p[4]); i < mpegts.Size; i++ {
		p[i] = 0xFF
	}
	p[3] &^= 0x10
	p[4] = mpegts.Size - 5
	mpegts.SetCC(p, s.last)
	return true
}

// count keeps the continuity counter going.
func (s *looped) count(p mpegts.Packet) {
	if !s.turned {
		s.turned = true
		s.turn = 0
		if s.counted {
			next := s.last
			if p.HasPayload() {
				next++
			}
			s.turn = next - p.CC()
		}
	}
	mpegts.SetCC(p, p.CC()+s.turn)
	s.last, s.counted = p.CC(), true
}

// measure notes a packet of the first round.
func (l *Loop) measure(p mpegts.Packet, s *looped) {
	if base, _, ok := p.PCR(); ok {
		s.pcr.add(base, 0)
	}
	payload := p.Payload()
	if !p.Start() || p.Scrambled() {
		s.sizeSoFar += len(payload)
		return
	}
	s.starts = true
	s.pes.size(s.sizeSoFar)
	s.sizeSoFar = len(payload)
	if t, ok := mpegts.PESTimes(payload); ok {
		s.pes.add(t.DTS, len(payload))
		s.video = t.StreamID&0xF0 == 0xE0
		if s.video && l.video == none {
			l.video = p.PID()
		}
	}
}

// Again ends a round: the next packet is the stream's first one once more.
func (l *Loop) Again() {
	if l.round == 0 {
		l.period = l.length()
	}
	l.round++
	l.shift += uint64(l.period)
	for _, s := range l.pids {
		s.turned, s.open = false, false
	}
}

// length is the distance of two rounds in units of 1/90 000 s.
func (l *Loop) length() int64 {
	var period, frame int64 = 0, usualFrame
	main := l.pids[l.video]
	if main != nil {
		frame = main.pes.step()
		period = main.pes.span() + frame
	}
	need := period
	for _, s := range l.pids {
		if s != main && s.pes.n > 0 {
			s.pes.size(s.sizeSoFar)
			end := s.pes.span() + s.pes.lasting()
			if main != nil {
				end -= tolerance
			}
			need = max(need, end)
		}
		if s.pcr.n > 1 {
			need = max(need, s.pcr.span()+1)
		}
	}
	if main == nil {
		return need
	}
	return period + (need-period+frame-1)/frame*frame
}

// Period is the distance of two rounds. It is known after the first one.
func (l *Loop) Period() tick.Tick { return tick.Tick(l.period) * tick.Per90k }

// edge is how many time stamps are kept of a stream's start and of its end: pictures may come in another order than
// they are shown in.
const edge = 16

// stamp is one time stamp with the size of what it belongs to.
type stamp struct {
	at   int64
	size int
}

// track follows the time stamps of one stream.
type track struct {
	unwrap      tick.Unwrapper
	n           int
	first, last []stamp
}

func (t *track) add(raw uint64, size int) {
	t.unwrap.Bits = 33
	s := stamp{t.unwrap.Unwrap(raw), size}
	if len(t.first) < edge {
		t.first = append(t.first, s)
	}
	if len(t.last) == edge {
		copy(t.last, t.last[1:])
		t.last = t.last[:edge-1]
	}
	t.last = append(t.last, s)
	t.n++
}

// size tells how large the last one was in the end.
func (t *track) size(bytes int) {
	if len(t.last) > 0 {
		t.last[len(t.last)-1].size = bytes
	}
}

func byTime(a, b stamp) int { return int(a.at - b.at) }

// span is from the earliest time at the start to the latest at the end.
func (t *track) span() int64 {
	return slices.MaxFunc(t.last, byTime).at - slices.MinFunc(t.first, byTime).at
}

// step is the usual distance of two times.
func (t *track) step() int64 {
	sorted := slices.SortedFunc(slices.Values(t.last), byTime)
	var steps []int64
	for i := 1; i < len(sorted); i++ {
		if d := sorted[i].at - sorted[i-1].at; d > 0 {
			steps = append(steps, d)
		}
	}
	if len(steps) == 0 {
		return usualFrame
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}

// lasting is how long the last one lasts, by its size: PES packets of sound hold as many frames as there happened to
// be.
func (t *track) lasting() int64 {
	rest := t.last[:len(t.last)-1]
	sum := 0
	for _, s := range rest {
		sum += s.size
	}
	step := t.step()
	switch {
	case step > sparse:
		return 1
	case sum == 0:
		return step
	}
	return min(step, step*int64(t.last[len(t.last)-1].size)*int64(len(rest))/int64(sum))
}
