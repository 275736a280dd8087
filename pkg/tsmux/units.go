package tsmux

import (
	"bytes"
	"errors"
)

// AnnexB cuts a byte stream of NAL units at its start codes (ITU-T H.264 annex B). The units are windows on b.
func AnnexB(b []byte) [][]byte {
	start := []byte{0, 0, 1}
	var out [][]byte
	at := bytes.Index(b, start)
	for at >= 0 {
		b = b[at+len(start):]
		at = bytes.Index(b, start)
		nal := b
		if at >= 0 {
			nal = b[:at]
		}
		if nal = bytes.TrimRight(nal, "\x00"); len(nal) > 0 {
			out = append(out, nal)
		}
	}
	return out
}

// ErrCut tells that a list of NAL units ends within one.
var ErrCut = errors.New("the lengths of the NAL units do not fit their data")

// AVCC cuts NAL units that have their length before them, in size bytes: 1, 2 or 4 (ISO/IEC 14496-15 §5.3.4.2). The
// units are windows on b.
func AVCC(b []byte, size int) ([][]byte, error) {
	var out [][]byte
	for len(b) > 0 {
		if len(b) < size || size < 1 || size > 4 {
			return nil, ErrCut
		}
		n := 0
		for _, c := range b[:size] {
			n = n<<8 | int(c)
		}
		b = b[size:]
		if n > len(b) {
			return nil, ErrCut
		}
		if n > 0 {
			out = append(out, b[:n])
		}
		b = b[n:]
	}
	return out, nil
}
