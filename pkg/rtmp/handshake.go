package rtmp

import "fmt"

// Lengths of the handshake in bytes (§5.2): a version and one block, then the block of the other one back.
const (
	BlockSize = 1536
	HelloSize = 1 + BlockSize
)

// Version is that of plain RTMP (§5.2.2).
const Version = 3

// Answer makes S0, S1 and S2 out of C0 and C1, both of HelloSize and the rest given. random fills S1. Encrypted
// variants are refused.
func Answer(hello []byte, random [BlockSize - 8]byte) ([]byte, error) {
	if len(hello) != HelloSize {
		return nil, fmt.Errorf("%w: a hello of %d bytes", ErrProtocol, len(hello))
	}
	if v := hello[0]; v != Version {
		return nil, fmt.Errorf("%w: version %d, allowed is %d (neither RTMPE nor TLS)", ErrProtocol, v, Version)
	}
	out := make([]byte, 0, HelloSize+BlockSize)
	out = append(out, Version)
	out = append(out, 0, 0, 0, 0, 0, 0, 0, 0) // time, and a version of 0: no digest is looked for
	out = append(out, random[:]...)
	return append(out, hello[1:]...), nil
}
