package fmp4

import (
	"encoding/binary"
	"fmt"
)

// box is one box inside a byte slice that it aliases.
type box struct {
	kind   [4]byte
	header int    // bytes of the box header: 8 or 16
	body   []byte // without the header
}

// is tells whether the box has the given four-character code.
func (b box) is(kind string) bool { return string(b.kind[:]) == kind }

// name is a box kind as text. Slicing the array in place would move it to the heap for every box.
func name(kind [4]byte) string { return string(kind[:]) }

// size is the length of the whole box.
func (b box) size() int { return b.header + len(b.body) }

// cutBox takes the first box off b.
func cutBox(b []byte) (first box, rest []byte, err error) {
	if len(b) < 8 {
		return box{}, nil, fmt.Errorf("%w: %d bytes left where a box should begin", ErrFormat, len(b))
	}
	kind, size, header := [4]byte(b[4:8]), uint64(binary.BigEndian.Uint32(b)), 8
	switch {
	case size == 1 && len(b) >= 16: // ISO/IEC 14496-12 §4.2: the size follows as 64 bits
		size, header = binary.BigEndian.Uint64(b[8:]), 16
	case size == 0: // the box lasts to the end
		size = uint64(len(b))
	}
	if size < uint64(header) || size > uint64(len(b)) {
		return box{}, nil, fmt.Errorf("%w: box %q of %d bytes in a space of %d", ErrFormat, name(kind), size, len(b))
	}
	return box{kind: kind, header: header, body: b[header:size]}, b[size:], nil
}

// children calls f for each box in b, in order.
func children(b []byte, f func(box) error) error {
	for len(b) > 0 {
		c, rest, err := cutBox(b)
		if err != nil {
			return err
		}
		if err := f(c); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// fields reads big-endian integers off a box body. The first read beyond the end makes every later one return 0 and
// short true, so that a parser reads straight down and looks once.
type fields struct {
	b     []byte
	short bool
}

func (f *fields) take(n int) []byte {
	if f.short || n < 0 || n > len(f.b) {
		f.short = true
		return nil
	}
	head := f.b[:n]
	f.b = f.b[n:]
	return head
}

func (f *fields) u16() uint16 {
	if b := f.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (f *fields) u32() uint32 {
	if b := f.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (f *fields) u64() uint64 {
	if b := f.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// full reads a FullBox's version and flags.
func (f *fields) full() (version uint8, flags uint32) {
	v := f.u32()
	return uint8(v >> 24), v & 0xffffff
}

func (f *fields) err(kind string) error {
	if f.short {
		return fmt.Errorf("%w: %s is cut short", ErrFormat, kind)
	}
	return nil
}
