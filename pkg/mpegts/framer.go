package mpegts

import "bytes"

// Strides at which packets may lie: bare, with the 4-byte time code of M2TS before them, with 16 bytes of Reed-Solomon
// code after them.
const (
	stride188 = 188
	stride192 = 192
	stride204 = 204

	m2tsHeader = 4
)

// confirm is how many sync bytes in a row make packets out of bytes once sync was lost, as far as bytes are there to
// look at.
const confirm = 3

// nearby is how many bytes of junk may lie between packets for the stride before to be believed sooner.
const nearby = 8 * stride204

// pendingMax holds what may have to be kept from one Push for the next: enough for confirm packets of any stride.
const pendingMax = (confirm + 1) * stride204

// FramerStats are counts since the start.
type FramerStats struct {
	Packets    uint64 // packets emitted
	JunkBytes  uint64 // bytes that belong to no packet
	SyncLosses uint64 // how often sync was lost after it had been found (TR 101 290 1.1)
	SyncErrors uint64 // sync bytes that were expected and not there (TR 101 290 1.2)
	PacketSize int    // 188, 192 or 204; 0 until packets were found
}

// Framer cuts a byte stream into packets. It finds sync by itself, finds it again after junk, and takes packets of 188,
// 192 and 204 bytes. A Push that is whole packets, as a datagram is, comes out at once. The zero value is ready.
type Framer struct {
	pending [pendingMax]byte
	n       int // bytes in pending; with sync they begin with a packet
	synced  bool
	stats   FramerStats
	quiet   bool // the loss of sync has been counted
	since   int  // junk bytes since the last packet
}

// Stats returns the counts so far. Bytes that still wait for the rest of their packet are not in them.
func (f *Framer) Stats() FramerStats { return f.stats }

// Push takes the next bytes and calls emit for each packet that is complete. The packet is valid during the call and
// may be written to.
func (f *Framer) Push(b []byte, emit func(Packet)) {
	for f.n > 0 && len(b) > 0 {
		if f.synced && f.fresh(b) {
			f.junk(f.n)
			f.n = 0
			break
		}
		b = f.refill(b, emit)
	}
	if len(b) > 0 {
		if !f.synced && f.stats.PacketSize%stride188 == 0 && len(b)%Size == 0 && row(b, 0, Size) == len(b)/Size {
			f.stats.PacketSize, f.synced = stride188, true // a datagram: whole packets and nothing else
		}
		rest := b[f.consume(b, false, emit):]
		f.n = copy(f.pending[:], rest)
	}
}

// Flush takes what is left as the end of the stream: whole packets come out, a cut one is junk.
func (f *Framer) Flush(emit func(Packet)) {
	used := f.consume(f.pending[:f.n], true, emit)
	if rest := f.n - used; rest > 0 && !(f.stats.PacketSize == stride192 && rest == m2tsHeader) {
		f.junk(rest)
	}
	f.n = 0
}

// fresh tells that b begins a row of packets of its own while pending, a cut packet, does not go on in it.
func (f *Framer) fresh(b []byte) bool {
	size := f.stats.PacketSize
	need := size - f.n
	if size != stride188 || len(b)%size != 0 || need <= 0 || (need < len(b) && b[need] == syncByte) {
		return false
	}
	return row(b, 0, size) == len(b)/size
}

// refill moves bytes of b behind the pending ones until those can be consumed, and returns the rest of b.
func (f *Framer) refill(b []byte, emit func(Packet)) []byte {
	before := f.n
	want := pendingMax - f.n
	if f.synced {
		want = min(want, f.stats.PacketSize-f.n%f.stats.PacketSize)
	}
	took := copy(f.pending[f.n:f.n+want], b)
	f.n += took
	used := f.consume(f.pending[:f.n], false, emit)
	if used >= before { // all that was pending is dealt with: go on in the caller's bytes
		f.n = 0
		return b[used-before:]
	}
	copy(f.pending[:], f.pending[used:f.n])
	f.n -= used
	return b[took:]
}

