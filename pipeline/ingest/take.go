package ingest

import (
	"net/netip"
	"slices"

	"onair/pkg/gate"
	"onair/pkg/leg"
	"onair/pkg/merge"
	"onair/pkg/tick"
)

// allowed tells whether an address may send.
func (p *path) allowed(addr netip.Addr) bool {
	allow := *p.in.allow.Load()
	if len(allow) == 0 {
		return true
	}
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(allow, func(prefix netip.Prefix) bool { return prefix.Contains(addr) })
}

// reject counts a sender that may not send.
func (p *path) reject(cause gate.Cause, why string) {
	p.in.mu.Lock()
	p.rejected[cause]++
	p.err = why
	p.in.advance()
	now := p.in.now
	p.in.mu.Unlock()
	p.refuse.report(why, now)
}

// intrude counts a second sender.
func (p *path) intrude(why string) {
	p.in.mu.Lock()
	p.foreign++
	now := p.in.now
	p.in.mu.Unlock()
	p.second.report(why, now)
}

// startedAgain is the silence after which a sender at the address of the one in use takes its place, as long as that is
// not how the one in use sends: most likely it is the same encoder, started again.
const startedAgain = 200 * tick.Millisecond

// contestedFor is how long a second sender that has sent beside the one in use is remembered: where there are two, a
// short silence of one is no new start, and they would take turns.
const contestedFor = 10 * tick.Second

// free tells whether a sender may take the place of the one in use. The caller holds mu of the input.
func (p *path) free(from netip.AddrPort, now tick.Tick) bool {
	silence := takeOver
	alone := p.contested == 0 || now-p.contested > contestedFor
	if from.Addr() == p.peer.Addr() && alone {
		silence = min(takeOver, max(startedAgain, 3*p.pause))
	}
	return !p.peer.IsValid() || now-p.last >= silence || p.returns(from, now)
}

// returns tells whether a sender is the one whose place was lately given to another at its address: one that was
// started again does not go on where it was, so it had only paused, and the other is a second one.
func (p *path) returns(from netip.AddrPort, now tick.Tick) bool {
	return from == p.ousted && now-p.oustedAt <= contestedFor
}

// replace gives the place to another sender. The caller holds mu of the input.
func (p *path) replace(from netip.AddrPort, now tick.Tick) {
	ousted := netip.AddrPort{}
	switch {
	case p.returns(from, now):
		p.contested = now
		p.foreign++
	case from.Addr() == p.peer.Addr() && now-p.last < takeOver:
		ousted = p.peer
	}
	p.ousted, p.oustedAt = ousted, now
	p.peer, p.pause, p.knocked = from, 0, false
	p.connects++
}

// admit tells whether a datagram is one of the sender in use, or of one that has its place from now on. The caller
// holds mu of the input.
func (p *path) admit(from netip.AddrPort, now tick.Tick) bool {
	switch {
	case from.IsValid() && from != p.peer:
		if !p.free(from, now) {
			p.foreign++
			p.knocked = true
			return false
		}
		p.replace(from, now)
	case p.last != 0:
		p.pause = max(now-p.last, p.pause-p.pause/16)
		if p.knocked {
			p.knocked, p.contested = false, now
		}
	}
	p.last = now
	return true
}

// take is where every datagram of every leg goes through. from is zero when the connection knows its peer.
func (p *path) take(b []byte, from netip.AddrPort) {
	ts, sequenced, why := p.parse(b)
	in := p.in
	in.mu.Lock()
	in.advance()
	now := in.now
	if why != "" {
		p.wrongType++
		p.err = why
		in.mu.Unlock()
		p.wrong.report(why, now)
		return
	}
	if !p.admit(from, now) {
		in.mu.Unlock()
		p.second.report(from.String(), now)
		return
	}
	if p.err != "" {
		p.err = ""
	}
	p.meter.add(len(ts), now)
	if sequenced {
		in.sequenced(p.index, merge.Packet{
			Seq: p.packet.SequenceNumber, Timestamp: p.packet.Timestamp, SSRC: p.packet.SSRC, Payload: ts,
		})
		if p.fec != nil {
			p.fec.decoder.Media(b, now)
		}
	} else if !in.bare(p.index, ts) {
		p.standby++
	}
	in.mu.Unlock()
}

// parse finds the TS in a datagram; why says what is wrong with one that has none.
func (p *path) parse(b []byte) (ts []byte, sequenced bool, why string) {
	switch {
	case p.url.Scheme == leg.UDP && looksLikeRTP(b):
		return nil, false, "RTP came on a udp:// leg: make it rtp://"
	case p.url.Scheme == leg.RTP && len(b) > 0 && b[0] == syncByte:
		return nil, false, "bare TS came on an rtp:// leg: make it udp://"
	case p.url.Scheme == leg.RTP, p.url.Scheme == leg.SRT && looksLikeRTP(b):
		if err := p.packet.Unmarshal(b); err != nil || p.packet.Version != rtpVersion {
			return nil, false, "not RTP"
		}
		if p.packet.PayloadType != payloadTypeTS {
			return nil, false, "RTP with another payload type than 33 (MPEG-TS)"
		}
		if !wholePackets(p.packet.Payload) {
			return nil, false, "RTP whose payload is not whole TS packets"
		}
		return p.packet.Payload, true, ""
	case !hasTS(b):
		return nil, false, "not MPEG-TS"
	}
	return b, false, ""
}
