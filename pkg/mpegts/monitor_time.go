package mpegts

import (
	"slices"

	"onair/pkg/tick"
)

// pcrCycle is what a PCR counts to, in 27 MHz.
const pcrCycle = (1 << 33) * 300

// pcrTicks maps units of 27 MHz to ticks.
func pcrTicks(v int64) tick.Tick { return tick.FromUnits(v, 27_000_000) }

// reference judges a PCR against the one before: by its own values for the distance, against the arrival for a break.
func (m *Monitor) reference(s *pidState, pcr int64, announced bool) {
	s.PCRs++
	counted := s.pcr.overdue
	last, lastAt, had := s.pcr27, s.pcrAt, s.hasPCR
	s.pcr27, s.pcrAt, s.hasPCR = pcr, m.now, true
	s.pcr.met(m.now)
	if !had || announced || !s.clock {
		return
	}
	delta := (pcr - last + pcrCycle) % pcrCycle
	if delta > pcrCycle/2 {
		delta -= pcrCycle
	}
	gap := pcrTicks(delta)
	if gap < 0 || (gap > pcrInterval && (gap-(m.now-lastAt)).Abs() > pcrInterval) {
		m.add(PCRDiscontinuity, 1, s.PID, m.now)
		return
	}
	s.PCRGap = max(s.PCRGap, gap)
	if gap > pcrInterval && !counted {
		m.add(PCRRepetition, 1, s.PID, m.now)
	}
}

// timestamps notes the PTS of a PES packet.
func (m *Monitor) timestamps(s *pidState, p Packet) {
	payload := p.Payload()
	t, ok := PESTimes(payload)
	if !ok {
		if pesHeader(payload) {
			s.Untimed++
		}
		return
	}
	if s.timed && s.stream && s.pts.passed(m.now, ptsInterval) {
		m.add(PTSError, 1, s.PID, m.now)
	}
	s.pts.met(m.now)
	if !s.timed {
		s.timed, s.FirstPTS = true, t.PTS
	}
	s.Timestamps++
	s.LastPTS = t.PTS
}

// deadlines counts what has not come in time.
func (m *Monitor) deadlines() {
	if m.pat.passed(m.now, tableInterval) {
		m.add(PATError, 1, PIDPAT, m.now)
	}
	for _, pid := range m.order {
		s := m.pids[pid]
		if s.pmt != nil && s.pmt.passed(m.now, tableInterval) && m.announced(pid) {
			m.add(PMTError, 1, pid, m.now)
		}
		if (s.stream || s.clock) && s.any.passed(m.now, pidInterval) {
			m.add(PIDError, 1, pid, m.now)
		}
		if s.stream && s.timed && s.pts.passed(m.now, ptsInterval) {
			m.add(PTSError, 1, pid, m.now)
		}
		if s.clock && s.pcr.passed(m.now, pcrAbsent) {
			m.add(PCRRepetition, 1, pid, m.now)
		}
	}
}

// announced tells that the PAT still names pid as that of a program map.
func (m *Monitor) announced(pid uint16) bool {
	return slices.ContainsFunc(m.tables.programs, func(e entry) bool { return e.pid == pid })
}
