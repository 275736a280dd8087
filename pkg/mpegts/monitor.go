package mpegts

import (
	"slices"

	"onair/pkg/tick"
)

const (
	window     = tick.Second            // bit rates are told over
	checkEvery = 100 * tick.Millisecond // deadlines are looked at
)

// Monitor makes the checks of TR 101 290 on all packets of a stream and measures the bit rate of every PID. It
// allocates when a PID or a table is new and then no more. A gap is counted once, however long it is.
type Monitor struct {
	tables     *Tables
	continuity Continuity
	pids       [maxPID]*pidState
	order      []uint16
	counts     [numChecks]CheckCount
	framer     FramerStats
	si         siReader

	running            bool
	first, now, looked tick.Tick
	windowed           tick.Tick // start of the present window
	packets, null      uint64
	inWindow           uint64
	bitrate            int64
	pat                deadline
	cat                bool // a conditional access table came
	catMissed          bool
}

// pidState is what is known of one PID.
type pidState struct {
	PIDReport
	inWindow uint64

	pmt    *deadline // of a program map PID
	stream bool      // video or audio of a program
	clock  bool      // PCR PID of a program
	named  bool      // was one of these before the tables changed
	any    deadline  // packets at all
	pts    deadline
	timed  bool // a PTS came
	pcr    deadline
	pcr27  int64 // last PCR, in 27 MHz
	pcrAt  tick.Tick
	hasPCR bool
}

// NewMonitor returns a monitor that waits for the first packet.
func NewMonitor() *Monitor {
	m := &Monitor{tables: NewTables()}
	m.si.emit = m.siSection
	for c := range m.counts {
		m.counts[c].Check, m.counts[c].PID = Check(c), PIDNull
	}
	return m
}

// Tables are the monitor's own tables, to be read and not to be pushed to.
func (m *Monitor) Tables() *Tables { return m.tables }

// Framer takes the counts of the framer before the monitor, for the checks of sync. now is when they were read.
func (m *Monitor) Framer(s FramerStats, now tick.Tick) {
	m.add(SyncLoss, s.SyncLosses-m.framer.SyncLosses, PIDNull, now)
	m.add(SyncByte, s.SyncErrors-m.framer.SyncErrors, PIDNull, now)
	m.framer = s
}

// Push takes the next packet of the stream, whatever its PID; now is when it arrived and never runs backwards.
func (m *Monitor) Push(p Packet, now tick.Tick) {
	if len(p) != Size {
		return
	}
	if !m.running {
		m.start(now)
	}
	m.advance(now)
	m.packets++
	m.inWindow++
	s := m.state(p.PID())
	s.Packets++
	s.inWindow++
	switch {
	case p.TransportError(): // none of its fields can be believed
		s.TransportErrors++
		m.add(TransportErrors, 1, s.PID, now)
	case s.PID == PIDNull:
		m.null++
	default:
		m.packet(s, p)
	}
}

// Tick lets time pass without a packet.
func (m *Monitor) Tick(now tick.Tick) {
	if m.running {
		m.advance(now)
		m.deadlines()
	}
}

func (m *Monitor) start(now tick.Tick) {
	m.running = true
	m.first, m.now, m.looked, m.windowed = now, now, now, now
	m.pat.met(now)
}

func (m *Monitor) state(pid uint16) *pidState {
	s := m.pids[pid]
	if s == nil {
		s = &pidState{}
		s.PID = pid
		m.pids[pid] = s
		m.order = append(m.order, pid)
	}
	return s
}

func (m *Monitor) add(c Check, n uint64, pid uint16, now tick.Tick) {
	if n == 0 {
		return
	}
	k := &m.counts[c]
	if k.Errors == 0 {
		k.First = now
	}
	k.Errors += n
	k.Last, k.PID = now, pid
}

func (m *Monitor) advance(now tick.Tick) {
	m.now = max(m.now, now)
	if m.now-m.looked >= checkEvery {
		m.looked = m.now
		m.deadlines()
	}
	if d := m.now - m.windowed; d >= window {
		m.bitrate = rate(m.inWindow, d)
		m.inWindow = 0
		for _, pid := range m.order {
			s := m.pids[pid]
			s.Bitrate = rate(s.inWindow, d)
			s.inWindow = 0
		}
		m.windowed = m.now
	}
}

