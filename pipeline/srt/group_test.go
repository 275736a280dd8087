package srt_test

import (
	"encoding/binary"
	"net"
	"slices"
	"testing"
	"time"

	"onair/pipeline/srt"
)

// Parts of SRT's handshake (draft-sharabayko-srt-01 §3.2.1).
const (
	induction  = 1
	conclusion = 0xffffffff
	group      = 8 // SRT_CMD_GROUP
)

// handshake is a packet of a caller's.
func handshake(version, fields, kind, cookie uint32, extensions ...uint32) []byte {
	words := []uint32{
		0x80000000, 0, 0, 0, // control packet of type 0, for socket 0
		version, fields, 77, 1500, 8192, kind, 0x2345678, cookie, 0x0100007f, 0, 0, 0,
	}
	var b []byte
	for _, w := range append(words, extensions...) {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}

// exchange sends a packet and reads the answer: its type of handshake, cookie and the types of its extensions.
func exchange(t *testing.T, c net.Conn, b []byte) (kind, cookie uint32, extensions []uint16) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 1500)
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, err := c.Read(answer)
	if err != nil || n < 64 {
		t.Fatalf("%d bytes, %v", n, err)
	}
	for rest := answer[64:n]; len(rest) >= 4; {
		extensions = append(extensions, binary.BigEndian.Uint16(rest))
		rest = rest[min(len(rest), 4+4*int(binary.BigEndian.Uint16(rest[2:]))):]
	}
	return binary.BigEndian.Uint32(answer[36:]), binary.BigEndian.Uint32(answer[44:]), extensions
}

// TestBondedCaller: this libsrt is built without socket groups, and so is Debian's. To a caller of a group it answers as
// to any other, without the group's extension; from that a bonded caller of libsrt sees that there are no groups here,
// and gives up by itself (SRT_REJ_GROUP: that of libsrt 1.5.4 does within 20 ms). The hook that judges callers is not told
// of the extension, so nothing can be refused there. What it leaves behind does not keep the next caller out.
func TestBondedCaller(t *testing.T) {
	s := serve(t, "srt://127.0.0.1:1?mode=listener", nil)
	const (
		withExtension = 1 | 4 // HSREQ and CONFIG
		flags         = 0xbf
		number        = 0x40000000 | 0x1234567
	)
	for name, extension := range map[string][]uint32{ // number, then type, flags and weight
		"broadcast group": {group<<16 | 2, number, 1 << 24},
		"backup group":    {group<<16 | 2, number, 2<<24 | 50},
		"no group":        nil,
		"damaged":         {group<<16 | 200, number},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("udp", s.url.HostPort())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			kind, cookie, _ := exchange(t, conn, handshake(4, 2, induction, 0))
			if kind != induction || cookie == 0 {
				t.Fatalf("answer of type %d, cookie %#x", kind, cookie)
			}
			extensions := append([]uint32{1<<16 | 3, 0x010500, flags, 120<<16 | 120}, extension...)
			kind, _, got := exchange(t, conn, handshake(5, withExtension, conclusion, cookie, extensions...))
			refused := kind >= 1000 && kind != conclusion
			if (kind != conclusion && !refused) || slices.Contains(got, group) {
				t.Errorf("answer of type %d with extensions %v", kind, got)
			}
		})
	}
	conn, err := srt.Dial(t.Context(), parse(t, "srt://127.0.0.1:1", s.url.Port))
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}
