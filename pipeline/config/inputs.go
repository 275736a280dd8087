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
		r.legs(path+".legs", in.Legs, places, c)
		r.between(path+".merge", in.Merge, minMerge, maxMerge)
		r.check(in.Program >= 0 && in.Program <= 65535, path+".program", "is no programme number",
			"allowed is 1 to 65535, or 0 for the first")
		r.tracks(path+".audio", in.Audio, c)
		r.oneOf(path+".timecode", in.Timecode, timecodeNone, timecodeSEI)
		r.check(!in.ByTimecode() || !c.SoundOnly(), path+".timecode", "is in pictures, and the channel has none",
			"allowed is none")
		r.oneOf(path+".monitor", in.Monitor, monitorAuto, monitorOn, monitorOff)
		if len(in.Allow) == 0 && !r.bad[path+".allow"] {
			r.wrong(path+".allow", "is empty, so nobody may send",
				`allowed is at least one range; 0.0.0.0/0 and "::/0" are everybody`)
		}
	}
}

func (r *reader) legs(path string, legs []leg.URL, places map[string]string, c *Channel) {
	if !r.need(path, "needed is at least one URL: "+leg.Forms) {
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
		r.portClash(at, u, c)
		for _, place := range socketsOf(u) {
			if first, ok := places[place]; ok {
				r.check(false, at, "is received by "+first+" already", "allowed are legs that differ in address, port or source")
				break
			}
			places[place] = at
		}
	}
}

// socketsOf are what two legs must not share: the sockets that each receives from, for media and for FEC.
func socketsOf(u leg.URL) []string {
	if u.Scheme == leg.File {
		return nil
	}
	out := []string{place(u)}
	for _, port := range u.FEC.Ports() {
		u.Port = port
		out = append(out, place(u))
	}
	return out
}

// place names a socket.
func place(u leg.URL) string {
	transport := "udp" // rtp:// and udp:// open the same socket, and so does an SRT listener
	remote := u.Source.String()
	if u.Mode == leg.Caller {
		transport, remote = "srt to", u.StreamID
	}
	if everywhere(u.Host) {
		u.Host = ""
	}
	switch { // a port serves all streams of the process
	case u.Scheme == leg.RTMP:
		transport, remote = "rtmp", u.Path+"/"+string(u.Key)
	case awaits(u):
		transport, remote = "rtsp", u.Path
	case u.Scheme == leg.RTSP:
		transport, remote = "rtsp from", u.Path
	case u.Scheme == leg.SDP:
		transport, remote = "sdp", u.Path
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
