package rtmp

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Limits of a chunk stream.
const (
	firstChunkSize = 128     // bytes, until told otherwise (§5.4.1)
	maxChunkSize   = 1 << 24 // one larger than a message can be says nothing more
	maxStreams     = 64      // chunk streams that a sender may use
	extended       = 0xFFFFFF
	step           = 64 << 10 // by which the memory for a message grows as it comes
)

// Reader puts messages together from chunks (§5.3). It takes no more memory than has come, and no more than twice the
// limit: what is declared is not believed.
type Reader struct {
	in      *bufio.Reader
	counted *counter
	limit   int // bytes of all messages that are not complete
	chunk   int
	streams map[uint32]*assembly
	pending int // bytes of messages that are not complete
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n uint64
}

// Read counts what it brings.
func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += uint64(n)
	return n, err
}

// assembly is a chunk stream: the header of its last message, and the message that is coming.
type assembly struct {
	kind      Type
	stream    uint32
	size      int
	timestamp uint32
	delta     uint32 // what a chunk of type 3 adds when it begins a message
	extended  bool   // the timestamp of the last header was an extended one
	field     uint32 // that timestamp, as it was sent
	begun     bool   // a header has come
	open      bool   // a message has begun and is not complete
	body      []byte
}

// NewReader reads chunks from r. No message may have more bytes than limit, nor may all incomplete ones together.
func NewReader(r io.Reader, limit int) *Reader {
	c := &counter{r: r}
	const buffer = 16 << 10
	return &Reader{
		in: bufio.NewReaderSize(c, buffer), counted: c, limit: limit, chunk: firstChunkSize, streams: map[uint32]*assembly{},
	}
}

// SetLimit changes the limit.
func (r *Reader) SetLimit(bytes int) { r.limit = bytes }

// Received is how many bytes have come, headers included (§5.4.3).
func (r *Reader) Received() uint64 { return r.counted.n }

// Next waits for a message. SetChunkSize and Abort are obeyed and not returned. Errors are those of the connection, or
// ErrProtocol; after either there is no going on.
func (r *Reader) Next() (Message, error) {
	for {
		a, err := r.chunkOf()
		if err != nil {
			return Message{}, err
		}
		if a == nil {
			continue
		}
		m := Message{Type: a.kind, Timestamp: a.timestamp, Stream: a.stream, Body: a.body}
		switch m.Type {
		case SetChunkSize:
			n, ok := m.Number()
			if !ok || n == 0 || n > 1<<31-1 {
				return Message{}, fmt.Errorf("%w: chunk size %d", ErrProtocol, n)
			}
			r.chunk = int(min(n, maxChunkSize))
		case Abort:
			if n, ok := m.Number(); ok && r.streams[n] != nil {
				r.drop(r.streams[n])
			}
		default:
			return m, nil
		}
	}
}

// drop forgets what has come of a message.
func (r *Reader) drop(a *assembly) {
	if a.open {
		r.pending -= len(a.body)
	}
	a.open, a.body = false, a.body[:0]
}

// chunkOf reads one chunk. It returns the chunk stream whose message it completes, or nil.
func (r *Reader) chunkOf() (*assembly, error) {
	format, id, err := r.basicHeader()
	if err != nil {
		return nil, err
	}
	a := r.streams[id]
	if a == nil {
		if len(r.streams) >= maxStreams {
			return nil, fmt.Errorf("%w: more than %d chunk streams", ErrProtocol, maxStreams)
		}
		a = &assembly{}
		r.streams[id] = a
	}
	if err := r.header(a, format); err != nil {
		return nil, err
	}
	if err := r.payload(a, min(r.chunk, a.size-len(a.body))); err != nil {
		return nil, err
	}
	if len(a.body) < a.size {
		return nil, nil
	}
	a.open = false
	r.pending -= len(a.body)
	return a, nil
}

