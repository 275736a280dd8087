package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"onair/pkg/leg"
)

// minMerge is hardly a wait: a reorder window of nothing would drop whatever overtakes.
const minMerge = time.Millisecond

// maxLegs bounds the paths of one input.
const maxLegs = 8

func (r *reader) inputs(c *Channel) {
	if r.need("inputs", "needed is at least one input with its legs") {
		if len(c.Inputs) == 0 {
			r.wrong("inputs", "is empty", "needed is at least one input with its legs")
		}
	}
	names := map[string]string{}
	places := map[string]string{}
	for i, in := range c.Inputs {
		path := fmt.Sprintf("inputs[%d]", i)
		if r.bad[path] {
			continue
		}
		r.name(path+".name", in.Name, names)
		r.check(!slices.Contains(words, strings.ToLower(in.Name)), path+".name",
			"is no input's name but has a meaning of its own", "allowed is any name but "+strings.Join(words, ", "))
		r.legs(path+".legs", in.Legs, places)
		r.between(path+".merge", in.Merge, minMerge, maxMerge)
		r.check(in.Program >= 0 && in.Program <= 65535, path+".program", "is no programme number",
			"allowed is 1 to 65535, or 0 for the first")
		r.tracks(path+".audio", in.Audio, c)
		r.oneOf(path+".timecode", in.Timecode, timecodeNone, timecodeSEI)
		if len(in.Allow) == 0 && !r.bad[path+".allow"] {
			r.wrong(path+".allow", "is empty, so nobody may send",
				`allowed is at least one range; 0.0.0.0/0 and "::/0" are everybody`)
		}
	}
}

func (r *reader) legs(path string, legs []leg.URL, places map[string]string) {
	if !r.need(path, "needed is at least one URL: rtp://, udp:// or srt://") {
		return
	}
	if n := len(legs); n == 0 || n > maxLegs {
		r.wrong(path, fmt.Sprintf("has %d legs", n), fmt.Sprintf("allowed are 1 to %d", maxLegs))
	}
	for i, u := range legs {
		at := fmt.Sprintf("%s[%d]", path, i)
		if r.bad[at] {
			continue
		}
		place := place(u)
		if first, ok := places[place]; ok {
			r.check(false, at, "is received by "+first+" already", "allowed are legs that differ in address, port or source")
			continue
		}
		places[place] = at
	}
}

// place is what two legs must not share: the socket that each receives from.
func place(u leg.URL) string {
	transport := "udp" // rtp:// and udp:// open the same socket, and so does an SRT listener
	remote := u.Source.String()
	if u.Mode == leg.Caller {
		transport, remote = "srt to", u.StreamID
	}
	if everywhere(u.Host) {
		u.Host = ""
	}
	return fmt.Sprintf("%s %s %s %s", transport, u.HostPort(), u.Interface, remote)
}

// tracks checks that every chosen source track has an audio rendition; the last one feeds what renditions are left.
func (r *reader) tracks(path string, tracks []Selector, c *Channel) {
	if n := len(c.Audio); len(tracks) > n && !r.bad[path] && !r.bad["audio"] {
		r.wrong(path, fmt.Sprintf("has %d entries for %d audio renditions", len(tracks), n),
			"allowed is at most one for each audio rendition, in their order")
	}
}

// isListener tells a leg to which anybody may connect or send.
func isListener(u leg.URL) bool { return u.Mode != leg.Caller }

// open tells whether an input takes packets from everybody.
func (in Input) open() bool {
	return slices.ContainsFunc(in.Allow, func(p netip.Prefix) bool { return p.Bits() == 0 })
}
