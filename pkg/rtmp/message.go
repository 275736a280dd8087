// Package rtmp reads and writes the chunk stream of RTMP (Adobe's Real-Time Messaging Protocol specification 1.0).
package rtmp

import (
	"encoding/binary"
	"errors"
)

// Type says what a message holds.
type Type uint8

// The types of messages (§5.4, §7.1).
const (
	SetChunkSize   Type = 1
	Abort          Type = 2
	Ack            Type = 3
	UserControl    Type = 4
	WindowAckSize  Type = 5
	PeerBandwidth  Type = 6
	Audio          Type = 8
	Video          Type = 9
	DataAMF3       Type = 15
	CommandAMF3    Type = 17
	DataAMF0       Type = 18
	CommandAMF0    Type = 20
	Aggregate      Type = 22
	controlStream       = 2 // chunk stream of messages 1 to 6
	headerOfNested      = 11
)

// Message is one message. Its body is valid until the next one is read.
type Message struct {
	Type      Type
	Timestamp uint32 // milliseconds, wraps
	Stream    uint32 // message stream: 0, or what createStream gave
	Body      []byte
}

// ErrProtocol is the error of what is no chunk stream, or more than one may hold.
var ErrProtocol = errors.New("not RTMP")

// Control is a message of one number: SetChunkSize, Ack, WindowAckSize.
func Control(t Type, n uint32) Message {
	return Message{Type: t, Body: binary.BigEndian.AppendUint32(nil, n)}
}

// Number is the number that a message of Control holds.
func (m Message) Number() (uint32, bool) {
	if len(m.Body) < 4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(m.Body), true
}

// Nested are the messages within an Aggregate (§7.1.6), with times of their own; false if it is cut short.
func (m Message) Nested() ([]Message, bool) {
	var out []Message
	first := uint32(0)
	for b := m.Body; len(b) > 0; {
		if len(b) < headerOfNested {
			return out, false
		}
		size := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		at := uint32(b[7])<<24 | uint32(b[4])<<16 | uint32(b[5])<<8 | uint32(b[6])
		if len(out) == 0 {
			first = at
		}
		kind, body := Type(b[0]), b[headerOfNested:]
		if size > len(body) {
			return out, false
		}
		out = append(out, Message{Type: kind, Timestamp: m.Timestamp + at - first, Stream: m.Stream, Body: body[:size]})
		const backPointer = 4
		b = body[min(size+backPointer, len(body)):]
	}
	return out, true
}
