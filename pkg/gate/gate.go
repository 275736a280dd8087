// Package gate limits how often strangers may knock: so many in a second from everybody, fewer from one address. Who
// knocks too often uses up his own share first, so one caller does not keep the others out.
package gate

import (
	"net/netip"

	"onair/pkg/tick"
)

// Cause is why somebody is not let in.
type Cause string

// The causes.
const (
	Address     Cause = "address"     // not one that may send
	Rate        Cause = "rate"        // knocks too often
	Sessions    Cause = "sessions"    // too many connections are open
	Credentials Cause = "credentials" // wrong or missing passphrase, password or key
	Name        Cause = "name"        // asks for a stream that is not here
	Media       Cause = "media"       // offers, or wants, something that is not taken
	Handshake   Cause = "handshake"   // does not come to an end with it
)

// Causes are all of them.
var Causes = []Cause{Address, Rate, Sessions, Credentials, Name, Media, Handshake}

// Config says how often somebody may knock. As many as in one second may come at once.
type Config struct {
	PerSecond  int // from all together
	PerAddress int // from one IPv4 address, or one IPv6 network of 64 bits
}

// remembered is how many addresses are told apart. When more come within a second, only PerSecond holds.
const remembered = 1024

// Gate counts who knocks. It is for one goroutine at a time.
type Gate struct {
	config Config
	all    bucket
	from   map[netip.Addr]*bucket
}

// New makes a gate.
func New(c Config) *Gate {
	return &Gate{config: c, all: bucket{credit: float64(c.PerSecond)}, from: map[netip.Addr]*bucket{}}
}

// Admit counts one who knocks, and tells whether that is not too often.
func (g *Gate) Admit(from netip.Addr, now tick.Tick) bool {
	own := g.of(network(from), now)
	if own != nil && !own.take(now, g.config.PerAddress) {
		return false
	}
	return g.all.take(now, g.config.PerSecond)
}

// Forgive gives back what the last one from an address took: he has not knocked for himself.
func (g *Gate) Forgive(from netip.Addr) {
	if own := g.from[network(from)]; own != nil {
		own.credit = min(own.credit+1, float64(g.config.PerAddress))
	}
	g.all.credit = min(g.all.credit+1, float64(g.config.PerSecond))
}

// of is the bucket of an address; nil: there are too many to tell them apart.
func (g *Gate) of(from netip.Addr, now tick.Tick) *bucket {
	if b := g.from[from]; b != nil {
		return b
	}
	if len(g.from) >= remembered {
		for a, b := range g.from {
			if now-b.at >= tick.Second { // it is full again
				delete(g.from, a)
			}
		}
		if len(g.from) >= remembered {
			return nil
		}
	}
	b := &bucket{credit: float64(g.config.PerAddress), at: now}
	g.from[from] = b
	return b
}

// network is what counts as one caller: whoever has an IPv6 network has all of its addresses.
func network(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if p, err := a.Prefix(64); err == nil && a.Is6() {
		return p.Addr()
	}
	return a
}

// bucket is a credit that grows with time, up to that of a second.
type bucket struct {
	credit float64
	at     tick.Tick
}

func (b *bucket) take(now tick.Tick, perSecond int) bool {
	if b.at != 0 && now > b.at {
		grown := float64(now-b.at) / float64(tick.Second) * float64(perSecond)
		b.credit = min(float64(perSecond), b.credit+grown)
	}
	b.at = max(b.at, now)
	if b.credit < 1 {
		return false
	}
	b.credit--
	return true
}
