package leg

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// passphrase is the name of the option whose value nobody may see.
const passphrase = "passphrase"

// option is one name that may stand in a URL's query. set gets the decoded value.
type option struct {
	name string
	set  func(u *URL, value string) error
}

// The options by scheme and direction, in the order in which errors list them.
var (
	groupIn  = []option{{"interface", setInterface}, {"source", setSource}}
	rtpIn    = append(groupIn[:2:2], option{"fec", setFEC})
	groupOut = []option{{"interface", setInterface}, {"ttl", setTTL}}
	srtBoth  = []option{
		{"mode", setMode}, {"latency", setLatency}, {passphrase, setPassphrase}, {"pbkeylen", setKeyLen},
		{"streamid", setStreamID},
	}
)

func (u *URL) allowed(destination bool) []option {
	switch {
	case u.Scheme == SRT:
		return srtBoth
	case u.Scheme == File:
		return nil
	case u.Scheme == RTMP:
		return rtmpOptions
	case u.Scheme == RTSP:
		return rtspOptions
	case u.Scheme == SDP:
		return sdpOptions
	case destination:
		return groupOut
	case u.Scheme == RTP:
		return rtpIn
	}
	return groupIn
}

// option is how an option is set.
func (u *URL) option(name string, destination bool) (set func(*URL, string) error, known bool) {
	for _, o := range u.allowed(destination) {
		if o.name == name {
			return o.set, true
		}
	}
	return nil, false
}

// IsOption tells whether the URL of any leg may have an option of that name.
func IsOption(name string) bool {
	for _, list := range [][]option{rtpIn, groupOut, srtBoth, rtmpOptions, rtspOptions, sdpOptions} {
		if slices.ContainsFunc(list, func(o option) bool { return o.name == name }) {
			return true
		}
	}
	return false
}

// names are those of the options that are allowed, for errors.
func (u *URL) names(destination bool) string {
	var names []string
	for _, o := range u.allowed(destination) {
		names = append(names, o.name)
	}
	return strings.Join(names, ", ")
}

func setInterface(u *URL, value string) error {
	const longest = 15 // IFNAMSIZ - 1
	if value == "" || len(value) > longest || strings.ContainsAny(value, "/ \t\n") {
		return fmt.Errorf("%q is not the name of a network interface", printable(value))
	}
	u.Interface = value
	return nil
}

func setSource(u *URL, value string) error {
	addr, err := netip.ParseAddr(strings.Trim(value, "[]"))
	if err != nil || addr.IsMulticast() || addr.IsUnspecified() {
		return fmt.Errorf("%q is not the address of a sender", printable(value))
	}
	u.Source = addr
	return nil
}

func setTTL(u *URL, value string) (err error) {
	u.TTL, err = number(value, 1, 255)
	return err
}

func setMode(u *URL, value string) error {
	u.Mode = Mode(value)
	if u.Mode != Listener && u.Mode != Caller {
		return fmt.Errorf("%q: allowed are listener and caller", printable(value))
	}
	return nil
}

func setLatency(u *URL, value string) error {
	ms, err := number(value, 1, int(MaxLatency/time.Millisecond))
	u.Latency = time.Duration(ms) * time.Millisecond
	if err != nil {
		return fmt.Errorf("%w milliseconds", err)
	}
	return nil
}

func setPassphrase(u *URL, value string) error {
	if n := len(value); n < MinPassphrase || n > MaxPassphrase {
		return fmt.Errorf("it has %d characters: allowed are %d to %d", n, MinPassphrase, MaxPassphrase)
	}
	u.Passphrase = Secret(value)
	return nil
}

func setKeyLen(u *URL, value string) error {
	switch value {
	case "16", "24", "32":
		u.KeyLen, _ = strconv.Atoi(value)
		return nil
	}
	return fmt.Errorf("%q: allowed are 16, 24 and 32", printable(value))
}

func setStreamID(u *URL, value string) error {
	if value == "" || len(value) > MaxStreamID || !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
		return fmt.Errorf("%d bytes: allowed are 1 to %d of UTF-8 text", len(value), MaxStreamID)
	}
	u.StreamID = value
	return nil
}

func number(value string, low, high int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("%q: allowed are %d to %d", printable(value), low, high)
	}
	return n, nil
}

// finish fills defaults and checks what concerns more than one field.
func (u *URL) finish(destination bool) error {
	if u.Scheme == SRT {
		return u.finishSRT()
	}
	addr, isAddr := u.Addr()
	switch {
	case destination && (u.Host == "" || isAddr && addr.IsUnspecified()):
		return errors.New("a destination needs a host")
	case !destination && !isAddr:
		return fmt.Errorf("host %q: a leg is received on an address of this host or a multicast group", printable(u.Host))
	case u.Multicast():
		return u.finishGroup(addr, destination)
	case u.Interface != "":
		return errors.New("option interface: only for a multicast group")
	case u.Source.IsValid():
		return errors.New("option source: only for a multicast group (use allow for unicast)")
	case u.TTL != 0:
		return errors.New("option ttl: only for a multicast group")
	}
	return nil
}

func (u *URL) finishGroup(group netip.Addr, destination bool) error {
	if u.Source.IsValid() && u.Source.Is4() != group.Is4() {
		return fmt.Errorf("option source: %s and %s are not of the same address family", u.Source, group)
	}
	if group.Is6() && group.IsLinkLocalMulticast() && u.Interface == "" && group.Zone() == "" {
		return errors.New("option interface: needed for a link-local multicast group")
	}
	if destination && u.TTL == 0 {
		u.TTL = DefaultTTL
	}
	return nil
}

func (u *URL) finishSRT() error {
	addr, isAddr := u.Addr()
	everywhere := isAddr && addr.IsUnspecified()
	if u.Mode == "" {
		u.Mode = Caller
		if everywhere {
			u.Mode = Listener
		}
	}
	switch {
	case u.Multicast():
		return errors.New("srt does not go to a multicast group")
	case u.Mode == Caller && everywhere:
		return errors.New("a caller needs the host of the listener")
	case u.Mode == Listener && !isAddr:
		return fmt.Errorf("host %q: a listener needs an address of this host", printable(u.Host))
	case u.KeyLen != 0 && u.Passphrase == "":
		return errors.New("option pbkeylen: needs a passphrase")
	case u.KeyLen == 0 && u.Passphrase != "":
		u.KeyLen = DefaultKeyLen
	}
	if u.Latency == 0 {
		u.Latency = DefaultLatency
	}
	return nil
}
