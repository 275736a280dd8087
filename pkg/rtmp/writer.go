package rtmp

import "encoding/binary"

// Append writes a message behind b as chunks of the given size with full headers, on chunk stream 2 for control
// messages and 3 for others.
func Append(b []byte, m Message, chunk int) []byte {
	id := byte(3)
	if m.Type <= PeerBandwidth {
		id = controlStream
	}
	time := min(m.Timestamp, extended)
	b = append(b, id, byte(time>>16), byte(time>>8), byte(time))
	n := len(m.Body)
	b = append(b, byte(n>>16), byte(n>>8), byte(n), byte(m.Type))
	b = binary.LittleEndian.AppendUint32(b, m.Stream)
	for rest := m.Body; ; {
		if time == extended {
			b = binary.BigEndian.AppendUint32(b, m.Timestamp)
		}
		part := rest[:min(len(rest), chunk)]
		b = append(b, part...)
		if rest = rest[len(part):]; len(rest) == 0 {
			return b
		}
		const goesOn = 3 << 6
		b = append(b, goesOn|id)
	}
}
