package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"regexp"
	"strconv"

	"onair/pkg/leg"
)

// streamKey is what follows the last slash of an RTMP address: who knows it may publish.
var streamKey = regexp.MustCompile(`(?i)(rtmps?://[^\s?#"'/]*(?:/[^\s?#"'/]*)*/)[^\s?#"'/]+(/*)`)

// awaits tells a leg to which others publish by RTMP or RTSP: such legs may share a port.
func awaits(u leg.URL) bool {
	return u.Scheme == leg.RTMP || u.Scheme == leg.RTSP && u.Mode == leg.Listener
}

// portClash finds a leg that cannot have its port: HTTP shares its own with nobody, and legs that are published to
// share one only where they name protocol and address alike.
func (r *reader) portClash(at string, u leg.URL, c *Channel) {
	if !awaits(u) {
		return
	}
	host, port, err := net.SplitHostPort(c.HTTP)
	if err == nil && port == strconv.Itoa(int(u.Port)) && overlap(host, u.Host) {
		r.wrong(at, fmt.Sprintf("wants port %d, which http has", u.Port), "allowed is another port")
	}
	if halfShared(u, c) {
		r.wrong(at, fmt.Sprintf("wants port %d, which another leg wants of an address that overlaps", u.Port), oneAddress)
	}
}

// oneAddress is what legs that share a port may do.
const oneAddress = "allowed is the same protocol and address for all that share a port"

// halfShared tells whether a leg of a channel that is published to wants the port of u for another protocol, or of an
// address that includes that of u or is included.
func halfShared(u leg.URL, c *Channel) bool {
	for _, in := range c.Inputs {
		for _, other := range in.Legs {
			alike := u.Scheme == other.Scheme && (u.Host == other.Host || everywhere(u.Host) && everywhere(other.Host))
			if awaits(other) && other.Port == u.Port && !alike && overlap(u.Host, other.Host) {
				return true
			}
		}
	}
	return false
}

// overlap tells whether two hosts cannot both be listened on at one port.
func overlap(a, b string) bool { return a == b || everywhere(a) || everywhere(b) }

// adviseApplication warns about an RTMP leg whose publishers should be asked for credentials, and are not: they are
// asked before they name the key, so nobody is where one who has none to tell may come.
func (r *reader) adviseApplication(at string, u leg.URL, c *Channel) {
	if u.Scheme != leg.RTMP || u.User == "" || u.Auth == leg.AuthQuery {
		return
	}
	for i, in := range c.Inputs {
		for j, other := range in.Legs {
			asked := other.User != "" && other.Auth != leg.AuthQuery
			if other.Scheme == leg.RTMP && other.Port == u.Port && other.Path == u.Path && !asked {
				r.warn(at, fmt.Sprintf("shares its application with inputs[%d].legs[%d], so publishers are not asked for "+
					"credentials", i, j), "make it another application, or auth=query")
				return
			}
		}
	}
}

// adviseFile warns about a clip or a session description that run would not find.
func (r *reader) adviseFile(at string, u leg.URL) {
	switch info, err := os.Stat(u.Path); {
	case u.Scheme != leg.File && u.Scheme != leg.SDP:
	case errors.Is(err, fs.ErrNotExist):
		r.warn(at, quote(u.Path)+" cannot be found on this machine", "run tries again until it is there")
	case err != nil:
		r.warn(at, quote(u.Path)+" cannot be looked at on this machine", "run will need to read it")
	case !info.Mode().IsRegular():
		r.warn(at, quote(u.Path)+" is not a regular file", "a file of MPEG-TS is played, one of SDP read")
	}
}
