package fmp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Frame is one coded frame. DTS and PTS are in units of the header's timescale, as in the file (tfdt plus durations,
// plus composition offset); they may be negative for an encoder's priming.
type Frame struct {
	DTS, PTS int64
	Sync     bool
	Data     []byte // owned by the receiver
}

// Reader takes frames out of a one-track fragmented MP4, as FFmpeg writes it with frag_every_frame. It reads exactly
// what it needs and never ahead: a frame is handed over as soon as its last byte is in, and its data is read straight
// into the buffer that the receiver gets.
type Reader struct {
	r      io.Reader
	header *Header
	err    error // sticky
	small  []byte
	frag   fragment
	mdat   []byte // payload of the mdat of frag
	lead   int64  // offset of mdat from the start of its moof
	next   int    // index in frag.samples
}

// NewReader returns a Reader of r. It reads nothing yet.
func NewReader(r io.Reader) *Reader { return &Reader{r: r, small: make([]byte, 0, 512)} }

// Header reads up to the end of the moov (FFmpeg's delay_moov: directly before the first moof) and returns it; later
// calls return the same. io.EOF: the writer ended before it wrote anything of use. io.ErrUnexpectedEOF (wrapped): it
// ended inside a box. ErrFormat (wrapped): these are no bytes of a fragmented one-track MP4.
func (r *Reader) Header() (Header, error) {
	if r.header == nil && r.err == nil {
		r.err = r.readHeader()
	}
	if r.header == nil {
		return Header{}, r.err
	}
	return *r.header, nil
}

// Next returns the next frame. io.EOF means a clean end at a box boundary; io.ErrUnexpectedEOF (wrapped) that the
// writer died inside a box; ErrFormat (wrapped) that the bytes make no sense. Errors are final.
func (r *Reader) Next() (Frame, error) {
	if _, err := r.Header(); err != nil {
		return Frame{}, err
	}
	for r.err == nil && r.next == len(r.frag.samples) {
		r.err = r.readFragment()
	}
	if r.err != nil {
		return Frame{}, r.err
	}
	s := &r.frag.samples[r.next]
	from := s.offset - r.lead
	to := from + int64(s.size)
	if from < 0 || to > int64(len(r.mdat)) {
		r.err = fmt.Errorf("%w: a frame lies outside its mdat", ErrFormat)
		return Frame{}, r.err
	}
	r.next++
	return Frame{DTS: s.dts, PTS: s.dts + int64(s.cto), Sync: s.sync, Data: r.mdat[from:to:to]}, nil
}

func (r *Reader) readHeader() error {
	var ftyp []byte
	for {
		kind, size, err := r.readBoxHeader()
		if err != nil {
			return err
		}
		switch string(kind[:]) {
		case "ftyp", "moov":
			body, err := r.readSmall(kind, size, maxHeader)
			if err != nil {
				return err
			}
			whole := appendBox(nil, kind, body)
			if string(kind[:]) == "ftyp" {
				ftyp = whole
				continue
			}
			h, err := ParseInit(append(ftyp, whole...))
			if err != nil {
				return err
			}
			r.header, r.frag.trex = &h, h.trex
			return nil
		case "moof", "mdat":
			return fmt.Errorf("%w: %q before moov", ErrFormat, name(kind))
		default:
			if err := r.skip(kind, size); err != nil {
				return err
			}
		}
	}
}

// readFragment reads up to the end of the next mdat that belongs to a moof.
func (r *Reader) readFragment() error {
	kind, size, err := r.readBoxHeader()
	if err != nil {
		return err
	}
	if string(kind[:]) != "moof" {
		if string(kind[:]) == "moov" {
			return fmt.Errorf("%w: second moov", ErrFormat)
		}
		return r.skip(kind, size)
	}
	body, err := r.readSmall(kind, size, maxMoof)
	if err != nil {
		return err
	}
	if err := r.frag.parse(body, size+8); err != nil {
		r.frag.samples = r.frag.samples[:0]
		return err
	}
	r.next = 0
	moof := int64(size + 8)
	kind, size, err = r.readBoxHeader()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("reading mdat: %w", err)
	}
	if string(kind[:]) != "mdat" || size > maxMdat {
		return fmt.Errorf("%w: %q of %d bytes after moof, want mdat", ErrFormat, name(kind), size)
	}
	r.lead = moof + 8
	r.mdat, err = r.readMdat(size)
	return err
}

// readMdat reads a payload into memory of its own.
func (r *Reader) readMdat(size int) ([]byte, error) {
	const trusted = 8 << 20 // beyond any real frame, so a lying size costs no more than this
	b := make([]byte, min(size, trusted))
	n := 0
	for {
		m, err := io.ReadFull(r.r, b[n:])
		n += m
		if err != nil {
			return nil, fmt.Errorf("reading mdat, %d of %d bytes came: %w", n, size, cut(err))
		}
		if n == size {
			return b, nil
		}
		more := min(size-n, n)
		b = slices.Grow(b, more)[:n+more]
	}
}

// readBoxHeader returns the kind and the size of the body of the next box. io.EOF only at a box boundary.
func (r *Reader) readBoxHeader() (kind [4]byte, size int, err error) {
	b := r.small[:8]
	if _, err := io.ReadFull(r.r, b); err != nil {
		if errors.Is(err, io.EOF) {
			return kind, 0, io.EOF
		}
		return kind, 0, fmt.Errorf("reading a box header: %w", err)
	}
	kind = [4]byte(b[4:8])
	n := binary.BigEndian.Uint32(b)
	if n < 8 || n > maxMdat+8 {
		return kind, 0, fmt.Errorf("%w: box %q of %d bytes", ErrFormat, name(kind), n)
	}
	return kind, int(n) - 8, nil
}

// readSmall reads a body into the scratch buffer; it is valid until the next read.
func (r *Reader) readSmall(kind [4]byte, size, limit int) ([]byte, error) {
	if size > limit {
		return nil, fmt.Errorf("%w: box %q of %d bytes", ErrFormat, name(kind), size+8)
	}
	if cap(r.small) < size {
		r.small = make([]byte, 0, size)
	}
	b := r.small[:size]
	if _, err := io.ReadFull(r.r, b); err != nil {
		return nil, fmt.Errorf("reading box %q: %w", name(kind), cut(err))
	}
	return b, nil
}

func (r *Reader) skip(kind [4]byte, size int) error {
	if _, err := io.CopyN(io.Discard, r.r, int64(size)); err != nil {
		return fmt.Errorf("skipping box %q: %w", name(kind), cut(err))
	}
	return nil
}

// cut turns an end of file inside a box into io.ErrUnexpectedEOF.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func appendBox(dst []byte, kind [4]byte, body []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(body)+8))
	dst = append(dst, kind[:]...)
	return append(dst, body...)
}
