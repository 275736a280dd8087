package ingest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtp"

	"onair/pkg/fec"
	"onair/pkg/merge"
	"onair/pkg/tick"
)

// fecMissing is how long media may come without its FEC before that is told.
const fecMissing = 5 * tick.Second

// repairer is the FEC of one leg (ST 2022-1): it receives on the leg's further ports, and what it brings back enters
// the merge as the leg's.
type repairer struct {
	p       *path
	decoder *fec.Decoder // guarded by in.mu, as all that follows
	packet  rtp.Packet   // used again for each one that is brought back

	last    tick.Tick // when FEC last came
	since   tick.Tick // since when media has been coming
	state   fecState
	short   bool      // it was told that the merge does not wait long enough
	useless uint64    // brought back, but no media
	errs    [2]string // why a port is not received, by its place; "" while all is well
}

// fecState is what was last told of a leg's FEC. Missing and coming follow each other.
type fecState int

const (
	fecAwaited fecState = iota
	fecComing
	fecGone
)

func newRepairer(p *path) (*repairer, error) {
	r := &repairer{p: p}
	var err error
	if r.decoder, err = fec.New(fec.Config{Out: r.recovered}); err != nil {
		return nil, err
	}
	r.setWait()
	return r, nil
}

// start opens the ports and receives until ctx ends; wg waits for it. What cannot be opened is tried again: media goes
// without.
func (r *repairer) start(ctx context.Context, wg *sync.WaitGroup) {
	for i, port := range r.p.url.FEC.Ports() {
		u := r.p.url
		u.Port = port
		conn, err := openSocket(ctx, u)
		wg.Go(func() {
			const again = 5 * time.Second
			for ctx.Err() == nil {
				if err == nil {
					r.note(i, "")
					err = r.read(ctx, conn, port)
				}
				r.note(i, fmt.Sprintf("FEC on port %d: %v", port, err))
				pause(ctx, again)
				conn, err = openSocket(ctx, u)
			}
			if err == nil {
				_ = conn.Close()
			}
		})
	}
}

// read receives on a port until it fails or ctx ends.
func (r *repairer) read(ctx context.Context, conn *net.UDPConn, port uint16) error {
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer func() { _ = conn.Close() }()
	enlarge(conn)
	return r.p.listen(conn, func(b []byte, from netip.AddrPort) { r.take(b, from, port) })
}

// note notes why a port cannot be received, or that it is.
func (r *repairer) note(i int, why string) {
	r.p.in.mu.Lock()
	defer r.p.in.mu.Unlock()
	r.errs[i] = why
}

// take takes an FEC packet. It has to come from where the media comes from.
func (r *repairer) take(b []byte, from netip.AddrPort, port uint16) {
	p, in := r.p, r.p.in
	in.mu.Lock()
	in.advance()
	now := in.now
	if p.peer.IsValid() && p.peer.Addr() != from.Addr() {
		p.foreign++
		in.mu.Unlock()
		p.second.report(from.String(), now)
		return
	}
	if err := r.decoder.FEC(b, now); err != nil {
		p.wrongType++
		in.mu.Unlock()
		p.wrong.report(fmt.Sprintf("port %d: %v", port, err), now)
		return
	}
	r.last = now
	r.setWait()
	in.mu.Unlock()
}

// setWait makes the merge wait for what FEC may still bring. in.mu is held.
func (r *repairer) setWait() {
	in := r.p.in
	switch wait := r.decoder.Delay(); {
	case r.state == fecGone:
		in.merger.SetRepair(0)
	case wait == 0: // not known yet
		in.merger.SetRepair(merge.MaxWindow)
	default:
		in.merger.SetRepair(wait)
	}
	in.arm()
}

// recovered takes what was brought back. in.mu is held.
func (r *repairer) recovered(packet []byte) {
	p, in := r.p, r.p.in
	err := r.packet.Unmarshal(packet)
	if err != nil || r.packet.PayloadType != payloadTypeTS || !wholePackets(r.packet.Payload) {
		r.useless++
		return
	}
	in.merger.Repair(p.index, merge.Packet{
		Seq: r.packet.SequenceNumber, Timestamp: r.packet.Timestamp, SSRC: r.packet.SSRC, Payload: r.packet.Payload,
	}, in.now)
	in.arm()
}

// check tells once when FEC does not come, or when the merge does not wait for it.
func (r *repairer) check(now tick.Tick) {
	p, in := r.p, r.p.in
	in.mu.Lock()
	level, text := r.judge(now)
	if p.last != 0 {
		r.setWait()
	}
	in.mu.Unlock()
	if text != "" {
		in.tell(level, fmt.Sprintf("leg %s: %s", p.url.Redacted(), text))
	}
}

// judge finds what is to be told; "" is nothing. in.mu is held.
func (r *repairer) judge(now tick.Tick) (level, text string) {
	if r.p.stateLocked(now) != Receiving {
		r.since = 0
		return "", ""
	}
	if r.since == 0 {
		r.since = now
	}
	s := r.decoder.Stats()
	late := s.Lateness.Duration().Round(time.Millisecond)
	switch {
	case r.last > r.since && now-r.last < fecMissing && r.state != fecComing:
		r.state = fecComing
		return "info", fmt.Sprintf("FEC comes, %s, up to %v late", shape(s), late)
	case now-max(r.last, r.since) >= fecMissing && r.state != fecGone:
		r.state = fecGone
		return "warning", fmt.Sprintf("media comes, but no FEC on %s: nothing can be brought back", r.ports())
	case s.Delay > 0 && late > r.p.in.config.Merge && !r.short:
		r.short = true
		const step = 10 * time.Millisecond
		return "warning", fmt.Sprintf("FEC comes up to %v late, and a missing packet is waited for %v only: make merge %v",
			late, r.p.in.config.Merge, (s.Delay.Duration() + step).Truncate(step))
	}
	return "", ""
}

// shape is a matrix in words.
func shape(s fec.Stats) string {
	if s.Rows == 0 {
		return fmt.Sprintf("rows of %d packets", s.Columns)
	}
	return fmt.Sprintf("%d columns, %d rows", s.Columns, s.Rows)
}

// ports names the ports.
func (r *repairer) ports() string {
	var all []string
	for _, p := range r.p.url.FEC.Ports() {
		all = append(all, fmt.Sprint(p))
	}
	return "port " + strings.Join(all, " and ")
}

// problem is what a leg's state says of its FEC. in.mu is held.
func (r *repairer) problem() string {
	const many = 8
	s := r.decoder.Stats()
	switch {
	case r.errs[0] != "":
		return r.errs[0]
	case r.errs[1] != "":
		return r.errs[1]
	case r.state == fecGone:
		return "no FEC comes on " + r.ports()
	case s.Mismatched+r.useless > many && s.Recovered == r.useless:
		return "the FEC is that of another stream"
	}
	return ""
}
