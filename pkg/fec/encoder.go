package fec

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
)

// Limits of a matrix that is sent with both columns and rows (ST 2022-1 §8).
const (
	MinSide   = 4
	MaxSide   = 20
	MaxMatrix = 100 // packets
)

const payloadType = 96 // what ST 2022-1 senders use

// EncoderConfig describes an encoder.
type EncoderConfig struct {
	Columns, Rows int // MinSide to MaxSide each, their product at most MaxMatrix
	// Out gets every FEC packet, RTP header and all, which is valid during the call.
	Out func(kind Kind, packet []byte)
}

// Encoder makes column and row FEC of a stream. It is for one goroutine at a time.
type Encoder struct {
	c        EncoderConfig
	row      sum
	filling  []sum // columns of the matrix that is being sent
	full     []sum // those of the one before, which are sent one by one meanwhile
	at       int   // packets of the matrix so far
	next     uint16
	begun    bool
	sequence [2]uint16 // by kind
	packet   []byte
}

// sum is the XOR of packets.
type sum struct {
	n      int
	base   uint16
	flags  byte // padding, extension and CSRC count
	mark   byte // marker and payload type
	clock  [4]byte
	length uint16
	body   []byte
}

// NewEncoder makes an encoder.
func NewEncoder(c EncoderConfig) (*Encoder, error) {
	side := func(n int) bool { return n >= MinSide && n <= MaxSide }
	switch {
	case !side(c.Columns) || !side(c.Rows) || c.Columns*c.Rows > MaxMatrix:
		return nil, fmt.Errorf("fec: a matrix of %dx%d: allowed are %d to %d columns and rows, %d packets together",
			c.Columns, c.Rows, MinSide, MaxSide, MaxMatrix)
	case c.Out == nil:
		return nil, errors.New("fec: no Out")
	}
	return &Encoder{c: c, filling: make([]sum, c.Columns), full: make([]sum, c.Columns)}, nil
}

// Media takes the next media packet, RTP header and all. A number that does not follow the last one begins a new
// matrix.
func (e *Encoder) Media(packet []byte) error {
	if len(packet) < rtpHeader || len(packet) > longest-fecHeader {
		return errShort
	}
	seq := binary.BigEndian.Uint16(packet[2:])
	if e.begun && seq != e.next {
		e.at, e.row.n = 0, 0
		clear(e.filling)
		clear(e.full)
	}
	e.begun, e.next = true, seq+1
	e.row.add(seq, packet)
	e.filling[e.at%e.c.Columns].add(seq, packet)
	e.at++
	clock := [4]byte(packet[4:8])
	if e.row.n == e.c.Columns {
		e.send(Row, &e.row, clock)
	}
	if e.at%e.c.Rows == 0 {
		if column := &e.full[e.at/e.c.Rows-1]; column.n > 0 {
			e.send(Column, column, clock)
		}
	}
	if e.at == e.c.Columns*e.c.Rows {
		e.filling, e.full, e.at = e.full, e.filling, 0
	}
	return nil
}

func (s *sum) add(seq uint16, packet []byte) {
	if s.n == 0 {
		*s = sum{base: seq, body: s.body[:0]}
	}
	s.n++
	s.flags ^= packet[0] & 0x3F
	s.mark ^= packet[1]
	subtle.XORBytes(s.clock[:], s.clock[:], packet[4:8])
	rest := packet[rtpHeader:]
	s.length ^= uint16(len(rest))
	for len(s.body) < len(rest) {
		s.body = append(s.body, 0)
	}
	subtle.XORBytes(s.body, s.body, rest)
}

// send sends the FEC of what was summed, and empties the sum.
func (e *Encoder) send(kind Kind, s *sum, clock [4]byte) {
	offset := 1
	if kind == Column {
		offset = e.c.Columns
	}
	b := append(e.packet[:0], version<<6|s.flags, s.mark&0x80|payloadType)
	b = binary.BigEndian.AppendUint16(b, e.sequence[kind])
	b = append(b, clock[:]...)
	b = append(b, 0, 0, 0, 0) // SSRC
	b = binary.BigEndian.AppendUint16(b, s.base)
	b = binary.BigEndian.AppendUint16(b, s.length)
	b = append(b, 0x80|s.mark&0x7F, 0, 0, 0) // extended header, payload type, no mask
	b = append(b, s.clock[:]...)
	b = append(b, byte(kind)<<6, byte(offset), byte(s.n), 0)
	e.packet = append(b, s.body...)
	e.sequence[kind]++
	s.n = 0
	e.c.Out(kind, e.packet)
}