// basicHeader is the format of the message header and the id of the chunk stream (§5.3.1.1).
func (r *Reader) basicHeader() (format uint8, id uint32, err error) {
	first, err := r.in.ReadByte()
	if err != nil {
		return 0, 0, err
	}
	const shortest, inOne, inTwo = 64, 0, 1
	switch id = uint32(first & 0x3F); id {
	case inOne:
		b, err := r.fixed(1)
		return first >> 6, shortest + b, err
	case inTwo:
		b, err := r.fixed(2)
		return first >> 6, shortest + b>>8 + b&0xFF<<8, err
	}
	return first >> 6, id, nil
}

// fixed is a big-endian number of n bytes, at most 4.
func (r *Reader) fixed(n int) (uint32, error) {
	var b [4]byte
	if _, err := io.ReadFull(r.in, b[4-n:]); err != nil {
		return 0, cut(err)
	}
	return binary.BigEndian.Uint32(b[:]), nil
}

// cut is an end within a chunk.
func cut(err error) error {
	if err == io.EOF { //nolint:errorlint // bufio gives it bare
		return io.ErrUnexpectedEOF
	}
	return err
}

// header reads a message header of a format (§5.3.1.2). One that comes within a message begins it anew, but for that of
// format 3.
func (r *Reader) header(a *assembly, format uint8) error {
	const full, sameStream, sameSize, same = 0, 1, 2, 3
	if !a.begun && format > sameStream { // some encoders begin with that one: the stream is 0 then
		return fmt.Errorf("%w: a chunk refers to a header that never came", ErrProtocol)
	}
	if format == same {
		return r.again(a)
	}
	r.drop(a)
	field, err := r.fixed(3)
	if err != nil {
		return err
	}
	if format <= sameStream {
		b, err := r.fixed(4)
		if err != nil {
			return err
		}
		a.size, a.kind = int(b>>8), Type(b)
	}
	if format == full {
		var b [4]byte
		if _, err := io.ReadFull(r.in, b[:]); err != nil {
			return cut(err)
		}
		a.stream = binary.LittleEndian.Uint32(b[:]) // the one field that is
	}
	if a.extended = field == extended; a.extended {
		if field, err = r.fixed(4); err != nil {
			return err
		}
	}
	a.begun, a.field, a.delta = true, field, field
	if format == full {
		a.timestamp = field
	} else {
		a.timestamp += field
	}
	return r.begin(a)
}

// again deals with a chunk without header: the message goes on, or another one like it begins.
func (r *Reader) again(a *assembly) error {
	if a.extended { // repeated there, but not by all encoders
		b, err := r.in.Peek(4)
		if err != nil {
			return cut(err)
		}
		if binary.BigEndian.Uint32(b) == a.field {
			_, _ = r.in.Discard(len(b))
		}
	}
	if a.open {
		return nil
	}
	a.timestamp += a.delta
	return r.begin(a)
}

func (r *Reader) begin(a *assembly) error {
	if a.size > r.limit {
		return fmt.Errorf("%w: a message of %d bytes, allowed are %d", ErrProtocol, a.size, r.limit)
	}
	if cap(a.body) > step { // what one large message took is not kept for small ones
		a.body = nil
	}
	a.open, a.body = true, a.body[:0]
	return nil
}

// payload reads n bytes more of a message.
func (r *Reader) payload(a *assembly, n int) error {
	if r.pending+n > r.limit {
		return fmt.Errorf("%w: incomplete messages of more than %d bytes", ErrProtocol, r.limit)
	}
	for n > 0 {
		part := min(n, step)
		from := len(a.body)
		if cap(a.body) < from+part {
			grown := make([]byte, from, min(max(2*cap(a.body), from+part), a.size))
			copy(grown, a.body)
			a.body = grown
		}
		a.body = a.body[:from+part]
		if _, err := io.ReadFull(r.in, a.body[from:]); err != nil {
			return cut(err)
		}
		r.pending += part
		n -= part
	}
	return nil
}