// consume emits packets from b and returns how many bytes are dealt with.
func (f *Framer) consume(b []byte, end bool, emit func(Packet)) int {
	pos := 0
	for pos < len(b) {
		if !f.synced {
			at, ok := f.search(b[pos:], end)
			f.junk(at)
			pos += at
			if !ok {
				return pos
			}
		}
		pos += f.run(b[pos:], end, emit)
		if f.synced {
			return pos
		}
	}
	return pos
}

// run emits packets while sync holds and returns how many bytes they took.
func (f *Framer) run(b []byte, end bool, emit func(Packet)) int {
	size, pos := f.stats.PacketSize, 0
	for pos+Size <= len(b) && (pos+size <= len(b) || end) {
		if b[pos] != syncByte {
			if f.single(b, pos) {
				pos += size
				continue
			}
			f.lose()
			return pos
		}
		emit(Packet(b[pos : pos+Size : pos+Size]))
		f.stats.Packets++
		f.quiet, f.since = false, 0
		pos = min(pos+size, len(b))
	}
	if pos < len(b) && b[pos] != syncByte {
		f.lose()
	}
	return pos
}

// single deals with one damaged sync byte between good ones: that packet is junk, but sync is kept.
func (f *Framer) single(b []byte, pos int) bool {
	size := f.stats.PacketSize
	if n := row(b, pos+size, size); n < confirm-1 && (n == 0 || pos+(n+1)*size < len(b)) {
		return false
	}
	f.stats.SyncErrors++
	f.junk(size)
	return true
}

func (f *Framer) lose() {
	f.synced = false
	f.stats.SyncErrors++
	if !f.quiet {
		f.stats.SyncLosses++
		f.quiet = true
	}
}

// search looks for the next packet: a sync byte that enough others follow at one stride. ok is false if bytes are
// missing to tell; at is then how many bytes surely are junk.
func (f *Framer) search(b []byte, end bool) (at int, ok bool) {
	for at < len(b) {
		i := bytes.IndexByte(b[at:], syncByte)
		if i < 0 {
			return len(b), false
		}
		at += i
		size, found := f.stride(b, at, end)
		if found {
			f.stats.PacketSize, f.synced = size, true
			if f.stats.Packets == 0 && size == stride192 { // the time code of the first packet is no junk
				f.junk(-min(m2tsHeader, int(f.stats.JunkBytes)+at))
			}
			return at, true
		}
		if size == 0 { // undecided
			return at, false
		}
		at++
	}
	return at, false
}

// stride is the distance at which sync bytes follow the one at b[at]. Without one it is 0 if more bytes could still
// tell, and negative if at begins no packet.
func (f *Framer) stride(b []byte, at int, end bool) (size int, found bool) {
	sizes := [...]int{stride188, stride192, stride204}
	undecided := false
	for _, s := range f.preferred(sizes) {
		n := row(b, at, s)
		rest := len(b) - at
		switch {
		case n >= confirm:
			return s, true
		case f.stats.PacketSize == s && n >= 2 && f.since < nearby: // short runs between junk: two are enough there
			return s, true
		case end && rest >= Size && n*s >= rest-s:
			return s, true
		case !end && n*s >= rest:
			undecided = true
		}
	}
	if undecided {
		return 0, false
	}
	return -1, false
}

// preferred puts the stride that was found before in front.
func (f *Framer) preferred(sizes [3]int) [3]int {
	for i, s := range sizes {
		if s == f.stats.PacketSize {
			sizes[0], sizes[i] = sizes[i], sizes[0]
		}
	}
	return sizes
}

// row counts sync bytes in b from at on, size apart.
func row(b []byte, at, size int) (n int) {
	for ; at < len(b) && b[at] == syncByte; at += size {
		n++
	}
	return n
}

func (f *Framer) junk(n int) {
	f.stats.JunkBytes += uint64(n)
	f.since += n
}
