package rtsp_test

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"onair/pipeline/rtsp"
	"onair/pkg/tick"
)

const studio = `v=0
o=- 0 0 IN IP4 127.0.0.1
s=studio
c=IN IP4 127.0.0.1
t=0 0
m=audio 5006 RTP/AVP 97
a=rtpmap:97 MPEG4-GENERIC/48000/2
a=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3; config=1190
m=video 5004 RTP/AVP 96
c=IN IP4 239.1.2.3/16
a=rtcp:6000
a=source-filter: incl IN IP4 239.1.2.3 192.0.2.9
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1
m=application 5008 RTP/AVP 98
a=rtpmap:98 smpte336m/90000
`

// newSession makes one whose arrivals are told by *now.
func newSession(t testing.TB, text string, now *tick.Tick) (*rtsp.Session, *seen, error) {
	t.Helper()
	s := newSeen()
	out := s.output()
	out.Now = func() tick.Tick { return *now }
	session, err := rtsp.NewSession([]byte(strings.ReplaceAll(text, "\n", "\r\n")), out)
	return session, s, err
}

func TestSessionEndpoints(t *testing.T) {
	t.Parallel()
	now := tick.Second
	session, s, err := newSession(t, studio, &now)
	if err != nil {
		t.Fatal(err)
	}
	want := []rtsp.Endpoint{
		{Group: netip.MustParseAddr("239.1.2.3"), Source: netip.MustParseAddr("192.0.2.9"), Port: 5004, Control: 6000},
		{Port: 5006, Control: 5007},
	}
	for i, e := range session.Endpoints() {
		if i >= len(want) || e != want[i] {
			t.Errorf("stream %d: %+v", i, e)
		}
	}
	if len(s.notes) != 1 || !strings.Contains(s.notes[0], "smpte336m") {
		t.Errorf("notes %q", s.notes)
	}
}

func TestSessionRefuses(t *testing.T) {
	t.Parallel()
	now := tick.Second
	for text, want := range map[string]string{
		"":                  "not a",
		"hello\n":           "not a session description",
		"v=0\ns=x\nt=0 0\n": "no media",
		strings.ReplaceAll(studio, "m=video 5004", "m=video 0"):             "has no port",
		"v=0\ns=x\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 AV1/90000\n": "none of its streams can be used (AV1)",
	} {
		if _, _, err := newSession(t, text, &now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: %v, want ...%s...", text, err, want)
		}
	}
}

