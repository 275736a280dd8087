package rtsp

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/sdp"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"onair/pkg/merge"
	"onair/pkg/tick"
)

// reordering is how long a packet may come later than one after it.
const reordering = 100 * tick.Millisecond

// Endpoint is where one stream of a session comes.
type Endpoint struct {
	Group   netip.Addr // the multicast group; zero: unicast, to whatever address of this host
	Source  netip.Addr // the one sender of a source-specific group; zero: any
	Port    uint16     // of the media
	Control uint16     // of RTCP
}

// Session receives the streams of a session description from sockets that the caller has.
type Session struct {
	receiver  *receiver
	endpoints []Endpoint
	lines     []*line
	out       Output
}

// line puts one stream's packets in order.
type line struct {
	mu     sync.Mutex
	merger *merge.Merger
}

// NewSession reads a session description (RFC 8866) and chooses among its streams.
func NewSession(text []byte, out Output) (*Session, error) {
	text = bytes.TrimPrefix(text, []byte("SDP:\n")) // what FFmpeg prints before it
	var raw sdp.SessionDescription
	if err := raw.Unmarshal(text); err != nil {
		return nil, fmt.Errorf("not a session description: %w", err)
	}
	var desc description.Session
	if err := desc.Unmarshal(&raw); err != nil {
		return nil, fmt.Errorf("not a usable session description: %w", err)
	}
	r, err := newReceiver(&desc, out)
	if err != nil {
		return nil, err
	}
	s := &Session{receiver: r, out: out}
	for i, st := range r.streams {
		e, err := endpoint(&raw, &desc, st.media)
		if err != nil {
			return nil, err
		}
		s.endpoints = append(s.endpoints, e)
		l := &line{}
		ordered := func(b []byte, lost int) { s.ordered(i, b, lost) }
		l.merger, err = merge.New(merge.Config{Legs: 1, Window: reordering, Out: ordered})
		if err != nil {
			return nil, err
		}
		s.lines = append(s.lines, l)
	}
	return s, nil
}

// endpoint finds a media's address and ports.
func endpoint(raw *sdp.SessionDescription, desc *description.Session, m *description.Media) (e Endpoint, err error) {
	for i := range desc.Medias {
		if desc.Medias[i] != m {
			continue
		}
		md := raw.MediaDescriptions[i]
		if md.MediaName.Port.Value < 1 || md.MediaName.Port.Value > 65534 {
			return e, fmt.Errorf("media %d has no port: allowed are 1 to 65534", i+1)
		}
		e.Port = uint16(md.MediaName.Port.Value)
		e.Control = e.Port + 1
		conn := md.ConnectionInformation
		if conn == nil {
			conn = raw.ConnectionInformation
		}
		if conn != nil && conn.Address != nil {
			address, _, _ := strings.Cut(conn.Address.Address, "/")
			if a, err := netip.ParseAddr(address); err == nil && a.IsMulticast() {
				e.Group = a
			}
		}
		for _, a := range slices.Concat(raw.Attributes, md.Attributes) {
			e.attribute(a.Key, a.Value)
		}
	}
	return e, nil
}

// attribute takes what an attribute says about where a media comes: rtcp (RFC 3605), source-filter (RFC 4570).
func (e *Endpoint) attribute(key, value string) {
	words := strings.Fields(value)
	switch {
	case key == "rtcp" && len(words) > 0:
		if port, err := strconv.ParseUint(words[0], 10, 16); err == nil && port > 0 {
			e.Control = uint16(port)
		}
	case key == "source-filter" && len(words) == 5 && words[0] == "incl" && e.Group.IsValid():
		if a, err := netip.ParseAddr(words[4]); err == nil && a.Is4() == e.Group.Is4() {
			e.Source = a
		}
	}
}

// Endpoints are where the streams come, in the order of their numbers.
func (s *Session) Endpoints() []Endpoint { return s.endpoints }

// RTP takes a datagram of the media of a stream. Different streams may be brought by different goroutines.
func (s *Session) RTP(i int, b []byte) {
	var h rtp.Header
	n, err := h.Unmarshal(b)
	if err != nil || h.Version != 2 || n >= len(b) {
		s.out.Damaged("a datagram that is not RTP")
		return
	}
	if h.PayloadType != s.receiver.streams[i].format.PayloadType() {
		s.out.Damaged(fmt.Sprintf("RTP with payload type %d, which the session description does not have", h.PayloadType))
		return
	}
	l := s.lines[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	l.merger.Push(0, merge.Packet{Seq: h.SequenceNumber, Timestamp: h.Timestamp, SSRC: h.SSRC, Payload: b}, s.out.Now())
}

// Tick gives up packets of a stream that were waited for long enough.
func (s *Session) Tick(i int) {
	l := s.lines[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	l.merger.Tick(s.out.Now())
}

// ordered takes a datagram of a stream in order.
func (s *Session) ordered(i int, b []byte, lost int) {
	if lost > 0 {
		s.out.Lost(lost)
	}
	p := &rtp.Packet{}
	if p.Unmarshal(bytes.Clone(b)) == nil { // decoders keep pieces of it
		s.receiver.rtp(i, p)
	}
}

// RTCP takes a datagram of the control channel of a stream.
func (s *Session) RTCP(i int, b []byte) {
	packets, err := rtcp.Unmarshal(b)
	if err != nil {
		s.out.Damaged("a datagram that is not RTCP")
		return
	}
	for _, p := range packets {
		s.receiver.rtcp(i, p)
	}
}
