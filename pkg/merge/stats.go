package merge

import (
	"hash/maphash"

	"onair/pkg/tick"
)

// LegStats counts what came on one leg.
type LegStats struct {
	Packets    uint64 // all datagrams
	Bytes      uint64 // of payload
	Used       uint64 // datagrams that went out, this leg having been the first to bring them
	Lost       uint64 // datagrams missing on this leg; what is only late or reordered is taken off again
	Recovered  uint64 // of the lost ones, brought in time by another leg
	Late       uint64 // datagrams that came after they had been given up
	Duplicates uint64 // datagrams repeated on this same leg
	Reordered  uint64 // datagrams that came after one with a higher number
	Stray      uint64 // datagrams of a sequence that is not followed
	Differing  uint64 // samples whose bytes differ from another leg's under the same number

	PathDifference tick.Tick // smoothed lateness behind the leg that was first
	LastArrival    tick.Tick // 0: nothing has come
}

// Stats counts what came and what went out.
type Stats struct {
	Legs     []LegStats
	Out      uint64 // datagrams handed on
	Lost     uint64 // datagrams given up: missing on every leg when their time was over
	Unmerged bool   // legs do not carry the same bytes or are out of step: not all of them are used
	Followed int    // the only leg in use when the bytes differ, else -1
}

// Stats is the state so far.
func (m *Merger) Stats() Stats {
	s := Stats{Legs: make([]LegStats, len(m.legs)), Out: m.sent, Lost: m.lost, Followed: m.single}
	s.Unmerged = m.Unmerged()
	for i := range m.legs {
		l := &m.legs[i]
		s.Legs[i] = LegStats{
			Packets: l.packets, Bytes: l.bytes, Used: l.used,
			Lost: uint64(max(0, l.lost)), Recovered: uint64(max(0, l.recovered)),
			Late: l.late, Duplicates: l.duplicates, Reordered: l.reordered, Stray: l.stray, Differing: l.differ,
			PathDifference: l.path, LastArrival: l.arrival,
		}
	}
	return s
}

// Unmerged tells whether the legs do not carry the same bytes or are out of step: then not all of them are used.
func (m *Merger) Unmerged() bool { return m.single >= 0 || m.nxt.started && m.nxt.shadow }

// One number in sampleEvery is compared between the legs; the last ones are remembered.
const (
	sampleEvery = 16
	samples     = history / sampleEvery
)

// What it takes to find that legs differ, and that they do not any more. Datagrams of nothing but stuffing are equal in
// unlike streams, so an equal one weighs less.
const (
	differWeight = 4
	differLimit  = 12
	equalLimit   = 64
)

// sample is what the first leg brought under a number.
type sample struct {
	n       int64
	leg     int
	arrival tick.Tick
	hash    uint64
}

// compare samples datagram n of e: its bytes and arrival beside another leg's.
func (m *Merger) compare(leg int, e *epoch, n int64, payload []byte, now tick.Tick) {
	hash := maphash.Bytes(m.seed, payload)
	s := &e.samples[n/sampleEvery%samples]
	if s.n != n {
		*s = sample{n: n, leg: leg, arrival: now, hash: hash}
		return
	}
	if s.leg == leg {
		return
	}
	m.legs[leg].delayed(now - s.arrival)
	m.legs[s.leg].delayed(0)
	if s.hash == hash {
		m.score = max(0, m.score-1)
		m.equal++
		if m.equal >= equalLimit {
			m.single = -1
		}
		return
	}
	m.equal = 0
	m.legs[leg].differ++
	m.score = min(differLimit, m.score+differWeight)
	if m.score == differLimit && m.single < 0 {
		m.follow(min(leg, s.leg))
	}
}

// delayed smooths a leg's lateness.
func (l *legState) delayed(by tick.Tick) {
	const smooth = 8
	l.path += (by - l.path) / smooth
}

// follow un-merges: from now on only this leg goes out, until the legs are found equal again.
func (m *Merger) follow(leg int) {
	if m.single == leg {
		return
	}
	m.flush(m.cur)
	m.discard(m.nxt)
	m.leave(m.cur)
	m.leave(m.nxt)
	for i := range m.legs {
		m.legs[i].holding = false
	}
	m.single, m.equal, m.score = leg, 0, 0
}
