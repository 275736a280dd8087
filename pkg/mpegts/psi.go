package mpegts

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/asticode/go-astits"
)

const (
	tablePAT = 0x00
	tablePMT = 0x02
)

// parseProbePID carries the program map while it is parsed.
const parseProbePID = 0x0100

// ErrTooLong tells that a program map is longer than a section may be (ISO/IEC 13818-1 §2.4.4.9).
var ErrTooLong = errors.New("program map does not fit one section")

// parsePAT reads a PAT section whose CRC is right. The network PID (program 0) is left out.
func parsePAT(section []byte) ([]entry, bool) {
	data := parseSection(section, PIDPAT)
	if data == nil || data.PAT == nil || (len(section)-longHeader-crcSize)%4 != 0 {
		return nil, false
	}
	var out []entry
	for _, p := range data.PAT.Programs {
		if p.ProgramNumber != 0 && p.ProgramMapID >= 0x10 && p.ProgramMapID < PIDNull {
			out = append(out, entry{number: p.ProgramNumber, pid: p.ProgramMapID})
		}
	}
	return out, true
}

// parsePMT reads a program map section whose CRC is right. The descriptor loops are kept as they came; what they mean
// is read from a copy of the section that holds only well-formed ones.
func parsePMT(section []byte, pid uint16) (Program, bool) {
	program, clean, ok := splitPMT(section)
	if !ok {
		return Program{}, false
	}
	program.PMTPID = pid
	data := parseSection(clean, parseProbePID)
	if data == nil || data.PMT == nil || len(data.PMT.ElementaryStreams) != len(program.Streams) {
		return Program{}, false
	}
	program.PCRPID = data.PMT.PCRPID
	for i, es := range data.PMT.ElementaryStreams {
		s := &program.Streams[i]
		s.PID, s.Type = es.ElementaryPID, uint8(es.StreamType)
		s.classify(es.ElementaryStreamDescriptors, data.PMT.ProgramDescriptors)
	}
	return program, true
}

// splitPMT takes the descriptor loops out of a program map and makes a copy of the section with the sane ones only. It
// fails if a loop is longer than the section.
func splitPMT(section []byte) (p Program, clean []byte, ok bool) {
	section = bytes.Clone(section[:len(section)-crcSize])
	if len(section) < 12 {
		return p, nil, false
	}
	p.Number = binary.BigEndian.Uint16(section[3:])
	p.Version = section[5] >> 1 & 0x1F
	clean = append(make([]byte, 0, len(section)+crcSize), section[:10]...)
	clean, p.Descriptors, section, ok = cutLoop(clean, section[10:])
	for ok && len(section) > 0 {
		if len(section) < 5 {
			return p, nil, false
		}
		var s Stream
		clean = append(clean, section[:3]...)
		clean, s.Descriptors, section, ok = cutLoop(clean, section[3:])
		p.Streams = append(p.Streams, s)
	}
	if !ok {
		return p, nil, false
	}
	return p, seal(clean), true
}

// cutLoop takes a descriptor loop with its length from the front of b and appends its sane part, with its length, to
// clean.
func cutLoop(clean, b []byte) (out, loop, rest []byte, ok bool) {
	n := int(b[0]&0x0F)<<8 | int(b[1])
	if 2+n > len(b) {
		return clean, nil, nil, false
	}
	loop, rest = b[2:2+n:2+n], b[2+n:]
	at := len(clean)
	clean = sane(append(clean, 0xF0, 0), loop)
	binary.BigEndian.PutUint16(clean[at:], 0xF000|uint16(len(clean)-at-2))
	return clean, loop, rest, true
}

// seal sets the length of a section that lacks its CRC and appends that.
func seal(section []byte) []byte {
	binary.BigEndian.PutUint16(section[1:], 0xB000|uint16(len(section)-sectionHeader+crcSize))
	return binary.BigEndian.AppendUint32(section, CRC32(section))
}

// parseSection has go-astits read one section: it wants packets, and a PAT before a program map.
func parseSection(section []byte, pid uint16) *astits.DemuxerData {
	var stream []byte
	if pid != PIDPAT {
		pat := patSection(1, pid)
		stream = packets(stream, pat, PIDPAT)
	}
	stream = packets(stream, section, pid)
	d := astits.NewDemuxer(context.Background(), bytes.NewReader(stream), astits.DemuxerOptPacketSize(Size))
	for {
		data, err := d.NextData()
		if err != nil {
			return nil
		}
		if data.PID == pid {
			return data
		}
	}
}

// packets appends a section cut into packets of pid.
func packets(dst, section []byte, pid uint16) []byte {
	head := []byte{syncByte, 0x40 | byte(pid>>8), byte(pid), 0x10, 0} // the last is the pointer field
	for cc := byte(0); len(section) > 0; cc++ {
		head[3] = 0x10 | cc&0x0F
		at := len(dst)
		dst = append(dst, head...)
		n := min(Size-len(head), len(section))
		dst = append(dst, section[:n]...)
		for len(dst)-at < Size {
			dst = append(dst, 0xFF)
		}
		section = section[n:]
		head = head[:4]
		head[1] &^= 0x40
	}
	return dst
}

func patSection(number, pid uint16) []byte {
	b := []byte{tablePAT, 0, 0, 0, 1, 0xC1, 0, 0}
	b = binary.BigEndian.AppendUint16(b, number)
	return seal(binary.BigEndian.AppendUint16(b, 0xE000|pid))
}

func pmtSection(p Program) []byte {
	b := []byte{tablePMT, 0, 0, byte(p.Number >> 8), byte(p.Number), 0xC1 | p.Version<<1, 0, 0}
	b = binary.BigEndian.AppendUint16(b, 0xE000|p.PCRPID&PIDNull)
	b = appendLoop(b, p.Descriptors)
	for _, s := range p.Streams {
		b = append(b, s.Type)
		b = binary.BigEndian.AppendUint16(b, 0xE000|s.PID&PIDNull)
		b = appendLoop(b, s.Descriptors)
	}
	return seal(b)
}

func appendLoop(b, loop []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, 0xF000|uint16(len(loop)))
	return append(b, loop...)
}

// PSI makes a PAT, in the first packet, and a program map, in as many as follow, that carry exactly prog: its number,
// PIDs, version, streams and descriptors. cc is the continuity counter of the PAT and of the first packet of the map.
// The error is ErrTooLong with the number of bytes that are too many, or tells a PID on which there can be no program
// map.
func PSI(prog Program, cc uint8) ([][Size]byte, error) {
	if prog.PMTPID < 0x10 || prog.PMTPID >= PIDNull {
		return nil, fmt.Errorf("no program map can be on pid %#x", prog.PMTPID)
	}
	length := sectionHeader + 9 + crcSize + len(prog.Descriptors)
	for _, s := range prog.Streams {
		length += 5 + len(s.Descriptors)
	}
	if over := length - maxPSI; over > 0 {
		return nil, fmt.Errorf("%w: %d bytes too many", ErrTooLong, over)
	}
	ts := packets(nil, patSection(prog.Number, prog.PMTPID), PIDPAT)
	ts = packets(ts, pmtSection(prog), prog.PMTPID)
	out := make([][Size]byte, len(ts)/Size)
	for i := range out {
		copy(out[i][:], ts[i*Size:])
		SetCC(out[i][:], cc+uint8(max(0, i-1)))
	}
	return out, nil
}
