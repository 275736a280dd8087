package probe

import (
	"hash/maphash"

	"onair/pkg/mpegts"
)

const (
	tableCue    = 0xFC
	spliceNull  = 0x00
	cueCommand  = 13   // offset of splice_command_type in a splice_info_section (SCTE 35 §9.6)
	cueShortest = 20   // bytes of a splice_null without descriptors
	maxDistinct = 1000 // cues that are told apart
)

// cues counts the SCTE-35 sections of one PID.
type cues struct {
	program  uint16
	sections mpegts.Sections
	emit     func([]byte)
	seed     maphash.Seed
	distinct map[uint64]struct{}
	n        CuePID
}

func newCues(program uint16) *cues {
	c := &cues{program: program, seed: maphash.MakeSeed(), distinct: map[uint64]struct{}{}}
	c.emit = c.section
	return c
}

func (c *cues) push(p mpegts.Packet) { c.sections.Push(p, c.emit) }

func (c *cues) section(b []byte) {
	switch {
	case b[0] != tableCue || len(b) < cueShortest:
	case mpegts.CRC32(b) != 0:
		c.n.CRCErrors++
	case b[4]&0x80 != 0: // encrypted_packet: the command is not readable
		c.n.Encrypted++
	case b[cueCommand] == spliceNull:
		c.n.Nulls++
	default:
		c.n.Cues++
		if h := maphash.Bytes(c.seed, b); len(c.distinct) < maxDistinct {
			c.distinct[h] = struct{}{}
		}
		c.n.Distinct = uint64(len(c.distinct))
	}
}
