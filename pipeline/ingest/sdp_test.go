package ingest_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onair/pipeline/ingest"
)

// TestSDPWithAPortInUse: what one port has brought meanwhile is given up, without a socket left behind, until the other
// one is free.
func TestSDPWithAPortInUse(t *testing.T) {
	video, sound := freePort(t), freePort(t)
	name := filepath.Join(t.TempDir(), "studio.sdp")
	text := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"+
		"m=video %d RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=audio %d RTP/AVP 97\r\na=rtpmap:97 OPUS/48000/2\r\n", video, sound)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.ListenPacket("udp", fmt.Sprintf(":%d", sound))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	before := entries(t, "/proc/self/fd")
	r := newRig(t, ingest.InputConfig{}, "sdp:"+name)
	conn := dial(t, fmt.Sprintf("127.0.0.1:%d", video))
	r.until("it is told", func(s ingest.InputStats) bool {
		_, _ = conn.Write([]byte("not RTP")) // while it is opened and given up, and opened again
		l := s.Legs[0]
		return l.State == ingest.Failed && strings.Contains(l.Error, fmt.Sprintf("port %d: cannot open the port: address already in use", sound))
	})
	if n := entries(t, "/proc/self/fd"); n > before+2 {
		t.Errorf("descriptors grew from %d to %d", before, n)
	}
	taken.Close()
	r.until("it is open", func(s ingest.InputStats) bool { return s.Legs[0].State == ingest.Listening })
	r.stop()
}
