package mpegts

import (
	"bytes"
	"slices"
)

// TablesStats are counts since the start.
type TablesStats struct {
	PATs        uint64 // valid sections of the program association table
	PMTs        uint64 // valid sections of program maps
	CRCErrors   uint64 // sections with a wrong CRC
	BadSections uint64 // sections that are impossible or whose table does not belong on their PID
}

// Tables reads the program association table and the program maps. Sections with a wrong CRC, not yet valid ones
// (current_next_indicator 0) and tables that do not belong on their PID are ignored. The same section again costs no
// allocation.
type Tables struct {
	readers  [maxPID]*Sections // of the PAT and of every program map PID
	emit     func([]byte)
	pid      uint16 // of the packet under way
	changed  bool
	pat      association
	programs []entry
	stats    TablesStats
}

// maxPATSections is how many sections a PAT may have: as many as list a programme for every PID.
const maxPATSections = maxPID/((maxPSI-longHeader-crcSize)/4) + 1

// association is the PAT under way: its sections by number.
type association struct {
	head     [5]byte // transport_stream_id, version, last_section_number
	sections []listing
}

// listing is one section of a PAT, as it came and as it is read; empty until it has come.
type listing struct {
	section []byte
	entries []entry
}

// entry is one program of the PAT.
type entry struct {
	number, pid uint16
	section     []byte // of its program map as it came, nil until one came
	program     Program
}

// NewTables returns a reader that waits for a PAT.
func NewTables() *Tables {
	t := &Tables{}
	t.readers[PIDPAT] = &Sections{}
	t.emit = t.section
	return t
}

// Push takes any packet of the stream. It tells whether Programs changed in more than a version.
func (t *Tables) Push(p Packet) (changed bool) {
	pid := p.PID()
	r := t.readers[pid]
	if r == nil {
		return false
	}
	t.pid, t.changed = pid, false
	r.Push(p, t.emit)
	return t.changed
}

// Programs are the programs in the order of the PAT, without those whose program map has not come yet. The slice is a
// copy; the descriptors in it are shared and not to be written to.
func (t *Tables) Programs() []Program {
	var out []Program
	for _, e := range t.programs {
		if e.section != nil {
			out = append(out, e.program)
		}
	}
	return out
}

// Announced are the numbers of all programs of the PAT, with the PID of their map, whether that has come or not.
func (t *Tables) Announced() map[uint16]uint16 {
	out := make(map[uint16]uint16, len(t.programs))
	for _, e := range t.programs {
		out[e.number] = e.pid
	}
	return out
}

// First is the number of the first program of the PAT, whether its map has come or not; 0 without any.
func (t *Tables) First() uint16 {
	if len(t.programs) == 0 {
		return 0
	}
	return t.programs[0].number
}

// Stats returns the counts so far.
func (t *Tables) Stats() TablesStats { return t.stats }

// section takes one complete section of t.pid.
func (t *Tables) section(b []byte) {
	want := byte(tablePMT)
	if t.pid == PIDPAT {
		want = tablePAT
	}
	if b[0] != want {
		if t.pid == PIDPAT { // a program map PID may carry other tables beside it
			t.stats.BadSections++
		}
		return
	}
	if len(b) < longHeader+crcSize || len(b) > maxPSI || b[1]&0x80 == 0 {
		t.stats.BadSections++
		return
	}
	if CRC32(b) != 0 {
		t.stats.CRCErrors++
		return
	}
	if b[5]&1 == 0 {
		return
	}
	if t.pid == PIDPAT {
		t.stats.PATs++
		t.takePAT(b)
	} else {
		t.stats.PMTs++
		t.takePMT(b)
	}
}

func (t *Tables) takePAT(b []byte) {
	head := [5]byte{b[3], b[4], b[5], b[7]}
	number, last := int(b[6]), int(b[7])
	if number > last || last >= maxPATSections {
		t.stats.BadSections++
		return
	}
	a := &t.pat
	if a.sections == nil || head != a.head {
		*a = association{head: head, sections: make([]listing, last+1)}
	}
	if bytes.Equal(a.sections[number].section, b) {
		return
	}
	entries, ok := parsePAT(b)
	if !ok {
		t.stats.BadSections++
		return
	}
	a.sections[number] = listing{bytes.Clone(b), entries}
	if !slices.ContainsFunc(a.sections, func(l listing) bool { return l.section == nil }) {
		t.associate(a.sections)
	}
}

// associate makes t.programs those of a whole PAT, keeping the maps that are known.
func (t *Tables) associate(sections []listing) {
	known := make(map[uint16]*entry, len(t.programs))
	for i := range t.programs {
		known[t.programs[i].number] = &t.programs[i]
	}
	var list []entry
	seen := map[uint16]bool{}
	for _, l := range sections {
		for _, e := range l.entries {
			if !seen[e.number] {
				seen[e.number] = true
				list = append(list, e)
			}
		}
	}
	before := t.Programs()
	var readers [maxPID]*Sections
	readers[PIDPAT] = t.readers[PIDPAT]
	for i := range list {
		e := &list[i]
		if readers[e.pid] = t.readers[e.pid]; readers[e.pid] == nil {
			readers[e.pid] = &Sections{}
		}
		if k := known[e.number]; k != nil && k.pid == e.pid {
			*e = *k
		}
	}
	t.readers, t.programs = readers, list
	if !slices.EqualFunc(before, t.Programs(), Program.Same) {
		t.changed = true
	}
}

func (t *Tables) takePMT(b []byte) {
	number := uint16(b[3])<<8 | uint16(b[4])
	i := slices.IndexFunc(t.programs, func(e entry) bool { return e.number == number && e.pid == t.pid })
	if i < 0 || bytes.Equal(t.programs[i].section, b) {
		return
	}
	e := &t.programs[i]
	program, ok := parsePMT(b, t.pid)
	if !ok {
		t.stats.BadSections++
		return
	}
	if e.section == nil || !e.program.Same(program) {
		t.changed = true
	}
	e.section, e.program = bytes.Clone(b), program
}
