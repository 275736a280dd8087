package rtsp

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"onair/pkg/gate"
	"onair/pkg/leg"
	"onair/pkg/tick"
)

const (
	maxGuests     = 64 // connections of a server
	maxPerAddress = 8  // of those, from one address
	// decideWithin is how long a connection may stay without publishing. GStreamer is given its answers late, a second
	// for each stream.
	decideWithin = 20 * time.Second
)

// calls is how often connections may be begun: GStreamer begins two to publish.
var calls = gate.Config{PerSecond: 50, PerAddress: 20}

// mount is one path that is published to. Its fields are guarded by the server's mutex.
type mount struct {
	config  PublishConfig
	current *publication
	closed  bool
}

// publication is what one session publishes.
type publication struct {
	mount    *mount
	session  *gortsplib.ServerSession
	receiver *receiver
	peer     netip.AddrPort
	over     chan struct{} // closed with the session
}

// end closes the session and waits until nothing comes of it any more.
func (p *publication) end() {
	p.session.Close()
	<-p.over
}

// guest is a connection.
type guest struct {
	peer  netip.AddrPort
	timer *time.Timer // closes it unless it publishes
}

// OnConnOpen limits connections.
func (s *server) OnConnOpen(ctx *gortsplib.ServerHandlerOnConnOpenCtx) {
	peer := addrPort(ctx.Conn.NetConn().RemoteAddr())
	cause, why := s.admit(ctx.Conn, peer)
	if why == "" {
		return
	}
	ctx.Conn.Close()
	s.mu.Lock()
	paths := slices.Collect(maps.Values(s.paths))
	s.mu.Unlock()
	for _, m := range paths {
		m.config.Refused(cause, peer.Addr().String()+" "+why)
	}
}

// admit takes a connection in, or says why not.
func (s *server) admit(conn *gortsplib.ServerConn, peer netip.AddrPort) (cause gate.Cause, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.gate.Admit(peer.Addr(), tick.FromTime(time.Now())) {
		return gate.Rate, "calls too often"
	}
	same := 0
	for _, g := range s.guests {
		if g.peer.Addr() == peer.Addr() {
			same++
		}
	}
	if len(s.guests) >= maxGuests || same >= maxPerAddress {
		return gate.Sessions, "has too many connections open"
	}
	s.guests[conn] = &guest{peer: peer, timer: time.AfterFunc(decideWithin, conn.Close)}
	return "", ""
}

// OnConnClose forgets a connection.
func (s *server) OnConnClose(ctx *gortsplib.ServerHandlerOnConnCloseCtx) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.guests[ctx.Conn]; g != nil {
		g.timer.Stop()
		delete(s.guests, ctx.Conn)
	}
}

// answer is a response without a body.
func answer(status base.StatusCode) *base.Response { return &base.Response{StatusCode: status} }

// OnAnnounce judges who wants to publish what: RFC 2326 §10.3.
func (s *server) OnAnnounce(ctx *gortsplib.ServerHandlerOnAnnounceCtx) (*base.Response, error) {
	peer := addrPort(ctx.Conn.NetConn().RemoteAddr())
	s.mu.Lock()
	m := s.paths[strings.Trim(ctx.Path, "/")]
	busy := m != nil && m.current != nil
	s.mu.Unlock()
	if m == nil {
		return answer(base.StatusNotFound), nil
	}
	c := &m.config
	switch u := c.URL; {
	case c.Allow != nil && !c.Allow(peer.Addr()):
		c.Refused(gate.Address, peer.Addr().String()+" is not in allow")
		return answer(base.StatusForbidden), nil
	case u.User != "" && !ctx.Conn.VerifyCredentials(ctx.Request, u.User, string(u.Password)):
		if len(ctx.Request.Header["Authorization"]) > 0 { // the first request has none
			c.Refused(gate.Credentials, peer.String()+" has a wrong user or password")
		}
		return answer(base.StatusUnauthorized), liberrors.ErrServerAuth{}
	case busy && c.Busy():
		c.Second(peer.String())
		return answer(base.StatusServiceUnavailable), nil
	}
	r, err := newReceiver(ctx.Description, c.Output)
	if err != nil {
		c.Refused(gate.Media, peer.String()+": "+err.Error())
		return answer(base.StatusUnsupportedMediaType), nil //nolint:nilerr // the status tells the publisher
	}
	ctx.Session.SetUserData(&publication{
		mount: m, session: ctx.Session, receiver: r, peer: peer, over: make(chan struct{}),
	})
	return answer(base.StatusOK), nil
}

