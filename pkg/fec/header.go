package fec

import (
	"encoding/binary"
	"errors"
)

// Lengths in bytes.
const (
	rtpHeader = 12 // the part of RTP's header that every packet has (RFC 3550 §5.1)
	fecHeader = 16 // what ST 2022-1 puts behind it
	ahead     = rtpHeader + fecHeader
	longest   = 2048 // of a packet: 1328 is what carries seven transport packets
)

const version = 2 // of RTP

// MaxSpan is how many media packets a column or row may reach over. ST 2022-1 allows matrices of 100 packets; some
// senders make larger ones, 20x20 at most.
const MaxSpan = 400

// Kind is what an FEC packet protects.
type Kind uint8

// The two kinds, as in the D bit of the header.
const (
	Column Kind = iota
	Row
)

// String is the kind in lower case.
func (k Kind) String() string {
	if k == Row {
		return "row"
	}
	return "column"
}

// Errors of an FEC packet.
var (
	errShort  = errors.New("fec: the packet is no RTP or ends in its header")
	errKind   = errors.New("fec: the packet is not of the kind that ST 2022-1 uses (XOR, no mask)")
	errMatrix = errors.New("fec: the packet protects nothing, or more packets than are kept")
)

// header is what an FEC packet says about itself (ST 2022-1 §7.1, after RFC 2733).
type header struct {
	base   uint16 // sequence number of the first media packet that is protected
	offset int    // distance of two of them: columns of the matrix, or 1 for a row
	count  int    // how many there are: rows of the matrix, or columns for a row
	kind   Kind
}

// last is the number of the last protected packet, when base has number n.
func (h header) last(n int64) int64 { return n + int64(h.offset)*int64(h.count-1) }

// parse reads the header of an FEC packet.
func parse(b []byte) (header, error) {
	if len(b) < ahead || b[0]>>6 != version || len(b) > longest {
		return header{}, errShort
	}
	h := header{
		base: binary.BigEndian.Uint16(b[12:]), kind: Kind(b[24] >> 6 & 1), offset: int(b[25]), count: int(b[26]),
	}
	masked := b[17]|b[18]|b[19] != 0
	switch {
	case masked || b[24]>>3&7 != 0:
		return header{}, errKind
	case h.kind == Row && h.offset != 1, h.offset == 0, h.count == 0, h.offset*h.count > MaxSpan:
		return header{}, errMatrix
	}
	return h, nil
}
