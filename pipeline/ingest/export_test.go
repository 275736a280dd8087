package ingest

import (
	"net/netip"

	"onair/pkg/leg"
	"onair/pkg/tick"
)

// Parse finds the TS in a datagram as a leg of a scheme does.
func Parse(scheme leg.Scheme, b []byte) (ts []byte, sequenced bool, why string) {
	p := path{url: leg.URL{Scheme: scheme}}
	return p.parse(b)
}

// Free tells whether one at an address may take the place of a sender at 192.0.2.1 that was silent for so long, and had
// paused for so long before.
func Free(from string, silent, paused tick.Tick) bool {
	p := path{peer: netip.MustParseAddrPort("192.0.2.1:5000"), last: tick.Second, pause: paused}
	return p.free(netip.AddrPortFrom(netip.MustParseAddr(from), 6000), tick.Second+silent)
}

// Door is a leg's choice between senders.
type Door struct{ p path }

// Admit tells whether a datagram from an address and port is taken at a time.
func (d *Door) Admit(from string, at tick.Tick) bool {
	return d.p.admit(netip.MustParseAddrPort(from), at)
}
