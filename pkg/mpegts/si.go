package mpegts

// PIDs that DVB gives to its tables (EN 300 468 §5.1.3).
const (
	pidNIT = 0x10
	pidTOT = 0x14
)

// siReader checks the CRC of the conditional access table and of DVB's service information.
type siReader struct {
	pids [pidTOT + 1]*Sections
	pid  uint16
	emit func([]byte)
}

func (r *siReader) push(pid uint16, p Packet) {
	if pid != PIDCAT && (pid < pidNIT || pid > pidTOT) {
		return
	}
	if r.pids[pid] == nil {
		r.pids[pid] = &Sections{}
	}
	r.pid = pid
	r.pids[pid].Push(p, r.emit)
}

// siSection judges one section of a CAT or of service information.
func (m *Monitor) siSection(b []byte) {
	const tableCAT, tableTOT = 0x01, 0x73
	if m.si.pid == PIDCAT && b[0] != tableCAT {
		m.add(CATError, 1, PIDCAT, m.now)
		return
	}
	known := b[0] == tableCAT || b[0] == 0x40 || b[0] == 0x41 || b[0] == 0x42 || b[0] == 0x46 || b[0] == 0x4A ||
		(b[0] >= 0x4E && b[0] <= 0x6F) || b[0] == tableTOT
	if !known || len(b) < sectionHeader+crcSize {
		return
	}
	if CRC32(b) != 0 {
		m.add(CRCError, 1, m.si.pid, m.now)
		return
	}
	if b[0] == tableCAT {
		m.cat, m.catMissed = true, false
	}
}
