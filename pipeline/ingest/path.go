package ingest

import (
	"context"
	"errors"
	"net/netip"
	"syscall"
	"time"

	"github.com/pion/rtp"
	"github.com/rs/zerolog"

	"onair/pipeline/srt"
	"onair/pkg/gate"
	"onair/pkg/leg"
	"onair/pkg/tick"
)

// opener receives a leg until something fails or ctx ends. It calls open when the leg is open.
type opener interface {
	receive(ctx context.Context, p *path) error
}

// path is one leg at work. Its reader goroutine writes what mu of the input does not guard.
type path struct {
	in     *Input
	index  int
	url    leg.URL
	log    zerolog.Logger
	opener opener
	packet rtp.Packet  // used again for each datagram
	fec    *repairer   // nil: none
	reopen func(error) // ends the running receive; guarded by in.mu
	wrong  repeated    // what the scheme does not promise
	refuse repeated    // who may not send
	second repeated    // who comes while another is sending

	// Guarded by in.mu.
	state     State // Failed, Listening or Connected; whether it receives is told by last
	told      State // what was last logged
	hung      bool  // the sender has ended its connection
	err       string
	peer      netip.AddrPort
	meter     meter
	connects  uint64
	last      tick.Tick
	pause     tick.Tick      // longest time between two datagrams of late
	knocked   bool           // another sender was turned away since the newest datagram
	contested tick.Tick      // when one was last turned away while the one in use went on; 0: never
	ousted    netip.AddrPort // whose place peer took after a short silence, as if it were the same one started again
	oustedAt  tick.Tick
	opened    tick.Tick
	standby   uint64
	lost      uint64 // RTP packets of elementary streams
	wrongType uint64
	gate      *gate.Gate // SRT callers
	rejected  map[gate.Cause]uint64
	foreign   uint64
	srt       *SRTStats
}

// errNotAllowed ends a connection whose sender is no longer allowed.
var errNotAllowed = errors.New("the sender's address is no longer in allow")

// NotOpen is the error of a leg before the first attempt to open it has ended.
const NotOpen = "not open yet"

// vacated is how long to wait for a port that this process itself has just closed.
const vacated = 100 * time.Millisecond

// newPath checks that a leg of that scheme can be received.
func newPath(in *Input, index int, u leg.URL) (*path, error) {
	p := &path{in: in, index: index, url: u, state: Failed, err: NotOpen, rejected: map[gate.Cause]uint64{}}
	p.log = in.config.Log.With().Str("leg", u.Redacted()).Logger()
	p.wrong = repeated{log: p.log, message: "datagrams refused"}
	p.refuse = repeated{log: p.log, message: "sender refused"}
	p.second = repeated{log: p.log, message: "second sender ignored"}
	switch {
	case u.Scheme == leg.SRT && u.Mode == leg.Listener:
		p.opener, p.gate = &srtListener{}, gate.New(srtCalls)
	case u.Scheme == leg.SRT:
		p.opener = srtCaller{}
	case u.Scheme == leg.RTP || u.Scheme == leg.UDP:
		p.opener = datagrams{}
		if u.FEC.On() {
			var err error
			p.fec, err = newRepairer(p)
			return p, err
		}
	case u.Scheme == leg.File:
		p.opener = clips{}
	case u.Scheme == leg.RTSP && u.Mode == leg.Listener:
		p.opener = rtspPublished{}
	case u.Scheme == leg.RTSP:
		p.opener = rtspPull{}
	case u.Scheme == leg.RTMP:
		p.opener = rtmpPublished{}
	case u.Scheme == leg.SDP:
		p.opener = described{}
	default:
		return nil, errors.New("unknown scheme")
	}
	return p, nil
}

// run keeps the leg open until ctx ends.
func (p *path) run(ctx context.Context) {
	const shortest, longest = 500 * time.Millisecond, 5 * time.Second
	wait := shortest
	for ctx.Err() == nil {
		attempt, cancel := context.WithCancelCause(ctx)
		p.in.mu.Lock()
		p.reopen = cancel
		before := p.meter.packets
		p.in.mu.Unlock()
		err := p.opener.receive(attempt, p)
		if cause := context.Cause(attempt); cause != nil && ctx.Err() == nil {
			err = cause
		}
		cancel(nil)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, syscall.EADDRINUSE) && srt.Lingers(p.url.Port) {
			pause(ctx, vacated) // nothing has failed yet
			continue
		}
		if p.failed(err) != before || errors.Is(err, errRejoin) {
			wait = shortest
		}
		if errors.Is(err, errRejoin) {
			continue
		}
		pause(ctx, wait)
		wait = min(2*wait, longest)
	}
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// failed notes why the leg is not open; it returns the datagrams so far.
func (p *path) failed(err error) uint64 {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	p.srt = nil
	if !errors.Is(err, errRejoin) {
		p.state, p.err = Failed, err.Error()
	}
	return p.meter.packets
}

// open notes that the leg is open: Listening or Connected.
func (p *path) open(s State, peer netip.AddrPort) {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	p.in.advance()
	p.state, p.hung, p.err, p.opened = s, false, "", p.in.now
	if s == Connected {
		p.peer = peer
		p.connects++
		p.last = min(p.last, p.in.now-silence) // nothing has come on this connection yet
	}
}

// check looks after the leg once a second: it logs a change of state and what was held back, and joins a silent group
// anew.
func (p *path) check(now tick.Tick) {
	p.wrong.flush(now)
	p.refuse.flush(now)
	p.second.flush(now)
	if p.fec != nil {
		p.fec.check(now)
	}
	p.in.mu.Lock()
	state, was, err := p.stateLocked(now), p.told, p.err
	if err != NotOpen {
		p.told = state
	}
	rejoin := p.url.Multicast() && p.state == Listening && p.opened != 0 && now-max(p.last, p.opened) >= rejoinAfter
	reopen, peer, connected := p.reopen, p.peer, p.state == Connected
	p.in.mu.Unlock()
	if connected && peer.IsValid() && !p.allowed(peer.Addr()) {
		reopen(errNotAllowed)
	}
	if rejoin {
		reopen(errRejoin)
	}
	if state == was || err == NotOpen {
		return
	}
	switch state {
	case Failed:
		p.log.Error().Str("reason", err).Msg("leg failed")
	case Silent:
		p.log.Warn().Msg("leg silent")
	case Receiving:
		p.log.Info().Str("peer", text(peer)).Msg("leg receiving")
	case Connected:
		p.log.Info().Str("peer", text(peer)).Msg("leg connected")
	case Listening:
		p.log.Info().Msg("leg listening")
	}
}

// stateLocked needs in.mu.
func (p *path) stateLocked(now tick.Tick) State {
	switch {
	case p.state == Failed:
		return Failed
	case p.last == 0, p.hung:
		return p.state
	case now-p.last < silence:
		return Receiving
	case p.state == Connected && p.last < p.opened:
		return Connected
	}
	return Silent
}

// text is an address, or nothing.
func text(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// note keeps what libsrt tells.
func (p *path) note(s srt.Stats) {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	p.srt = &SRTStats{
		RTT: s.RTT, Latency: s.Latency, Buffered: s.Buffered, Loss: s.ReceiveLoss, Drop: s.ReceiveDrop,
		Retransmitted: s.Retransmitted, Undecrypted: s.Undecrypted,
	}
}