// packet is a datagram of a stream.
func packet(t testing.TB, kind uint8, seq uint16, stamp uint32, payload string, marker bool) []byte {
	t.Helper()
	b, err := hex.DecodeString(payload)
	if err != nil {
		t.Fatal(err)
	}
	p := rtp.Packet{Payload: b, Header: rtp.Header{
		Version: 2, PayloadType: kind, SequenceNumber: seq, Timestamp: stamp, Marker: marker, SSRC: uint32(kind),
	}}
	out, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSessionOrdersAndAligns(t *testing.T) {
	t.Parallel()
	now := 100 * tick.Second
	session, s, err := newSession(t, studio, &now)
	if err != nil {
		t.Fatal(err)
	}
	report := func(i int, ssrc uint32, after time.Duration, stamp uint32) {
		at := uint64(3_900_000_000)<<32 + uint64(after)<<32/uint64(time.Second)
		b, err := (&rtcp.SenderReport{SSRC: ssrc, NTPTime: at, RTPTime: stamp}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		session.RTCP(i, b)
	}
	picture := func(n int) { session.RTP(0, packet(t, 96, uint16(n), uint32(n)*3600, "6588840010", true)) }
	sound := func(n int) { session.RTP(1, packet(t, 97, uint16(n), uint32(n)*1024, "0010001821ffee", true)) }
	picture(0)
	report(0, 96, 0, 0)
	report(1, 97, 250*time.Millisecond, 0) // sound of stamp 0 was taken a quarter of a second later
	report(1, 4711, time.Hour, 0)          // of nobody who sends
	for i, n := range []int{1, 3, 2, 4, 6, 7} {
		now += 40 * tick.Millisecond
		picture(n)
		sound(i)
	}
	now += 200 * tick.Millisecond
	session.Tick(0)
	session.RTP(0, []byte("not RTP"))
	session.RTP(0, packet(t, 33, 1, 1, "47", false))
	session.RTCP(1, []byte{1})
	base := s.pes[256][0]
	for i, n := range []uint64{0, 1, 2, 3, 4, 6, 7} {
		if i >= len(s.pes[256]) || s.pes[256][i] != base+n*3600 {
			t.Fatalf("pictures at %v", s.pes[256])
		}
	}
	if len(s.pes[257]) != 6 || s.pes[257][0] != base+250*90 || s.pes[257][1] != base+250*90+1920 {
		t.Errorf("sound at %v, pictures from %d", s.pes[257], base)
	}
	if s.lost != 1 || len(s.damaged) != 3 {
		t.Errorf("%d lost, damaged %q", s.lost, s.damaged)
	}
}

// TestSessionCutsPictures: pictures of several packets, with the last one marked, unmarked or lost.
func TestSessionCutsPictures(t *testing.T) {
	t.Parallel()
	now := 100 * tick.Second
	session, s, err := newSession(t, studio, &now)
	if err != nil {
		t.Fatal(err)
	}
	const begin, middle, end, alone = "7c85880102", "7c05030405", "7c45060708", "6188840010"
	seq := uint16(65_530)
	put := func(stamp uint32, payload string, marker, lost bool) {
		if !lost {
			session.RTP(0, packet(t, 96, seq, stamp, payload, marker))
		}
		seq++
		now += 60 * tick.Millisecond
		session.Tick(0)
	}
	for i, c := range []struct{ unmarked, lost bool }{{}, {unmarked: true}, {}, {lost: true}, {}, {unmarked: true}} {
		stamp := uint32(i) * 3600
		put(stamp, begin, false, false)
		put(stamp, middle, false, c.lost)
		put(stamp, end, false, false)
		put(stamp, alone, !c.unmarked, false)
	}
	put(6*3600, alone, true, false)
	var steps []uint64
	for _, pts := range s.pes[256] {
		steps = append(steps, (pts-s.pes[256][0])/3600)
	}
	if got := fmt.Sprint(steps); got != "[0 1 2 3 4 5 6]" {
		t.Errorf("pictures %s", got)
	}
	if s.lost != 1 || len(s.damaged) == 0 {
		t.Errorf("%d lost, damaged %q", s.lost, s.damaged)
	}
}

func FuzzSession(f *testing.F) {
	f.Add(studio, []byte{})
	f.Add(studio, []byte("\x00\x10"+"\x80\x60\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x7c\x85\x88\x01"))
	f.Add("v=0\ns=x\nt=0 0\nm=audio 9 RTP/AVP 14\nm=audio 9 RTP/AVP 96\na=rtpmap:96 MP4A-LATM/48000\na=fmtp:96 config=400023203fc0\n",
		[]byte("\x01\x0d\x80\x60\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x02"))
	f.Add("v=0\ns=x\nt=0 0\nm=video 9 RTP/AVP 96\na=rtpmap:96 H265/90000\nm=audio 9 RTP/AVP 97\na=rtpmap:97 opus/48000/2\n", []byte{1, 2})
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		now := tick.Second
		session, _, err := newSession(t, text, &now)
		if err != nil {
			return
		}
		streams := len(session.Endpoints())
		for len(data) >= 2 {
			i, n := int(data[0]&0x7F)%streams, min(int(data[1]), len(data)-2)
			now += 10 * tick.Millisecond
			if data[0]&0x80 != 0 {
				session.RTCP(i, data[2:2+n])
			} else {
				session.RTP(i, data[2:2+n])
			}
			session.Tick(i)
			data = data[2+n:]
		}
	})
}
