package mpegts

// crcTable is the CRC-32/MPEG-2 of every byte (ISO/IEC 13818-1 annex A: polynomial 0x04C11DB7, not reflected).
var crcTable = makeCRCTable()

func makeCRCTable() (table [256]uint32) {
	for i := range table {
		crc := uint32(i) << 24
		for range 8 {
			if crc&(1<<31) != 0 {
				crc = crc<<1 ^ 0x04C11DB7
			} else {
				crc <<= 1
			}
		}
		table[i] = crc
	}
	return table
}

// CRC32 is the CRC of ISO/IEC 13818-1 annex A. Over a whole section, its CRC field included, it is 0 if nothing is
// damaged.
func CRC32(b []byte) uint32 {
	crc := ^uint32(0)
	for _, v := range b {
		crc = crc<<8 ^ crcTable[byte(crc>>24)^v]
	}
	return crc
}

const (
	sectionHeader = 3    // table id and length
	longHeader    = 8    // header of a section with section_syntax_indicator
	crcSize       = 4    //
	maxSection    = 4096 // private sections; PAT and PMT have at most maxPSI
	maxPSI        = 1024
)

// Sections puts the sections of one PID together (ISO/IEC 13818-1 §2.4.4). The zero value is ready; it allocates its
// buffer with the first section and then no more.
type Sections struct {
	buf   []byte
	n     int // bytes of the section under way
	want  int // its length, 0 until known
	cc    uint8
	ready bool // a section is under way and none of it is missing
	seen  bool
}

// Push takes the next packet of the PID and calls emit for each section that is complete, CRC unchecked; the bytes are
// valid during the call. Damaged, scrambled and repeated packets are ignored, and a section of which a part is missing
// is dropped.
func (s *Sections) Push(p Packet, emit func(section []byte)) {
	if p.TransportError() || p.Scrambled() {
		return
	}
	payload := p.Payload()
	if len(payload) == 0 {
		return
	}
	repeated := s.seen && p.CC() == s.cc
	follows := s.seen && p.CC() == (s.cc+1)&0x0F
	s.cc, s.seen = p.CC(), true
	if !p.Start() {
		if !repeated {
			s.ready = s.ready && follows
			s.take(payload, emit)
		}
		return
	}
	pointer := int(payload[0])
	payload = payload[1:]
	if pointer > len(payload) {
		s.ready = false
		return
	}
	s.ready = s.ready && follows
	s.take(payload[:pointer], emit)
	s.n, s.want, s.ready = 0, 0, true
	s.take(payload[pointer:], emit)
}

// take appends b to the section under way and starts the next one where that ends.
func (s *Sections) take(b []byte, emit func([]byte)) {
	if s.buf == nil {
		s.buf = make([]byte, maxSection)
	}
	for s.ready && len(b) > 0 {
		if s.n == 0 && b[0] == 0xFF { // stuffing up to the end of the packet
			s.ready = false
			return
		}
		if s.want == 0 {
			n := copy(s.buf[s.n:sectionHeader], b)
			s.n, b = s.n+n, b[n:]
			if s.n < sectionHeader {
				return
			}
			s.want = sectionHeader + int(s.buf[1]&0x0F)<<8 + int(s.buf[2])
			if s.want > maxSection {
				s.ready = false
				return
			}
		}
		n := copy(s.buf[s.n:s.want], b)
		s.n, b = s.n+n, b[n:]
		if s.n == s.want {
			emit(s.buf[:s.n])
			s.n, s.want = 0, 0
		}
	}
}
