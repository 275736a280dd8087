package config

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"onair/pkg/leg"
)

// clashes finds what channels of one process cannot share. A channel without a name takes no part.
func clashes(channels []*Channel) []Problem {
	var out []Problem
	names := map[string]*Channel{}
	legs := map[string]*Channel{}
	for i, c := range channels {
		if first, ok := names[c.Name]; ok && c.Name != "" {
			out = append(out, c.clash("channel", fmt.Sprintf("%q is also the channel of %s", c.Name, first.File),
				"allowed are channels with names of their own"))
			continue
		}
		names[c.Name] = c
		for _, other := range channels[:i] {
			if p, clash := addressClash(c, other); clash {
				out = append(out, p)
				break
			}
		}
		out = append(out, legClashes(c, legs)...)
		out = append(out, portClashes(c, channels[:i])...)
	}
	return out
}

// legClashes finds the legs of a channel whose sockets another channel has, and adds its own to those taken.
func legClashes(c *Channel, taken map[string]*Channel) []Problem {
	var out []Problem
	for i, in := range c.Inputs {
		for j, u := range in.Legs {
			if u.Port == 0 || !isListener(u) || u.Multicast() { // unreadable, or free to be received by several
				continue
			}
			if first := claim(u, c, taken); first != nil {
				path := fmt.Sprintf("inputs[%d].legs[%d]", i, j)
				out = append(out, c.clash(path, quote(u.String())+" is received by "+first.File+" already",
					"allowed are legs that differ in address or port"))
			}
		}
	}
	return out
}

// portClashes finds the legs of a channel that are published to and want a port of which earlier channels have a part.
func portClashes(c *Channel, earlier []*Channel) []Problem {
	var out []Problem
	for i, in := range c.Inputs {
		for j, u := range in.Legs {
			at := slices.IndexFunc(earlier, func(other *Channel) bool { return halfShared(u, other) })
			if awaits(u) && at >= 0 {
				out = append(out, c.clash(fmt.Sprintf("inputs[%d].legs[%d]", i, j), fmt.Sprintf(
					"wants port %d, which %s wants of an address that overlaps", u.Port, earlier[at].File), oneAddress))
			}
		}
	}
	return out
}

// claim takes the sockets of a leg for a channel; it returns another channel that has one of them already.
func claim(u leg.URL, c *Channel, taken map[string]*Channel) (other *Channel) {
	for _, key := range socketsOf(u) {
		if first := taken[key]; first != nil && first != c {
			other = first
		}
		taken[key] = c
	}
	return other
}

// addressClash tells whether two channels want one address and differ in what belongs to the address as a whole, or
// want two addresses of which one includes the other.
func addressClash(c, other *Channel) (Problem, bool) {
	host, port, errA := net.SplitHostPort(c.HTTP)
	hostB, portB, errB := net.SplitHostPort(other.HTTP)
	if errA != nil || errB != nil || port != portB || port == "0" {
		return Problem{}, false
	}
	same := c.HTTP == other.HTTP
	const one = "%s, which has the same address %q"
	switch {
	case !same && (host == hostB || everywhere(host) || everywhere(hostB)):
		return c.clash("http", fmt.Sprintf("%q overlaps with %q of %s", c.HTTP, other.HTTP, other.File),
			"allowed are addresses written alike (shared) or different ports"), true
	case same && c.TLS != other.TLS:
		return c.clash("tls", fmt.Sprintf("differs from that of "+one, other.File, c.HTTP),
			"allowed is the same cert and key for one address"), true
	case same && c.APIToken != other.APIToken:
		return c.clash("api_token", fmt.Sprintf("differs from that of "+one, other.File, c.HTTP),
			"allowed is the same token for one address"), true
	}
	return Problem{}, false
}

// clash is a problem of a channel with another one.
func (c *Channel) clash(path, wrong, allowed string) Problem {
	return Problem{c.File, lineIn(c.at, path), path, wrong, allowed}
}

// everywhere tells the host part of an address that listens on all of the machine's addresses.
func everywhere(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "" || (err == nil && addr.IsUnspecified())
}