// rate is the bit rate of n packets in d.
func rate(n uint64, d tick.Tick) int64 {
	if d <= 0 {
		return 0
	}
	return tick.MulDiv(int64(n)*Size*8, int64(tick.Second), int64(d))
}

// packet looks into a packet that is neither damaged nor null.
func (m *Monitor) packet(s *pidState, p Packet) {
	s.any.met(m.now)
	v := m.continuity.Check(p)
	if v == Lost || v == Repeated {
		m.add(ContinuityError, 1, s.PID, m.now)
	}
	switch v {
	case Lost:
		s.Lost++
	case Duplicate, Repeated:
		s.Duplicates++
		if s.PID != PIDPAT && s.pmt == nil { // some senders never count in their tables: those are there all the same
			return
		}
	}
	if p.Scrambled() {
		m.scrambled(s)
		return
	}
	m.psi(s, p)
	if base, ext, ok := p.PCR(); ok {
		m.reference(s, int64(base)*300+int64(ext), p.Discontinuity())
	}
	if p.Start() && s.pmt == nil {
		m.timestamps(s, p)
	}
}

func (m *Monitor) scrambled(s *pidState) {
	s.Scrambled++
	switch {
	case s.PID == PIDPAT:
		m.add(PATError, 1, s.PID, m.now)
	case s.pmt != nil:
		m.add(PMTError, 1, s.PID, m.now)
	case !m.cat && !m.catMissed:
		m.catMissed = true
		m.add(CATError, 1, s.PID, m.now)
	}
}

// psi pushes to the tables and takes note of what came of it.
func (m *Monitor) psi(s *pidState, p Packet) {
	before := m.tables.stats
	changed := m.tables.Push(p)
	after := m.tables.stats
	if after != before {
		m.add(CRCError, after.CRCErrors-before.CRCErrors, s.PID, m.now)
		if s.PID == PIDPAT {
			m.add(PATError, after.BadSections-before.BadSections, s.PID, m.now)
		}
		if after.PATs != before.PATs {
			m.pat.met(m.now)
			m.refer()
		}
		if after.PMTs != before.PMTs && s.pmt != nil {
			s.pmt.met(m.now)
		}
	}
	if changed {
		m.refer()
	}
	if s.pmt == nil && !s.stream {
		m.si.push(s.PID, p)
	}
}

// refer notes which PIDs the tables name, and for what.
func (m *Monitor) refer() {
	for _, pid := range m.order {
		s := m.pids[pid]
		s.named, s.stream, s.clock = s.stream || s.clock, false, false
	}
	for _, e := range m.tables.programs {
		if s := m.state(e.pid); s.pmt == nil {
			s.pmt = &deadline{last: m.now}
		}
		for _, es := range e.program.Streams {
			if s := m.state(es.PID); es.Kind != Data {
				m.await(s)
				s.stream = true
			}
		}
		if pid := e.program.PCRPID; e.section != nil && pid != PIDNull {
			s := m.state(pid)
			m.await(s)
			if !s.named {
				s.pcr.met(m.now)
			}
			s.clock = true
		}
	}
}

// await starts the time that a PID has from when a table first names it.
func (m *Monitor) await(s *pidState) {
	if !s.named {
		s.any.met(m.now)
	}
}

// Errors is how often a check has failed.
func (m *Monitor) Errors(c Check) uint64 { return m.counts[c%numChecks].Errors }

// Report returns the state so far, as a copy.
func (m *Monitor) Report() Report {
	r := Report{
		First: m.first, Elapsed: m.now - m.first, Packets: m.packets, NullPackets: m.null, Bitrate: m.bitrate,
		Average: rate(m.packets, m.now-m.first), Checks: slices.Clone(m.counts[:]), Tables: m.tables.stats,
	}
	for _, pid := range m.order {
		s := m.pids[pid]
		if s.Packets == 0 {
			continue
		}
		s.Average = rate(s.Packets, r.Elapsed)
		r.PIDs = append(r.PIDs, s.PIDReport)
	}
	slices.SortFunc(r.PIDs, func(a, b PIDReport) int { return int(a.PID) - int(b.PID) })
	return r
}
