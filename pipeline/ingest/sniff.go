package ingest

const (
	syncByte      = 0x47
	packetSize    = 188
	rtpVersion    = 2
	rtpHeader     = 12
	payloadTypeTS = 33 // RFC 3551: MP2T
)

// looksLikeRTP tells a datagram of RTP with MPEG-TS from bare TS.
func looksLikeRTP(b []byte) bool {
	return len(b) > rtpHeader && b[0]>>6 == rtpVersion && b[1]&0x7F == payloadTypeTS
}

// sizes are the packet sizes that TS comes in: plain, with a time stamp before (M2TS), with parity behind (DVB).
var sizes = [...]int{packetSize, 192, 204}

// wholePackets tells whether a payload is a whole number of TS packets of one size. One sync byte at its place is
// enough, since damaged packets among good ones are for the framer to count.
func wholePackets(b []byte) bool {
	for _, size := range sizes {
		offset := 0
		if size == 192 {
			offset = 4
		}
		if len(b)%size != 0 {
			continue
		}
		for at := offset; at < len(b); at += size {
			if b[at] == syncByte {
				return true
			}
		}
	}
	return false
}

// enoughSync is how many packets in a row make TS out of a datagram that is not TS from end to end.
const enoughSync = 3

// hasTS tells whether sync bytes are found in b at the distance of TS packets, wherever they begin: at least two up to
// its end, or enoughSync with something else behind them, or one at the beginning of a single packet.
func hasTS(b []byte) bool {
	if wholePackets(b) {
		return true
	}
	for _, size := range sizes {
		for offset := range max(0, len(b)-size) {
			if b[offset] != syncByte {
				continue
			}
			if n := row(b, offset, size); n >= enoughSync || n > 1 && offset+n*size >= len(b) {
				return true
			}
		}
	}
	return false
}

// row counts the sync bytes that stand at offset and every size bytes from there.
func row(b []byte, offset, size int) (n int) {
	for ; offset < len(b) && b[offset] == syncByte; offset += size {
		n++
	}
	return n
}
