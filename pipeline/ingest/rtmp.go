package ingest

import (
	"context"
	"net/netip"

	"onair/pipeline/rtmp"
	"onair/pkg/gate"
)

// rtmpPublished receives what is published to us by RTMP.
type rtmpPublished struct{}

func (rtmpPublished) receive(ctx context.Context, p *path) error {
	return p.in.config.RTMP.Serve(ctx, p.url, publisher{p}, func() { p.open(Listening, netip.AddrPort{}) })
}

// publisher is a leg as the RTMP server sees it.
type publisher struct{ path *path }

var _ rtmp.Receiver = publisher{}

// Allowed implements rtmp.Receiver.
func (p publisher) Allowed(addr netip.Addr) bool { return p.path.allowed(addr) }

// Refused implements rtmp.Receiver.
func (p publisher) Refused(cause gate.Cause, why string) { p.path.reject(cause, why) }

// Second implements rtmp.Receiver.
func (p publisher) Second(peer netip.AddrPort) { p.path.intrude(peer.String()) }

// Begin implements rtmp.Receiver.
func (p publisher) Begin(peer netip.AddrPort) { p.path.open(Connected, peer) }

// Media implements rtmp.Receiver.
func (p publisher) Media(ts []byte) { p.path.take(ts, netip.AddrPort{}) }

// Wrong implements rtmp.Receiver.
func (p publisher) Wrong(why string) { p.path.damage(why) }

// End implements rtmp.Receiver.
func (p publisher) End(why string) {
	p.path.hungUp()
	p.path.log.Info().Str("reason", why).Msg("publisher gone")
}
