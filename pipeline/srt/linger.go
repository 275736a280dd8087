package srt

import (
	"net/netip"
	"sync"
	"time"
)

// linger is how long libsrt may keep the port of a listener that is closed (1.5.1: 5 s). A new listener of the same
// address takes over what it keeps at once; anything else has to wait.
const linger = 10 * time.Second

// closings are addresses of listeners that were closed, and when.
type closings struct {
	mu sync.Mutex
	at map[netip.AddrPort]time.Time
}

// lingering are those of this process, as libsrt is one for all of it.
var lingering = closings{at: map[netip.AddrPort]time.Time{}}

func (c *closings) add(at netip.AddrPort) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at[at] = time.Now()
}

// taken forgets an address that a listener has again.
func (c *closings) taken(at netip.AddrPort) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.at, at)
}

// has tells whether libsrt may still have a socket of such an address. Those that are free by now are forgotten.
func (c *closings) has(such func(netip.AddrPort) bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := false
	for at, when := range c.at {
		if time.Since(when) > linger {
			delete(c.at, at)
			continue
		}
		found = found || such(at)
	}
	return found
}

// Lingers tells whether a UDP port may be in use because a listener that was closed here had it: it becomes free by
// itself within seconds.
func Lingers(port uint16) bool {
	return lingering.has(func(closed netip.AddrPort) bool { return closed.Port() == port })
}