// of is what a session publishes; nil: nothing.
func of(session *gortsplib.ServerSession) *publication {
	p, _ := session.UserData().(*publication)
	return p
}

// OnSetup lets publishers choose their transport, and nobody play.
func (s *server) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	p := of(ctx.Session)
	if p == nil {
		return answer(base.StatusMethodNotAllowed), nil, nil
	}
	over := leg.OverUDP
	if ctx.Transport == gortsplib.TransportTCP {
		over = leg.OverTCP
	}
	if want := p.mount.config.URL.Transport; want != "" && want != over {
		return answer(base.StatusUnsupportedTransport), nil, nil
	}
	return answer(base.StatusOK), nil, nil
}

// OnRecord begins a publication unless another one is at work: RFC 2326 §10.11.
func (s *server) OnRecord(ctx *gortsplib.ServerHandlerOnRecordCtx) (*base.Response, error) {
	p := of(ctx.Session)
	if p == nil {
		return answer(base.StatusMethodNotValidInThisState), nil
	}
	c := &p.mount.config
	s.mu.Lock()
	before, closed := p.mount.current, p.mount.closed
	s.mu.Unlock()
	if before != nil && c.Busy() {
		c.Second(p.peer.String())
		return answer(base.StatusServiceUnavailable), nil
	}
	if before != nil {
		before.end()
	}
	s.mu.Lock()
	taken := p.mount.current != nil
	closed = closed || p.mount.closed
	if !taken && !closed {
		p.mount.current = p
		if g := s.guests[ctx.Conn]; g != nil {
			g.timer.Stop()
		}
	}
	s.mu.Unlock()
	switch {
	case closed:
		return answer(base.StatusNotFound), nil
	case taken: // by a third one in the meantime
		c.Second(p.peer.String())
		return answer(base.StatusServiceUnavailable), nil
	}
	p.listen()
	c.Open(p.peer)
	return answer(base.StatusOK), nil
}

// listen has the session's packets brought to the receiver.
func (p *publication) listen() {
	r := p.receiver
	for i, st := range r.streams {
		p.session.OnPacketRTP(st.media, st.format, func(pkt *rtp.Packet) { r.rtp(i, pkt) })
	}
	p.session.OnPacketRTCPAny(func(m *description.Media, pkt rtcp.Packet) {
		if i := r.index(m); i >= 0 {
			r.rtcp(i, pkt)
		}
	})
}

// OnSessionClose ends a publication.
func (s *server) OnSessionClose(ctx *gortsplib.ServerHandlerOnSessionCloseCtx) {
	p := of(ctx.Session)
	if p == nil {
		return
	}
	s.mu.Lock()
	current := p.mount.current == p
	if current {
		p.mount.current = nil
	}
	s.mu.Unlock()
	if current {
		p.mount.config.Hung()
	}
	close(p.over)
}

// OnPacketsLost counts.
func (s *server) OnPacketsLost(ctx *gortsplib.ServerHandlerOnPacketsLostCtx) {
	if p := of(ctx.Session); p != nil {
		p.mount.config.Lost(int(ctx.Lost))
	}
}

// OnDecodeError counts.
func (s *server) OnDecodeError(ctx *gortsplib.ServerHandlerOnDecodeErrorCtx) {
	if p := of(ctx.Session); p != nil {
		p.mount.config.Damaged(ctx.Error.Error())
	}
}
